package sim

import (
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// TRUTH: every answer against what replicas really hold at the moment at which
// the answer leaves its node.

// answered checks an answer as it leaves.
func (c *checker) answered(p *process, a *attempt, r *reply) {
	s := c.s
	s.fig.Answers++
	if a.answers++; a.answers > 1 {
		s.fail("TRUTH", "%v is answered %d times", a.operations[0], a.answers)
	}
	if left := a.left(p) + s.plan.Tick + answerSlack; left < 0 {
		s.fail("RES", "%v is answered %v after its deadline", a.operations[0], -a.left(p))
	}
	if r.answer.Epoch != p.epoch() {
		s.fail("TRUTH", "an answer names epoch %d, in epoch %d", r.answer.Epoch, p.epoch())
	}
	for i := range a.operations {
		one := &r.answer
		if len(a.operations) > 1 && one.Code == contract.OK {
			if one = nil; i < len(r.answer.Results) {
				one = &r.answer.Results[i]
			}
		}
		if one != nil {
			c.truth(p, a, i, one)
		}
	}
}

// left is how long a process has until the deadline of a request; while it is
// paused its time stands still.
func (a *attempt) left(p *process) time.Duration {
	return min(a.deadline, 5*time.Second) - a.took(p)
}

// took is how long a process has had a request.
func (a *attempt) took(p *process) time.Duration {
	return p.sim.now - a.arrivedAt - (p.pausedFor - a.pausedFor)
}

// expect checks that a request which has arrived is answered at its deadline,
// unless the process or the connection ends before.
func (c *checker) expect(p *process, on *conn, a *attempt) {
	left := a.left(p) + c.s.plan.Tick + answerSlack
	if left >= 0 {
		c.s.after(left+1, "deadline", p, func() { c.expect(p, on, a) })
		return
	}
	if a.answers == 0 && !on.closed && !p.muted {
		c.s.fail("RES", "%v is not answered by its deadline", a.operations[0])
	}
}

// answerSlack is for clocks that drift and for rounding to milliseconds.
const answerSlack = 10 * time.Millisecond

func (c *checker) truth(p *process, a *attempt, i int, r *wire.Answer) {
	o, q := a.operations[i], &a.asked[i]
	if r.Code != contract.OK {
		c.refusal(a, i, r)
		return
	}
	if o.key != nil && q.needs.total() == 0 && o.kind != wire.OpExplain && !o.has(contract.Weaken) {
		c.s.failKey(o.key, "TRUTH", "%v is answered OK, at a level that its replicas cannot meet", o)
		return
	}
	switch o.kind {
	case wire.OpScan:
		o.walk.leaves(c, a, &r.Scan)
	case wire.OpExplain:
		c.explainTruth(p, o, q, &r.Explain)
	case wire.OpOutcome:
		c.outcomeTruth(o, &r.Outcome)
	case wire.OpGet:
		c.readTruth(p, a, i, &r.Get)
	default:
		c.writeTruth(a, i, &r.Write)
	}
}

// readTruth checks a GET that is answered OK.
func (c *checker) readTruth(p *process, a *attempt, i int, r *wire.GetAnswer) {
	o, q := a.operations[i], &a.asked[i]
	lowered := r.Receipt.Level != q.level
	if lowered && !o.has(contract.Weaken) {
		c.s.failKey(o.key, "TRUTH", "%v is answered at level %v, which it did not ask", o, r.Receipt.Level)
		return
	}
	n, _ := c.achieved(a, i, r)
	c.receipt(o, &r.Receipt, &n, r.Version)
	c.readRows(o, r)
	c.traced(o, r.Trace)
	switch half := a.took(p)*2 >= min(a.deadline, 5*time.Second); {
	case lowered && half:
		c.s.mark(markWeakenedLater)
	case lowered:
		c.s.mark(markWeakenedAtOnce)
	case q.level == contract.EachQuorum && c.s.spread(o.key) > 1:
		c.s.mark(markEachQuorum)
	}
}

// writeTruth checks a write that is answered OK.
func (c *checker) writeTruth(a *attempt, i int, r *wire.WriteAnswer) {
	o, q := a.operations[i], &a.asked[i]
	if a.misstamp&(1<<i) != 0 {
		c.s.failKey(o.key, "TRUTH", "%v is answered OK, though its stamp was out of bounds when it arrived", o)
	}
	if c.tooLarge(o) {
		c.s.failKey(o.key, "TRUTH", "%v is answered OK, though its value is beyond the limit", o)
	}
	if o.has(contract.Ordered) && o.version.IsZero() {
		c.s.failKey(o.key, "TRUTH", "%v is answered OK, and no replica has seen it", o)
	}
	c.receipt(o, &r.Receipt, &q.needs, r.Version)
	c.traced(o, r.Trace)
	c.decided(o, q, r)
	c.buriedTruth(o, r)
	if (q.level == contract.LocalOne || q.level == contract.LocalQuorum) && c.s.spread(o.key) > 1 {
		c.s.mark(markLocalLevel)
	}
}

// spread is how many regions hold replicas of a key.
func (s *Sim) spread(k *key) (regions int) {
	for _, size := range k.sizes[1:] {
		regions += min(size, 1)
	}
	return regions
}

// tooLarge says whether a write's value is beyond what the node or the namespace
// takes.
func (c *checker) tooLarge(o *operation) bool {
	return uint64(o.size) > c.s.plan.Limits.ValueBytes || o.space.ValueBytes > 0 && uint64(o.size) > o.space.ValueBytes
}

// traced checks the steps of a trace: there if it was asked for, in order, and of
// members only.
func (c *checker) traced(o *operation, steps []wire.TraceStep) {
	if o.has(contract.Trace) != (steps != nil) {
		c.s.failKey(o.key, "TRUTH", "%v: %d steps of a trace; asked %v", o, len(steps), o.has(contract.Trace))
	}
	for i := range steps {
		_, member := c.s.cluster.Ring.Index(steps[i].Node)
		if !member || i > 0 && steps[i].OffsetUS < steps[i-1].OffsetUS {
			c.s.failKey(o.key, "TRUTH", "%v: step %d of its trace, %+v, comes behind %+v", o, i, steps[i], steps[max(i, 1)-1])
			return
		}
	}
}

// refusal checks an answer that is not OK.
func (c *checker) refusal(a *attempt, i int, r *wire.Answer) {
	o, q := a.operations[i], &a.asked[i]
	if o.key == nil {
		return
	}
	if a.misstamp&(1<<i) != 0 && r.Code.Class() != contract.NoEffect {
		c.s.failKey(o.key, "TRUTH", "%v is answered %v, though its stamp was out of bounds when it arrived", o, r.Code)
	}
	switch {
	case r.Code == contract.Corrupt:
		c.s.mark(markDamageTold)
		if o.key.damaged < 0 && (o.key.mendedAt == 0 || a.arrivedAt > o.key.mendedAt) {
			c.s.failKey(o.key, "TRUTH", "%v meets damage, where there is none", o)
		}
	case r.Code == contract.Overloaded:
		c.s.mark(markOverloaded)
	case r.Code == contract.TooLarge:
		c.s.mark(markTooLarge)
	case r.Code == contract.Clock && r.Error.Kind <= contract.StampOld:
		c.s.mark(markStaleStamp)
	case r.Error.Receipt != nil && o.writes():
		c.inDoubt(o, q, r)
	case r.Code == contract.Unavailable:
		c.unavailable(o, q, &r.Error)
	}
}

// inDoubt checks a write that is in doubt.
func (c *checker) inDoubt(o *operation, q *asked, r *wire.Answer) {
	c.s.mark(markInDoubt)
	if o.has(contract.Ordered) && o.version.IsZero() && !r.Error.Version.IsZero() {
		c.s.orderedAs(o, r.Error.Version)
	}
	got := r.Error.Receipt
	switch {
	case r.Error.Version != o.version:
		c.s.failKey(o.key, "TRUTH", "%v is in doubt as version %v", o, r.Error.Version)
	case got.Asked < q.needs.total() && !o.sloppy():
		c.s.failKey(o.key, "TRUTH", "%v was sent to too few replicas for its level, instead of being refused: %v", o, got)
	case counts(q.level) && got.Acked >= got.Need:
		c.s.failKey(o.key, "TRUTH", "%v is in doubt, with receipt %v", o, got)
	}
	c.counted(o, got, &q.needs, o.version)
	if got.Acked == 1 && q.needs.total() > 1 {
		c.s.mark(markInDoubtHeld)
	}
}

// unavailable checks a request that was refused for want of replicas.
func (c *checker) unavailable(o *operation, q *asked, e *wire.Error) {
	switch {
	case q.needs.total() == 0:
		c.s.mark(markLocalRefused)
		return
	case !o.after.IsZero() && e.Reachable >= e.Need:
		c.s.mark(markSessionRefused)
	default:
		c.s.mark(markTooFew)
	}
	// Of an ordered write it may be the quorum, whose version it has to know, that
	// cannot be had, and of one that may be weakened it is the least.
	other := o.has(contract.Weaken) && e.Need < q.needs.total() || o.has(contract.Ordered) && e.Need == majority(len(o.key.owners))
	if e.Need != q.needs.total() && !other || e.N != len(o.key.owners) || len(e.Down) > e.N {
		c.s.failKey(o.key, "TRUTH", "%v is refused with need %d of %d replicas, %d down", o, e.Need, e.N, len(e.Down))
	}
}
