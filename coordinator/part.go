package coordinator

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/ring"
)

// mergeStep merges the answers, as far as one join goes, and makes the reads that
// it takes.
func (c *Core) mergeStep(s *slot, at uint32, out *Effects) {
	sc := s.scan
	sc.merge.join(sc.Limit - len(sc.items))
	call := c.call(at, s)
	for i := range sc.merge.rows {
		if sc.merge.rows[i].part {
			sc.merge.parts++
		}
	}
	if sc.merge.parts == 0 {
		c.mergeEnd(s, at, out)
		return
	}
	for i := range sc.merge.rows {
		if sc.merge.rows[i].part {
			c.scanRead(s, call, i, out)
		}
	}
}

// scanRead opens the read of a row of the scan.
func (c *Core) scanRead(s *slot, call uint64, i int, out *Effects) {
	sc := s.scan
	row := &sc.merge.rows[i]
	owners := sc.View.Owners(sc.View.PartitionOf(row.token))
	r := Request{
		Op: OpGet, Since: s.now, Deadline: s.Deadline, Place: Place{row.token, sc.Namespace, row.key}, View: sc.View, Owners: owners, Self: -1, Coordinator: sc.Self,
		Level: sc.Level, Weaken: sc.Weaken, parent: call, row: i,
	}
	r.Parts, _ = AppendParts(nil, sc.Level, sc.View, owners, sc.Region)
	r.Need = NeedOf(r.Parts)
	for j, o := range owners {
		if o == ring.NoOwner || !sc.up[o] {
			continue
		}
		r.Up.add(j)
		if sc.suspect[o] {
			r.Suspect.add(j)
		}
		if sc.View.Member(int(o)).ID == sc.Self {
			r.Self = j
		}
	}
	answers := len(out.Answers)
	if c.Get(c.now, &r, out); len(out.Answers) > answers { // refused at once
		c.scanPart(call, i, out)
	}
}

// scanPart takes the end of a read of the scan: the last answer of the effects.
func (c *Core) scanPart(call uint64, i int, out *Effects) {
	last := len(out.Answers) - 1
	a := out.Answers[last]
	out.Answers[last] = Answer{}
	out.Answers = out.Answers[:last]
	s, at := c.find(call)
	if s == nil {
		return // the scan has ended
	}
	sc := s.scan
	row := &sc.merge.rows[i]
	switch {
	case a.Code != contract.OK:
		row.failed = &a
	default:
		row.live, row.item.Version, row.item.ExpiresAt = a.Found, a.Version, a.ExpiresAt
		if !sc.KeysOnly {
			row.item.Value = append([]byte{}, a.Value...)
		}
		if sc.Weaken && a.Receipt.Level != sc.Level {
			sc.weaken(sc.View.PartitionOf(row.token))
		}
	}
	if sc.merge.parts--; sc.merge.parts == 0 {
		c.mergeEnd(s, at, out)
	}
}

// mergeEnd puts the rows on the page and goes on.
func (c *Core) mergeEnd(s *slot, at uint32, out *Effects) {
	sc := s.scan
	for i := range sc.merge.rows {
		row := &sc.merge.rows[i]
		if row.failed != nil {
			c.mergeFail(s, at, row.failed, out)
			return
		}
		if row.live && !sc.put(row) {
			c.scanStep(s, at, out)
			return
		}
		sc.moveTo(row.token, row.key)
	}
	if sc.merge.done {
		sc.passed()
	} else {
		sc.moveTo(sc.merge.token, sc.merge.key)
	}
	c.scanStep(s, at, out)
}

// put adds a row to the page; false if that is full.
func (s *scan) put(row *mergeRow) bool {
	size := len(row.key) + len(row.header) + len(row.item.Value) + scanRowBytes
	if len(s.items) > 0 && s.bytes+size > s.Bytes {
		s.full = true
		return false
	}
	s.bytes += size
	s.items = append(s.items, row.item)
	return true
}

// mergeFail ends the page in front of a row that could not be read at the level,
// or, if the page begins with it, says why.
func (c *Core) mergeFail(s *slot, at uint32, why *Answer, out *Effects) {
	if s.scan.moved {
		c.scanPage(s, at, out)
		return
	}
	a := c.answer(s, out)
	a.Code, a.Receipt = why.Code, contract.Receipt{Need: why.Receipt.Need, Level: s.Level}
	a.Reason = "a key of the scan could not be read, and the same cursor may be tried again: " + why.Reason
	a.Reachable, a.N, a.Down = why.Reachable, why.N, why.Down
	c.end(at)
}
