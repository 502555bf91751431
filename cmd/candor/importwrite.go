package main

import (
	"context"
	"fmt"
	"time"

	"github.com/candordb/candor/client"
)

// writeSummary is what became of the lines of a file.
type writeSummary struct {
	Done       int   `json:"done"`
	Superseded int   `json:"superseded"`
	InDoubt    int   `json:"in_doubt"`
	Refused    int   `json:"refused"`
	BadLines   int   `json:"bad_lines"`
	Bytes      int64 `json:"bytes"` // of keys and values that are done
	TookMS     int64 `json:"took_ms"`
	PerSecond  int   `json:"per_second"`
	LeastAcked int   `json:"least_acked"` // of those that are done; 0: none is
	refusal    error // the last
}

func (o importOptions) runWrite(ctx context.Context, e *env, c *client.Client) (*writeSummary, error) {
	in, size, err := o.input(e)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	s, began := new(writeSummary), time.Now()
	bar := newProgress(e, "import", size)
	var workers *crew
	workers = newCrew(e, o.workers, bar, func(en *entry) {
		r, outcome, err := o.writeOne(ctx, c, en)
		workers.mu.Lock()
		s.add(&r, outcome, err, len(en.key)+len(en.value))
		workers.mu.Unlock()
		bar.done()
		switch outcome {
		case isInDoubt, wasRefused:
			workers.complain("line %d: %v", en.number, err)
		}
	})
	err = workers.run(ctx, in)
	s.BadLines, s.TookMS = workers.bad, time.Since(began).Milliseconds()
	s.PerSecond = rate(s.Done+s.Superseded, time.Since(began))
	return s, err
}

func (s *writeSummary) add(r *client.Receipt, outcome outcomeOf, err error, bytes int) {
	switch outcome {
	case isInDoubt:
		s.InDoubt++
		return
	case wasRefused:
		s.Refused++
		s.refusal = err
		return
	case wasSuperseded:
		s.Superseded++
	case wroteIt:
		s.Done++
	}
	s.Bytes += int64(bytes)
	s.LeastAcked = least(s.LeastAcked, r.Acked)
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
	case s.Refused > 0 && s.Done+s.Superseded == 0:
		_, exit := describe(s.refusal)
		return exit
	case s.Refused+s.Superseded+s.BadLines > 0:
		return exitPartly
	}
	return 0
}

func (s *writeSummary) String() string {
	took := time.Duration(s.TookMS) * time.Millisecond
	return fmt.Sprintf("import  %s done   %s superseded   %s in doubt   %s refused   %s in %v (%s/s)   least acked %d",
		grouped(s.Done), grouped(s.Superseded), grouped(s.InDoubt), grouped(s.Refused+s.BadLines), sized(s.Bytes),
		took.Round(100*time.Millisecond), grouped(s.PerSecond), s.LeastAcked)
}
