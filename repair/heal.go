package repair

import (
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/traitor"
)

// healing is one record of this node that does not pass its checksum. It counts as
// no answer, and its place takes no write (package replica), until what a quorum of
// the others hold was put there (rule 8).
//
// The others are read only when nothing can count this node's copy any more that they
// might still miss: a request that has counted it is over when the age limit has
// passed, and a write of it is fresh no more once their floors are above the clock of
// the moment in which the damage was met.
type healing struct {
	at    Place
	bound hlc.Timestamp // what they may have of it is at or below this
	due   int64
	asked int // answers that are waited for
	read  int // of them, those that came
	best  []byte
	why   Blame
}

const (
	// healsMax is how many damaged records are known at once: what is beyond is met
	// again. healsAtOnce is how many are healed at once.
	healsMax    = 4096
	healsAtOnce = 32
	healRetry   = second
	// healDrift is by how many milliseconds a stamp may be ahead of this node's clock,
	// at most.
	healDrift = 2 * second
)

// Heal tells that a record here is damaged. It is healed unless its partition is in
// quarantine: then the rebuild does that.
func (c *Core) Heal(at Place) {
	p := c.part(c.partitionOf(at))
	if p == nil || at.Key == nil || len(c.heals) >= healsMax {
		return
	}
	for _, h := range c.heals {
		if h.at.compare(at) == 0 {
			return
		}
	}
	c.heals = append(c.heals, &healing{at: at, bound: c.local.Clock().Add(healDrift), due: c.now + c.o.AgeLimit, why: Blame{c.o.Self, NotYet}})
}

func (c *Core) partitionOf(at Place) int {
	if c.view == nil {
		return -1
	}
	return int(at.Token >> (64 - c.view.Bits()) & uint64(c.view.Q()-1))
}

// healAll reads the others for those whose time has come.
func (c *Core) healAll(out *Effects) {
	kept := c.heals[:0]
	working := 0
	for _, h := range c.heals {
		if p := c.part(c.partitionOf(h.at)); p == nil || c.local.Marks(p.partition).Quarantined {
			continue // the calls that are under way end in nothing
		}
		kept = append(kept, h)
		if h.asked > 0 {
			working++
		}
	}
	clear(c.heals[len(kept):])
	c.heals = kept
	for _, h := range kept {
		if h.asked == 0 && c.now >= h.due && working < healsAtOnce {
			working++
			c.readOthers(h, out)
		}
	}
}

// readOthers asks the others for a damaged record: those whose floor is above what
// they may be sent of it.
func (c *Core) readOthers(h *healing, out *Effects) {
	p := c.part(c.partitionOf(h.at))
	var from []*peer
	h.best, h.read, h.due, h.why = nil, 0, c.now+healRetry, Blame{c.o.Self, NoCopies}
	for _, x := range p.pairs {
		switch peer := c.peer(x.with); {
		case !c.local.Reachable(x.with):
			h.why = Blame{x.with, Unreachable}
		case peer.floor < h.bound:
			h.why = Blame{x.with, NotYet}
		default:
			from = append(from, peer)
		}
	}
	need := len(p.pairs)/2 + 1
	if traitor.Is(traitor.HealFromOne) {
		need = 1
	}
	if len(from) < need {
		return
	}
	if traitor.Is(traitor.HealFromOne) {
		from = from[:1]
	}
	for _, peer := range from {
		h.asked++
		id, deadline := c.open(peer.id, func(r result, out *Effects) {
			h.asked--
			c.heard1(h, peer, r)
			if h.asked == 0 && h.read >= need {
				c.putBack(h, out)
			}
		})
		out.Reads = append(out.Reads, Read{To: peer.id, Call: id, Deadline: deadline, Place: h.at})
	}
}

// heard1 takes what one of the others holds.
func (c *Core) heard1(h *healing, from *peer, r result) {
	if r.reason != None {
		h.why = Blame{from.id, r.reason}
		return
	}
	if r.record != nil {
		if _, err := record.Verify(h.at.Namespace, h.at.Key, r.record); err != nil {
			h.why = Blame{from.id, Damaged}
			return
		}
	}
	h.read++
	h.best, _ = record.Merge(r.record, h.best)
}

// putBack writes what the others hold in the place of what is damaged.
func (c *Core) putBack(h *healing, out *Effects) {
	p := c.part(c.partitionOf(h.at))
	if p == nil {
		return
	}
	if dead(h.best, c.local.Marks(p.partition).Purge) {
		h.best = nil
	}
	h.asked++
	c.write(Write{Kind: Heal, Partition: p.partition, Place: h.at, Record: h.best}, out, func(r result, out *Effects) {
		if h.asked--; r.reason != None {
			h.why = Blame{c.o.Self, r.reason}
			return
		}
		c.counters.Healed++
		for i, o := range c.heals {
			if o == h {
				c.heals = append(c.heals[:i], c.heals[i+1:]...)
				break
			}
		}
	})
}

// Healing says how many damaged records are known and not healed yet, the place of
// one of them, and why that one waits.
func (c *Core) Healing() (n int, first Place, why Blame) {
	if n = len(c.heals); n > 0 {
		first, why = c.heals[0].at, c.heals[0].why
	}
	return n, first, why
}
