package trial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/candordb/candor/bench/account"
	"github.com/candordb/candor/bench/engine"
	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/load/process"
)

// stealMax is the share of a round's time that the machine may lose to others.
const stealMax = 0.02

// repeatsMax is how often a round is repeated for that.
const repeatsMax = 3

// Cell is what is asked, and how.
type Cell struct {
	engine.Cell
	// Share makes it an open loop, at this share of the most that Candor did in this
	// round in the cell Of, which comes before it.
	Share float64
	Of    string
	// Once: in the first round only, and for as long as Session.Sustained. It comes
	// last, as what is left behind would weigh on others.
	Once bool
	// ReadOne has Candor read from one replica.
	ReadOne bool
}

// Comparison is a peer beside a variant of Candor.
type Comparison struct {
	Peer   peer.Peer
	Candor peer.Peer
	Cells  []Cell
}

// Name is that of the peer and that of Candor's variant.
func (c *Comparison) Name() string {
	return fmt.Sprintf("%s (%s) / %s", c.Peer.Name(), c.Peer.Class(), c.Candor.Name())
}

// Session is one run of the harness.
type Session struct {
	Rounds    int
	Timing    engine.Timing
	Sustained time.Duration // of cells that are run once
	Keys      int           // that are written at the start of each round
	ValueSize int
	Settle    time.Duration // how long servers may take to become idle once keys are written
	Dir       string        // for data; each round has folders of its own, and removes them
	Progress  io.Writer
	// Note is called with each round, as soon as it is over.
	Note func(*Round) error
}

// Compare goes through all rounds. What a round fails of is noted; an error is
// what cannot be noted, or the end of ctx.
func (s *Session) Compare(ctx context.Context, c *Comparison) error {
	for round := 1; round <= s.Rounds; round++ {
		err := s.round(ctx, c, round)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			continue
		}
		s.say("%s, round %d: %v", c.Name(), round, err)
		if err := s.Note(&Round{Comparison: c.Name(), Round: round, Peer: c.Candor.Name(), Failure: err.Error()}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) say(format string, args ...any) {
	fmt.Fprintf(s.Progress, "%s  %s\n", time.Now().UTC().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// round starts both, runs all cells, and stops both.
func (s *Session) round(ctx context.Context, c *Comparison, round int) (err error) {
	dir, err := os.MkdirTemp(s.Dir, "round-")
	if err != nil {
		return err
	}
	sides := []peer.Peer{c.Peer, c.Candor}
	defer func() {
		for _, p := range sides {
			err = errors.Join(err, p.Stop())
		}
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	for _, p := range sides {
		if err := s.begin(ctx, p, filepath.Join(dir, folders[p == c.Candor])); err != nil {
			return fmt.Errorf("%s: %w", p.Name(), err)
		}
	}
	if round%2 == 0 {
		sides[0], sides[1] = sides[1], sides[0] // each is the first as often as the other
	}
	most := make(map[string]float64)
	for _, cell := range c.Cells {
		if cell.Once && (round > 1 || s.Sustained == 0) {
			continue
		}
		for _, p := range sides {
			r := s.repeat(ctx, p, &cell, most[cell.Of])
			if ctx.Err() != nil {
				return ctx.Err() // a round that was cut short says nothing
			}
			r.Comparison, r.Round = c.Name(), round
			if cell.Once {
				s.settle(ctx, p)
				r.DiskBytes = diskBytes(filepath.Join(dir, folders[p == c.Candor]))
			}
			if p == c.Candor {
				most[cell.Name] = r.PerSecond
			}
			s.say("%s", Line(r))
			if err := s.Note(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// folders are those of a peer, and of Candor.
var folders = map[bool]string{false: "peer", true: "candor"}

// settleLook is how long is looked whether servers are idle; settledCores is how much
// they may still use.
const (
	settleLook   = time.Second
	settledCores = 0.05
)

// begin starts a peer, writes all keys, and waits until it is idle.
func (s *Session) begin(ctx context.Context, p peer.Peer, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := p.Start(ctx, dir); err != nil {
		return err
	}
	if err := s.fill(ctx, p); err != nil {
		return err
	}
	s.settle(ctx, p)
	return ctx.Err()
}

// settle waits until a peer has nothing left to do, or for as long as that may take.
func (s *Session) settle(ctx context.Context, p peer.Peer) {
	before, err := account.Of(p.PIDs())
	for end := time.Now().Add(s.Settle); err == nil && time.Now().Before(end) && process.Pause(ctx, settleLook); {
		var now account.Usage
		if now, err = account.Of(p.PIDs()); now.CPU-before.CPU < time.Duration(settledCores*float64(settleLook)) {
			return
		}
		before = now
	}
}

// fill writes all keys: again, if not all of them were done.
func (s *Session) fill(ctx context.Context, p peer.Peer) error {
	cell := engine.Cell{Keys: s.Keys, ValueSize: s.ValueSize, Conns: fillConns, Depth: fillDepth}
	for n := 1; ; n++ {
		r, err := engine.Fill(ctx, p, cell, seed, fillDeadline)
		switch {
		case err != nil:
			return fmt.Errorf("writing the keys: %w", err)
		case r.Counts[peer.Done] == uint64(s.Keys):
			return nil
		case n == fillsMax:
			return fmt.Errorf("writing the keys: %d of %d were done (%v, %d without answer)", r.Counts[peer.Done], s.Keys, r.Counts, r.Silent)
		}
	}
}

// How keys are written.
const (
	fillConns, fillDepth = 16, 16
	fillDeadline         = 10 * time.Second
	fillsMax             = 3
)

// repeat runs a cell until the machine was its own meanwhile.
func (s *Session) repeat(ctx context.Context, p peer.Peer, cell *Cell, most float64) *Round {
	for n := 0; ; n++ {
		r := s.once(ctx, p, cell, most)
		r.Repeated = n
		if r.Steal <= stealMax || n == repeatsMax || cell.Once || ctx.Err() != nil {
			return r
		}
		s.say("thrown away, as %.1f %% of the time were stolen: %s", 100*r.Steal, Line(r))
	}
}

// levelled is a peer whose reads may ask one replica alone.
type levelled interface{ SetReadOne(one bool) }

// once runs a cell.
func (s *Session) once(ctx context.Context, p peer.Peer, cell *Cell, most float64) *Round {
	r := &Round{
		Cell: cell.Name, Peer: p.Name(), Class: p.Class(), Reads: cell.Reads, Conns: cell.Conns, Depth: cell.Depth,
		Keys: s.Keys, ValueSize: s.ValueSize,
	}
	c := cell.Cell
	c.Keys, c.ValueSize = s.Keys, s.ValueSize
	timing := s.Timing
	if cell.Count > 0 {
		timing.Warm = 0 // fast peers would be done before it is over; writing the keys was one
	}
	if cell.Once {
		timing.Warm, timing.Measure = 0, s.Sustained
	}
	if l, ok := p.(levelled); ok {
		l.SetReadOne(cell.ReadOne)
	}
	var before, after *snapshot
	marks := engine.Marks{Begin: func() { before = look(ctx, p, true) }, End: func() { after = look(ctx, p, false) }}
	var result engine.Result
	var err error
	switch {
	case cell.Share == 0:
		result, err = engine.Closed(ctx, p, c, seed, timing, marks)
	case most == 0:
		err = fmt.Errorf("the cell %q has no figure, of which %.0f %% are asked", cell.Of, 100*cell.Share)
	default:
		r.Offered, r.Depth = cell.Share*most, 0
		result, err = engine.Open(ctx, p, c, seed, r.Offered, timing, marks)
	}
	r.told(&result)
	if err != nil {
		r.Failure = err.Error()
		r.Ops, r.PerSecond = 0, 0 // of a run that has failed no figure is good
	}
	if before != nil && after != nil {
		r.used(before, after, result.Counts[peer.Done])
	}
	return r
}

// seed is that of all operations: each round asks the same.
const seed = 20

// diskBytes is how much the files of a folder have.
func diskBytes(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil // it has gone meanwhile
		}
		if info, err := e.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}

// Line is a round in one line.
func Line(r *Round) string {
	text := fmt.Sprintf("%-14s %-18s %8.0f/s  p50 %6.0f us  p99 %7.0f us  %6.1f CPU-us/op  %4.2f cores", r.Cell, r.Peer, r.PerSecond, r.P50, r.P99, r.CPU, r.Cores)
	if r.Failure != "" {
		text += "  " + r.Failure
	}
	return text
}
