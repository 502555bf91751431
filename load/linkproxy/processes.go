package linkproxy

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Processes is a Whose that finds the process which has opened a connection, on
// this machine, in /proc. pids are those of the nodes, at the moment; 0: not
// running. It sees the processes of its own user.
func Processes(pids func() []int) Whose {
	return func(from netip.AddrPort) int {
		inode := inodeOf(from)
		if inode == "" {
			return Nobody
		}
		return slices.IndexFunc(pids(), func(pid int) bool { return pid != 0 && holds(pid, inode) })
	}
}

// inodeOf is the number of the socket that has a local address, of TCP over IPv4;
// "" if there is none.
func inodeOf(local netip.AddrPort) string {
	file, err := os.Open("/proc/net/tcp")
	if err != nil {
		return ""
	}
	defer file.Close()
	want := procForm(local)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		// "sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode ..."
		if f := strings.Fields(lines.Text()); len(f) > 9 && f[1] == want && f[9] != "0" {
			return f[9]
		}
	}
	return ""
}

// procForm is an address as /proc/net/tcp writes it: the four bytes in the order of
// a little-endian machine, and the port.
func procForm(a netip.AddrPort) string {
	ip := a.Addr().Unmap().As4()
	slices.Reverse(ip[:])
	return fmt.Sprintf("%s:%04X", strings.ToUpper(hex.EncodeToString(ip[:])), a.Port())
}

// holds says whether a process has a socket open.
func holds(pid int, inode string) bool {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	open, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(open, func(e os.DirEntry) bool {
		at, err := os.Readlink(filepath.Join(dir, e.Name()))
		return err == nil && at == "socket:["+inode+"]"
	})
}
