package coordinator

import (
	"bytes"

	"github.com/candordb/candor/record"
)

// keepBest keeps the record if it is the newest that came.
func (s *slot) keepBest(r *Reply) {
	if s.best != nil {
		if newest, _ := record.Merge(s.best, r.Record); !bytes.Equal(newest, r.Record) {
			return
		}
	}
	if r.Shared {
		s.best = r.Record
		return
	}
	s.buf = append(s.buf[:0], r.Record...)
	s.best = s.buf
}

// newest is the owner, of those that answered, whose record wins.
func (s *slot) newest() int {
	w := -1
	for i := range s.heads {
		if s.answered.has(i) && (w < 0 || s.heads[i].beats(&s.heads[w])) {
			w = i
		}
	}
	return w
}

// beats says whether h wins against o by the merge law, which headers decide
// alone.
func (h *head) beats(o *head) bool {
	winner, _ := record.Merge(o.bytes(), h.bytes())
	return h.n > 0 && !bytes.Equal(winner, o.bytes())
}

// haveBest says whether the whole record of owner w is here.
func (s *slot) haveBest(w int) bool {
	return len(s.best) >= int(s.heads[w].n) && bytes.Equal(s.best[:s.heads[w].n], s.heads[w].bytes())
}

// fetch asks for the winner's whole record. If it cannot be had from its
// holder, that holder counts as not answering.
func (c *Core) fetch(s *slot, at uint32, w int, out *Effects) {
	s.phase, s.best, s.source = fetching, nil, bit(w)
	s.waiting.add(w)
	s.full.add(w)
	s.answered.remove(w)
	s.send(w, c.call(at, s), AskRead, nil, out)
}

// countHolders notes who of those that answered holds the winner.
func (s *slot) countHolders(w int) {
	s.holds = 0
	for i := range s.heads {
		if s.answered.has(i) && bytes.Equal(s.heads[i].bytes(), s.heads[w].bytes()) {
			s.holds.add(i)
		}
	}
}

// held is who holds the newest record that has been told of, for the receipt of a
// read that fails.
func (s *slot) held() Mask {
	if w := s.newest(); w >= 0 && s.phase != repairing {
		s.countHolders(w)
	}
	return s.holds
}
