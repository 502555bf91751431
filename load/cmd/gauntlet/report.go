package main

import (
	"debug/buildinfo"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/candordb/candor/load/history"
)

// report prints the figures of the run, and what is wrong.
func (a *arena) report() {
	f := a.book.Figures()
	line := func(what, format string, args ...any) {
		fmt.Fprintf(a.out, "%-11s %s\n", what, fmt.Sprintf(format, args...))
	}
	for _, finding := range a.book.Findings() {
		fmt.Fprintf(a.out, "\n%s\n", finding)
	}
	fmt.Fprintln(a.out)
	line("level", "gauntlet, %s; %s; %s/%s, %d processors", a.where(), builtFrom(a.o.candor), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	line("run", "seed %d, %d nodes, %v in all", a.o.seed, len(a.nodes), time.Since(a.began).Round(time.Second))
	line("not run", "%s", a.notRun())
	line("faults", "%s", a.faults())
	line("writes", "%d: %d done (%d superseded), %d no effect, %d in doubt, of which OUTCOME found %d committed and %d not applied",
		f.Writes, f.Done, f.Superseded, f.NoEffect, f.InDoubt, f.Committed, f.NotApplied)
	line("elements", "%d attempted, %d of those in doubt are there", f.Elements, f.Recovered)
	line("reads", "%d answered, %d failed", f.Reads, f.ReadsFailed)
	line("checked", "REG %d, TRUTH %d receipts and %d explanations, FINAL %d keys", f.Reads, f.Receipts, f.Explains, f.Finals)
	if a.reconverged > 0 {
		line("reconverge", "%d keys apart when all was healed, %d left after %v", a.apartAtHeal, a.apartLeft, a.reconverged)
	}
	var bad []string
	for i, n := range f.Bad {
		bad = append(bad, fmt.Sprintf("%s %d", history.Bad(i), n))
	}
	line("bad", "%s", strings.Join(bad, ", "))
}

// notRun lists what this run has left out.
func (a *arena) notRun() string {
	left := a.skipped
	for _, n := range nemeses {
		if a.strikes[n.name] != nil {
			continue
		}
		text := n.name
		if n.needs != "" {
			text += " (needs: " + n.needs + ")"
		}
		left = append(left, text)
	}
	left = append(left, "LIN and APPEND (there are no serial namespaces)", "clocks")
	return strings.Join(left, "; ")
}

// faults is how often each nemesis has struck, and what that did to the nodes.
func (a *arena) faults() string {
	kills, pauses, starts, restored := 0, 0, 0, 0
	for _, n := range a.nodes {
		kills, pauses, starts, restored = kills+n.kills, pauses+n.pauses, starts+n.starts, restored+n.restore
	}
	text := fmt.Sprintf("%d SIGKILLs, %d pauses, %d starts, %d restored disks; strikes:", kills, pauses, starts, restored)
	for _, n := range nemeses {
		if count := a.strikes[n.name]; count != nil {
			text += fmt.Sprintf(" %s %d", n.name, count.Load())
			if spared := a.spared[n.name].Load(); spared > 0 {
				text += fmt.Sprintf(" (could not strike: %d)", spared)
			}
		}
	}
	return text
}

// build is what a binary was built from.
type build struct {
	commit, goVersion string
	tags              []string
}

func builtFrom(path string) build {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return build{commit: "unknown", goVersion: "unknown Go"}
	}
	b := build{commit: "unknown", goVersion: info.GoVersion}
	changed := ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.commit = s.Value[:min(12, len(s.Value))]
		case "vcs.modified":
			changed = map[string]string{"true": ", changed"}[s.Value]
		case "-tags":
			b.tags = strings.Split(s.Value, ",")
		}
	}
	b.commit += changed
	return b
}

func (b build) String() string {
	return fmt.Sprintf("commit %s, %s, tags %v", b.commit, b.goVersion, b.tags)
}
