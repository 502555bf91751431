package repair

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// Loss is a copy of some partitions that an operator has given up by name, in an epoch,
// and that was not rebuilt since (rule 8; package topology keeps it).
type Loss struct {
	Node       ring.NodeID
	Partitions []uint16 // rising
	Generation uint64   // of the one rebuild of the node that it is for; 0: that has not begun
}

// accepted are the losses of an epoch.
type accepted struct {
	epoch      uint64
	losses     []Loss
	generation uint64
}

// Accept tells which losses an epoch has, and the generation of this node's own rebuild;
// 0: there is none. They count while this node acts on that epoch.
//
// A rebuild of a copy that was given up has other sources than any other rebuild has:
//
//   - Where a quorum of the others was not given up, a quorum of these, as always.
//   - Where fewer were not, all of them: every intact copy that is left. One of them that
//     has agreed to a watermark holds all that was acknowledged below it, so nothing
//     deleted comes back from there. Above it an acknowledged write or delete is lost if
//     only copies that were given up had it.
//   - Where none is left, only marks are taken, the highest that can be asked for. Then
//     all that is intact here is kept, below the watermark too: nobody is left who knows
//     what was deleted. It is the one case in which deleted keys may come back.
//
// In all cases this node's own intact records above the watermark are kept, and exchanges
// bring them to the others as soon as it is released. Until then a quorum of reads may
// miss what one copy alone has kept.
//
// The loss is for one rebuild. A copy that is lost again is one that nobody has given up.
func (c *Core) Accept(epoch uint64, losses []Loss, generation uint64) {
	if epoch != c.accepted.epoch || generation != c.accepted.generation {
		for _, p := range c.parts {
			p.blame = Blame{} // what was waited for before may not be needed any more
		}
	}
	c.accepted = accepted{epoch, losses, generation}
}

// givenUp says whether the copy of a member does not count.
func (c *Core) givenUp(partition int, id ring.NodeID) bool {
	if c.accepted.epoch != c.epoch() {
		return false
	}
	for _, l := range c.accepted.losses {
		if l.Node == id && slices.Contains(l.Partitions, uint16(partition)) && (id != c.o.Self || l.Generation != 0 && l.Generation == c.accepted.generation) {
			return true
		}
	}
	return false
}

// sourcesOf are the other replicas that a rebuild may ask, and how many have to answer.
// bare says that no copy is left, so that only marks are asked for.
func (c *Core) sourcesOf(p *part) (ids []ring.NodeID, need int, bare bool) {
	var intact []ring.NodeID
	for _, x := range p.pairs {
		if ids = append(ids, x.with); !c.givenUp(p.partition, x.with) {
			intact = append(intact, x.with)
		}
	}
	need = quorumOf(len(p.pairs))
	switch {
	case !c.givenUp(p.partition, c.o.Self):
		return ids, need, false
	case len(intact) == 0:
		return ids, 0, true
	}
	return intact, min(need, len(intact)), false
}

// bare says whether nobody has a copy that counts, and the asker's was given up, too: to
// such a one a replica in quarantine says its marks.
func (c *Core) bare(p *part, asker ring.NodeID) bool {
	return c.givenUp(p.partition, asker) && !slices.ContainsFunc(p.pairs, func(x *pair) bool { return !c.givenUp(p.partition, x.with) })
}

// takeMarks is choose where no copy is left: each other that can be reached has to have
// said its marks, or those that are lower would keep the replicas from ever agreeing.
func (c *Core) takeMarks(r *rebuild, out *Effects) {
	var floor hlc.Timestamp
	for _, s := range r.sources {
		if s.reason != None {
			c.failRebuild(r, Blame{s.id, s.reason})
			return
		}
		floor, r.fence, r.purge = max(floor, s.marks.told), max(r.fence, s.marks.fence), max(r.purge, s.marks.purge)
	}
	r.sources, r.reason = nil, Blame{}
	c.adoptMarks(r, floor, out)
}

// Copies is what is known of the copies of a member.
type Copies struct {
	ID          ring.NodeID
	Name        string
	Reachable   bool
	Known       bool  // it has said of late what it has in quarantine; only if Reachable
	Quarantined []int // partitions, rising
	// GoesOn: an earlier loss of it was accepted, and its rebuild since does not wait for
	// anything; Rebuilt of Of partitions are done.
	GoesOn      bool
	Rebuilt, Of int
}

// lost says whether a copy may not be used now.
func (m *Copies) lost(partition int) bool {
	_, is := slices.BinarySearch(m.Quarantined, partition)
	return !m.Reachable || is
}

// GiveUp is what has to be given up so that all that is in quarantine can be rebuilt.
type GiveUp struct {
	Rows       [][]uint16 // the partitions of each of the named, as these were named
	Partitions int        // in which copies are given up
	Bare       int        // of these, those of which no intact copy is left
}

// ErrNotLost is returned for a loss that is none, or that is more than was named.
var ErrNotLost = errors.New("this loss cannot be accepted")

// PlanLoss holds the members that an operator has named against what is known of all of
// them, in the order of the view. votes are those of them whose votes are lost, too: they
// may have nothing else that has to be given up. The error wraps ErrNotLost.
func PlanLoss(view *ring.View, members []Copies, named, votes []ring.NodeID) (*GiveUp, error) {
	plan := &GiveUp{Rows: make([][]uint16, len(named))}
	if err := areLost(members, named, votes); err != nil {
		return nil, err
	}
	missing := make([]int, len(members)) // partitions in which a copy is lost that was not named
	for p := range view.Q() {
		var lost []int
		quarantined, copies := false, 0
		for _, o := range view.Owners(p) {
			if o == ring.NoOwner {
				continue
			}
			m := &members[o]
			copies++
			if m.lost(p) {
				lost = append(lost, int(o))
				quarantined = quarantined || m.Reachable
			}
		}
		if !quarantined || copies-len(lost) >= quorumOf(copies-1) {
			continue // nothing waits, or there are enough others
		}
		plan.Partitions++
		if len(lost) == copies {
			plan.Bare++
		}
		for _, i := range lost {
			if at := slices.Index(named, members[i].ID); at >= 0 {
				plan.Rows[at] = append(plan.Rows[at], uint16(p))
			} else {
				missing[i]++
			}
		}
	}
	return plan, plan.fits(members, missing, named, votes)
}

// areLost says whom nobody has to give up.
func areLost(members []Copies, named, votes []ring.NodeID) error {
	for i := range members {
		m := &members[i]
		isNamed := slices.Contains(named, m.ID)
		switch {
		case m.Reachable && !m.Known:
			return fmt.Errorf("%w: %s has not said yet what it has in quarantine; try again in some seconds", ErrNotLost, m.Name)
		case isNamed && m.GoesOn && len(m.Quarantined) > 0:
			return fmt.Errorf("%w: a loss of %s was accepted, and the rebuild since goes on: %d of %d partitions are done; wait for its end", ErrNotLost, m.Name, m.Rebuilt, m.Of)
		case isNamed && m.Reachable && len(m.Quarantined) == 0 && !slices.Contains(votes, m.ID):
			return fmt.Errorf("%w: %s is neither in quarantine nor away: its copies are good", ErrNotLost, m.Name)
		}
	}
	return nil
}

// fits says what else has to be named, or what was named for nothing.
func (g *GiveUp) fits(members []Copies, missing []int, named, votes []ring.NodeID) error {
	var more []string
	for i, n := range missing {
		if n > 0 {
			more = append(more, fmt.Sprintf("%s (%d of these partitions)", members[i].Name, n))
		}
	}
	if len(more) > 0 {
		return fmt.Errorf("%w: copies at %s are lost as well: name these too, or bring them back", ErrNotLost, strings.Join(more, ", "))
	}
	for i, id := range named {
		if len(g.Rows[i]) > 0 || slices.Contains(votes, id) {
			continue
		}
		at := slices.IndexFunc(members, func(m Copies) bool { return m.ID == id })
		return fmt.Errorf("%w: nothing of %s has to be given up: of what is in quarantine enough other copies are there, or nothing is rebuilt that needs it", ErrNotLost, members[at].Name)
	}
	return nil
}
