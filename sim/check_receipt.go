package sim

import (
	"math/bits"
	"slices"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// TRUTH, of receipts and rows: each replica that is counted is natural, counted
// once, in the region that the level means, and holds what it is counted for.

// receipt checks the receipt of an answer that met its level, which asks for q.
func (c *checker) receipt(o *operation, r *contract.Receipt, q *needs, v hlc.Version) {
	switch {
	case q.total() == 0 || r.Need != q.total():
		c.s.failKey(o.key, "TRUTH", "%v has a receipt with need %d at level %v", o, r.Need, r.Level)
	case r.Acked+r.Hinted < r.Need || r.Durable+r.Hinted < r.Need:
		c.s.failKey(o.key, "TRUTH", "%v is answered OK, with receipt %v", o, r)
	case o.writes() && r.Level != o.space.level(o.kind, o.level):
		c.s.failKey(o.key, "TRUTH", "%v has a receipt at level %v", o, r.Level)
	}
	c.counted(o, r, q, v)
	if have := c.holding(o.key, v); r.Hinted == 0 && !have.enough(q) {
		c.s.failKey(o.key, "TRUTH", "%v is answered OK for %v, but replicas that hold it are %v, of all and by region; its level asks for %v", o, v, have, *q)
	}
}

// counted checks the counts of any receipt.
func (c *checker) counted(o *operation, r *contract.Receipt, q *needs, v hlc.Version) {
	c.s.fig.Receipts++
	natural, holders := len(o.key.owners), c.holders(o.key, v)
	switch {
	case r.Need != q.total():
		c.s.failKey(o.key, "TRUTH", "%v has a receipt with need %d, not %d", o, r.Need, q.total())
	case r.Acked > r.Asked || r.Asked > natural || r.Hinted != 0 && !o.sloppy() || r.Hinted > natural || r.Durable > r.Acked:
		c.s.failKey(o.key, "TRUTH", "%v has an impossible receipt: %v", o, r)
	case r.Acked > holders:
		c.s.failKey(o.key, "TRUTH", "%v claims %d replicas for %v, but %d hold it synced", o, r.Acked, v, holders)
	case r.Hinted > bits.OnesCount16(o.stoodIn):
		c.s.failKey(o.key, "TRUTH", "%v claims %d hints, but %d nodes keep one that counts, synced", o, r.Hinted, bits.OnesCount16(o.stoodIn))
	case o.has(contract.Rows) != (r.Rows != nil):
		c.s.failKey(o.key, "TRUTH", "%v: rows asked %v, rows sent %v", o, o.has(contract.Rows), r.Rows != nil)
	}
}

// decided checks outcome and rows of a write that was answered OK, against what
// replicas have decided about it.
func (c *checker) decided(o *operation, q *asked, a *wire.WriteAnswer) {
	stood, heard := bits.OnesCount16(o.stood), bits.OnesCount16(o.stood|o.beaten)
	switch {
	case a.Version != o.version:
		c.s.failKey(o.key, "TRUTH", "%v is answered as version %v", o, a.Version)
	case heard < a.Receipt.Acked || a.Receipt.Hinted == 0 && !c.among(o.key, o.stood|o.beaten).enough(&q.needs):
		c.s.failKey(o.key, "TRUTH", "%v claims %d replicas, but %d have decided about it", o, a.Receipt.Acked, heard)
	case a.Outcome == contract.Applied && (stood < a.Receipt.Acked || !a.Winner.IsZero()):
		c.s.failKey(o.key, "TRUTH", "%v is applied at %d replicas, but stood at %d only; winner %v", o, a.Receipt.Acked, stood, a.Winner)
	case a.Outcome == contract.Superseded && (o.beaten == 0 || !o.version.Less(a.Winner) || c.holders(o.key, a.Winner) == 0):
		c.s.failKey(o.key, "TRUTH", "%v is superseded by %v, which no replica told", o, a.Winner)
	}
	if a.Receipt.Hinted > 0 {
		c.s.mark(markStoodIn)
		if all := o.stood | o.beaten | o.stoodFor; bits.OnesCount16(all) < a.Receipt.Need {
			c.s.failKey(o.key, "TRUTH", "%v is met at %d replicas, but %d of them have decided about it, or somebody stands in for them", o, a.Receipt.Need, bits.OnesCount16(all))
		}
	}
	acked, beaten, hints := 0, 0, 0
	for i := range a.Receipt.Rows {
		row := &a.Receipt.Rows[i]
		switch n := c.row(o, a.Receipt.Rows, i); {
		case n == nil:
		case row.State == contract.Hinted:
			hints++
			if o.stoodIn&(1<<n.index) == 0 {
				c.s.failKey(o.key, "TRUTH", "%v: %v is said to keep a hint, and does not", o, n)
			}
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
	if o.has(contract.Rows) && (acked != a.Receipt.Acked || hints != a.Receipt.Hinted || (beaten > 0) != (a.Outcome == contract.Superseded)) {
		c.s.failKey(o.key, "TRUTH", "%v: %v, %v, but %d rows have it, %d of them more, and %d a hint", o, a.Outcome, a.Receipt, acked, beaten, hints)
	}
}

// among is how many of some nodes are replicas of a key, in each domain.
func (c *checker) among(k *key, nodes uint16) *needs {
	q := new(needs)
	for _, i := range k.owners {
		if nodes&(1<<i) != 0 {
			q[0]++
			q[1+c.s.nodes[i].region]++
		}
	}
	return q
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
		if !n.held[o.key.index].had(v) {
			c.s.failKey(o.key, "TRUTH", "%v: %v is said to hold %v", o, n, v)
		}
		if !v.Less(a.Version) {
			holds++
		}
	}
	if o.has(contract.Rows) && holds < a.Receipt.Acked {
		c.s.failKey(o.key, "TRUTH", "%v: %v, but %d rows hold the winner", o, a.Receipt, holds)
	}
}

// row is the node of a row, which is natural, or was asked to stand in, and has one
// row only.
func (c *checker) row(o *operation, rows []contract.Row, i int) *node {
	at, ok := c.s.cluster.Ring.Index(ring.NodeID(rows[i].Node))
	twice := slices.ContainsFunc(rows[:i], func(r contract.Row) bool { return r.Node == rows[i].Node })
	natural := slices.Contains(o.key.owners, at)
	hint := rows[i].State == contract.Hinted || rows[i].State == contract.Refused || rows[i].State == contract.Silent
	if !ok || twice || !natural && !(hint && o.sloppy()) || natural && rows[i].State == contract.Hinted {
		c.s.failKey(o.key, "TRUTH", "%v: row %d is of a node that is no natural replica, or comes twice", o, i)
		return nil
	}
	return c.s.nodes[at]
}
