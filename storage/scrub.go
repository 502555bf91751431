package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Scrub re-reads everything that an engine stores, over and over, at the pace that
// a cycle sets. It decides only: Step is called when the last one said, by
// whoever has the clock, and does the little that is due. It belongs to one
// goroutine.
//
// A pass that is interrupted by a restart begins again: AsOf is the beginning
// of the last one that came to its end, since only of that it is sure that all
// that lay on the disk then has been read since (or was read and written anew by
// a compaction).
type Scrub struct {
	engine Engine
	cycle  time.Duration

	check Check // of the pass under way; nil: none is
	begun int64
	due   int64 // when the next pass begins
	rate  int   // bytes per step of the pass under way
	asOf  int64
	stats ScrubStats
}

// ScrubStats count what scrubs have done since the start. Counters only rise.
type ScrubStats struct {
	Passes uint64 // that came to their end
	Bytes  uint64 // re-read
}

const (
	scrubbedName   = ownNames + "scrubbed"
	scrubbedFormat = 1

	// scrubStep is the time between two steps of a pass.
	scrubStep = time.Second
	// scrubShare is the part of the cycle that a pass is spread over, so that it
	// ends well within it although more is written meanwhile.
	scrubShare = 0.5
	// scrubAgain is the time to the next pass when one could not go on.
	scrubAgain = time.Minute
	// scrubBytes is the least that a step reads.
	scrubBytes = 64 << 10
)

// NewScrub returns a scrub that reads everything once per cycle. The first pass
// is due at once if the last one is longer ago than that, or unknown. Its errors
// are those of Get, but ErrNotFound.
func NewScrub(engine Engine, cycle time.Duration) (*Scrub, error) {
	s := &Scrub{engine: engine, cycle: max(cycle, scrubStep)}
	b, err := engine.Get(SystemKey(scrubbedName))
	switch {
	case errors.Is(err, ErrNotFound):
		return s, nil
	case err != nil:
		return nil, err
	case len(b) != 9 || b[0] != scrubbedFormat:
		return nil, fmt.Errorf("storage: %s holds %x: %w", scrubbedName, b, ErrCorrupt)
	}
	s.asOf = int64(binary.BigEndian.Uint64(b[1:]))
	s.due = s.asOf + s.cycle.Milliseconds()
	return s, nil
}

// AsOf returns when the last completed pass began, in milliseconds since 1970; 0
// if none was ever completed.
func (s *Scrub) AsOf() int64 { return s.asOf }

// Running says whether a pass is under way.
func (s *Scrub) Running() bool { return s.check != nil }

// Stats returns the counters.
func (s *Scrub) Stats() ScrubStats { return s.stats }

// Hurry makes the next pass due at once.
func (s *Scrub) Hurry() { s.due = 0 }

// Step does what is due at now, in milliseconds since 1970, calls found with each
// damage, and returns after how long it is to be called again. It reads from
// the disk, and blocks that long. Errors: ErrPoisoned, ErrClosed, with
// which it is over; ErrInDoubt; ErrDiskFull, with which AsOf stays as it was.
func (s *Scrub) Step(now int64, found func(Damage)) (time.Duration, error) {
	if s.check == nil {
		// A clock that was set back must not keep the scrub from ever running.
		if now < s.due && s.due-now <= s.cycle.Milliseconds() {
			return min(time.Duration(s.due-now)*time.Millisecond, s.cycle), nil
		}
		if err := s.begin(now); err != nil {
			return scrubAgain, err
		}
	}
	read, more, err := s.check.Next(s.rate, found)
	s.stats.Bytes += uint64(read)
	if err != nil {
		s.Close()
		s.due = now // what was left out is not left to the next cycle
		return scrubAgain, err
	}
	if more {
		return s.pause(), nil
	}
	s.Close()
	return s.pause(), s.completed()
}

// begin starts a pass, and sets its rate by what there is to read now.
func (s *Scrub) begin(now int64) error {
	check, err := s.engine.Check()
	if err != nil {
		return err
	}
	total := int64(0)
	for _, bytes := range s.engine.Stats().LevelBytes {
		total += bytes
	}
	steps := max(1, int64(float64(s.cycle)*scrubShare)/int64(s.pause()))
	s.check, s.begun = check, now
	s.rate = int(max(scrubBytes, total/steps))
	s.due = now + s.cycle.Milliseconds()
	return nil
}

// pause is the time between two steps; shorter than usual where the cycle is.
func (s *Scrub) pause() time.Duration { return min(scrubStep, s.cycle/20) }

// completed notes durably that everything was read.
func (s *Scrub) completed() error {
	s.stats.Passes++
	var b Batch
	b.Put(SystemKey(scrubbedName), binary.BigEndian.AppendUint64([]byte{scrubbedFormat}, uint64(s.begun)))
	if err := s.engine.Write(&b); err != nil {
		return err
	}
	s.asOf = s.begun
	return nil
}

// Close ends the pass that is under way, if there is one. Step may be called
// again, and begins a new one.
func (s *Scrub) Close() {
	if s.check == nil {
		return
	}
	_ = s.check.Close() // it only read
	s.check = nil
}
