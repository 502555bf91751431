package repair

import (
	"cmp"
	"slices"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/merkle"
)

// compareAll begins the comparisons that are due, those first that have been so for
// longest: no member is left out because others are always due. Of each pair the node
// with the lower id begins.
func (c *Core) compareAll(draw func() uint64, out *Effects) {
	underWay, due := 0, []*peer(nil)
	for _, p := range c.peers {
		if p.comparing {
			underWay++
		}
		if p.id.Compare(c.o.Self) < 0 || len(p.common) == 0 {
			continue
		}
		c.wish(p)
		c.plan(p, draw)
		if c.now >= p.pace.due && !p.comparing && c.local.Reachable(p.id) {
			due = append(due, p)
		}
	}
	slices.SortStableFunc(due, func(a, b *peer) int { return cmp.Compare(a.pace.due, b.pace.due) })
	for _, p := range due[:min(len(due), max(0, comparisonsMax-underWay))] {
		c.goes(p, draw)
		p.queue = slices.DeleteFunc(p.queue, func(q queued) bool { return q.fails == 0 })
		p.comparing = true
		c.compareFrom(p, 0, out)
	}
}

// compareFrom sends the roots of the common partitions from the first-th on. Those
// that are being exchanged with this peer are left out, and no exchange begins
// meanwhile, so that what an exchange still means to write never meets a proof, and
// a purge, that was made beside it.
func (c *Core) compareFrom(p *peer, first int, out *Effects) {
	m := roots{say: say{floor: c.local.Floor(), above: c.hintsAbove()}, least: c.least(), first: first}
	for _, partition := range p.common[first:min(len(p.common), first+rootsMax)] {
		m.rows = append(m.rows, c.rootOf(p, partition))
	}
	sent := c.serial + 1
	c.send(p.id, kindRoots, m, out, func(r result, out *Effects) {
		next, reason := c.compared(p, m, sent, r)
		switch {
		case reason != None:
			c.unproved(p, m, reason)
			p.pace.due = min(p.pace.due, c.now+backoff(p.fails))
			p.fails++
			c.untold(p)
		case next < len(p.common):
			c.compareFrom(p, next, out)
			return
		default:
			p.fails = 0
		}
		p.comparing = false
		c.work(out)
	})
}

// rootOf is the row of a partition in a ROOTS between this node and p.
func (c *Core) rootOf(p *peer, partition int) (row rootsRow) {
	part := c.part(partition)
	row.asOf, row.strict = c.tell(part, part.pair(p.id))
	switch {
	case c.local.Marks(partition).Quarantined:
		row.state = quarantined
	case c.exchangeOf(p.id, partition) != nil || !c.local.Tree(partition, func(t *merkle.Tree) { row.root = t.Root() }):
		row.state = unusable
	}
	return row
}

// unproved notes why a comparison proved nothing.
func (c *Core) unproved(p *peer, m roots, reason Reason) {
	c.counters.Comparisons.Failed++
	for i := range m.rows {
		c.part(p.common[m.first+i]).pair(p.id).why = reason
	}
}

// compared takes the answer to a ROOTS. next is the first partition that was not
// compared yet.
func (c *Core) compared(p *peer, m roots, sent uint64, r result) (next int, reason Reason) {
	if r.reason != None {
		return 0, r.reason
	}
	a, err := parseRoots(r.body, true)
	if err != nil || a.first != m.first || len(a.rows) != len(m.rows) {
		return 0, Malformed
	}
	p.heard(a.say)
	p.pace.reached = min(m.floor, a.floor, m.least)
	tells := p.newer(r.head)
	c.counters.Comparisons.Done++
	for i, row := range a.rows {
		part := c.part(p.common[m.first+i])
		x := part.pair(p.id)
		if tells {
			x.told, x.toldStrict = row.asOf, row.strict
		}
		switch {
		case part.reset >= sent || m.rows[i].state != shown && row.state != quarantined:
			// This side had nothing to show, or has lost what it showed.
			if m.rows[i].state == unusable && (x.why == None || x.why == NotYet) {
				x.why, p.pace.again = Counting, true
			}
		case row.state == quarantined:
			c.forget(part, x)
		case row.state == unusable:
			x.why, p.pace.again = Counting, true
		case row.state == differs:
			if !slices.ContainsFunc(p.queue, func(q queued) bool { return q.partition == part.partition }) {
				x.why = Differing // else it says why the last exchange failed
				p.queue = append(p.queue, queued{partition: part.partition, due: c.turnOf(p)})
			}
		default:
			c.prove(part, x, min(m.floor, a.floor), m.least)
			p.queue = slices.DeleteFunc(p.queue, func(q queued) bool { return q.partition == part.partition })
		}
	}
	return m.first + len(m.rows), None
}

// answerRoots compares the roots of a member with one's own.
func (c *Core) answerRoots(from *peer, h head, r reader) (body, error) {
	m, err := parseRoots(r, false)
	switch {
	case err != nil:
		return nil, err
	case m.first > len(from.common) || len(m.rows) > len(from.common)-m.first:
		return nil, refusedError{NotOwner}
	case !from.newer(h):
		return nil, refusedError{Stale}
	}
	from.heard(m.say)
	a := roots{say: say{floor: c.local.Floor(), above: c.hintsAbove()}, answer: true, first: m.first}
	for i := range m.rows {
		a.rows = append(a.rows, c.answerRow(from, from.common[m.first+i], m, &m.rows[i], a.floor))
	}
	return a, nil
}

// answerRow compares one partition. Equal roots prove, for both sides, what the
// lower of the floors says; of the hints only what the asker knew before it read
// its root counts, as one may have been delivered to it since.
func (c *Core) answerRow(from *peer, partition int, m roots, theirs *rootsRow, floor hlc.Timestamp) (row rootsRow) {
	part := c.part(partition)
	x := part.pair(from.id)
	mine := c.rootOf(from, partition)
	switch {
	case theirs.state == quarantined:
		c.forget(part, x)
		row.state = unusable
	case mine.state != shown:
		row.state = mine.state
	case theirs.state != shown:
		row.state = unusable
	case mine.root != theirs.root:
		row.state = differs
		x.why = Differing
	default:
		c.prove(part, x, min(m.floor, floor), m.least)
	}
	if theirs.state != quarantined {
		x.told, x.toldStrict = theirs.asOf, theirs.strict
	}
	row.asOf, row.strict = c.tell(part, x)
	return row
}

// newer says whether a message of a member came after all that it has sent
// before, as far as is known: what it tells of its proofs may also have fallen.
func (p *peer) newer(h head) bool {
	switch {
	case h.instance == p.instance:
		if h.serial <= p.serial {
			return false
		}
	case h.instance == 0 || slices.Contains(p.dead[:], h.instance):
		return false
	default:
		copy(p.dead[1:], p.dead[:])
		p.dead[0] = p.instance
		p.instance = h.instance
	}
	p.serial = h.serial
	return true
}

// backoff is how long to wait, in milliseconds, after so many failures before the
// last one.
func backoff(fails int) int64 { return second << min(fails, 6) }
