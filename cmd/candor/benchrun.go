package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/candordb/candor/client"
	"github.com/candordb/candor/contract"
	loadgen "github.com/candordb/candor/load"
)

// exitBroken is for answers that broke a promise.
const exitBroken = 10

// benchRun is one bench under way.
type benchRun struct {
	benchOptions
	e        *env
	clients  []*client.Client
	target   *benchTarget
	settings benchSettings
	filled   int // keys that may be there
	curves   []loadgen.Curve
	cutOff   uint64 // operations under way that an interrupt has ended
}

// bench measures. What was asked for and cannot be had is told before anything is
// written.
func bench(ctx context.Context, e *env, o benchOptions) error {
	old, err := o.readOld()
	if err != nil {
		return err
	}
	if err := o.checkPlot(); err != nil {
		return err
	}
	b := &benchRun{benchOptions: o, e: e, filled: o.workload.Keys}
	defer b.closeClients()
	if err := b.open(ctx); err != nil {
		return o.placed(err)
	}
	if err := o.comparable(old, &b.settings); err != nil {
		return err
	}
	v := &benchView{APIVersion: apiVersion, Kind: "Bench", Version: version, At: timeText(time.Now()), Settings: b.settings}
	stores := make([]benchStore, len(b.clients))
	for i, c := range b.clients {
		stores[i] = c
	}
	b.target.start(ctx, stores, o.depth)
	err = b.phases(ctx, v)
	b.target.close()
	v.Checks = b.target.checks.counts
	if v.Interrupted = ctx.Err() != nil; old != nil && v.Run != nil {
		v.Compared = o.compareBenches(old, v)
	}
	v.plot, v.measures, v.cutOff = b.plotText(), b.run, b.cutOff
	for _, then := range []func() error{b.savePlot, func() error { return o.format.print(e.stdout, v) }, v.exit} {
		if failed := then(); err == nil {
			err = failed // what came first is told
		}
	}
	b.next(v)
	return err
}

// phases writes the keys, measures, and deletes them, as far as that was asked for.
func (b *benchRun) phases(ctx context.Context, v *benchView) error {
	if b.load {
		v.Load = b.sweep(ctx, loadgen.Insert, "load")
		if lacking := b.workload.Keys - int(v.Load.Done+v.Load.Late); lacking > 0 && ctx.Err() == nil && b.run {
			return failf(exitPartly, loadAdvice(v.Load),
				"of %s keys %s were not written for certain, so nothing was measured", grouped(b.workload.Keys), grouped(lacking))
		}
	}
	if b.run && ctx.Err() == nil {
		v.Run = b.measure(ctx)
	}
	if b.clean && ctx.Err() == nil {
		v.Cleaned = b.sweepAway(ctx)
	}
	return nil
}

// loadAdvice is what can follow where keys were not written.
func loadAdvice(p *benchPhase) string {
	switch {
	case p.Codes[contract.TooLarge.String()] > 0:
		return "a smaller --value-size, or --key-size: the nodes take less (limits.value, limits.key)"
	case p.Done+p.Late == 0:
		return "candor status"
	}
	return "candor bench --no-load uses the keys that are there"
}

// open connects all clients, and learns what the cluster is like.
func (b *benchRun) open(ctx context.Context) error {
	for range b.benchOptions.clients {
		c, err := b.opened(ctx)
		if err != nil {
			return err
		}
		b.clients = append(b.clients, c)
	}
	ring := b.clients[0].Ring()
	b.target = &benchTarget{
		keys: b.keys, valueSize: b.workload.ValueSize, reads: b.reads, writes: b.writes, timeout: b.timeout, copies: ring.Copies(),
		deletes: b.workload.Shares[loadgen.Delete] > 0,
		checks:  &benchChecks{tell: b.tellBroken},
	}
	b.settings = b.settingsOf(ring)
	// One read shows whether its level and the namespace are good, and how many
	// replicas a read needs.
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	item, err := b.clients[0].Get(ctx, b.keys.append(nil, 0), client.At(b.reads))
	if err != nil && !errors.Is(err, client.ErrNotFound) {
		return err
	}
	b.target.readNeed = item.Receipt.Need
	return nil
}

// tellBroken prints a line where the live line stands.
func (b *benchRun) tellBroken(line string) {
	if width := b.e.width(); width > 0 {
		line = "\r" + fit(line, max(width-1, len(line)))
	}
	fmt.Fprintln(b.e.stderr, line)
}

func (b *benchRun) closeClients() {
	for _, c := range b.clients {
		closeClient(c)
	}
}

// graceTime is how much longer than its timeout a call is waited for.
const graceTime = 5 * time.Second

// loadOptions are those that all phases have in common.
func (b *benchRun) loadOptions(label string) (o loadgen.Options, end func()) {
	o = loadgen.Options{Duration: math.MaxInt64 / 4, Deadline: b.timeout, Grace: b.timeout + graceTime, Grain: time.Microsecond}
	width := b.e.width()
	if width == 0 {
		return o, func() {}
	}
	o.WatchEvery = time.Second / 2
	o.Watch = func(g loadgen.Glance) { fmt.Fprint(b.e.stderr, "\r"+fit(liveLine(label, g), width-1)) }
	return o, func() { fmt.Fprint(b.e.stderr, "\r"+strings.Repeat(" ", width-1)+"\r") }
}

// liveLine is what a terminal shows while a phase goes on.
func liveLine(label string, g loadgen.Glance) string {
	line := fmt.Sprintf("%-6s %5.1fs   %s/s   p50 %s   p99 %s ms   %s open", label, g.At.Seconds(), grouped(int(g.Rate)), latencyText(g.P50), latencyText(g.P99), grouped(int(g.Open)))
	for _, n := range []struct {
		name  string
		count uint64
	}{{"refused", g.Refused}, {"in doubt", g.InDoubt}, {"failed", g.Failed}} {
		if n.count > 0 {
			line += fmt.Sprintf("   %s %s", grouped(int(n.count)), n.name)
		}
	}
	return line
}

// sweep carries out one operation for each key that may be there.
func (b *benchRun) sweep(ctx context.Context, kind loadgen.Kind, label string) *benchPhase {
	o, end := b.loadOptions(label)
	defer end()
	o.Count = b.filled
	return b.phase(ctx, func() loadgen.Result {
		return loadgen.Closed(ctx, b.target, loadgen.NewSweep(b.workload, kind), len(b.clients)*min(b.depth, depthUsual), o)
	})
}

// measure warms up and then measures; nil: it was interrupted before.
func (b *benchRun) measure(ctx context.Context) *benchPhase {
	g := loadgen.NewGenerator(b.workload, b.seed)
	run := func(label string, d time.Duration) loadgen.Result {
		o, end := b.loadOptions(label)
		defer end()
		o.Duration = d
		if b.rate > 0 {
			return loadgen.Open(ctx, b.target, g, b.rate, o)
		}
		return loadgen.Closed(ctx, b.target, g, len(b.clients)*b.depth, o)
	}
	if b.warmup > 0 {
		run("warmup", b.warmup)
	}
	if ctx.Err() != nil { // what is there is of nothing
		b.filled = g.Filled()
		return nil
	}
	p := b.phase(ctx, func() loadgen.Result {
		r := run("run", b.duration)
		for _, kind := range loadgen.Kinds() {
			if h := &r.ByKind[kind]; h.Count() > 0 {
				b.curves = append(b.curves, h.Curve(kind.String()))
			}
		}
		return r
	})
	b.filled = g.Filled()
	return p
}

// phase runs f, and notes what it cost this process. What an interrupt has cut off is no
// finding about the cluster: it is counted by itself.
func (b *benchRun) phase(ctx context.Context, f func() loadgen.Result) *benchPhase {
	cpu, retries := processTime(), b.retries()
	r := f()
	if ctx.Err() != nil { // workers settle nothing any more that has failed since then
		b.cutOff += r.Silent
		r.Offered, r.Silent = r.Offered-r.Silent, 0
	}
	return phaseOf(&r, processTime()-cpu, b.retries()-retries)
}

func (b *benchRun) retries() (n uint64) {
	for _, c := range b.clients {
		n += c.Stats().Retries
	}
	return n
}

// sweepAway deletes all keys, and counts what is left.
func (b *benchRun) sweepAway(ctx context.Context) *benchCleaned {
	p := b.sweep(ctx, loadgen.Delete, "clean")
	c := &benchCleaned{Deleted: p.Done, NotDeleted: p.Offered - p.Done}
	walk := walkOptions{target: b.benchOptions.target, prefix: []byte(b.keys.prefix), keysOnly: true, patient: true}
	walk.level = b.reads
	end, err := walk.walk(ctx, b.clients[0], func([]client.Item) error { return nil })
	if c.Left = end.Keys; err != nil || end.Partial {
		c.LeftUnknown = true
	}
	return c
}

// checkPlot refuses a file of --plot that cannot be written, before anything is
// measured. A file that is there keeps what it has until then.
func (o *benchOptions) checkPlot() error {
	if o.plot == "" {
		return nil
	}
	_, missing := os.Stat(o.plot)
	file, err := os.OpenFile(o.plot, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return usagef("", "--plot: %s: %w", o.plot, fileFault(err))
	}
	err = file.Close()
	if missing != nil {
		err = errors.Join(err, os.Remove(o.plot))
	}
	if err != nil {
		return usagef("", "--plot: %s: %w", o.plot, fileFault(err))
	}
	return nil
}

// plotText draws the latencies with characters, and says what these stand for.
func (b *benchRun) plotText() string {
	text := "candor bench   " + b.settings.title() + "\nlatency of the requests at each percentile; both scales are logarithmic\n\n" + loadgen.PlotText(b.curves) + "\n"
	for _, c := range b.curves {
		text += fmt.Sprintf("%.1s %s   ", c.Name, c.Name)
	}
	return text + "* where two meet\n"
}

// savePlot writes the file of --plot. What was measured is printed all the same.
func (b *benchRun) savePlot() error {
	if b.plot == "" || len(b.curves) == 0 {
		return nil
	}
	text := b.plotText()
	if strings.HasSuffix(b.plot, ".svg") {
		text = loadgen.PlotSVG("candor bench   "+b.settings.title(), b.curves)
	}
	if err := os.WriteFile(b.plot, []byte(text), 0o644); err != nil {
		return failf(exitPartly, "", "the plot cannot be written: %s: %w", b.plot, fileFault(err))
	}
	return nil
}

// next names what can follow.
func (b *benchRun) next(v *benchView) {
	switch {
	case !b.format.forPeople():
	case v.Interrupted && b.clean:
		b.e.next(b.format, "candor bench --no-load --clean deletes the keys, which are still there")
	case v.Run != nil && b.compare == "":
		b.e.next(b.format, "candor bench -o json > FILE, and later candor bench --compare FILE")
	}
}
