package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/candordb/candor/client"
)

// readSummary is how what is stored compares with a file. Each line counts once.
type readSummary struct {
	Found     int `json:"found"` // with the value of the file
	Different int `json:"different"`
	Missing   int `json:"missing"`
	InDoubt   int `json:"in_doubt"` // could not be read, so nothing can be said
	BadLines  int `json:"bad_lines"`
	// Repeated of those found have a key that a later line has too, and its value.
	Repeated   int   `json:"repeated"`
	Bytes      int64 `json:"bytes"`
	TookMS     int64 `json:"took_ms"`
	PerSecond  int   `json:"per_second"`
	LeastAcked int   `json:"least_acked"` // of those read; 0: none was
}

// suspectsMax bounds how many differences are looked into once more.
const suspectsMax = 100_000

// verifier compares a file with what is stored.
//
// A key that the file has twice is stored with the value of its later line, so
// an earlier line differs and is fine. Remembering all keys would take memory
// without a bound; so only what differs is remembered, by the hash of what was
// read, and a second pass over the file finds the last line of those keys.
type verifier struct {
	readSummary
	suspects map[string]*suspect
}

// suspect is a key with lines that differ from what is stored.
type suspect struct {
	stored [sha256.Size]byte
	lines  []int // that differ
	last   [sha256.Size]byte
}

func (o importOptions) runVerify(ctx context.Context, e *env, c *client.Client) (*readSummary, error) {
	in, size, err := o.input(e)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	v, began := &verifier{suspects: make(map[string]*suspect)}, time.Now()
	bar := newProgress(e, "verify", size)
	o.level = o.readLevel()
	var workers *crew
	workers = newCrew(e, o.workers, bar, func(en *entry) {
		item, err := o.readOne(ctx, c, en.key)
		workers.mu.Lock()
		why := v.add(en, &item, err)
		workers.mu.Unlock()
		bar.done()
		if why != "" {
			workers.complain("line %d: %q %s", en.number, en.key, why)
		}
	})
	if err := workers.run(ctx, in); err != nil {
		return nil, err
	}
	if err := v.settle(e, o, workers); err != nil {
		return nil, err
	}
	v.BadLines, v.TookMS = workers.bad, time.Since(began).Milliseconds()
	v.PerSecond = rate(v.Found+v.Different+v.Missing, time.Since(began))
	return &v.readSummary, nil
}

// readLevel is quorum, unless another level was asked for.
func (o importOptions) readLevel() client.Level {
	if o.level == 0 {
		return client.Quorum
	}
	return o.level
}

// readOne reads a key; what can pass is tried again.
func (o importOptions) readOne(ctx context.Context, c *client.Client, key []byte) (item client.Item, err error) {
	pause := pauseFirst
	for try := 1; ; try++ {
		item, err = c.Get(ctx, key, o.call()...)
		if try == triesMax || ctx.Err() != nil || err == nil || !passing(err) {
			return item, err
		}
		wait(ctx, pause)
		pause *= 2
	}
}

// add counts one line, and says what is wrong with it. A difference is only
// noted.
func (v *verifier) add(en *entry, item *client.Item, err error) (why string) {
	absent := errors.Is(err, client.ErrNotFound)
	if err == nil || absent {
		v.LeastAcked = least(v.LeastAcked, item.Receipt.Acked)
	}
	switch {
	case absent:
		v.Missing++
		return "is missing"
	case err != nil:
		v.InDoubt++
		return "could not be read: " + err.Error()
	case bytes.Equal(item.Value, en.value):
		v.Found++
		v.Bytes += int64(len(en.key) + len(en.value))
	default:
		v.Different++
		v.suspect(en, item.Value)
	}
	return ""
}

func (v *verifier) suspect(en *entry, stored []byte) {
	s := v.suspects[string(en.key)]
	if s == nil {
		if len(v.suspects) == suspectsMax {
			return
		}
		s = &suspect{stored: sha256.Sum256(stored)}
		v.suspects[string(en.key)] = s
	}
	s.lines = append(s.lines, en.number)
}

// settle finds out, in a second pass, which of the lines that differ have been
// overwritten by a later line of the file.
func (v *verifier) settle(e *env, o importOptions, workers *crew) error {
	if len(v.suspects) == 0 {
		return nil
	}
	in, _, err := o.input(e)
	if err != nil {
		return err
	}
	defer in.Close()
	for l := newLines(in); ; {
		en, err := l.next()
		var bad *lineError
		if err == io.EOF {
			break
		}
		if err != nil && !errors.As(err, &bad) {
			return failf(exitPartly, "", "the file cannot be read again: %w", err)
		}
		if s := v.suspects[string(en.key)]; s != nil {
			s.last = sha256.Sum256(en.value)
		}
	}
	different := make(map[int]string) // by their first line
	for key, s := range v.suspects {  // counting: order does not matter
		if s.last != s.stored {
			different[slices.Min(s.lines)] = key
			continue
		}
		v.Different -= len(s.lines)
		v.Found += len(s.lines)
		v.Repeated += len(s.lines)
	}
	for _, line := range slices.Sorted(maps.Keys(different)) {
		workers.complain("line %d: %q is different", line, different[line])
	}
	return nil
}

func (r *readSummary) exit() int {
	if r.Different+r.Missing+r.InDoubt+r.BadLines > 0 {
		return exitPartly
	}
	return 0
}

func (r *readSummary) String() string {
	took := time.Duration(r.TookMS) * time.Millisecond
	return fmt.Sprintf("verify  %s found   %s different   %s missing   %s in doubt   %s in %v (%s/s)   least acked %d",
		grouped(r.Found), grouped(r.Different), grouped(r.Missing), grouped(r.InDoubt), sized(r.Bytes),
		took.Round(100*time.Millisecond), grouped(r.PerSecond), r.LeastAcked)
}
