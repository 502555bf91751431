package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/candordb/candor/client"
	"github.com/candordb/candor/contract"
	loadgen "github.com/candordb/candor/load"
)

// benchDouble is a cluster of three replicas that answers at once, and lies as it
// is told. It has one worker.
type benchDouble struct {
	clock client.Version
	items map[string][]client.Item // each version that a key has had
	get   func(older []client.Item, item *client.Item)
	put   func(r *client.Receipt)
	scan  func(p *client.Page)
	err   error
}

// A plot that cannot be written is told before anything is measured, with its path, and
// one that can be leaves no file, and no other one changed, until there is a plot.
func TestBenchChecksItsPlotFirst(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "nodir", "x.svg")
	err := bench(t.Context(), nil, benchOptions{plot: nowhere})
	if !isUsage(err) || !strings.Contains(err.Error(), nowhere) {
		t.Errorf("%v", err)
	}
	fresh, there := filepath.Join(t.TempDir(), "x.svg"), filepath.Join(t.TempDir(), "y.svg")
	if err := os.WriteFile(there, []byte("of before"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fresh, there} {
		if err := (&benchOptions{plot: path}).checkPlot(); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := os.Stat(fresh); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it left %s: %v", fresh, err)
	}
	if text, err := os.ReadFile(there); err != nil || string(text) != "of before" {
		t.Errorf("%q %v", text, err)
	}
	b := benchRun{benchOptions: benchOptions{plot: nowhere}, curves: make([]loadgen.Curve, 1)}
	var f *failure
	if err := b.savePlot(); !errors.As(err, &f) || f.exit != exitPartly || !strings.Contains(err.Error(), nowhere) {
		t.Errorf("after it has measured: %v", err)
	}
}

func (d *benchDouble) NewVersion() (v client.Version, err error) {
	d.clock.Time, d.clock.Writer = d.clock.Time+1, 7
	return d.clock, nil
}

func (d *benchDouble) Put(_ context.Context, key, value []byte, _ ...client.CallOption) (client.Receipt, error) {
	// The stamp, hidden among the options, is the last version that was made: there
	// is one worker.
	v := d.clock
	d.items[string(key)] = append(d.items[string(key)], client.Item{Key: slices.Clone(key), Value: slices.Clone(value), Version: v})
	r := client.Receipt{Version: v, Need: 2, Acked: 2, Durable: 2, Asked: 3, Level: client.Quorum}
	if d.put != nil {
		d.put(&r)
	}
	return r, d.err
}

func (d *benchDouble) Delete(ctx context.Context, key []byte, _ ...client.CallOption) (client.Receipt, error) {
	return client.Receipt{}, errors.New("not deleted by these tests")
}

func (d *benchDouble) Get(_ context.Context, key []byte, _ ...client.CallOption) (client.Item, error) {
	r := client.Receipt{Need: 2, Acked: 2, Asked: 2, Level: client.Quorum}
	all := d.items[string(key)]
	if len(all) == 0 {
		return client.Item{Receipt: r}, client.ErrNotFound
	}
	item := all[len(all)-1]
	item.Receipt = r
	if d.get != nil {
		d.get(all[:len(all)-1], &item)
	}
	return item, d.err
}

func (d *benchDouble) ScanPage(_ context.Context, prefix, _ []byte, limit int, _ ...client.CallOption) (p client.Page, err error) {
	for key, all := range d.items { // sorted below: order does not matter
		if strings.HasPrefix(key, string(prefix)) {
			p.Items = append(p.Items, all[len(all)-1])
		}
	}
	slices.SortFunc(p.Items, func(a, b client.Item) int { return bytes.Compare(a.Key, b.Key) })
	if len(p.Items) > limit {
		p.Items, p.Cursor = p.Items[:limit], []byte("on")
	}
	if d.scan != nil {
		d.scan(&p)
	}
	return p, d.err
}

// benchOn runs a workload on a double, and returns what became of it, what was
// found, and what was said.
func benchOn(t *testing.T, d *benchDouble, workload string) (loadgen.Result, benchCounts, string) {
	t.Helper()
	d.items = map[string][]client.Item{}
	w, err := loadgen.Mixed(workload, 50, 33)
	if err != nil {
		t.Fatal(err)
	}
	w.ScanLimit = 10
	var said strings.Builder
	target := &benchTarget{
		keys: benchKeys{prefix: "bench:", size: 20}, valueSize: w.ValueSize, reads: client.Quorum, writes: client.Quorum, timeout: time.Minute, copies: 3, readNeed: 2,
		checks: &benchChecks{tell: func(line string) { said.WriteString(line + "\n") }},
	}
	if w.Shares[loadgen.Scan] > 0 {
		target.keys.group = w.ScanLimit
	}
	target.start(t.Context(), []benchStore{d}, 1)
	o := loadgen.Options{Duration: time.Hour, Deadline: time.Minute, Grace: time.Minute, Count: w.Keys}
	lies := *d
	d.get, d.put, d.scan, d.err = nil, nil, nil, nil // what is written first is written well
	loadgen.Closed(t.Context(), target, loadgen.NewSweep(w, loadgen.Insert), 1, o)
	d.get, d.put, d.scan, d.err = lies.get, lies.put, lies.scan, lies.err
	o.Count = 400
	r := loadgen.Closed(t.Context(), target, loadgen.NewGenerator(w, 1), 1, o)
	target.close()
	return r, target.checks.counts, said.String()
}

// An honest cluster breaks nothing, whatever is asked.
func TestBenchFindsNothingWrongWithTruth(t *testing.T) {
	for _, workload := range []string{"get=50,put=50", "get=50,modify=50", "scan=80,insert=10,put=10"} {
		r, found, said := benchOn(t, &benchDouble{}, workload)
		if found.broken() != 0 || found.Behind+found.Absent != 0 || said != "" || r.Good != 400 || found.Answers < 450 {
			t.Errorf("%s: %+v, %d good; %s", workload, found, r.Good, said)
		}
	}
}

// Each lie is found, under its name, and told.
func TestBenchFindsLies(t *testing.T) {
	for _, tc := range []struct {
		name, workload string
		double         benchDouble
		want           func(*benchCounts) uint64
		said           string
	}{
		{"a read that goes back", "get=50,put=50",
			benchDouble{get: func(older []client.Item, item *client.Item) {
				if len(older) > 0 {
					item.Version, item.Value = older[0].Version, older[0].Value
				}
			}}, func(c *benchCounts) uint64 { return c.Stale }, "STALE: a read of"},
		{"a key that is gone", "get=50,put=50",
			benchDouble{get: func(_ []client.Item, item *client.Item) { item.Version, item.Value = client.Version{}, nil }},
			func(c *benchCounts) uint64 { return c.Stale }, "STALE: a read of"},
		{"the value of an older version", "get=50,put=50",
			benchDouble{get: func(older []client.Item, item *client.Item) {
				if len(older) > 0 {
					item.Value = older[0].Value
				}
			}}, func(c *benchCounts) uint64 { return c.WrongValues }, "WRONG VALUE"},
		{"a bit that fell over", "get=100",
			benchDouble{get: func(_ []client.Item, item *client.Item) {
				item.Value = slices.Clone(item.Value)
				item.Value[32] ^= 1
			}}, func(c *benchCounts) uint64 { return c.WrongValues }, "WRONG VALUE"},
		{"a value cut short", "get=100",
			benchDouble{get: func(_ []client.Item, item *client.Item) { item.Value = item.Value[:20] }},
			func(c *benchCounts) uint64 { return c.WrongValues }, "WRONG VALUE"},
		{"a write with too few acknowledgements", "put=100",
			benchDouble{put: func(r *client.Receipt) { r.Acked = 1 }}, func(c *benchCounts) uint64 { return c.Short }, "1 of 2 acknowledgements"},
		{"a read with too few acknowledgements", "get=100",
			benchDouble{get: func(_ []client.Item, item *client.Item) { item.Receipt.Acked = 1 }}, func(c *benchCounts) uint64 { return c.Short }, "1 of 2 acknowledgements"},
		{"a receipt that needs nothing", "put=100",
			benchDouble{put: func(r *client.Receipt) { r.Need = 0 }}, func(c *benchCounts) uint64 { return c.Short }, "2 of 0 acknowledgements"},
		{"another level", "put=100",
			benchDouble{put: func(r *client.Receipt) { r.Level = client.One }}, func(c *benchCounts) uint64 { return c.OtherLevel }, "at quorum is answered at one"},
		{"another version", "put=100",
			benchDouble{put: func(r *client.Receipt) { r.Version.Writer = 8 }}, func(c *benchCounts) uint64 { return c.OtherStamp }, "is answered for version"},
		{"a scan that leaves out a key", "scan=100",
			benchDouble{scan: func(p *client.Page) { p.Items = slices.Delete(p.Items, 0, 1) }}, func(c *benchCounts) uint64 { return c.Stale }, "STALE: a read of"},
		{"a scan that ends early", "scan=100",
			benchDouble{scan: func(p *client.Page) { p.Items, p.Cursor = nil, nil }}, func(c *benchCounts) uint64 { return c.Stale }, "STALE: a read of"},
		{"a scan with a wrong value", "scan=100",
			benchDouble{scan: func(p *client.Page) { p.Items[0].Value = []byte("x") }}, func(c *benchCounts) uint64 { return c.WrongValues }, "WRONG VALUE"},
	} {
		_, found, said := benchOn(t, &tc.double, tc.workload)
		if tc.want(&found) == 0 || !strings.Contains(said, tc.said) {
			t.Errorf("%s: %+v; it says %q", tc.name, found, said)
		}
		if lines := strings.Count(said, "\n"); lines > benchSaysMax+1 {
			t.Errorf("%s: %d lines", tc.name, lines)
		}
		v := benchView{Run: &benchPhase{Done: 1, Offered: 1}, Checks: found}
		var f *failure
		if !errors.As(v.exit(), &f) || f.exit != exitBroken || !strings.Contains(v.Checks.text(), "BROKEN") {
			t.Errorf("%s: exits with %v: %s", tc.name, f, v.Checks.text())
		}
	}
}

// What the levels allow is not called stale: the replicas that answered a read need
// not be those that hold what was written.
func TestBenchKnowsWhatLevelsAllow(t *testing.T) {
	older, newer := client.Version{Writer: 1}, client.Version{Writer: 2}
	for _, tc := range []struct {
		read           client.Version
		held, answered int
		want           benchJudgement
	}{
		{newer, 2, 2, readFine}, {client.Version{Writer: 3}, 2, 2, readFine},
		{older, 2, 2, readStale}, {older, 3, 1, readStale}, {client.Version{}, 2, 2, readStale},
		{older, 2, 1, readBehind}, {older, 1, 2, readBehind}, {older, 0, 3, readBehind},
	} {
		if got := (benchFloor{newer, tc.held}).judge(tc.read, tc.answered, 3); got != tc.want {
			t.Errorf("%d held version 2, %d answered with %v: judged %d, want %d", tc.held, tc.answered, tc.read, got, tc.want)
		}
	}
}

// The book keeps the highest version of each key, and the most replicas that it was
// seen on.
func TestBenchBookKeepsTheHighest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b benchBook
		want := map[int]benchFloor{}
		for range rapid.IntRange(0, 200).Draw(t, "writes") {
			n := rapid.IntRange(0, 300).Draw(t, "key")
			f := benchFloor{client.Version{Writer: rapid.Uint64Range(1, 5).Draw(t, "version")}, rapid.IntRange(0, 3).Draw(t, "acked")}
			b.raise(n, f)
			if w := want[n]; w.version.Less(f.version) || w.version == f.version && w.acked < f.acked {
				want[n] = f
			}
		}
		for n := range 301 {
			if got := b.floor(n); got != want[n] {
				t.Fatalf("key %d: %+v, want %+v", n, got, want[n])
			}
		}
	})
}

// Every error has its class, by what it means and not by its code alone.
func TestBenchClasses(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want contract.Class
	}{
		{nil, contract.Done}, {client.ErrNotFound, contract.Done},
		{&client.Error{Code: contract.Overloaded}, contract.NoEffect},
		{&client.Error{Code: contract.Timeout}, contract.NoEffect}, // of a read, or unsent
		{&client.Error{Code: contract.Corrupt}, contract.Damage},
		{client.ErrClosed, contract.Damage},
	} {
		if _, got := meaningOf(tc.err); got != tc.want {
			t.Errorf("%v: %v, want %v", tc.err, got, tc.want)
		}
	}
	r, _, _ := benchOn(t, &benchDouble{err: &client.Error{Code: contract.Unavailable}}, "get=50,put=50")
	if r.Refused != 400 || r.Codes[contract.Unavailable] != 400 {
		t.Errorf("%d refused: %v", r.Refused, r.Codes)
	}
}

// No two keys have one name, all have the size that was asked for, and keys of a
// group sort by their numbers.
func TestBenchKeysAreDistinct(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := benchKeys{prefix: "bench:", size: rapid.IntRange(22, 60).Draw(t, "size"), group: rapid.SampledFrom([]int{0, 1, 7, 10, 100}).Draw(t, "group")}
		a, b := rapid.IntRange(0, 99_999).Draw(t, "a"), rapid.IntRange(0, 99_999).Draw(t, "b")
		x, y := string(k.append(nil, a)), string(k.append(nil, b))
		if (x == y) != (a == b) || len(x) != k.size || len(y) != k.size {
			t.Fatalf("%d is %q, %d is %q", a, x, b, y)
		}
		if k.group == 0 {
			return
		}
		together := a/k.group == b/k.group
		if strings.HasPrefix(x, string(k.appendGroup(nil, b))) != together || together && (x < y) != (a < b) {
			t.Fatalf("group of %d is %q; %q and %q", b, k.appendGroup(nil, b), x, y)
		}
	})
}

// The lines of a bench: figures are invented.
func TestBenchScreen(t *testing.T) {
	v := benchViewOf(t)
	goldenView(t, "bench", v)
	v.Checks.Stale, v.Checks.Behind = 2, 5
	v.Run.CPUCores = 1.7
	v.Cleaned = &benchCleaned{Deleted: 99_998, NotDeleted: 2, Left: 2, LeftUnknown: true}
	v.Interrupted = true
	golden(t, "bench-broken", v.screen(false).String())
}

// endsAt is interrupted at its last read, as Ctrl-C does.
type endsAt struct {
	*benchDouble
	left int
	stop func()
}

func (s *endsAt) Get(ctx context.Context, key []byte, opts ...client.CallOption) (client.Item, error) {
	if s.left--; s.left == 0 {
		s.stop()
		return client.Item{}, &client.Error{Code: contract.Timeout, Err: ctx.Err()}
	}
	return s.benchDouble.Get(ctx, key, opts...)
}

// What an interrupt cuts off is no finding about the cluster: it is in no figure, and its
// number is told.
func TestBenchLeavesOutWhatAnInterruptCutsOff(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	w, err := loadgen.Named("c", 10, 10)
	if err != nil {
		t.Fatal(err)
	}
	target := &benchTarget{keys: benchKeys{prefix: "bench:", size: 20}, timeout: time.Minute, copies: 3, checks: &benchChecks{tell: func(string) {}}}
	target.start(ctx, []benchStore{&endsAt{&benchDouble{items: map[string][]client.Item{}}, 4, stop}}, 1)
	b := &benchRun{}
	p := b.phase(ctx, func() loadgen.Result {
		return loadgen.Closed(ctx, target, loadgen.NewGenerator(w, 1), 1, loadgen.Options{Duration: time.Hour, Deadline: time.Hour, Grace: time.Hour})
	})
	target.close()
	if p.Offered != 3 || p.Done != 3 || p.Refused+p.InDoubt+p.Failed+p.Silent != 0 || len(p.Codes) != 1 || b.cutOff != 1 {
		t.Errorf("%+v, %d cut off", p, b.cutOff)
	}
	v := &benchView{Run: p, Interrupted: true, measures: true, cutOff: b.cutOff}
	if text := v.screen(false).String(); !strings.Contains(text, "\ninterrupted: the figures are of the part that was done; what it cut off (1 operation under way) is not counted\n") {
		t.Errorf("%s", text)
	}
}

// Where the warm-up is interrupted nothing was measured, and there are no figures.
func TestBenchInterruptedInItsWarmUp(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	w, err := loadgen.Named("c", 10, 10)
	if err != nil {
		t.Fatal(err)
	}
	e, _, _ := quietEnv()
	b := &benchRun{e: e, benchOptions: benchOptions{workload: w, warmup: time.Hour, duration: time.Hour, depth: 1}}
	if p := b.measure(ctx); p != nil {
		t.Errorf("%+v", p)
	}
	v := benchViewOf(t)
	v.Run, v.Interrupted, v.measures = nil, true, true
	text := v.screen(true).String()
	if !strings.Contains(text, "\ninterrupted before it measured: nothing was measured\n") || strings.Contains(text, "the generator took") || len(v.names()) > 0 {
		t.Errorf("%v\n%s", v.names(), text)
	}
}

// The text plot has a title, and says what its marks stand for.
func TestBenchPlotSaysWhatItShows(t *testing.T) {
	var h loadgen.Histogram
	h.Record(time.Millisecond)
	b := &benchRun{curves: []loadgen.Curve{h.Curve("get"), h.Curve("put")}, settings: benchViewOf(t).Settings}
	text := b.plotText()
	if !strings.HasPrefix(text, "candor bench   workload b: get 95 %, put 5 % ") || !strings.HasSuffix(text, "\ng get   p put   * where two meet\n") {
		t.Errorf("%s", text)
	}
}

// Keys that are too large are not there for another run either.
func TestBenchAdvisesWhatCanFollow(t *testing.T) {
	for want, p := range map[string]*benchPhase{
		"a smaller --value-size": {Codes: map[string]uint64{"TOO_LARGE": 3}}, "candor status": {Codes: map[string]uint64{"UNAVAILABLE": 3}},
		"candor bench --no-load": {Done: 2, Codes: map[string]uint64{"OK": 2, "UNAVAILABLE": 1}},
	} {
		if got := loadAdvice(p); !strings.HasPrefix(got, want) {
			t.Errorf("%v: %s", p.Codes, got)
		}
	}
}

func benchViewOf(t *testing.T) *benchView {
	t.Helper()
	v := &benchView{APIVersion: apiVersion, Kind: "Bench", Version: "0.1.0", At: "2026-01-02T03:04:05.000Z"}
	v.Settings = benchSettings{
		Workload: "b", Shares: benchShares{"get": 95, "put": 5}, Spread: "zipfian", Skew: 0.99, Keys: 100_000, KeySize: 16, ValueSize: 100, Loop: "open", Rate: 20_000,
		Clients: 4, Depth: 16, Reads: "quorum", Writes: "default", TimeoutMS: 5000, WarmupMS: 5000, RunMS: 30_000, Nodes: 3, Copies: 3,
	}
	v.Load = &benchPhase{ElapsedMS: 5120.4, Offered: 100_000, Done: 100_000, PerSecond: 19_529.7, Codes: map[string]uint64{"OK": 100_000}, Latencies: []benchLatency{
		{"insert", 100_000, 19_529.7, 2.9, 4.4, 8.81, 20.12, 31.4}, {"all", 100_000, 19_529.7, 2.9, 4.4, 8.81, 20.12, 31.4}}}
	v.Run = &benchPhase{
		ElapsedMS: 30_000.4, Offered: 600_000, Done: 599_900, Late: 1, Refused: 90, InDoubt: 9, PerSecond: 19_996.4, LagMaxMS: 1.25, LagP99MS: 0.1, CPUCores: 0.41, CPUUS: 20.5, Cores: 2, Retries: 7,
		Codes: map[string]uint64{"OK": 599_901, "OVERLOADED": 90, "IN_DOUBT": 9}, Latencies: []benchLatency{
			{"get", 569_901, 18_996.4, 0.412, 0.8, 2.21, 12.5, 140.2}, {"put", 30_000, 1000, 2.1, 3.3, 9.12, 44.1, 5001.2}, {"all", 599_901, 19_996.4, 0.43, 0.9, 4, 14, 5001.2}},
	}
	v.Checks = benchCounts{Answers: 699_901, Superseded: 12}
	v.plot = "(the plot)\n"
	return v
}

// --compare: what an earlier bench has printed is read back as it was, ratios are to
// that, and other settings are refused unless told.
func TestBenchCompares(t *testing.T) {
	old, now := benchViewOf(t), benchViewOf(t)
	var printed bytes.Buffer
	if err := writeJSON(&printed, old); err != nil {
		t.Fatal(err)
	}
	o := &benchOptions{compare: filepath.Join(t.TempDir(), "old.json")}
	if err := os.WriteFile(o.compare, printed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	read, err := o.readOld()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(old, read, cmp.AllowUnexported(benchView{}), cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".plot" }, cmp.Ignore())); diff != "" {
		t.Fatalf("read back (-want +got):\n%s", diff)
	}
	if err := o.comparable(read, &now.Settings); err != nil {
		t.Errorf("equal settings: %v", err)
	}
	now.Run.PerSecond *= 2
	now.Run.Latencies[0].P99MS = 1.105
	now.Settings.Keys, now.Settings.Shares = 5, benchShares{"get": 100}
	err = o.comparable(read, &now.Settings)
	if err == nil || !strings.Contains(err.Error(), "shares was get 95 %, put 5 % and is get 100 %; keys was 100000 and is 5; nothing was sent") {
		t.Errorf("other settings: %v", err)
	}
	if o.anyway = true; o.comparable(read, &now.Settings) != nil {
		t.Error("--compare-anyway is refused")
	}
	o.compare = "old.json" // the folder has another name each time
	c := o.compareBenches(read, now)
	if c.Throughput != 2 || c.Latencies[0].P99 != 0.5 || c.Latencies[1].P99 != 1 || len(c.Differ) != 2 {
		t.Errorf("%+v", c)
	}
	golden(t, "bench-compared", c.text())
}

func TestBenchRefusesFilesThatAreNone(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"nothing": "", "other": `{"apiVersion":"candor/v1","kind":"Item"}`, "unmeasured": `{"apiVersion":"candor/v1","kind":"Bench","load":{"done":4}}`,
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var f *failure
		if _, err := (&benchOptions{compare: file}).readOld(); !errors.As(err, &f) || f.exit != exitUsage {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (&benchOptions{compare: filepath.Join(dir, "missing")}).readOld(); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("missing: %v", err)
	}
}

// Broken promises come before an interrupt, that before what was not done.
func TestBenchExits(t *testing.T) {
	all, some := &benchPhase{Offered: 2, Done: 2}, &benchPhase{Offered: 2, Done: 1, Late: 1}
	for _, tc := range []struct {
		v    benchView
		want int
	}{
		{benchView{Load: all, Run: all, Cleaned: &benchCleaned{Left: 3}}, 0},
		{benchView{Load: all}, 0},
		{benchView{Load: some, Run: all}, exitPartly},
		{benchView{Run: some}, exitPartly},
		{benchView{Run: all, Cleaned: &benchCleaned{NotDeleted: 1}}, exitPartly},
		{benchView{Run: some, Interrupted: true}, exitInterrupted},
		{benchView{Interrupted: true}, exitInterrupted},
		{benchView{Run: some, Interrupted: true, Checks: benchCounts{Stale: 1}}, exitBroken},
		{benchView{Run: all, Checks: benchCounts{Behind: 9, Absent: 9, Superseded: 9, Buried: 9}}, 0},
	} {
		got, f := 0, (*failure)(nil)
		if errors.As(tc.v.exit(), &f) {
			got = f.exit
		}
		if got != tc.want {
			t.Errorf("%+v exits with %d, want %d", tc.v, got, tc.want)
		}
		tc.v.names() // whatever there is
	}
}

// The live line says what has gone wrong, and nothing of what has not.
func TestBenchLiveLine(t *testing.T) {
	g := loadgen.Glance{At: 12300 * time.Millisecond, Rate: 20_411.7, P50: 412 * time.Microsecond, P99: 31 * time.Millisecond, Open: 64}
	if got, want := liveLine("run", g), "run     12.3s   20,411/s   p50 0.412   p99 31.0 ms   64 open"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	g.Refused, g.InDoubt = 1200, 3
	if got := liveLine("run", g); !strings.HasSuffix(got, "64 open   1,200 refused   3 in doubt") {
		t.Errorf("%q", got)
	}
}

// stalling answers no read before a certain time, then all at once.
type stalling struct {
	*benchDouble
	until time.Time
	sent  int
}

func (s *stalling) Get(ctx context.Context, key []byte, opts ...client.CallOption) (client.Item, error) {
	if ctx.Err() != nil {
		return client.Item{}, &client.Error{Code: contract.Unavailable}
	}
	s.sent++
	<-time.After(time.Until(s.until))
	return s.benchDouble.Get(ctx, key, opts...)
}

// While the only worker is kept waiting, what is due waits for it: its time counts
// from when it was due, and what has waited for longer than the timeout is refused
// unsent.
func TestBenchCountsTheWaitForAWorker(t *testing.T) {
	for _, tc := range []struct {
		timeout    time.Duration
		done, slow uint64 // of 200 operations, one each 10ms
		sent       int
	}{
		{time.Minute, 200, 90, 200},
		{500 * time.Millisecond, 151, 41, 151},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &stalling{benchDouble: &benchDouble{items: map[string][]client.Item{}}, until: time.Now().Add(time.Second)}
			target := &benchTarget{keys: benchKeys{prefix: "bench:", size: 20}, timeout: tc.timeout, copies: 3, checks: &benchChecks{tell: func(string) {}}}
			target.start(t.Context(), []benchStore{s}, 1)
			w, err := loadgen.Named("c", 10, 10)
			if err != nil {
				t.Fatal(err)
			}
			r := loadgen.Open(t.Context(), target, loadgen.NewGenerator(w, 1), 100, loadgen.Options{Duration: 2 * time.Second, Deadline: time.Minute, Grace: time.Minute, Grain: time.Microsecond})
			target.close()
			near := func(got, want uint64) bool { return got+3 >= want && got <= want+3 }
			slow := uint64(0)
			for q := 0.5; q < float64(r.Good); q++ {
				if r.Latency.Quantile(q/float64(r.Good)) > 100*time.Millisecond {
					slow++
				}
			}
			if !near(r.Good, tc.done) || r.Good+r.Refused != 200 || !near(slow, tc.slow) || !near(uint64(s.sent), uint64(tc.sent)) {
				t.Errorf("timeout %v: %d done, %d of them after more than 100ms, %d refused, %d sent; want about %d, %d, %d sent", tc.timeout, r.Good, slow, r.Refused, s.sent, tc.done, tc.slow, tc.sent)
			}
		})
	}
}

// instant is a cluster that costs nothing.
type instant struct{ benchDouble }

func (*instant) Get(context.Context, []byte, ...client.CallOption) (client.Item, error) {
	return client.Item{Receipt: client.Receipt{Need: 2, Acked: 2, Level: client.Quorum}}, client.ErrNotFound
}

// BenchmarkTheGenerator is what an operation costs beside the client's call: drawing
// it, handing it to a worker, its deadline, and looking at the answer.
func BenchmarkTheGenerator(b *testing.B) {
	w, err := loadgen.Named("c", 100_000, 100)
	if err != nil {
		b.Fatal(err)
	}
	target := &benchTarget{keys: benchKeys{prefix: "bench:", size: 16}, reads: client.Quorum, timeout: time.Minute, copies: 3, checks: &benchChecks{tell: func(string) {}}}
	target.start(b.Context(), []benchStore{&instant{}}, 64)
	b.ReportAllocs()
	loadgen.Closed(b.Context(), target, loadgen.NewGenerator(w, 1), 64, loadgen.Options{Duration: time.Hour, Deadline: time.Minute, Grace: time.Minute, Count: b.N})
	target.close()
}
