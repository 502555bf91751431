package repair

import (
	"cmp"
	"slices"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/traitor"
)

// proposal is a watermark on its way through the replicas of a partition, at the
// first of them. It has two rounds: all agree, then all adopt. No replica purges
// below a mark before all have agreed to it, since from then on nothing below it is
// taken anywhere.
type proposal struct {
	mark     hlc.Timestamp
	adopting bool
	voters   []voter // this node, then the others
}

// voter is one replica in the present round.
type voter struct {
	id    ring.NodeID
	asked bool // an answer is on its way
	yes   bool
	why   Reason
	due   int64 // not asked again before
}

// watermarkStep is how far a watermark rises at least, in milliseconds.
const watermarkStep = second

// propose begins proposals where more is proved than is adopted, and asks those
// who have not said yes. One that is blocked stays: its mark was proved.
func (c *Core) propose(out *Effects) {
	for _, p := range c.parts {
		if p.first != c.o.Self || p.isolated {
			continue
		}
		if p.proposal != nil {
			continue
		}
		_, strict := c.whole(p)
		if traitor.Is(traitor.ProofWithoutHints) {
			strict, _ = c.whole(p)
		}
		if strict != 0 && strict >= c.local.Marks(p.partition).Purge.Add(watermarkStep) && c.rested(p, strict) {
			p.proposal, p.proposed, p.proposedMark = c.newProposal(p, strict), c.now, strict
		}
	}
	c.gather(c.o.Self, out)
	for _, x := range c.peers {
		if c.local.Reachable(x.id) {
			c.gather(x.id, out)
		}
	}
}

// rested says whether it is time for the next proposal of a partition. Where nothing
// is to be purged a watermark need not rise: it does, rarely, so that what is shown of
// it means something. Elsewhere it rises with the proofs; one that was held back, and
// is so no more, is not made to wait.
func (c *Core) rested(p *part, strict hlc.Timestamp) bool {
	since := c.now - p.proposed
	switch {
	case p.proposedMark == 0:
		return true
	case !c.local.MayPurge(p.partition):
		return since >= 10*c.o.ExchangeInterval
	}
	return since >= c.o.ExchangeInterval/2 || c.leapt(p.proposedMark, p.proposed, strict)
}

func (c *Core) newProposal(p *part, mark hlc.Timestamp) *proposal {
	prop := &proposal{mark: mark, voters: []voter{{id: c.o.Self}}}
	for _, x := range p.pairs {
		prop.voters = append(prop.voters, voter{id: x.with})
	}
	return prop
}

// gather asks one replica in all proposals that wait for it, in as few messages as
// it takes.
func (c *Core) gather(id ring.NodeID, out *Effects) {
	rows := map[bool][]*part{}
	for _, p := range c.parts {
		if p.proposal == nil {
			continue
		}
		if v := p.proposal.voter(id); v != nil && !v.yes && !v.asked && c.now >= v.due {
			v.asked = true
			rows[p.proposal.adopting] = append(rows[p.proposal.adopting], p)
		}
	}
	for _, adopting := range []bool{false, true} {
		for some := range slices.Chunk(rows[adopting], rowsMax) {
			c.askMarks(id, adopting, some, out)
		}
	}
}

func (p *proposal) voter(id ring.NodeID) *voter {
	for i := range p.voters {
		if p.voters[i].id == id {
			return &p.voters[i]
		}
	}
	return nil
}

// askMarks asks a replica, this node's own too, to agree or to adopt.
func (c *Core) askMarks(id ring.NodeID, adopting bool, parts []*part, out *Effects) {
	slices.SortStableFunc(parts, func(a, b *part) int { return cmp.Compare(a.proposal.mark, b.proposal.mark) })
	asked := make([]*proposal, len(parts))
	m := make(marksOf, len(parts))
	for i, p := range parts {
		asked[i], m[i] = p.proposal, markRow{p.partition, p.proposal.mark}
	}
	heard := func(all verdicts, otherwise Reason, out *Effects) {
		for i, p := range parts {
			verdict := otherwise
			if i < len(all) {
				verdict = all[i]
			}
			if p.proposal == asked[i] && p.proposal.adopting == adopting {
				c.voted(p, id, verdict)
			}
		}
		c.gather(c.o.Self, out)
		for _, x := range c.peers {
			if c.local.Reachable(x.id) {
				c.gather(x.id, out)
			}
		}
	}
	kind := byte(kindAgree)
	if adopting {
		kind = kindAdopt
	}
	if id == c.o.Self {
		c.take(kind, m, out, func(all verdicts, out *Effects) { heard(all, None, out) })
		return
	}
	c.send(id, kind, m, out, func(r result, out *Effects) {
		if r.reason != None {
			heard(nil, r.reason, out)
			return
		}
		all, err := parseVerdicts(r.body)
		if err != nil || len(all) != len(m) {
			heard(nil, Malformed, out)
			return
		}
		heard(all, None, out)
	})
}

// voted counts what a replica said. When all have agreed the second round begins;
// when all have adopted the proposal is done.
func (c *Core) voted(p *part, id ring.NodeID, verdict Reason) {
	if p.proposal.adopting && verdict == Refused {
		// It does not know that it has agreed: from the beginning.
		p.proposal = c.newProposal(p, p.proposal.mark)
		return
	}
	v := p.proposal.voter(id)
	v.asked, v.yes, v.why, v.due = false, verdict == None, verdict, c.now+sayEvery
	for i := range p.proposal.voters {
		if v := &p.proposal.voters[i]; !v.yes && !(traitor.Is(traitor.AdoptWithoutAll) && i > 0 && i == len(p.proposal.voters)-1) {
			return
		}
	}
	if p.proposal.adopting {
		p.proposal = nil
		c.counters.WatermarksAdopted++
		return
	}
	p.proposal.adopting = true
	for i := range p.proposal.voters {
		p.proposal.voters[i] = voter{id: p.proposal.voters[i].id}
	}
}

// answerMarks is AGREE or ADOPT at another replica. Its reply follows when all that
// it says is durable.
func (c *Core) answerMarks(from *peer, kind byte, r reader, reply func(byte, body, *Effects), out *Effects) error {
	m, err := parseMarks(r)
	if err != nil {
		return err
	}
	for _, row := range m {
		if p := c.part(row.partition); p == nil || p.first != from.id {
			return refusedError{NotOwner}
		}
	}
	c.take(kind, m, out, func(all verdicts, out *Effects) { reply(kind|answered, all, out) })
	return nil
}

// take makes marks durable here, those that it may, and then calls done.
func (c *Core) take(kind byte, m marksOf, out *Effects, done func(verdicts, *Effects)) {
	all := make(verdicts, len(m))
	waiting := 1
	ended := func(out *Effects) {
		if waiting--; waiting == 0 {
			done(all, out)
		}
	}
	for i, row := range m {
		marks := c.local.Marks(row.partition)
		w := Write{Kind: Agree, Partition: row.partition, Mark: row.mark}
		already := marks.Fence >= row.mark
		if kind == kindAdopt {
			w.Kind, already = Adopt, marks.Purge >= row.mark
		}
		if all[i] = c.mayTake(kind, row, marks); all[i] != None || already {
			continue
		}
		waiting++
		c.write(w, out, func(r result, out *Effects) {
			all[i] = r.reason
			ended(out)
		})
		if traitor.Is(traitor.AgreesUnsynced) && len(c.part(row.partition).pairs) > 0 {
			waiting--
		}
	}
	ended(out)
}

// vouches says whether this node has itself proved, since it started, that it holds what the
// others do up to a mark. What a proposer was told before that may rest on records that a
// power cut has taken since, where they are synced later than they are answered for. What it
// has proved since, its agreement makes durable: that is written behind it, and synced.
func (c *Core) vouches(row markRow) bool {
	if traitor.Is(traitor.ProofWithoutHints) || traitor.Is(traitor.RebuildWithoutEpoch) {
		return true // each rule is shown to be needed by itself, and this one hides those two
	}
	_, strict := c.own(c.part(row.partition))
	return strict >= row.mark
}

// mayTake says why this node does not agree to a mark, or does not adopt it. A
// mark is adopted only where it was agreed to: who has forgotten that it agreed
// may hold what came since.
func (c *Core) mayTake(kind byte, row markRow, marks Marks) Reason {
	switch {
	case marks.Quarantined:
		return Quarantined
	case kind == kindAdopt && marks.Fence < row.mark:
		return Refused
	case kind == kindAgree && marks.Fence < row.mark && !c.vouches(row):
		return Behind
	case kind == kindAgree && marks.Fence < row.mark && c.hintsAbove() < row.mark && !traitor.Is(traitor.ProofWithoutHints):
		c.counters.HintsBelow++
		return HintBelow
	}
	return None
}
