package sim

import (
	"maps"
	"time"

	"github.com/candordb/candor/repair"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/router"
	"github.com/candordb/candor/topology"
	"github.com/candordb/candor/wire"
)

// New epochs. Each has the members and the owners of the one before it, as one that
// only adds a namespace has, and nodes come to act in it one by one: for a while
// requests between them name an epoch that is older, or newer, than that of the node
// which they reach. In most runs epochs are given; in some (Plan.Agreed, Plan.Found)
// the nodes decide them, see agreed.go.

// nextEpoch makes an epoch and lets the nodes adopt it, each in its time.
func (s *Sim) nextEpoch() {
	if s.plan.agrees() {
		s.proposeChanges()
		return
	}
	s.giveEpoch(maps.Clone(s.rebuilds[uint64(s.cluster.Ring.Epoch())]))
}

// giveEpoch makes an epoch with these rebuilds under way, by node, and lets the nodes
// adopt it.
func (s *Sim) giveEpoch(rebuilds map[ring.NodeID]repair.Plan) {
	old := s.cluster
	r := old.Ring
	view, err := ring.NewView(r.Epoch()+1, r.Q(), r.N(), r.Members(), r.OwnersTable())
	if err != nil {
		panic("sim: " + err.Error())
	}
	next := *old
	next.Ring = view
	s.cluster, s.rebuilds[uint64(view.Epoch())] = &next, rebuilds
	s.fig.Epochs++
	s.tracef("epoch %d", view.Epoch())
	for _, n := range s.nodes {
		if n.process != nil {
			n.process.catchUp()
		}
	}
}

// giveRebuild makes the epoch that begins or ends the rebuild of a node, which acts on
// it at once.
func (s *Sim) giveRebuild(p *process, move repair.Move, generation uint64) {
	epoch := uint64(s.cluster.Ring.Epoch())
	rebuilds := maps.Clone(s.rebuilds[epoch])
	if rebuilds == nil {
		rebuilds = make(map[ring.NodeID]repair.Plan)
	}
	if move == repair.End {
		delete(rebuilds, p.node.id)
	} else {
		rebuilds[p.node.id] = repair.Plan{Generation: generation, After: epoch + 1}
	}
	s.giveEpoch(rebuilds)
	if p.adopt(s.cluster); move == repair.End {
		p.node.distrust = 0
	}
}

// catchUp lets a process act in the newest epoch after a while.
func (p *process) catchUp() {
	s, newest := p.sim, p.sim.cluster
	if p.cluster == newest {
		return
	}
	wait := s.faultDice.exponential(300 * time.Millisecond)
	if s.calm {
		wait = 0
	}
	s.after(wait, "epoch", p, func() { p.adopt(newest) })
}

// adopt makes a process act in an epoch, unless it is in a newer one.
func (p *process) adopt(c *router.Cluster) {
	if p.cluster.Ring.Epoch() >= c.Ring.Epoch() {
		return
	}
	before, then := p.sim.rebuilds[p.epoch()], p.sim.rebuilds[uint64(c.Ring.Epoch())]
	p.forgetRebuilt(func(id ring.NodeID) bool { return then[id] != before[id] && then[id] != (repair.Plan{}) })
	p.cluster, p.node.cluster = c, c
}

// foreign says whether a frame asks for data in another epoch than the process's.
// TRUTH (6): that is refused.
func (c *checker) foreign(p *process, frame []byte) bool {
	if p.cluster == nil || c.s.fig.Epochs == 0 {
		return false
	}
	var q wire.PeerRequest
	if wire.DecodePeerRequest(frame[wire.HeaderBytes:], &q) != nil || q.Op < wire.OpWrite || q.Op > wire.OpVoid {
		return false
	}
	switch epoch := p.epoch(); {
	case q.Epoch < epoch:
		c.s.mark(markEpochStale)
	case q.Epoch > epoch:
		c.s.mark(markEpochAhead)
	default:
		return false
	}
	return true
}

// Newer implements router.World.
func (p *process) Newer(from ring.NodeID, epoch uint64) {
	f := p.found
	if f == nil || epoch <= p.epoch() {
		return
	}
	p.sim.after(0, "newer", p, func() {
		f.post(func(o *topology.Effects) { f.core.Newer(p.Now().Mono, epoch, from, o) })
	})
}
