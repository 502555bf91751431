package repair

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// ProofsName names the system value in which a node keeps what it has proved. Like
// all that is named so it is no part of a database that was renewed.
const ProofsName = "storage.proofs"

// keeping is what is known of that value.
type keeping struct {
	doc     []byte // as it was stored last, in this life
	at      int64  // when it was
	writing bool
	stale   bool // what is stored is of another epoch, or of a life before
	fell    bool // what is stored may claim what is so no more
}

// keepProofs stores what is proved, now and then: what this node held then is durable with
// it, so a proof outlives its restart. What the other side has lost since, where it syncs
// later than it answers, its own proof does not cover, and the least of both counts. It is bound to its epoch: no replica
// is rebuilt before an epoch says so, after which it may hold less. Whoever started
// with less than it had told is quarantined, and that takes proofs back as ever.
func (c *Core) keepProofs(out *Effects) {
	k := &c.kept
	rest := c.o.ExchangeInterval / 2
	if k.stale || k.fell {
		rest = min(rest, second)
	}
	if c.view == nil || k.writing || c.now-k.at < rest {
		return
	}
	k.at = c.now
	doc, some := c.proofs()
	if !some && !k.fell || bytes.Equal(doc, k.doc) {
		return
	}
	k.writing, k.stale, k.fell = true, false, false
	c.write(Write{Kind: Proofs, Place: Place{Key: []byte(ProofsName)}, Record: doc}, out, func(r result, _ *Effects) {
		if k.writing, k.doc = false, doc; r.reason != None {
			k.doc, k.fell = nil, true
		}
	})
}

// The form of the proofs on disk. All numbers are big-endian.
//
//	offset  bytes
//	0       1      format, 1
//	1       8      the epoch in which they count
//	9              for each member with which something is proved, rising: id 16,
//	               count 2, count times {as-of in milliseconds since 1970 6, count 2,
//	               count times {partition 2}}, as-of rising
const proofsFormat = 1

// proofs encodes what is proved, and says whether anything is.
func (c *Core) proofs() (doc []byte, some bool) {
	doc = binary.BigEndian.AppendUint64([]byte{proofsFormat}, c.epoch())
	for _, p := range c.peers {
		var rows []markRow
		for _, partition := range p.common {
			if asOf := c.part(partition).pair(p.id).asOf; asOf.Millis() != 0 {
				rows = append(rows, markRow{partition, hlc.Make(asOf.Millis(), 0)})
			}
		}
		if len(rows) == 0 {
			continue
		}
		slices.SortStableFunc(rows, func(a, b markRow) int { return cmp.Compare(a.mark, b.mark) })
		doc, some = append(doc, p.id[:]...), true
		doc = appendGroups(doc, rows, func(dst []byte, row markRow) []byte { return appendMillis(dst, row.mark) })
	}
	return doc, some
}

// recall takes what was proved before this node was started again. What cannot be
// read, or is of another epoch, is proved anew.
func (c *Core) recall(doc []byte) {
	r := reader{b: doc}
	if r.number(1) != proofsFormat || r.number(8) != c.epoch() || r.bad {
		return
	}
	type proof struct {
		x    *pair
		asOf hlc.Timestamp
	}
	var all []proof
	for len(r.b) > 0 && !r.bad {
		var id ring.NodeID
		copy(id[:], r.take(len(id)))
		for _, row := range parseGroups(&r, len(r.b), func([]markRow) markRow { return markRow{mark: r.millis()} }) {
			if p := c.part(row.partition); p != nil && p.pair(id) != nil {
				all = append(all, proof{p.pair(id), row.mark})
			}
		}
	}
	if r.bad {
		return
	}
	for _, proof := range all {
		proof.x.asOf = proof.asOf
	}
}
