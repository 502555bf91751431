package coordinator

import (
	"bytes"
	"cmp"

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
