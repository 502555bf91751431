package main

import (
	"context"
	"fmt"
	"time"

	"github.com/candordb/candor/client"
)

// writeCounts is what became of lines.
type writeCounts struct {
	Done       int   `json:"done"`
	Superseded int   `json:"superseded"`
	InDoubt    int   `json:"in_doubt"`
	Refused    int   `json:"refused"`
	BadLines   int   `json:"bad_lines"`
	Expired    int   `json:"expired"`     // before they could be written
	Bytes      int64 `json:"bytes"`       // of keys and values that are done
	LeastAcked int   `json:"least_acked"` // of those that are done; 0: none is
}

// writeSummary is what became of a file.
type writeSummary struct {
	writeCounts
	TookMS    int64 `json:"took_ms"` // of this run
	PerSecond int   `json:"per_second"`
	// ResumedFrom is the first line that this run wrote; 0: all are its own.
	ResumedFrom int    `json:"resumed_from,omitempty"`
	Trailer     string `json:"trailer"` // what the last line of an export says: ok, none, missing, differs
	refusal     error  // the last
	different   string // what is wrong with the last line
}

// runWrite writes the entries of the input. With --resume it goes on where an
// earlier run is known to have come.
func (o importOptions) runWrite(ctx context.Context, e *env, c *client.Client) (*writeSummary, error) {
	in, size, err := o.input(e)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	l := newLines(in)
	reading, stop := context.WithCancel(ctx)
	defer stop()
	book, err := o.openLedger(l, stop)
	if err != nil {
		return nil, err
	}
	s, began := &writeSummary{writeCounts: book.state.Counts}, time.Now()
	if book.state.Line > 0 {
		s.ResumedFrom = book.state.Line + 1
	}
	before := s.Done + s.Superseded
	bar := newProgress(e, "import", size)
	var workers *crew
	workers = newCrew(o.workers, bar, func(en *entry) {
		r, outcome, err := o.writeOne(ctx, c, en)
		workers.mu.Lock()
		s.add(outcome, r.Acked, len(en.key)+len(en.value))
		if outcome == wasRefused {
			s.refusal = err
		}
		workers.mu.Unlock()
		book.settle(en, outcome, r.Acked, err)
		bar.done()
		switch outcome {
		case isInDoubt, wasRefused, wasLeftInDoubt:
			workers.complain("line %d: %v", en.number, err)
		}
	})
	workers.ledger, workers.rate = book, o.rate
	err = workers.run(reading, l)
	if bad := book.close(); bad != nil {
		err = bad
	}
	s.BadLines += workers.bad
	s.TookMS, s.PerSecond = time.Since(began).Milliseconds(), rate(s.Done+s.Superseded-before, time.Since(began))
	if s.Trailer, s.different = l.verdict(), l.different; ctx.Err() != nil {
		s.Trailer, s.different = trailerNone, "" // it was not reached
	}
	return s, err
}

// openLedger reads how far an earlier run has come, and goes on there.
func (o importOptions) openLedger(l *lines, stop context.CancelFunc) (*ledger, error) {
	state, resumed := importState{Namespace: o.namespace}, false
	if o.resume != "" {
		var err error
		if state, resumed, err = loadState(o.resume, o.namespace); err != nil {
			return nil, err
		}
		if err := state.skip(l); err != nil {
			return nil, err
		}
	}
	rejects, err := o.openRejects(&state, resumed)
	if err != nil {
		return nil, err
	}
	if o.resume != "" && !resumed {
		// From now on the refused lines belong to this import.
		if err := state.save(o.resume); err != nil {
			return nil, err
		}
	}
	return newLedger(o.resume, state, rejects, stop), nil
}

// add counts a line.
func (s *writeCounts) add(outcome outcomeOf, acked, bytes int) {
	switch outcome {
	case isInDoubt, wasLeftInDoubt:
		s.InDoubt++
		return
	case wasRefused:
		s.Refused++
		return
	case wasExpired:
		s.Expired++
		return
	case wasGivenUp:
		return
	case wasSuperseded:
		s.Superseded++
	case wroteIt:
		s.Done++
	}
	s.Bytes += int64(bytes)
	s.LeastAcked = least(s.LeastAcked, acked)
}

// join adds what became of other lines.
func (s *writeCounts) join(o *writeCounts) {
	s.Done += o.Done
	s.Superseded += o.Superseded
	s.InDoubt += o.InDoubt
	s.Refused += o.Refused
	s.BadLines += o.BadLines
	s.Expired += o.Expired
	s.Bytes += o.Bytes
	if o.LeastAcked > 0 {
		s.LeastAcked = least(s.LeastAcked, o.LeastAcked)
	}
}

// least is the lower of what was so far (0: nothing) and what has come.
func least(sofar, acked int) int {
	if sofar == 0 {
		return acked
	}
	return min(sofar, acked)
}

func (s *writeSummary) exit() int {
	switch {
	case s.InDoubt > 0:
		return exitInDoubt
	case s.Refused > 0 && s.Done+s.Superseded == 0 && s.refusal != nil:
		_, exit := describe(s.refusal)
		return exit
	case s.Refused+s.Superseded+s.BadLines > 0 || !trailerFits(s.Trailer):
		return exitPartly
	}
	return 0
}

// text is the summary in one line. Lines that had expired are told where there
// are any.
func (s *writeSummary) text() string {
	took, expired := time.Duration(s.TookMS)*time.Millisecond, ""
	if s.Expired > 0 {
		expired = fmt.Sprintf("   %s expired", grouped(s.Expired))
	}
	return fmt.Sprintf("import  %s done   %s superseded   %s in doubt   %s refused%s   %s in %v (%s/s)   least acked %d",
		grouped(s.Done), grouped(s.Superseded), grouped(s.InDoubt), grouped(s.Refused+s.BadLines), expired, sized(s.Bytes),
		took.Round(100*time.Millisecond), grouped(s.PerSecond), s.LeastAcked)
}
