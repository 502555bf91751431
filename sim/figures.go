package sim

import (
	"fmt"
	"strings"
	"time"

	"github.com/candordb/candor/contract"
)

// Figures count what runs did and saw. Those of several runs are added up.
type Figures struct {
	Runs    int
	Virtual time.Duration
	Events  uint64

	Crashes, PowerCuts, Stops, Pauses, Cuts, OneWayCuts, Clogs, Swizzles         int
	ClockJumps, SyncErrors, Stalls, Full, Damaged, Syncs, BatchesLost, LinksLost int
	Frames, Dropped, Doubled, Stragglers                                         int
	Wrecks                                                                       int // disks that came back with less
	Bugs, Epochs                                                                 int // buggify points that fired; new epochs
	Founded                                                                      int // runs that began without metadata
	Rotten                                                                       int // runs with silent rot

	Invoked, Done, NoEffect, InDoubt        int // operations, by class
	Reads, Writes, RegReads, Superseded     int // answered OK
	Answers, Receipts, Finals, Pages, Scans int
	Batches, Retries, Outcomes              int
	Elements, Recovered                     int

	Codes map[contract.Code]int // of the answers, those of a BATCH's operations too
	Lost  int                   // requests that got none
	Marks Marks
}

// count adds an operation that has ended.
func (f *Figures) count(o *operation) {
	f.Invoked++
	switch o.class {
	case done:
		f.Done++
	case none:
		f.NoEffect++
	default:
		f.InDoubt++
	}
}

// Add adds the figures of another run.
func (f *Figures) Add(o *Figures) {
	f.Runs += o.Runs
	f.Virtual += o.Virtual
	f.Events += o.Events
	for _, p := range [...][2]*int{
		{&f.Crashes, &o.Crashes}, {&f.PowerCuts, &o.PowerCuts}, {&f.Stops, &o.Stops}, {&f.Pauses, &o.Pauses},
		{&f.Cuts, &o.Cuts}, {&f.OneWayCuts, &o.OneWayCuts}, {&f.Clogs, &o.Clogs}, {&f.Swizzles, &o.Swizzles},
		{&f.ClockJumps, &o.ClockJumps}, {&f.SyncErrors, &o.SyncErrors}, {&f.Stalls, &o.Stalls}, {&f.Full, &o.Full}, {&f.Damaged, &o.Damaged}, {&f.Syncs, &o.Syncs},
		{&f.BatchesLost, &o.BatchesLost}, {&f.LinksLost, &o.LinksLost},
		{&f.Frames, &o.Frames}, {&f.Dropped, &o.Dropped}, {&f.Doubled, &o.Doubled}, {&f.Stragglers, &o.Stragglers},
		{&f.Wrecks, &o.Wrecks}, {&f.Bugs, &o.Bugs}, {&f.Epochs, &o.Epochs}, {&f.Founded, &o.Founded}, {&f.Rotten, &o.Rotten},
		{&f.Invoked, &o.Invoked}, {&f.Done, &o.Done}, {&f.NoEffect, &o.NoEffect}, {&f.InDoubt, &o.InDoubt},
		{&f.Reads, &o.Reads}, {&f.Writes, &o.Writes}, {&f.RegReads, &o.RegReads}, {&f.Superseded, &o.Superseded},
		{&f.Answers, &o.Answers}, {&f.Receipts, &o.Receipts}, {&f.Finals, &o.Finals}, {&f.Pages, &o.Pages}, {&f.Scans, &o.Scans},
		{&f.Batches, &o.Batches}, {&f.Retries, &o.Retries}, {&f.Outcomes, &o.Outcomes},
		{&f.Elements, &o.Elements}, {&f.Recovered, &o.Recovered}, {&f.Lost, &o.Lost},
	} {
		*p[0] += *p[1]
	}
	if f.Codes == nil {
		f.Codes = make(map[contract.Code]int)
	}
	for _, code := range contract.Codes() {
		f.Codes[code] += o.Codes[code]
	}
	for m, n := range o.Marks {
		f.Marks[m] += n
	}
}

// Line is the figures in one line.
func (f *Figures) Line() string {
	hit, all := f.Reach()
	return fmt.Sprintf("%d runs, %.2f cluster-hours, %d events; %d crashes, %d cuts; %d operations: %d done, %d no effect, %d in doubt; marks %d/%d",
		f.Runs, f.Virtual.Hours(), f.Events, f.Crashes, f.Cuts, f.Invoked, f.Done, f.NoEffect, f.InDoubt, hit, all)
}

// String is the figures as a table.
func (f *Figures) String() string {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("runs", "%d, %.2f simulated cluster-hours, %d events", f.Runs, f.Virtual.Hours(), f.Events)
	row("faults", "%d crashes (%d power cuts, %d stops), %d pauses, %d cuts (%d one way), %d clogs, %d swizzles", f.Crashes, f.PowerCuts, f.Stops, f.Pauses, f.Cuts, f.OneWayCuts, f.Clogs, f.Swizzles)
	row("disks", "%d syncs, %d failed, %d stalls, %d times full, %d records damaged, %d batches lost in crashes, %d disks lost, old or broken", f.Syncs, f.SyncErrors, f.Stalls, f.Full, f.Damaged, f.BatchesLost, f.Wrecks)
	row("clocks", "%d jumps", f.ClockJumps)
	row("network", "%d frames, %d dropped, %d duplicated, %d very late, %d links lost", f.Frames, f.Dropped, f.Doubled, f.Stragglers, f.LinksLost)
	row("cluster", "%d new epochs; %d buggify points fired", f.Epochs, f.Bugs)
	row("operations", "%d: %d done (%d reads, %d writes, %d superseded), %d no effect, %d in doubt", f.Invoked, f.Done, f.Reads, f.Writes, f.Superseded, f.NoEffect, f.InDoubt)
	var codes []string
	for _, code := range contract.Codes() {
		if n := f.Codes[code]; n > 0 {
			codes = append(codes, fmt.Sprintf("%v %d", code, n))
		}
	}
	row("answers", "%s; none %d", strings.Join(codes, ", "), f.Lost)
	row("more", "%d batches, %d scan pages, %d whole scans, %d retries, %d OUTCOMEs", f.Batches, f.Pages, f.Scans, f.Retries, f.Outcomes)
	row("REG", "%d reads (%d at more than one replica), %d writes", f.Reads, f.RegReads, f.Writes)
	row("TRUTH", "%d answers, %d receipts", f.Answers, f.Receipts)
	row("SETFULL", "%d elements, %d recovered", f.Elements, f.Recovered)
	row("FINAL", "%d keys", f.Finals)
	hit, all := f.Reach()
	row("marks", "%d of %d reached", hit, all)
	if missed := f.Missed(); len(missed) > 0 {
		row("missed", "%s", strings.Join(missed, "; "))
	}
	row("not run", "LIN, APPEND, RES (but for deadlines): they need what later versions have")
	return b.String()
}
