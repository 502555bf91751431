package trial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/candordb/candor/bench/driver/echo"
	"github.com/candordb/candor/bench/engine"
	"github.com/candordb/candor/bench/peer"
)

// fake is a peer in this process, which echoes. It writes down what is done to it.
type fake struct {
	name   string
	diary  *[]string
	broken error
	reads  int // after which each connection breaks; 0: none does
	dir    string
	l      net.Listener
}

func (f *fake) note(what string)             { *f.diary = append(*f.diary, f.name+" "+what) }
func (f *fake) Name() string                 { return f.name }
func (*fake) Class() peer.Class              { return peer.D2 }
func (*fake) Version(context.Context) string { return "" }
func (*fake) Missing(context.Context) error  { return nil }
func (*fake) PIDs() []int                    { return []int{os.Getpid()} }
func (f *fake) SetReadOne(one bool)          { f.note(fmt.Sprint("one ", one)) }

func (f *fake) Start(_ context.Context, dir string) (err error) {
	f.note("start")
	if f.broken != nil {
		return f.broken
	}
	f.dir = dir
	if err := os.WriteFile(filepath.Join(dir, "data"), make([]byte, 1000), 0o644); err != nil {
		return err
	}
	if f.l, err = net.Listen("tcp", "127.0.0.1:0"); err == nil {
		go echo.Serve(f.l)
	}
	return err
}

func (f *fake) Stop() error {
	f.note("stop")
	if f.l != nil {
		f.l.Close()
	}
	return nil
}

func (f *fake) Dial(_ context.Context, _ int, o peer.Options) (peer.Link, error) {
	nc, err := net.Dial("tcp", f.l.Addr().String())
	if f.reads > 0 {
		nc = &fragile{nc, f.reads}
	}
	return peer.Link{Net: nc, Protocol: echo.Protocol{ValueSize: o.ValueSize}}, err
}

// fragile is a connection that breaks after so many reads.
type fragile struct {
	net.Conn
	reads int
}

func (f *fragile) Read(b []byte) (int, error) {
	if f.reads--; f.reads < 0 {
		return 0, errors.New("broken")
	}
	return f.Conn.Read(b)
}

// untilCounted is for cells that end by their Count.
var untilCounted = engine.Timing{Measure: time.Minute, Deadline: time.Minute}

// mustCompare runs a comparison of two fakes, and returns its rounds.
func mustCompare(t *testing.T, timing engine.Timing, a, b *fake, rounds int, cells ...Cell) (all []*Round) {
	t.Helper()
	dir := t.TempDir()
	s := &Session{
		Rounds: rounds, Timing: timing, Sustained: timing.Measure,
		Keys: 100, ValueSize: 10, Dir: dir, Progress: io.Discard, Note: func(r *Round) error { all = append(all, r); return nil },
	}
	if err := s.Compare(t.Context(), &Comparison{Peer: a, Candor: b, Cells: cells}); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left behind, %v", left, err)
	}
	return all
}

// cell is one of 200 operations.
func cell(name string) Cell {
	return Cell{Cell: engine.Cell{Name: name, Reads: 50, Conns: 2, Depth: 2, Count: 200}}
}

func TestRoundsAreInterleavedAndTurnAround(t *testing.T) {
	var diary []string
	a, b := &fake{name: "a", diary: &diary}, &fake{name: "b", diary: &diary}
	once := cell("z")
	once.Once = true
	rounds := mustCompare(t, untilCounted, a, b, 2, cell("x"), cell("y"), once)
	var got []string
	for _, r := range rounds {
		got = append(got, fmt.Sprint(r.Cell, r.Peer, r.Round))
		if r.Comparison != "a (D2) / b" || !r.Good() || r.Failure != "" || r.Keys != 100 || r.ValueSize != 10 {
			t.Errorf("%+v", r)
		}
		if r.CPU < 0 || r.Resident == 0 || r.Seconds <= 0 {
			t.Errorf("nothing was accounted: %+v", r)
		}
		if (r.DiskBytes == 1000) != (r.Cell == "z") {
			t.Errorf("%s: %d bytes on the disk", r.Cell, r.DiskBytes)
		}
	}
	if want := strings.Fields("xa1 xb1 ya1 yb1 za1 zb1 xb2 xa2 yb2 ya2"); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAnOpenLoopHasItsShareOfWhatCandorDid(t *testing.T) {
	var diary []string
	a, b := &fake{name: "a", diary: &diary}, &fake{name: "b", diary: &diary}
	open := cell("open")
	open.Share, open.Of, open.ReadOne = 0.01, "closed", true
	var most float64
	for _, r := range mustCompare(t, engine.Timing{Measure: 2 * time.Second, Deadline: time.Minute}, a, b, 1, cell("closed"), open) {
		switch {
		case r.Cell == "closed" && r.Peer == "b":
			most = r.PerSecond
		case r.Cell == "open" && r.Offered != most*0.01:
			t.Errorf("%s is offered %v, a hundredth of %v", r.Peer, r.Offered, most)
		}
	}
	if !slices.Contains(diary, "b one true") || !slices.Contains(diary, "b one false") {
		t.Errorf("%q", diary)
	}
}

func TestAPeerThatFailsIsNotedAndEnded(t *testing.T) {
	var diary []string
	a, b := &fake{name: "a", diary: &diary}, &fake{name: "b", diary: &diary, broken: errors.New("it does not start")}
	rounds := mustCompare(t, untilCounted, a, b, 2, cell("x"))
	if len(rounds) != 2 || !strings.Contains(rounds[0].Failure, "it does not start") || rounds[1].Round != 2 {
		t.Errorf("%+v", rounds)
	}
	if got := strings.Join(diary, ", "); got != "a start, b start, a stop, b stop, a start, b start, a stop, b stop" {
		t.Errorf("%s", got)
	}
}

func TestACellWithoutItsFigureIsNoted(t *testing.T) {
	var diary []string
	a, b := &fake{name: "a", diary: &diary}, &fake{name: "b", diary: &diary}
	open := cell("open")
	open.Share, open.Of = 0.5, "closed"
	for _, r := range mustCompare(t, untilCounted, a, b, 1, open) {
		if r.Good() || !strings.Contains(r.Failure, `"closed"`) {
			t.Errorf("%+v", r)
		}
	}
}

func TestABurstIsCountedFromItsFirstOperation(t *testing.T) {
	var diary []string
	a, b := &fake{name: "a", diary: &diary}, &fake{name: "b", diary: &diary}
	timing := untilCounted
	timing.Warm = time.Second // in which it would be over
	for _, r := range mustCompare(t, timing, a, b, 1, cell("x")) {
		if r.Ops != 200 || r.Failure != "" {
			t.Errorf("%+v", r)
		}
	}
}

// Whoever breaks off while a cell runs leaves the rounds before it, and no peer.
func TestARoundThatIsCutShortIsNotNoted(t *testing.T) {
	var diary, cells []string
	a, b := &fake{name: "a", diary: &diary}, &fake{name: "b", diary: &diary}
	ctx, cancel := context.WithCancel(t.Context())
	s := &Session{
		Rounds: 1, Timing: untilCounted, Keys: 100, Dir: t.TempDir(), Progress: io.Discard,
		Note: func(r *Round) error { cells = append(cells, r.Cell+r.Peer); cancel(); return nil },
	}
	err := s.Compare(ctx, &Comparison{Peer: a, Candor: b, Cells: []Cell{cell("x"), cell("y")}})
	if !errors.Is(err, context.Canceled) || !slices.Equal(cells, []string{"xa"}) {
		t.Errorf("%v was noted, %v", cells, err)
	}
	if end := diary[len(diary)-2:]; !slices.Equal(end, []string{"a stop", "b stop"}) {
		t.Errorf("at the end: %q", end)
	}
}

func TestOfARunThatFailsNoFigureIsGood(t *testing.T) {
	var diary []string
	a, b := &fake{name: "a", diary: &diary}, &fake{name: "b", diary: &diary}
	b.reads = 10 // as many as the keys need, and less than the cell
	for _, r := range mustCompare(t, untilCounted, a, b, 1, cell("x")) {
		if r.Good() != (r.Peer == "a") || (r.Failure == "") != (r.Peer == "a") {
			t.Errorf("%+v", r)
		}
	}
}

func TestWhatIsNotDoneIsAShareOfAll(t *testing.T) {
	r := Round{Ops: 90, Outcomes: map[string]uint64{"done": 90, "refused": 5}, Silent: 5}
	if got := r.Faults(); got < 0.099 || got > 0.101 {
		t.Errorf("got %v", got)
	}
	if got := new(Round).Faults(); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}
