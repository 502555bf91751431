package main

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"
)

// A part of the input is settled together: that many lines, that many bytes, or
// what was read in that time, whichever comes first. Parts in flight are
// bounded, so that one slow line does not let memory grow.
const (
	partLines  = 1024
	partBytes  = 4 << 20
	partTime   = time.Second
	partsAhead = 64
)

// part is a run of lines whose fate is kept together.
type part struct {
	end     position
	began   time.Time
	lines   int
	bytes   int64
	open    int  // lines that are not settled
	closed  bool // no line will follow
	broken  bool // a line was given up when the import was interrupted
	counts  writeCounts
	rejects []byte
}

// position is how far an import has come.
type position struct {
	Offset int64  `json:"offset"` // bytes, of the file as it is uncompressed
	Line   int    `json:"line"`
	SHA256 string `json:"sha256"` // of those bytes
}

// ledger keeps what becomes of the lines, part by part in the order of the file:
// the refused lines in one file, how far all is settled in another. A line is
// settled when it is written, superseded, refused for good, in doubt after all
// repeats, or passed over. So whatever is killed when, a later run goes on at the
// end of the last part that is kept: lines behind it may be written twice, none
// is left out, and each is counted once.
//
// The workers settle lines under mu; one goroutine, keeper, does the writing.
type ledger struct {
	path    string   // of the state; empty: it is not kept
	rejects *os.File // nil: refused lines are only counted

	mu     sync.Mutex // guards what follows
	moved  *sync.Cond // on mu: a part is settled, or the last is closed, or kept
	parts  []*part    // that are not kept yet, in order; the last may be open
	state  importState
	over   bool // no part will follow
	err    error
	stop   context.CancelFunc // ends the reading: err is set
	keeper sync.WaitGroup
}

// newLedger starts the keeper, which close ends.
func newLedger(path string, state importState, rejects *os.File, stop context.CancelFunc) *ledger {
	l := &ledger{path: path, state: state, rejects: rejects, stop: stop}
	l.moved = sync.NewCond(&l.mu)
	l.keeper.Go(l.keep)
	return l
}

// begin gives an entry a part, and waits while too many are under way.
func (l *ledger) begin(en *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.parts) > partsAhead && l.err == nil {
		l.moved.Wait()
	}
	en.part = l.last()
	en.part.open++
}

// last is the part that lines go into. The caller holds mu.
func (l *ledger) last() *part {
	if n := len(l.parts); n > 0 && !l.parts[n-1].closed {
		return l.parts[n-1]
	}
	p := &part{began: time.Now()}
	l.parts = append(l.parts, p)
	return p
}

// settle notes what became of an entry.
func (l *ledger) settle(en *entry, outcome outcomeOf, acked int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := en.part
	p.counts.add(outcome, acked, len(en.key)+len(en.value))
	switch outcome {
	case isInDoubt, wasRefused:
		p.reject(l.rejects != nil, rejectOf(en.number, outcome, err, en.text))
	case wasGivenUp, wasLeftInDoubt:
		p.broken = true
	}
	if p.open--; p.open == 0 && p.closed {
		l.moved.Broadcast()
	}
}

// refuse notes a line that is none.
func (l *ledger) refuse(bad *lineError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.last()
	p.counts.BadLines++
	p.reject(l.rejects != nil, rejectOf(bad.number, wasRefused, errors.New(bad.why), bad.text))
}

// read says that all lines that were read are handed out, the last of which has
// that length, and closes the part if it is full.
func (l *ledger) read(in *lines, length int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.last()
	p.lines++
	p.bytes += int64(length)
	if p.lines >= partLines || p.bytes >= partBytes || time.Since(p.began) >= partTime {
		l.closePart(p, in)
	}
}

// end closes the last part where the reading ended.
func (l *ledger) end(in *lines) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closePart(l.last(), in)
}

func (l *ledger) closePart(p *part, in *lines) {
	p.end, p.closed = in.position(), true
	l.moved.Broadcast()
}

// close waits until all that is settled is kept. Its error is what could not be
// written.
func (l *ledger) close() error {
	l.mu.Lock()
	l.over = true
	l.moved.Broadcast()
	l.mu.Unlock()
	l.keeper.Wait()
	return l.err
}

// keep writes down what is settled, in order, until there is no more.
func (l *ledger) keep() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		done, last := l.settled()
		if len(done) == 0 && last {
			return
		}
		if len(done) == 0 {
			l.moved.Wait()
			continue
		}
		state, rejects := l.state, []byte(nil)
		for _, p := range done {
			state.position = p.end
			state.Counts.join(&p.counts)
			rejects = append(rejects, p.rejects...)
		}
		state.RejectsBytes += int64(len(rejects))
		l.mu.Unlock()
		err := l.write(&state, rejects)
		l.mu.Lock()
		if err != nil {
			l.err = err
			l.moved.Broadcast()
			l.stop()
			return
		}
		l.state, l.parts = state, l.parts[len(done):]
		l.moved.Broadcast()
	}
}

// settled are the parts at the front that can be kept; last says that no more
// will come. The caller holds mu.
func (l *ledger) settled() (done []*part, last bool) {
	for i, p := range l.parts {
		if p.broken || !p.closed || p.open > 0 {
			return l.parts[:i], l.over
		}
	}
	return l.parts, l.over
}

// write keeps the refused lines first: the state says how long their file is.
func (l *ledger) write(state *importState, rejects []byte) error {
	if l.rejects != nil && len(rejects) > 0 {
		_, err := l.rejects.Write(rejects)
		if err == nil {
			err = l.rejects.Sync()
		}
		if err != nil {
			return failf(exitPartly, "", "the refused lines cannot be kept: %w", err)
		}
	}
	if l.path == "" {
		return nil
	}
	return state.save(l.path)
}
