package sim

import (
	"github.com/candordb/candor/repair"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/topology"
)

// What a process knows of its own rebuild, and of those of others, from the epoch: one
// that nodes have decided, or one that is given.

// told is called with what became of a proposal.
type told func(*topology.Outcome)

// distrusted is the generation that an epoch has to name before this node can be
// trusted again; 0: it can.
func (p *process) distrusted() uint64 {
	if p.found == nil {
		return p.node.distrust
	}
	generation, _ := p.found.core.Distrusted()
	return generation
}

// asking says whether it is not known yet what this node has told others.
func (p *process) asking() bool {
	if p.found == nil {
		return false
	}
	waits, _ := p.found.core.Asking()
	return waits
}

// named is what the epoch says of this node's rebuild.
func (p *process) named() (plan repair.Plan) {
	if p.found == nil {
		return p.sim.rebuilds[p.epoch()][p.node.id]
	}
	if row := p.found.core.Metadata().Rebuild(p.node.id); row != nil {
		plan = repair.Plan{Generation: row.Generation, After: row.Epoch}
	}
	return plan
}

// forgetRebuilt takes back what was proved with members whose rebuild begins with an
// epoch, before this node acts on it.
func (p *process) forgetRebuilt(begins func(ring.NodeID) bool) {
	if p.healing == nil {
		return // nothing is proved yet
	}
	for _, n := range p.sim.nodes {
		if n != p.node && begins(n.id) {
			p.healing.post(func(*repair.Effects) { p.healing.repair.Forget(n.id) })
		}
	}
}
