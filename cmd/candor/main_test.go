package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
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
//	cluster [flag...]     starts candor dev with these flags and sets CANDOR_ADDR, DIR,
//	                      and N1_PID, N1_CLIENT, N1_ADMIN... of each node
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
			"exits": exits, "cluster": startDev, "uncluster": stopDev, "send": send, "ports": ports, "eventually": eventually, "capture": capture, "cheat": runCheat,
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N command...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s\n%s%s", code, args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
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

func await(ts *testscript.TestScript, what string, ok func() bool) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(30 * time.Second)
	defer end.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end.C:
			ts.Fatalf("not within 30 s: %s", what)
		}
	}
}
