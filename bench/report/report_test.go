package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/bench/primitive"
	"github.com/candordb/candor/bench/trial"
)

// mustWrite writes a run and returns the report of it and its JSON lines.
func mustWrite(t *testing.T, rounds ...*trial.Round) (*Report, []byte) {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, Machine{Name: "test", Cores: 2, Versions: map[string]string{"redis": "redis 7"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rounds {
		if err := w.Round(r); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []primitive.Figure{{Name: primitive.LevelDBSynced, US: 4, CPU: 4}, {Name: primitive.LevelDBGet, CPU: 2}, {Name: primitive.Codec, CPU: 0.2}, {Name: primitive.Sync, P50US: 100}} {
		if err := w.Primitive(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Absent(Absent{"etcd (D2)", "etcd is not installed"}); err != nil {
		t.Fatal(err)
	}
	return w.Report(), out.Bytes()
}

// round is one of a pair, with throughput and CPU.
func round(peerName string, class peer.Class, candor, cell string, n int, isCandor bool, rate, cpu float64) *trial.Round {
	r := &trial.Round{
		Comparison: fmt.Sprintf("%s (%s) / %s", peerName, class, candor), Cell: cell, Round: n, Peer: peerName, Class: class,
		Ops: 100, PerSecond: rate, CPU: cpu, P50: 10, P99: 100, P999: 200, Keys: 1_000_000, ValueSize: 100,
		Outcomes: map[string]uint64{"done": 100}, Curve: [][2]float64{{0, 1}, {0.9, 10}, {1, 100}},
		ClientCPU: -1, Switches: -1, Calls: -1, Written: -1, Allocations: -1, GCShare: -1,
	}
	if isCandor {
		r.Peer, r.Class = candor, "D2"
	}
	return r
}

func TestASpreadIsMedianLeastAndLargest(t *testing.T) {
	for _, c := range []struct {
		of   []float64
		want Spread
	}{
		{nil, Spread{}},
		{[]float64{-1}, Spread{}},
		{[]float64{3, -1, 1, 2}, Spread{2, 1, 3, 3}},
		{[]float64{4, 1}, Spread{2.5, 1, 4, 2}},
	} {
		if got := spreadOf(c.of); got != c.want {
			t.Errorf("%v: got %v, want %v", c.of, got, c.want)
		}
	}
}

// The machine became twice as slow in between: the ratio of medians would be wrong,
// the median of ratios is not.
func TestRatiosAreTakenRoundByRound(t *testing.T) {
	r, _ := mustWrite(t,
		round("redis-off", "D0", "candor-1-D2", CellGet16, 1, false, 100, 1), round("redis-off", "D0", "candor-1-D2", CellGet16, 1, true, 120, 1),
		round("redis-off", "D0", "candor-1-D2", CellGet16, 2, true, 61, 1), round("redis-off", "D0", "candor-1-D2", CellGet16, 2, false, 50, 1),
		round("redis-off", "D0", "candor-1-D2", CellGet16, 3, false, 1000, 1), // its other half has failed
	)
	got, verdict := goal("P1").Row(r)
	if want := "1.21 (1.20 to 1.22) (candor at D2)"; got != want || verdict != Met {
		t.Errorf("got %q, %v; want %q", got, verdict, want)
	}
}

func goal(id string) *Goal {
	all := Goals()
	return &all[slices.IndexFunc(all, func(g Goal) bool { return g.ID == id })]
}

func TestEveryGoalHasItsRow(t *testing.T) {
	r, _ := mustWrite(t)
	page := r.Markdown(nil)
	for n := 1; n <= 22; n++ {
		if row := fmt.Sprintf("\n| P%d | ", n); strings.Count(page, row) != 1 {
			t.Errorf("P%d has %d rows", n, strings.Count(page, row))
		}
	}
	for _, g := range Goals() {
		if reached, v := g.Row(r); v != Unmeasured || reached == "" || (len(g.Parts) == 0) != (g.Elsewhere != "") {
			t.Errorf("%s without a round: %q, %v", g.ID, reached, v)
		}
	}
}

func TestAGoalIsAsGoodAsItsWorstPart(t *testing.T) {
	pair := func(cell string, ratio float64) []*trial.Round {
		return []*trial.Round{round("redis-wait-everysec", "D1", "candor-3-D1", cell, 1, false, 100, 1), round("redis-wait-everysec", "D1", "candor-3-D1", cell, 1, true, 100*ratio, 1)}
	}
	for _, c := range []struct {
		deep, flat float64
		want       Verdict
	}{{1.1, 1.1, Stretched}, {0.8, 1.1, Met}, {0.6, 1.1, Missed}, {1.1, 0.9, Missed}} {
		r, _ := mustWrite(t, append(pair(CellPut16, c.deep), pair(CellPut1, c.flat)...)...)
		if text, got := goal("P7").Row(r); got != c.want {
			t.Errorf("%v: %v, %s", c, got, text)
		}
	}
	r, _ := mustWrite(t, pair(CellPut16, 2)...)
	if text, got := goal("P7").Row(r); got != Unmeasured {
		t.Errorf("one part has no figure: %v, %s", got, text)
	}
}

func TestEfficiencyIsPrimitivesByMeasure(t *testing.T) {
	r, _ := mustWrite(t,
		round("echo", "D0", "candor-3-D2", CellPut16, 1, false, 1, 1), round("echo", "D0", "candor-3-D2", CellPut16, 1, true, 1, 36),
		round("echo", "D0", "candor-3-D2", CellGet16, 1, false, 1, 1), round("echo", "D0", "candor-3-D2", CellGet16, 1, true, 1, 7.6))
	// PUT: 5 exchanges of 1 and codec 0.2, 3 writes of 4: 18 of 36. GET: 3 of 1.2, 2 reads of 2: all of 7.6.
	got, verdict := goal("P10").Row(r)
	if want := "GET 1.00 (1.00 to 1.00): stretch; PUT 0.50 (0.50 to 0.50): missed"; got != want || verdict != Missed {
		t.Errorf("got %q, %v", got, verdict)
	}
}

func TestWhoIsAbsentIsToldWhereItIsMissed(t *testing.T) {
	r, _ := mustWrite(t)
	page := r.Markdown(nil)
	if n := strings.Count(page, "absent: etcd is not installed"); n < 2 {
		t.Errorf("it is told %d times", n)
	}
}

func TestJSONLinesSayAllThatThePageSays(t *testing.T) {
	want, text := mustWrite(t, round("redis-off", "D0", "candor-1-D2", CellGet1, 1, false, 1, 2), round("redis-off", "D0", "candor-1-D2", CellGet1, 1, true, 3, 4))
	got, err := Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if a, b := want.Markdown(nil), got.Markdown(nil); a != b {
		t.Error("the page of what was read back is another one")
	}
	if _, err := Read(strings.NewReader("{}\nx\n")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("got %v", err)
	}
}

func TestThePageHidesNothing(t *testing.T) {
	bad := round("redis-off", "D0", "candor-1-D2", CellGet1, 1, true, 3, 4)
	bad.Outcomes["refused"], bad.Failure = 900, "a connection\nbroke"
	r, _ := mustWrite(t, round("redis-off", "D0", "candor-1-D2", CellGet1, 1, false, 1, 2), bad)
	page := r.Markdown(map[string]string{bad.Comparison: "x.svg"})
	for _, want := range []string{"90 % of the requests were not done", "a connection broke", "900 refused", "The classes differ", "![latency by percentile](x.svg)"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// Who is who is told, also where one side has no figure in the first cell.
func TestThePageTellsTheSidesApartWhateverIsMissing(t *testing.T) {
	theirs := round("etcd", "D1", "candor-3-D2", CellGet16, 1, false, 1, 2)
	theirs.Library = true
	r, _ := mustWrite(t, round("etcd", "D1", "candor-3-D2", CellPut16, 1, true, 3, 4), theirs)
	page := r.Markdown(nil)
	for _, want := range []string{"write of the peer is D1, one of Candor D2", "etcd is asked by its own client library"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

func TestTablesAreWhole(t *testing.T) {
	r, _ := mustWrite(t, round("redis-off", "D0", "candor-1-D2", CellGet1, 1, false, 1, 2), round("redis-off", "D0", "candor-1-D2", CellGet1, 1, true, 3, 4))
	columns := 0
	for line := range strings.Lines(r.Markdown(nil)) {
		if !strings.HasPrefix(line, "|") {
			columns = 0
			continue
		}
		n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		if columns > 0 && n != columns {
			t.Errorf("%d columns, not %d: %s", n, columns, line)
		}
		columns = n
	}
}

func TestEachPairHasItsPlot(t *testing.T) {
	r, _ := mustWrite(t, round("redis-off", "D0", "candor-1-D2", CellGet1, 1, false, 1, 2), round("redis-off", "D0", "candor-1-D2", CellGet1, 1, true, 3, 4),
		round("lonely", "D0", "candor-1-D2", CellGet1, 1, false, 1, 2))
	plots := r.Plots()
	if len(plots) != 1 || plots[0].Name != "redis-off-d0-candor-1-d2.svg" || !strings.Contains(plots[0].SVG, "redis GET d1") {
		t.Errorf("%+v", plots)
	}
}

func TestAFigureHasThreeDigits(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 1234.5: "1234", 12.345: "12.3", 1.2345: "1.23", 0.0123: "0.01", 0.00123: "0.0012"} {
		if got := digits(v); got != want {
			t.Errorf("%v: got %s, want %s", v, got, want)
		}
	}
}

func TestTheGuardFailsBelowItsFloors(t *testing.T) {
	run := func(candor float64) *Report {
		var rounds []*trial.Round
		for _, c := range []struct{ variant, cell string }{{"candor-3-D2", CellGet16}, {"candor-3-D2", CellPut16}, {"candor-1-D2", CellGet16}, {"candor-1-D2", CellPut64}} {
			rounds = append(rounds, round("echo", "D0", c.variant, c.cell, 1, false, 1e6, 1), round("echo", "D0", c.variant, c.cell, 1, true, candor, 1e6/candor))
		}
		r, _ := mustWrite(t, rounds...)
		return r
	}
	floors := FloorsOf(run(100_000))
	if len(floors) != len(guarded()) {
		t.Fatalf("%d floors of %d", len(floors), len(guarded()))
	}
	for _, c := range []struct {
		rate float64
		want bool
	}{{100_000, true}, {81_000, true}, {79_000, false}} {
		if text, hold := floors.Judge(run(c.rate)); hold != c.want {
			t.Errorf("at %v it holds: %v\n%s", c.rate, hold, text)
		}
	}
	if text, hold := (Floors{}).Judge(run(1)); !hold || !strings.Contains(text, "no floor yet") {
		t.Errorf("without floors: %v\n%s", hold, text)
	}
	empty, _ := mustWrite(t)
	if text, hold := floors.Judge(empty); hold {
		t.Errorf("a run without figures holds\n%s", text)
	}
}
