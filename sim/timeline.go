package sim

import (
	"fmt"
	"hash/crc32"
	"time"
)

// event is something that happens at a virtual time.
type event struct {
	at   time.Duration
	seq  uint64 // of the scheduling: orders events of one time
	what string
	who  *process // to whom it happens; nil: to nobody that can crash or pause
	run  func()
}

func (e *event) before(o *event) bool {
	return e.at < o.at || e.at == o.at && e.seq < o.seq
}

// timeline is virtual time: what is to happen, in order of (time, sequence
// number), and a running hash over what has happened. One goroutine owns it.
type timeline struct {
	now         time.Duration
	seq         uint64
	heap        []event
	happened    uint64
	fingerprint uint64
}

// at lets something happen at a time, which is not before now. An event of a
// process that has died by then does not happen; one of a process that is
// paused waits for its end.
func (t *timeline) at(when time.Duration, what string, who *process, run func()) {
	t.seq++
	t.push(event{max(when, t.now), t.seq, what, who, run})
}

// after lets something happen a while from now.
func (t *timeline) after(d time.Duration, what string, who *process, run func()) {
	t.at(t.now+d, what, who, run)
}

// step lets the next event happen; false if there is none up to the limit.
func (t *timeline) step(limit time.Duration) bool {
	for len(t.heap) > 0 && t.heap[0].at <= limit {
		e := t.pop()
		t.now = e.at
		if e.who != nil {
			if e.who.dead {
				continue
			}
			if e.who.pausedUntil > t.now {
				e.at = e.who.pausedUntil // the sequence number stays, and so the order
				t.push(e)
				continue
			}
		}
		t.happened++
		t.mix(uint64(e.at))
		t.mix(e.seq)
		t.mixBytes(e.what)
		e.run()
		return true
	}
	return false
}

// mix adds a number to the fingerprint.
func (t *timeline) mix(v uint64) {
	h := (t.fingerprint ^ v) * 0x9e3779b97f4a7c15
	t.fingerprint = h ^ h>>29
}

// mixBytes adds bytes to the fingerprint.
func (t *timeline) mixBytes(b string) {
	for i := range len(b) {
		t.fingerprint = (t.fingerprint ^ uint64(b[i])) * 0x100000001b3
	}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// mixFrame adds a frame to the fingerprint, by its checksum.
func (t *timeline) mixFrame(b []byte) { t.mix(uint64(crc32.Checksum(b, castagnoli))) }

// push and pop are those of a binary heap.
func (t *timeline) push(e event) {
	h := append(t.heap, e)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !e.before(&h[up]) {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = e
	t.heap = h
}

func (t *timeline) pop() event {
	h := t.heap
	top, n := h[0], len(h)-1
	last := h[n]
	h[n] = event{}
	h = h[:n]
	t.heap = h
	for i := 0; n > 0; {
		down := 2*i + 1
		if down+1 < n && h[down+1].before(&h[down]) {
			down++
		}
		if down >= n || !h[down].before(&last) {
			h[i] = last
			break
		}
		h[i] = h[down]
		i = down
	}
	return top
}

// clockText is a virtual time for people.
func clockText(d time.Duration) string { return fmt.Sprintf("%10.6fs", d.Seconds()) }
