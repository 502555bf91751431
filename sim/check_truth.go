package sim

import (
	"math/bits"
	"slices"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
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
		s.fail("TRUTH", "an answer names epoch %d", r.answer.Epoch)
	}
	for i, o := range a.operations {
		one := &r.answer
		if len(a.operations) > 1 && one.Code == contract.OK {
			if one = nil; i < len(r.answer.Results) {
				one = &r.answer.Results[i]
			}
		}
		if one != nil && o.key != nil {
			c.truth(a, i, one)
		}
	}
}

// left is how long a process has until the deadline of a request; while it is
// paused its time stands still.
func (a *attempt) left(p *process) time.Duration {
	took := p.sim.now - a.arrivedAt - (p.pausedFor - a.pausedFor)
	return min(a.deadline, 5*time.Second) - took
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

func (c *checker) truth(a *attempt, i int, r *wire.Answer) {
	o := a.operations[i]
	if a.misstamp&(1<<i) != 0 && r.Code.Class() != contract.NoEffect {
		c.s.failKey(o.key, "TRUTH", "%v is answered %v, though its stamp was out of bounds when it arrived", o, r.Code)
	}
	switch {
	case r.Code == contract.OK && a.outcome:
		c.outcomeTruth(o, &r.Outcome)
	case r.Code == contract.OK && o.kind == wire.OpGet:
		c.receipt(o, &r.Get.Receipt, r.Get.Version, true)
		c.readRows(o, &r.Get)
	case r.Code == contract.OK:
		c.receipt(o, &r.Write.Receipt, r.Write.Version, true)
		c.writeTruth(o, &r.Write)
	case a.outcome:
	case r.Code == contract.Corrupt:
		c.s.mark("damage told")
		if o.key.damaged < 0 {
			c.s.failKey(o.key, "TRUTH", "%v meets damage, where there is none", o)
		}
	case r.Error.Receipt != nil && o.writes():
		c.s.mark("write in doubt")
		if r.Error.Version != o.version {
			c.s.failKey(o.key, "TRUTH", "%v is in doubt as version %v", o, r.Error.Version)
		}
		c.receipt(o, r.Error.Receipt, o.version, false)
		if r.Error.Receipt.Asked < o.need {
			c.s.failKey(o.key, "TRUTH", "%v was sent to too few replicas for its level, instead of being refused: %v", o, r.Error.Receipt)
		}
		if r.Error.Receipt.Acked == 1 && o.need > 1 {
			c.s.mark("in doubt with one replica that has it")
		}
	case r.Code == contract.Unavailable:
		c.s.mark("refused as too few are reachable")
		if e := &r.Error; e.Need != o.need || e.N != len(o.key.owners) || len(e.Down) > e.N {
			c.s.failKey(o.key, "TRUTH", "%v is refused with need %d of %d replicas, %d down", o, e.Need, e.N, len(e.Down))
		}
	}
}

// receipt checks the counts of a receipt; met says that the level has to be.
func (c *checker) receipt(o *operation, r *contract.Receipt, v hlc.Version, met bool) {
	c.s.fig.Receipts++
	natural, holders := len(o.key.owners), c.holders(o.key, v)
	switch {
	case r.Need != o.need || r.Level != resolved(o.level):
		c.s.failKey(o.key, "TRUTH", "%v has a receipt with need %d at level %v", o, r.Need, r.Level)
	case met != (r.Acked >= r.Need) || met && r.Durable < r.Need:
		c.s.failKey(o.key, "TRUTH", "%v is answered %s, with receipt %v", o, map[bool]string{true: "OK", false: "in doubt"}[met], r)
	case r.Acked > r.Asked || r.Asked > natural || r.Hinted != 0 || r.Durable > r.Acked:
		c.s.failKey(o.key, "TRUTH", "%v has an impossible receipt: %v", o, r)
	case r.Acked > holders:
		c.s.failKey(o.key, "TRUTH", "%v claims %d replicas for %v, but %d hold it synced", o, r.Acked, v, holders)
	}
	if o.rows != (r.Rows != nil) {
		c.s.failKey(o.key, "TRUTH", "%v: rows asked %v, rows sent %v", o, o.rows, r.Rows != nil)
	}
}

// writeTruth checks outcome and rows of a write that was answered OK.
func (c *checker) writeTruth(o *operation, a *wire.WriteAnswer) {
	stood, heard := bits.OnesCount16(o.stood), bits.OnesCount16(o.stood|o.beaten)
	switch {
	case a.Version != o.version:
		c.s.failKey(o.key, "TRUTH", "%v is answered as version %v", o, a.Version)
	case heard < a.Receipt.Acked:
		c.s.failKey(o.key, "TRUTH", "%v claims %d replicas, but %d have decided about it", o, a.Receipt.Acked, heard)
	case a.Outcome == contract.Applied && (stood < a.Receipt.Acked || !a.Winner.IsZero()):
		c.s.failKey(o.key, "TRUTH", "%v is applied at %d replicas, but stood at %d only; winner %v", o, a.Receipt.Acked, stood, a.Winner)
	case a.Outcome == contract.Superseded && (o.beaten == 0 || !o.version.Less(a.Winner) || c.holders(o.key, a.Winner) == 0):
		c.s.failKey(o.key, "TRUTH", "%v is superseded by %v, which no replica told", o, a.Winner)
	}
	acked, beaten := 0, 0
	for i := range a.Receipt.Rows {
		row := &a.Receipt.Rows[i]
		switch n := c.row(o, a.Receipt.Rows, i); {
		case n == nil:
		case row.State == contract.RowSuperseded:
			acked++
			beaten++
			if hlc.VersionFrom(row.Version[:]).Compare(o.version) <= 0 || o.beaten&(1<<n.index) == 0 {
				c.s.failKey(o.key, "TRUTH", "%v: %v is said to hold %x", o, n, row.Version)
			}
		case row.State == contract.Durable:
			acked++
			if o.stood&(1<<n.index) == 0 {
				c.s.failKey(o.key, "TRUTH", "%v: %v is said to have it, where it never stood", o, n)
			}
		}
	}
	if o.rows && (acked != a.Receipt.Acked || (beaten > 0) != (a.Outcome == contract.Superseded)) {
		c.s.failKey(o.key, "TRUTH", "%v: %v, %v, but %d rows have it, %d of them more", o, a.Outcome, a.Receipt, acked, beaten)
	}
}

// readRows checks the rows of a read: each replica holds what it is said to
// hold, or by now more.
func (c *checker) readRows(o *operation, a *wire.GetAnswer) {
	holds := 0
	for i := range a.Receipt.Rows {
		row := &a.Receipt.Rows[i]
		n := c.row(o, a.Receipt.Rows, i)
		if n == nil || row.State != contract.Durable && row.State != contract.RowSuperseded {
			continue
		}
		v := hlc.VersionFrom(row.Version[:])
		if n.held[o.key.index].synced.Less(v) {
			c.s.failKey(o.key, "TRUTH", "%v: %v is said to hold %v", o, n, v)
		}
		if !v.Less(a.Version) {
			holds++
		}
	}
	if o.rows && holds < a.Receipt.Acked {
		c.s.failKey(o.key, "TRUTH", "%v: %v, but %d rows hold the winner", o, a.Receipt, holds)
	}
}

// row is the node of a row, which is natural and has one row only.
func (c *checker) row(o *operation, rows []contract.Row, i int) *node {
	at, ok := c.s.cluster.Ring.Index(ring.NodeID(rows[i].Node))
	twice := slices.ContainsFunc(rows[:i], func(r contract.Row) bool { return r.Node == rows[i].Node })
	if !ok || twice || !slices.Contains(o.key.owners, at) {
		c.s.failKey(o.key, "TRUTH", "%v: row %d is of a node that is no natural replica, or comes twice", o, i)
		return nil
	}
	return c.s.nodes[at]
}

// outcomeTruth checks that what OUTCOME calls settled is on a quorum.
func (c *checker) outcomeTruth(o *operation, a *wire.OutcomeAnswer) {
	if a.Fate == contract.Pending {
		return
	}
	if got, need := c.holders(o.key, a.Winner), needOf(contract.Quorum, c.s.plan.Replicas); got < need {
		c.s.failKey(o.key, "TRUTH", "OUTCOME of %v is %v, but %d of %d hold %v", o, a.Fate, got, need, a.Winner)
	}
}
