package node

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Where Linux tells how much memory there is, below the root of the file system.
const (
	memInfo    = "proc/meminfo"
	selfGroup  = "proc/self/cgroup"
	groupRoot  = "sys/fs/cgroup"
	groupLimit = "memory.max"                   // cgroup v2
	oldLimit   = "memory/memory.limit_in_bytes" // cgroup v1
)

// machineMemory is how much memory this process may use: what the machine has,
// or the least that a control group around it allows (a container). 0: this
// system does not tell.
func machineMemory(root fs.FS) uint64 {
	memory := totalMemory(root)
	least := func(file string) {
		text, err := fs.ReadFile(root, file)
		if err != nil {
			return
		}
		// "max", and v1's number near 2^63, mean that there is no limit.
		if n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64); err == nil && (memory == 0 || n < memory) {
			memory = n
		}
	}
	least(path.Join(groupRoot, oldLimit))
	for dir := range groups(root) {
		least(path.Join(groupRoot, dir, groupLimit))
	}
	return memory
}

// groups walks the control group (v2) of this process and those around it.
func groups(root fs.FS) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		text, _ := fs.ReadFile(root, selfGroup) // without it only the root is looked at
		dir := "/"
		for line := range strings.Lines(string(text)) {
			if own, found := strings.CutPrefix(strings.TrimSpace(line), "0::"); found {
				dir = path.Join("/", own)
			}
		}
		for ; ; dir = path.Dir(dir) {
			if !yield(dir) || dir == "/" {
				return
			}
		}
	}
}

// totalMemory is what the machine has; 0 if it does not tell.
func totalMemory(root fs.FS) uint64 {
	text, _ := fs.ReadFile(root, memInfo) // elsewhere than on Linux there is none
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" && f[2] == "kB" {
			kib, _ := strconv.ParseUint(f[1], 10, 54) // 0 if it is no number
			return kib << 10
		}
	}
	return 0
}
