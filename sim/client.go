package sim

import (
	"fmt"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/wire"
)

// client does one thing at a time, thinks, and goes on. It keeps to what the
// protocol asks of a client: its stamps are made from the clocks that nodes
// send and its own monotonic time, under a random writer id; a write in doubt
// is repeated with the same stamp.
type client struct {
	sim     *Sim
	id      int
	home    int // the node that it stands beside
	dice    dice
	portals []*portal // by node
	current *attempt
	resting bool // it has nothing in flight and starts nothing

	writer  uint64
	stamp   hlc.Timestamp // the last one
	heard   hlc.Timestamp
	heardAt time.Duration
	seen    map[int]hlc.Version // by key: the highest version that it was shown
	walk    walk
	after   func() // at the end: what comes after an attempt, in place of proceed
}

func (s *Sim) newClient(id int) *client {
	c := &client{sim: s, id: id, dice: s.stream(fmt.Sprintf("client/%d", id)), seen: make(map[int]hlc.Version)}
	c.home, c.writer = c.dice.IntN(len(s.nodes)), c.dice.Uint64()
	for _, n := range s.nodes {
		c.portals = append(c.portals, &portal{c: c, node: n})
	}
	return c
}

// think waits a while and then does the next thing.
func (c *client) think() {
	c.current = nil
	if c.sim.calm {
		c.resting = true
		return
	}
	load := &c.sim.plan.Load
	mean := c.sim.plan.Length * time.Duration(load.Clients) / time.Duration(load.Ops)
	c.sim.after(c.dice.exponential(mean), "think", nil, func() {
		if c.sim.calm {
			c.resting = true
			return
		}
		c.launch(c.draw()...)
	})
}

// launch sends operations, several as a BATCH, to some node.
func (c *client) launch(operations ...*operation) {
	a := &attempt{operations: operations, deadline: pick(c.dice, c.sim.plan.Load.Deadlines...)}
	c.try(a)
}

// try starts an attempt.
func (c *client) try(a *attempt) {
	s := c.sim
	a.node = s.nodes[c.dice.IntN(len(s.nodes))]
	if a.node.process == nil && c.dice.chance(0.8) {
		a.node = s.nodes[c.dice.IntN(len(s.nodes))]
	}
	a.patience = a.deadline + c.dice.between(100*time.Millisecond, time.Second)
	for _, o := range a.operations {
		o.tries++
	}
	c.start(a)
}

// start sends an attempt to its node, and waits for the answer or until its
// patience ends.
func (c *client) start(a *attempt) {
	c.current = a
	c.sim.after(a.patience, "patience", nil, func() {
		if !a.over {
			c.unanswered(a, "no answer in time")
		}
	})
	c.portals[a.node.index].send(a)
}

// unanswered gives an attempt up. What was not sent had no effect.
func (c *client) unanswered(a *attempt, why string) {
	a.over = true
	for _, o := range a.operations {
		c.sim.fig.Lost++
		o.text = why
		if a.sent && o.writes() {
			o.doubtful = true
		}
	}
	if p := c.portals[a.node.index]; !a.sent || c.dice.chance(0.5) {
		p.close()
	}
	c.proceed(a)
}

// answered takes the answer to an attempt.
func (c *client) answered(a *attempt, r *reply) {
	a.over = true
	for i, o := range a.operations {
		one := &r.answer
		if len(a.operations) > 1 && one.Code == contract.OK {
			if i >= len(one.Results) {
				c.sim.fail("TRUTH", "a BATCH of %d operations has %d results", len(a.operations), len(one.Results))
				return
			}
			one = &r.answer.Results[i]
		}
		c.take(a, o, one, r.when)
	}
	c.proceed(a)
}

// take judges the answer of one operation.
func (c *client) take(a *attempt, o *operation, answer *wire.Answer, when span) {
	s := c.sim
	s.fig.Codes[answer.Code]++
	o.text = describe(a, answer)
	if s.verbose() {
		s.tracef("c%d: %v -> %v: %s", c.id, a.node, o, o.text)
	}
	switch {
	case a.outcome:
		if answer.Code == contract.OK {
			s.check.outcome(o, &answer.Outcome)
		}
	case answer.Code != contract.OK:
		if o.writes() && answer.Code.Settled(true) == contract.Unknown {
			o.doubtful = true
		}
	case o.kind == wire.OpScan:
		o.acked = true
		c.walk.page(s, o, &answer.Scan)
	case o.kind == wire.OpGet:
		o.acked = true
		s.check.read(o, &answer.Get, when)
		if v := answer.Get.Version; c.seen[o.key.index].Less(v) {
			c.seen[o.key.index] = v
		}
	default:
		o.acked = true
		s.check.wrote(o, &answer.Write)
	}
}

// proceed decides what comes after an attempt: the same write again, an
// OUTCOME, the next page of a scan, or something new.
func (c *client) proceed(a *attempt) {
	if c.after != nil {
		c.after()
		return
	}
	s, load := c.sim, &c.sim.plan.Load
	o := a.operations[0]
	switch {
	case len(a.operations) > 1 || s.calm || o.tries > 4:
	case o.kind == wire.OpScan && c.walk.goesOn(o):
		s.after(time.Millisecond, "next page", nil, func() { c.launch(o) })
		return
	case !o.writes() || a.outcome:
	case o.doubtful && !o.acked && !o.version.IsZero() && c.dice.chance(load.Ask):
		s.fig.Outcomes++
		s.after(c.dice.exponential(100*time.Millisecond), "outcome", nil, func() {
			c.try(&attempt{operations: a.operations, outcome: true, deadline: time.Second})
		})
		return
	case o.stamped && (o.doubtful && !o.acked && c.dice.chance(load.Retry) || o.acked && c.dice.chance(load.Again)):
		s.fig.Retries++
		s.after(c.dice.exponential(100*time.Millisecond), "again", nil, func() { c.launch(o) })
		return
	}
	for _, o := range a.operations {
		s.check.ended(o)
	}
	c.think()
}

// tick makes a stamp.
func (c *client) tick() hlc.Version {
	since := (c.sim.now - c.heardAt).Milliseconds()
	c.stamp = hlc.Tick(c.stamp, c.heard.Millis()+since)
	return hlc.Version{Time: c.stamp, Writer: c.writer}
}
