package coordinator

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/traitor"
)

// A write that is answered as done or in doubt, and only such a one, leaves hints
// for the replicas that may lack it (rule 5): to store a hint is to send, and
// after that "no effect" could not be said any more. Its slot stays for a while
// after the answer, so that a replica that is only a little later than the others
// costs no hint.

// Hint asks to keep a write for a replica that may lack it. It is a shortcut over
// anti-entropy: nothing waits for it, and it counts for nothing.
type Hint struct {
	Target ring.NodeID
	Place  Place
	// Record is empty where it could not be kept: then all that can be remembered
	// is that the target lacks something of the partition.
	Record  []byte
	Version hlc.Version
}

const (
	// settleFor is how long, in milliseconds, a replica may be later than the answer.
	settleFor = 1000
	// settlingShare is the part of the slots that answered writes may take.
	settlingShare = 4
	// keptBytes bounds the records of a Core's open writes that are kept for hints.
	keptBytes = 4 << 20
)

// keepRecord keeps a write's record for its hints.
func (c *Core) keepRecord(s *slot, rec []byte) {
	if c.kept+len(rec) > keptBytes && !s.Sloppy {
		s.buf = s.buf[:0]
		return
	}
	s.buf = append(s.buf[:0], rec...)
	s.kept = len(rec)
	c.kept += len(rec)
}

// settle ends a write that was answered, or lets it wait for the replicas that
// are still to answer.
func (c *Core) settle(s *slot, at uint32, out *Effects) {
	// Those that are out of step have answered, and are not asked again now.
	s.waiting, s.again = s.waiting.without(s.again), 0
	if s.waiting != 0 && s.Deadline > c.now && c.settling < max(c.limit/settlingShare, 1) && c.kept <= keptBytes {
		s.settled = true
		s.Deadline = min(s.Deadline, c.now+settleFor)
		c.due = min(c.due, s.Deadline)
		c.open--
		c.settling++
		s.hintAll(s.absent(), out)
		return
	}
	s.hintAll(s.absent()|s.waiting, out)
	c.end(at)
}

// absent is the replicas that have neither the write nor refused it for good, nor
// are still to answer, and for which no stand-in keeps it.
func (s *slot) absent() Mask {
	var all Mask
	for i, m := range s.Owners {
		if m != ring.NoOwner {
			all.add(i)
		}
	}
	return all.without(s.answered | s.refused.without(s.unfit) | s.waiting | s.covered)
}

// settledReply takes the answer of a replica to a write that was answered.
func (c *Core) settledReply(s *slot, at uint32, i int, r *Reply, out *Effects) {
	if !s.waiting.has(i) {
		return
	}
	s.waiting.remove(i)
	switch {
	case r.Code == contract.OK:
		s.answered.add(i)
	case definite(r.Code) && !passing(r.Code):
		s.refused.add(i)
	default:
		s.hint(i, out)
	}
	if s.waiting == 0 {
		c.end(at)
	}
}

// settledLost is told that a replica will not answer.
func (c *Core) settledLost(s *slot, at uint32, i int, out *Effects) {
	if i < 0 || !s.waiting.has(i) {
		return
	}
	s.waiting.remove(i)
	s.hint(i, out)
	if s.waiting == 0 {
		c.end(at)
	}
}

// passing says whether a refusal is about the replica's present state, not about
// the write: it may take the same write later.
func passing(code contract.Code) bool {
	return unserving(code) || code == contract.Overloaded || code == contract.DiskFull
}

func (s *slot) hintAll(targets Mask, out *Effects) {
	for i := range s.Owners {
		if targets.has(i) {
			s.hint(i, out)
		}
	}
}

func (s *slot) hint(i int, out *Effects) {
	if s.covered.has(i) {
		return // a stand-in keeps it
	}
	h := Hint{Target: s.node(i), Place: Place{s.Place.Token, s.Place.Namespace, out.keep(s.key)}, Version: s.Stamp}
	if s.kept > 0 {
		h.Record = out.keep(s.buf)
	}
	out.Hints = append(out.Hints, h)
}

// hintsOfRefused is a planted bug: hints of a write that had no effect.
func (s *slot) hintsOfRefused(out *Effects) {
	if traitor.Is(traitor.HintBesideRefusal) {
		s.hintAll(s.absent(), out)
	}
}
