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
// is repeated with the same stamp. Some clients are sessions: they hand the last
// version of a key that they have seen along with every request.
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
	session bool
	seen    map[int]hlc.Version // by key: the highest version that it was shown, or told that it has written
	asking  *operation          // the write of which it asks OUTCOME, to go on with behind that
	after   func()              // at the end: what comes after an attempt, in place of proceed
}

func (s *Sim) newClient(id int) *client {
	c := &client{sim: s, id: id, dice: s.stream(fmt.Sprintf("client/%d", id)), seen: make(map[int]hlc.Version)}
	c.home, c.writer = c.dice.IntN(len(s.nodes)), c.dice.Uint64()
	c.session = s.stream(fmt.Sprintf("session/%d", id)).chance(s.plan.Load.Sessions)
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
	s := c.sim
	a := &attempt{operations: operations, deadline: pick(c.dice, s.plan.Load.Deadlines...)}
	a.node = s.nodes[c.dice.IntN(len(s.nodes))]
	if a.node.process == nil && c.dice.chance(0.8) {
		a.node = s.nodes[c.dice.IntN(len(s.nodes))]
	}
	a.patience = a.deadline + c.dice.between(100*time.Millisecond, time.Second)
	for _, o := range operations {
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
	for i := range a.operations {
		one := &r.answer
		if len(a.operations) > 1 && one.Code == contract.OK {
			if i >= len(one.Results) {
				c.sim.fail("TRUTH", "a BATCH of %d operations has %d results", len(a.operations), len(one.Results))
				return
			}
			one = &r.answer.Results[i]
		}
		c.take(a, i, one, r.when)
	}
	c.proceed(a)
}

// take judges the answer of one operation.
func (c *client) take(a *attempt, i int, answer *wire.Answer, when span) {
	s, o := c.sim, a.operations[i]
	s.fig.Codes[answer.Code]++
	o.text = describe(answer)
	if s.verbose() {
		s.tracef("c%d: %v -> %v: %s", c.id, a.node, o, o.text)
	}
	if answer.Code != contract.OK {
		if o.writes() && answer.Code.Settled(true) == contract.Unknown {
			o.doubtful = true
		}
		return
	}
	o.acked = true
	switch o.kind {
	case wire.OpOutcome:
		s.check.outcome(o, &a.asked[i], &answer.Outcome)
	case wire.OpExplain:
	case wire.OpScan:
		o.walk.page(s, a, &answer.Scan)
		for j := range answer.Scan.Items {
			if k := s.history.find(o.space.number, answer.Scan.Items[j].Key); k != nil {
				c.saw(k, answer.Scan.Items[j].Version)
			}
		}
	case wire.OpGet:
		s.check.read(a, i, &answer.Get, when)
		c.saw(o.key, answer.Get.Version)
	default:
		s.check.wrote(o, &a.asked[i], &answer.Write)
		c.saw(o.key, o.version)
	}
}

// saw notes a version of a key that the client was shown, or wrote.
func (c *client) saw(k *key, v hlc.Version) {
	if c.seen[k.index].Less(v) {
		c.seen[k.index] = v
	}
}

// proceed decides what comes after an attempt: the same write again, an
// OUTCOME, the next page of a scan, or something new.
func (c *client) proceed(a *attempt) {
	if c.after != nil {
		c.after()
		return
	}
	if o := a.operations[0]; len(a.operations) == 1 && c.goesOn(o) {
		return
	}
	for _, o := range a.operations {
		c.sim.check.ended(o)
	}
	if w := c.asking; w != nil {
		if c.asking = nil; c.goesOn(w) {
			return
		}
		c.sim.check.ended(w)
	}
	c.think()
}

// goesOn does the next thing about an operation, if there is more to be done.
func (c *client) goesOn(o *operation) bool {
	s, load := c.sim, &c.sim.plan.Load
	soon := c.dice.exponential(100 * time.Millisecond)
	switch unsettled := o.doubtful && !o.acked && !o.voided; {
	case s.calm || o.tries > 4 || o.asks > 2:
	case o.kind == wire.OpScan && o.walk.goesOn(o):
		s.after(time.Millisecond, "next page", nil, func() { c.launch(o) })
		return true
	case !o.writes():
	case unsettled && !o.version.IsZero() && c.dice.chance(load.Ask):
		o.asks++
		c.asking = o
		s.after(soon, "outcome", nil, func() { c.launch(c.outcome(o)) })
		return true
	case o.stamped && (unsettled && c.dice.chance(load.Retry) || (o.acked || o.voided) && c.dice.chance(load.Again)):
		s.fig.Retries++
		s.after(soon, "again", nil, func() { c.launch(o) })
		return true
	}
	return false
}

// tick makes a stamp.
func (c *client) tick() hlc.Version {
	since := (c.sim.now - c.heardAt).Milliseconds()
	c.stamp = hlc.Tick(c.stamp, c.heard.Millis()+since)
	return hlc.Version{Time: c.stamp, Writer: c.writer}
}
