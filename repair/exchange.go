package repair

import (
	"slices"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/merkle"
	"github.com/candordb/candor/ring"
)

// exchange is one partition being compared with one other replica, and brought to
// agree with it, on the side that asks. The other side keeps no state of it.
//
//	OPEN     both floors, and the other's root: up to the lower of the floors
//	         this exchange can prove
//	DESCEND  level by level, to the leaves that differ
//	LEAVES   lists of their records, page by page; after each page the newer records
//	         of it move, and are durable before the next
//	DONE     tells the other side what is proved
type exchange struct {
	part *part
	peer *peer
	pair *pair
	pass *pass // of an operator; nil: of the schedule
	over bool
	// asking: an answer of the other side is waited for.
	asking bool

	floor, least  hlc.Timestamp // own, before the tree was read
	bound, strict hlc.Timestamp
	opened        head // of the answer to OPEN
	descent       *merkle.Descent
	leaves        []uint16

	mine, theirs list
	moves        []move
	moving       int // under way
	fails        int // of exchanges of this partition with this peer before
	differing    uint64
	fixed        uint64
	late         bool  // what differed was older than the bound: hints and writes had their time
	readAt       int64 // when pages of one's own list were last read, and how many
	pages        int
	previewed    bool // differences were left alone
}

// work starts exchanges that wait for their turn, and goes on with those that wait
// for the rate limit.
func (c *Core) work(out *Effects) {
	for _, e := range slices.Clone(c.running) {
		c.move(e, out)
	}
	if c.now < c.paused {
		return
	}
	for _, p := range c.peers {
		for i := 0; i < len(p.queue) && c.room(p); {
			q := p.queue[i]
			if q.due > c.now || c.exchangeOf(p.id, q.partition) != nil {
				i++
				continue
			}
			p.queue = slices.Delete(p.queue, i, i+1)
			c.start(&exchange{part: c.part(q.partition), peer: p, fails: q.fails}, out)
		}
	}
}

// room says whether one more exchange with the peer may begin.
func (c *Core) room(p *peer) bool {
	most, pairMost := exchangesMax, pairMax
	if c.local.Busy() {
		most, pairMost = 1, 1
	}
	return !p.comparing && len(c.running) < most && c.exchanging(p) < pairMost && c.tokens > 0 && c.local.Reachable(p.id)
}

// exchanging is how many exchanges with a peer are under way.
func (c *Core) exchanging(p *peer) (n int) {
	for _, e := range c.running {
		if e.peer == p {
			n++
		}
	}
	return n
}

// exchangeOf is the exchange of a partition with a member that is under way; nil
// if there is none.
func (c *Core) exchangeOf(with ring.NodeID, partition int) *exchange {
	for _, e := range c.running {
		if e.peer.id == with && e.part.partition == partition {
			return e
		}
	}
	return nil
}

// start begins an exchange: the floor and what is known of hints are read before
// the tree is.
func (c *Core) start(e *exchange, out *Effects) {
	e.pair = e.part.pair(e.peer.id)
	e.floor, e.least = c.local.Floor(), c.least()
	c.running = append(c.running, e)
	if c.local.Marks(e.part.partition).Quarantined {
		c.fail(e, Quarantined, out)
		return
	}
	c.ask(e, kindOpen, opening{partition: e.part.partition, floor: e.floor, least: e.least}, out, func(r result, out *Effects) Reason {
		a, err := parseOpening(r.body, true)
		if err != nil || a.partition != e.part.partition {
			return Malformed
		}
		e.opened = r.head
		e.bound = min(e.floor, a.floor)
		e.strict = min(e.bound, e.least)
		if !c.local.Tree(e.part.partition, func(t *merkle.Tree) { e.descent = merkle.Descend(t, a.root) }) {
			return Counting
		}
		c.descend(e, out)
		return None
	})
}

// ask sends a request of an exchange. The answer is not looked at if the exchange
// is over; if it is a failure, or next says that it is, the exchange fails.
func (c *Core) ask(e *exchange, kind byte, b body, out *Effects, next func(result, *Effects) Reason) {
	e.asking = true
	c.send(e.peer.id, kind, b, out, func(r result, out *Effects) {
		if e.over {
			return
		}
		e.asking = false
		reason := r.reason
		if reason == None {
			reason = next(r, out)
		}
		if reason != None {
			c.fail(e, reason, out)
		}
	})
}

// descend asks for the next nodes, or goes on to the leaves that differ.
func (c *Core) descend(e *exchange, out *Effects) {
	q, more := e.descent.Question()
	if !more {
		e.leaves = slices.Clone(e.descent.Leaves())
		e.mine, e.theirs = list{last: len(e.leaves) == 0}, list{last: len(e.leaves) == 0}
		c.merge(e, out)
		return
	}
	c.ask(e, kindDescend, descend{e.part.partition, q.Append(nil)}, out, func(r result, out *Effects) Reason {
		a, err := parseDescend(r.body)
		if err != nil || a.partition != e.part.partition {
			return Malformed
		}
		nodes, err := merkle.ParseNodes(nil, a.piece)
		if err != nil {
			return Malformed
		}
		if !c.local.Tree(e.part.partition, func(t *merkle.Tree) { err = e.descent.Take(t, nodes) }) {
			return Counting
		}
		if err != nil {
			return Malformed
		}
		c.descend(e, out)
		return None
	})
}

// finish ends an exchange in which nothing failed: the pair agrees up to bound.
func (c *Core) finish(e *exchange, out *Effects) {
	c.drop(e)
	c.counters.Exchanges.Done++
	e.peer.pace.again = e.peer.pace.again || e.late
	c.note(e, None)
	if !e.previewed {
		c.prove(e.part, e.pair, e.bound, e.strict)
		c.send(e.peer.id, kindDone, done{e.part.partition, e.bound, e.strict, e.opened.instance, e.opened.serial}, out, func(result, *Effects) {})
	}
	c.work(out)
	c.passOn(out)
}

// fail ends an exchange unproved. It is tried again after a while.
func (c *Core) fail(e *exchange, reason Reason, out *Effects) {
	if e.over {
		return
	}
	c.drop(e)
	c.counters.Exchanges.Failed++
	e.pair.why = reason
	if reason == Quarantined && !c.local.Marks(e.part.partition).Quarantined {
		c.forget(e.part, e.pair)
	}
	c.note(e, reason)
	if e.pass == nil {
		e.peer.queue = append(e.peer.queue, queued{e.part.partition, c.now + min(backoff(e.fails), c.o.ExchangeInterval), e.fails + 1})
	}
	c.work(out)
	c.passOn(out)
}

// stop ends the exchanges that which names, unproved, and does not try again.
func (c *Core) stop(which func(*exchange) bool, reason Reason) {
	for _, e := range slices.Clone(c.running) {
		if which(e) {
			c.drop(e)
			e.pair.why = reason
			c.note(e, reason)
		}
	}
}

func (c *Core) drop(e *exchange) {
	e.over = true
	c.running = slices.DeleteFunc(c.running, func(o *exchange) bool { return o == e })
}

// The other side. It answers from what it holds now, and remembers nothing: the
// asker may ask again, late, or twice.

func (c *Core) answerOpen(from *peer, r reader) (body, error) {
	m, err := parseOpening(r, false)
	if err != nil {
		return nil, err
	}
	if _, err := c.shared(from, m.partition); err != nil {
		return nil, err
	}
	a := opening{partition: m.partition, answer: true, floor: c.local.Floor()}
	if !c.local.Tree(m.partition, func(t *merkle.Tree) { a.root = t.Root() }) {
		return nil, refusedError{Counting}
	}
	return a, nil
}

func (c *Core) answerDescend(from *peer, r reader) (body, error) {
	m, err := parseDescend(r)
	if err != nil {
		return nil, err
	}
	if _, err := c.shared(from, m.partition); err != nil {
		return nil, err
	}
	q, err := merkle.ParseQuestion(nil, m.piece)
	if err != nil {
		return nil, err
	}
	var nodes merkle.Nodes
	if !c.local.Tree(m.partition, func(t *merkle.Tree) { nodes, err = t.Answer(nil, q) }) {
		return nil, refusedError{Counting}
	}
	if err != nil {
		return nil, err
	}
	return descend{m.partition, nodes.Append(nil)}, nil
}

// heardDone takes what the asker of an exchange has proved, if this node has lost
// nothing since it answered the OPEN of it.
func (c *Core) heardDone(from *peer, r reader) (body, error) {
	m, err := parseDone(r)
	if err != nil {
		return nil, err
	}
	p, err := c.shared(from, m.partition)
	if err != nil {
		return nil, err
	}
	if m.instance == c.o.Instance && m.serial > p.reset {
		c.prove(p, p.pair(from.id), m.bound, m.strict)
	}
	return nothing{}, nil
}
