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
	NotRead   int `json:"not_read"` // an error came in place of an answer, so nothing can be said
	BadLines  int `json:"bad_lines"`
	Expired   int `json:"expired"` // so that it does not matter
	// Repeated of those found have a key that a later line has too, and its value.
	Repeated   int   `json:"repeated"`
	Bytes      int64 `json:"bytes"`
	TookMS     int64 `json:"took_ms"`
	PerSecond  int   `json:"per_second"`
	LeastAcked int   `json:"least_acked"` // of those read; 0: none was
	// Trailer is what the last line of an export says: ok, none, missing, differs.
	Trailer   string `json:"trailer"`
	different string // what is wrong with the last line
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
	key    []byte
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
	workers = newCrew(o.workers, bar, func(en *entry) {
		if !en.expires.IsZero() && time.Until(en.expires) <= 0 {
			workers.mu.Lock()
			v.Expired++
			workers.mu.Unlock()
			return
		}
		item, err := o.readOne(ctx, c, en)
		workers.mu.Lock()
		why := v.add(en, &item, err)
		workers.mu.Unlock()
		bar.done()
		if why != "" {
			workers.complain("line %d: %q %s", en.number, en.key, why)
		}
	})
	l := newLines(in)
	if err := workers.run(ctx, l); err != nil {
		return nil, err
	}
	if v.Trailer, v.different = l.verdict(), l.different; ctx.Err() != nil {
		v.Trailer, v.different = trailerNone, "" // it was not reached
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
func (o importOptions) readOne(ctx context.Context, c *client.Client, en *entry) (item client.Item, err error) {
	pause := pauseFirst
	for try := 1; ; try++ {
		item, err = o.keys(c, en).Get(ctx, en.key, o.call()...)
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
		v.NotRead++
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
	s := v.suspects[en.id()]
	if s == nil {
		if len(v.suspects) == suspectsMax {
			return
		}
		s = &suspect{key: en.key, stored: sha256.Sum256(stored)}
		v.suspects[en.id()] = s
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
		if s := v.suspects[en.id()]; s != nil {
			s.last = sha256.Sum256(en.value)
		}
	}
	different := make(map[int][]byte) // by their first line
	for _, s := range v.suspects {    // counting: order does not matter
		if s.last != s.stored {
			different[slices.Min(s.lines)] = s.key
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
	if r.Different+r.Missing+r.NotRead+r.BadLines > 0 || !trailerFits(r.Trailer) {
		return exitPartly
	}
	return 0
}

// text is the summary in one line, in which each line of the file counts once.
// Those that were not read for their own fault are told where there are any.
func (r *readSummary) text() string {
	took, passed := time.Duration(r.TookMS)*time.Millisecond, ""
	if r.BadLines > 0 {
		passed += fmt.Sprintf("   %s bad", grouped(r.BadLines))
	}
	if r.Expired > 0 {
		passed += fmt.Sprintf("   %s expired", grouped(r.Expired))
	}
	return fmt.Sprintf("verify  %s found   %s different   %s missing   %s not read%s   %s in %v (%s/s)   least acked %d",
		grouped(r.Found), grouped(r.Different), grouped(r.Missing), grouped(r.NotRead), passed, sized(r.Bytes),
		took.Round(100*time.Millisecond), grouped(r.PerSecond), r.LeastAcked)
}
