package coordinator

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
)

// ExplainRow is what one natural replica holds of a key. Behind Reachable false
// nothing is known. Version zero: it holds nothing, or its record is damaged.
type ExplainRow struct {
	Node       ring.NodeID
	Reachable  bool
	Version    hlc.Version
	Tombstone  bool
	ExpiresAt  int64
	ValueBytes int
	Intact     bool // the checksum matches
}

// Explain opens an EXPLAIN: every replica that can be reached is asked for its
// whole record, so that checksums are computed, and the answer says what each
// one holds. It writes nothing back, and is never refused for want of replicas.
func (c *Core) Explain(now int64, r *Request, out *Effects) {
	s, at := c.begin(now, r, out)
	if s == nil {
		return
	}
	s.explain = make([]ExplainRow, 0, len(s.Owners))
	for i, m := range s.Owners {
		if m != ring.NoOwner {
			s.explain = append(s.explain, ExplainRow{Node: s.node(i)})
		}
	}
	for i := s.next(everyone); i >= 0; i = s.next(everyone) {
		s.ask(i, c.call(at, s), AskRead, nil, out)
	}
	c.decideExplain(s, at, out)
}

// explainReply takes what owner i holds.
func (c *Core) explainReply(s *slot, at uint32, i int, r *Reply, out *Effects) {
	if !s.waiting.has(i) || r.Ask != AskRead {
		return
	}
	s.waiting.remove(i)
	row := &s.explain[i]
	switch {
	case r.Code == contract.Corrupt, r.Code == contract.OK && !s.intact(i, r):
		row.Reachable = true
	case r.Code == contract.OK:
		row.Reachable, row.Intact = true, true
		s.explained(i, r.Record)
	}
	c.decideExplain(s, at, out)
}

// explained fills the row of owner i from its record.
func (s *slot) explained(i int, rec []byte) {
	if len(rec) == 0 {
		return
	}
	s.answered.add(i)
	r, err := record.Parse(rec)
	if err != nil {
		panic("coordinator: a record that was verified cannot be parsed: " + err.Error())
	}
	row := &s.explain[i]
	row.Version, row.Tombstone, row.ExpiresAt, row.ValueBytes = r.Version, r.Tombstone, r.ExpiresAt, len(r.Value)
}

// decideExplain answers once nobody is waited for.
func (c *Core) decideExplain(s *slot, at uint32, out *Effects) {
	if s.waiting != 0 {
		return
	}
	a := c.answer(s, out)
	a.Token, a.Explain = s.Place.Token, s.explain
	if w := s.newest(); w >= 0 {
		a.Winner = s.heads[w].version
	}
	c.end(at)
}
