package coordinator

import (
	"bytes"
	"cmp"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
)

// A scan above level one asks several replicas for the same range, the first for
// whole records and the others for headers, deleted and expired ones included.
// Where all that were asked hold the same header, the record is as a read at the
// level would give it. Where they differ, such a read is made: a part of the
// scan, with a slot of its own, which writes the winner back.

// partsMax is how many reads one step of a scan makes at most.
const partsMax = 16

// merge is the answers to one step of a scan, and what they come to.
type merge struct {
	replies []ranged
	missing int // replies that have not come
	rows    []mergeRow
	parts   int  // reads that are open
	more    bool // the answers hold more, which is joined when the reads have ended
	done    bool // the rows reach the end of the range
	token   ring.Token
	key     []byte // else they reach this position
}

// ranged is the answer of one replica.
type ranged struct {
	come bool
	done bool
	end  RangeItem // else: everything up to here is in items
	all  bool      // end.Key is nil: up to the beginning of end.Token
	rows []mergeRow
}

// mergeRow is a record that is in the answers.
type mergeRow struct {
	token  ring.Token
	key    []byte
	header []byte
	item   Item
	live   bool
	part   bool    // needs a read
	failed *Answer // of the read, if that is not OK
}

func (m *merge) begin(asked int) {
	*m = merge{replies: make([]ranged, asked), missing: asked}
}

func (m *merge) has(i int) bool { return m.replies[i].come }

func (m *merge) complete() bool { return m.missing == 0 }

// keep copies the answer of the i-th replica that was asked; false if it makes no
// sense.
func (s *scan) keep(i int, r *RangeReply, verified bool) bool {
	if r == nil || !r.Done && (r.Token > s.last || !s.behind(r.Token, r.Key)) {
		return false
	}
	a := ranged{come: true, done: r.Done, end: RangeItem{Token: r.Token, Key: append([]byte(nil), r.Key...)}, all: r.Key == nil}
	token, after := s.token, s.after
	for _, it := range r.Items {
		if it.Token > s.last || it.Token < token || it.Token == token && after != nil && bytes.Compare(it.Key, after) <= 0 {
			return false // out of order
		}
		row, ok := s.rowOf(it, verified || i > 0)
		if !ok {
			return false
		}
		a.rows = append(a.rows, row)
		token, after = row.token, row.key
	}
	s.merge.replies[i] = a
	s.merge.missing--
	return true
}

func (s *scan) rowOf(it RangeItem, verified bool) (mergeRow, bool) {
	rec, err := s.parse(it, verified)
	if err != nil {
		return mergeRow{}, false
	}
	header, err := record.Header(it.Record)
	if err != nil {
		return mergeRow{}, false
	}
	row := mergeRow{token: it.Token, key: bytes.Clone(it.Key), header: bytes.Clone(header), live: !rec.Tombstone}
	row.item = Item{Key: row.key, Version: rec.Version, ExpiresAt: rec.ExpiresAt}
	if !s.KeysOnly {
		row.item.Value = append([]byte{}, rec.Value...)
	}
	return row, true
}

// compare orders positions: tokens, then keys.
func (r *mergeRow) compare(token ring.Token, key []byte) int {
	return cmp.Or(cmp.Compare(r.token, token), bytes.Compare(r.key, key))
}

// reaches says whether the replica has told all up to the row.
func (a *ranged) reaches(r *mergeRow) bool {
	switch {
	case a.done:
		return true
	case a.all:
		return r.token < a.end.Token
	}
	return r.compare(a.end.Token, a.end.Key) <= 0
}

// join makes the next rows out of the answers. It ends where the first of them
// ends, with limit rows that are live or need a read, or with as many reads as may be open at once.
func (m *merge) join(limit int) {
	found, reads := 0, 0
	for m.rows, m.more = m.rows[:0], false; ; {
		row := m.next()
		if row == nil {
			break
		}
		for i := range m.replies {
			if !m.replies[i].reaches(row) {
				m.reach()
				return
			}
		}
		one := m.take(row)
		if m.rows = append(m.rows, one); one.part {
			reads++
		}
		if one.live || one.part {
			found++
		}
		if found == limit || reads == partsMax {
			m.token, m.key, m.more = row.token, row.key, true
			return
		}
	}
	m.reach()
}

// next is the first row of all that are left; nil: none.
func (m *merge) next() *mergeRow {
	var first *mergeRow
	for i := range m.replies {
		rows := m.replies[i].rows
		if len(rows) > 0 && (first == nil || rows[0].compare(first.token, first.key) < 0) {
			first = &rows[0]
		}
	}
	return first
}

// take removes the records of the row's key and says what they come to.
func (m *merge) take(row *mergeRow) mergeRow {
	one := *row
	for i := range m.replies {
		a := &m.replies[i]
		if len(a.rows) == 0 || a.rows[0].compare(one.token, one.key) != 0 {
			one.part = true
			continue
		}
		if i == 0 {
			one.item = a.rows[0].item // the first has whole records
		}
		one.part = one.part || !bytes.Equal(a.rows[0].header, one.header)
		a.rows = a.rows[1:]
	}
	return one
}

// reach notes up to where all answers go.
func (m *merge) reach() {
	m.done = true
	for i := range m.replies {
		a := &m.replies[i]
		key := a.end.Key
		if a.all {
			key = nil
		}
		if !a.done && (m.done || before(a.end.Token, key, m.token, m.key)) {
			m.done, m.token, m.key = false, a.end.Token, key
		}
	}
}

// before orders ends: nil is the beginning of a token.
func before(token ring.Token, key []byte, otherToken ring.Token, otherKey []byte) bool {
	return cmp.Or(cmp.Compare(token, otherToken), bytes.Compare(key, otherKey)) < 0
}

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
		Op: OpGet, Since: s.now, Deadline: s.Deadline, Place: Place{row.token, sc.Namespace, row.key}, View: sc.View, Owners: owners, Self: -1,
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
