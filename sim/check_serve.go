package sim

import (
	"slices"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/topology"
	"github.com/candordb/candor/wire"
)

// TRUTH, rule 8: what may be less than a node has told others answers nobody. It is
// looked at where answers come from: at what the router reads to answer a READ, DIGEST
// or RANGE, for others or itself, at what it says of hints, and at the votes that leave.
// What such a node takes is for whileOut.

// served is the store of a process, as its router reads it.
type served struct{ *process }

// Record implements replica.Store.
func (v served) Record(token uint64, namespace uint32, key []byte) ([]byte, error) {
	v.sim.check.serves(v.process, token, token, "reads a record")
	return v.node.disk.Record(token, namespace, key)
}

// Range implements replica.Store.
func (v served) Range(from uint64, namespace uint32, after []byte, last uint64, fn func(uint64, uint32, []byte, []byte) bool) error {
	v.sim.check.serves(v.process, from, last, "walks a range")
	return v.node.disk.Range(from, namespace, after, last, fn)
}

// Voided implements replica.Store.
func (v served) Voided(token uint64, namespace uint32, key []byte, version hlc.Version) (bool, error) {
	return v.node.disk.Voided(token, namespace, key, version)
}

// serves checks that a process which answers from its replica of some tokens has all
// of it that it has told others.
func (c *checker) serves(p *process, from, last uint64, what string) {
	if p.node.out == nil {
		return
	}
	for partition := c.s.partitionOf(from); partition <= c.s.partitionOf(last); partition++ {
		if c.isOut(p.node, partition) {
			c.s.fail("TRUTH", "%v %s to answer with, in partition %d, of which it may hold less than it has told others", p.node, what, partition)
		}
	}
}

// handsOver checks that a node which tells of a hint has not lost others of them: what
// it has may lie below what it has said of its hints.
func (c *checker) handsOver(n *node) {
	if n.outdated && slices.Contains(n.out, true) {
		c.s.fail("TRUTH", "%v hands over a hint, and has come back with an older or emptied disk", n)
	}
}

// forgets notes that of a disk anything may be lost: records, hints, and what its node
// has promised as a voter.
func (c *checker) forgets(n *node) {
	n.outdated, n.forgot, n.forgotIn = true, c.s.plan.agrees(), c.s.newest
}

// renamed notes that an epoch which was decided since then names the node's rebuild:
// whatever it has forgotten was about those before.
func (c *checker) renamed(n *node, m *topology.Metadata) {
	if m.Epoch > n.forgotIn && m.Rebuild(n.id) != nil {
		n.forgot = false
	}
}

// votes checks an answer to another node, where the one that sends it may have
// forgotten what it has promised. If not all have told it what they heard it cannot know.
func (c *checker) votes(p *process, body []byte) {
	if !p.node.forgot || p.found == nil {
		return
	}
	var a wire.PeerAnswer
	if err := wire.DecodePeerAnswer(body, &a); err != nil || a.Op != wire.OpPrepare && a.Op != wire.OpAccept || !a.Vote.Agreed {
		return
	}
	if _, silent := p.found.core.Asking(); len(silent) == 0 {
		c.s.fail("TRUTH", "%v agrees to ballot %v, and may have forgotten what it has promised", p.node, a.Vote.Ballot)
	}
}
