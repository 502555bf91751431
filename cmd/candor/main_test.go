package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"candor": func() { os.Exit(candor()) }, "nodetool": func() { os.Exit(candor()) }})
}

// TestScripts runs testdata/script. Beside testscript's own commands there are
//
//	exits N command...    runs it and wants that exit code
//	until N RE command... runs it until it exits with N and prints what RE matches, on
//	                      either stream: for what nodes hold of each other, which a
//	                      machine that stalls can shake for a while
//	cluster [flag...]     starts candor dev with these flags, waits until the nodes agree
//	                      that all are up, and sets CANDOR_ADDR, DIR, and N1_PID,
//	                      N1_CLIENT, N1_ADMIN... of each node
//	agreed [NODE...]      waits until all but these hold each other for up, and these for
//	                      down: any node may answer what comes next
//	uncluster             stops it as Ctrl-C does
//	send SIGNAL PID       sends KILL, STOP, CONT or TERM
//	ports N               sets P1 to PN to free ports
//	eventually command... runs it until it exits with 0
//	capture NAME          sets a variable to what the last command printed
//	cheat TOPIC           runs the lines of a page of candor cheat
func TestScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("not run under -short: it starts processes; go test ./cmd/candor runs it")
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "cluster": startDev, "uncluster": stopDev, "send": send, "ports": ports, "eventually": eventually,
			"until": until, "agreed": awaitAgreed, "capture": capture, "cheat": runCheat,
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N command...")
	}
	if code := exitCode(ts, args[1:]); code != args[0] {
		ts.Fatalf("exit code %s, want %s\n%s%s", code, args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// exitCode runs a command.
func exitCode(ts *testscript.TestScript, command []string) string {
	err := ts.Exec(command[0], command[1:]...)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "0"
	case !errors.As(err, &exit):
		ts.Fatalf("%v", err)
	}
	return strconv.Itoa(exit.ExitCode())
}

func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: until N RE command...")
	}
	pattern, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	code := ""
	defer func() { ts.Logf("the last exit code was %s", code) }()
	await(ts, strings.Join(args, " "), func() bool {
		code = exitCode(ts, args[2:])
		return code == args[0] && pattern.MatchString(ts.ReadFile("stdout")+ts.ReadFile("stderr"))
	})
}

func startDev(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: cluster [flag...]")
	}
	dir := ts.MkAbs("cluster")
	binary, err := exec.LookPath("candor")
	ts.Check(err)
	cmd := exec.Command(binary, append([]string{"dev", "--base-port", "0", "--dir", dir, "-o", "json"}, args...)...)
	cmd.Args[0] = "candor"
	cmd.Env = []string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("HOME"), "TMPDIR=" + ts.Getenv("TMPDIR")}
	errs, err := os.OpenFile(ts.MkAbs("dev.stderr"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	ts.Check(err)
	defer errs.Close()
	cmd.Stderr = errs
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ended := make(chan struct{})
	ts.Defer(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		<-ended
	})
	line, readErr := bufio.NewReader(out).ReadBytes('\n')
	go func() {
		_ = cmd.Wait() // stopDev and the scripts look at what matters
		close(ended)
	}()
	if readErr != nil {
		ts.Fatalf("dev printed nothing: %s", ts.ReadFile("dev.stderr"))
	}
	var j devJSON
	ts.Check(json.Unmarshal(line, &j))
	var addrs []string
	for _, n := range j.Nodes {
		name := strings.ToUpper(n.Name)
		ts.Setenv(name+"_PID", strconv.Itoa(n.PID))
		ts.Setenv(name+"_CLIENT", n.Client)
		ts.Setenv(name+"_ADMIN", n.Admin)
		addrs = append(addrs, n.Client)
	}
	ts.Setenv("CANDOR_ADDR", strings.Join(addrs, ","))
	ts.Setenv("DIR", dir)
	ts.Setenv("DEV_PID", strconv.Itoa(cmd.Process.Pid))
	awaitAgreed(ts, false, nil)
}

func awaitAgreed(ts *testscript.TestScript, neg bool, args []string) {
	admins := map[string]string{}
	for i := 1; ts.Getenv(fmt.Sprintf("N%d_ADMIN", i)) != ""; i++ {
		admins[fmt.Sprintf("n%d", i)] = ts.Getenv(fmt.Sprintf("N%d_ADMIN", i))
	}
	await(ts, fmt.Sprintf("agreed %v", args), func() bool { return agreed(admins, args...) })
}

// agreed says whether all nodes but those named hold each other for up, and those
// named for down. The nodes are known by the addresses of their admin ports.
func agreed(admins map[string]string, down ...string) bool {
	for name, admin := range admins { // all of them: order does not matter
		if slices.Contains(down, name) {
			continue
		}
		status, body, err := adminGet(context.Background(), admin, "/v1/cluster/status")
		var s clusterStatus
		if err != nil || status != http.StatusOK || json.Unmarshal(body, &s) != nil || len(s.Nodes) != len(admins) {
			return false
		}
		for _, n := range s.Nodes {
			if n.Reachable == slices.Contains(down, n.Name) || n.Reachable && n.Suspect {
				return false
			}
		}
	}
	return true
}

// stopDev ends dev with an interrupt and waits until it and all its nodes have
// ended.
func stopDev(ts *testscript.TestScript, neg bool, args []string) {
	send(ts, neg, []string{"INT", ts.Getenv("DEV_PID")})
	await(ts, "dev has ended", func() bool { return ended(ts.Getenv("DEV_PID")) })
}

// ended says whether a process is gone, or only its parent has not noticed.
func ended(pid string) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func send(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]syscall.Signal{
		"KILL": syscall.SIGKILL, "STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT, "TERM": syscall.SIGTERM, "INT": syscall.SIGINT,
	}
	if len(args) != 2 || signals[args[0]] == 0 {
		ts.Fatalf("usage: send SIGNAL PID")
	}
	pid, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(syscall.Kill(pid, signals[args[0]]))
	if args[0] == "KILL" {
		await(ts, "the process is gone", func() bool { return ended(args[1]) })
	}
}

func ports(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	for i := range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		ts.Setenv(fmt.Sprintf("P%d", i+1), port)
	}
}

func eventually(ts *testscript.TestScript, neg bool, args []string) {
	await(ts, strings.Join(args, " "), func() bool { return ts.Exec(args[0], args[1:]...) == nil })
}

func capture(ts *testscript.TestScript, neg bool, args []string) {
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

// patience is how long tests wait for what has to happen. It is far more than it
// takes, for machines that are slow, and that stand still for seconds.
const patience = 90 * time.Second

func await(ts *testscript.TestScript, what string, ok func() bool) {
	if !within(patience, ok) {
		ts.Fatalf("not within %v: %s", patience, what)
	}
}

// within tries again and again, for at most that long, and says whether it was ok.
func within(limit time.Duration, ok func() bool) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(limit)
	defer end.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end.C:
			return false
		}
	}
	return true
}

// looks says whether a command shows what nodes hold of each other, and changes
// nothing. It may be repeated until a stall of the machine is forgotten.
func looks(words []string) bool {
	return len(words) > 1 && slices.Contains([]string{"status", "where", "explain", "node", "ring"}, words[1])
}
