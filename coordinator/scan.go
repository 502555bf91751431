package coordinator

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
)

// Bounds of one page of a scan.
const (
	scanPageBytes  = 1 << 20
	scanPageMillis = 50
	// scanStepBytes bounds one answer of a replica, unless one record alone is
	// larger.
	scanStepBytes = 256 << 10
	// scanRowBytes is more than a row takes beside its key and its record. A
	// replica counts the same for each record of its answer.
	scanRowBytes = 32
)

// ScanRequest opens a scan of one page. It goes through the partitions in
// order of their tokens, and asks one replica for as many in a row as it holds.
type ScanRequest struct {
	Client    Client
	Deadline  int64
	View      *ring.View
	Namespace uint32
	Prefix    []byte // may be reused by the caller after the call
	Cursor    []byte // likewise; nil: from the start
	Limit     int
	Bytes     int // of the page's rows at most, but for the first; 0: 1 MiB
	KeysOnly  bool
	Level     contract.Level
	Self      ring.NodeID
	// First and Last bound the tokens: all of them, or those of one tag.
	First, Last ring.Token
	// Up and Suspect tell of a node whether it can be reached and is to be
	// asked last. They are called during Scan only.
	Up func(ring.NodeID) (up, suspect bool)
}

// scan is the state of an open scan.
type scan struct {
	ScanRequest
	prefix    []byte
	started   int64
	up        []bool // by member
	suspect   []bool
	failed    []bool // by member: did not answer for the present partition
	token     ring.Token
	after     []byte // nil: at the beginning of token
	asked     int    // member that was asked; -1: none
	last      ring.Token
	items     []Item
	bytes     int
	coverage  Coverage
	moved     bool // the page has come further than where it began
	corrupt   bool // a replica that was asked showed damage
	full      bool // the next record would not fit the page
	finished  bool
	partition int // the partition of token, which Coverage.Asked includes
}

// RangeReply is what a replica answered to AskRange. Bytes are good during
// Reply only.
//
// Either Done, and everything up to the range's end is in Items, or the range
// goes on behind (Token, Key), or with no Key at Token, which has to lie further
// than where it began.
type RangeReply struct {
	Items []RangeItem
	Done  bool
	Token ring.Token
	Key   []byte
}

// RangeItem is one record of a range, or its header under keys only.
type RangeItem struct {
	Key, Record []byte
}

// Scan opens a SCAN. A cursor that is none of ours is BadRequest.
func (c *Core) Scan(now int64, q *ScanRequest, out *Effects) {
	r := Request{Client: q.Client, Op: OpScan, Deadline: q.Deadline, View: q.View, Level: q.Level, Need: 1, Self: -1}
	sc := newScan(now, q)
	if q.Cursor != nil && !sc.resume(q.Cursor) {
		refuse(&r, out, contract.BadRequest, "the cursor is not one that a scan of this prefix gave")
		return
	}
	s, at := c.begin(now, &r, out)
	if s == nil {
		return
	}
	s.scan = sc
	c.scanStep(now, s, at, out)
}

func newScan(now int64, q *ScanRequest) *scan {
	members := q.View.Members()
	sc := &scan{
		ScanRequest: *q, started: now, token: q.First, asked: -1, prefix: append([]byte(nil), q.Prefix...),
		up: make([]bool, len(members)), suspect: make([]bool, len(members)), failed: make([]bool, len(members)),
	}
	for i := range members {
		sc.up[i], sc.suspect[i] = q.Up(members[i].ID)
	}
	sc.Prefix, sc.Cursor, sc.Up = nil, nil, nil
	if sc.Bytes == 0 {
		sc.Bytes = scanPageBytes
	}
	sc.partition = q.View.PartitionOf(sc.token)
	sc.coverage.Asked = 1
	return sc
}

// A cursor is drawn so: version 1 (1 byte), coverage done, met, asked (4 bytes
// each), token (8), and behind it the key to go on behind; all big-endian. An
// empty key stands for the beginning of the token.
const (
	cursorVersion = 1
	cursorBytes   = 1 + 3*4 + 8
)

func (s *scan) cursor() []byte {
	b := make([]byte, 0, cursorBytes+len(s.after))
	b = append(b, cursorVersion)
	for _, n := range []uint32{s.coverage.Done, s.coverage.MetLevel, s.coverage.Asked} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return append(binary.BigEndian.AppendUint64(b, uint64(s.token)), s.after...)
}

func (s *scan) resume(b []byte) bool {
	if len(b) < cursorBytes || b[0] != cursorVersion {
		return false
	}
	s.coverage = Coverage{binary.BigEndian.Uint32(b[1:]), binary.BigEndian.Uint32(b[5:]), binary.BigEndian.Uint32(b[9:])}
	s.token = ring.Token(binary.BigEndian.Uint64(b[13:]))
	if len(b) > cursorBytes {
		s.after = append([]byte(nil), b[cursorBytes:]...)
	}
	s.partition = s.View.PartitionOf(s.token)
	return s.token >= s.First && s.token <= s.Last
}

// scanStep asks the next replica, or answers the page.
func (c *Core) scanStep(now int64, s *slot, at uint32, out *Effects) {
	sc := s.scan
	if sc.finished || sc.full || len(sc.items) >= sc.Limit || sc.bytes >= sc.Bytes || now-sc.started >= scanPageMillis && sc.moved {
		c.scanPage(s, at, out)
		return
	}
	m := sc.pick()
	switch {
	case m < 0 && sc.moved:
		// What was found so far is good. The next page begins where this one
		// cannot go on, and says so.
		c.scanPage(s, at, out)
		return
	case m < 0:
		c.scanFail(s, at, out)
		return
	}
	sc.asked = m
	sc.last = sc.run(m)
	s.gen++ // so that the answer to an earlier step is not taken for this one's
	out.Sends = append(out.Sends, Send{
		To: sc.View.Member(m).ID, Ask: AskRange, Call: c.call(at, s), Deadline: s.Deadline,
		Range: Range{
			Namespace: sc.Namespace, From: sc.token, After: out.keep(sc.after), Last: sc.last, Prefix: out.keep(sc.prefix),
			Limit: sc.Limit - len(sc.items), Bytes: min(scanStepBytes, sc.Bytes-sc.bytes), KeysOnly: sc.KeysOnly,
		},
	})
}

// scanPage answers the page as far as it has come.
func (c *Core) scanPage(s *slot, at uint32, out *Effects) {
	a := c.answer(s, out)
	a.Items, a.Coverage = s.scan.items, s.scan.coverage
	if !s.scan.finished {
		a.Next = s.scan.cursor()
	}
	c.end(at)
}

// pick is the member to ask for the present partition: this node if it holds
// it, then a reachable owner, then a suspect; -1: none is left.
func (s *scan) pick() int {
	choice := -1
	for _, o := range s.View.Owners(s.partition) {
		m := int(o)
		switch {
		case o == ring.NoOwner || !s.up[m] || s.failed[m]:
		case s.View.Member(m).ID == s.Self:
			return m
		case choice < 0 || s.suspect[choice] && !s.suspect[m]:
			choice = m
		}
	}
	return choice
}

// run is the last token up to which member m holds every partition from the
// present one on.
func (s *scan) run(m int) ring.Token {
	p := s.partition
	id := s.View.Member(m).ID
	for p+1 < s.View.Q() && s.View.Owns(p+1, id) {
		p++
	}
	return min(s.Last, ring.PartitionEnd(p, s.View.Bits()))
}

// scanReply takes a replica's part of the range.
func (c *Core) scanReply(now int64, s *slot, at uint32, from ring.NodeID, r *Reply, out *Effects) {
	sc := s.scan
	if r.Ask != AskRange || sc.asked < 0 || sc.View.Member(sc.asked).ID != from {
		return
	}
	if r.Code != contract.OK || !sc.take(r.Range, r.Shared) {
		sc.corrupt = sc.corrupt || r.Code == contract.Corrupt || r.Code == contract.OK
		sc.failed[sc.asked] = true
	}
	c.scanStep(now, s, at, out)
}

// scanLost takes note that the replica that was asked will not answer.
func (c *Core) scanLost(now int64, s *slot, at uint32, id ring.NodeID, out *Effects) {
	sc := s.scan
	if m, ok := sc.View.Index(id); ok {
		sc.up[m] = false
		if m == sc.asked {
			c.scanStep(now, s, at, out)
		}
	}
}

// take adds a replica's items and moves on; false if the answer makes no sense:
// a record that is damaged, or an end that is not behind its beginning, which
// would be asked for again and again.
func (s *scan) take(r *RangeReply, verified bool) bool {
	if r == nil || !r.Done && (r.Token > s.last || !s.behind(r.Token, r.Key)) {
		return false
	}
	before, size := len(s.items), 0
	for _, it := range r.Items {
		rec, err := s.parse(it, verified)
		if err != nil {
			s.items = s.items[:before]
			return false
		}
		item := Item{Key: append([]byte(nil), it.Key...), Version: rec.Version, ExpiresAt: rec.ExpiresAt}
		if !s.KeysOnly {
			item.Value = append([]byte{}, rec.Value...)
		}
		s.items = append(s.items, item)
		size += len(it.Key) + len(it.Record) + scanRowBytes
	}
	if before > 0 && s.bytes+size > s.Bytes {
		s.items, s.full = s.items[:before], true // the next page begins with them
		return true
	}
	s.bytes += size
	s.moved = true
	switch {
	case !r.Done:
		s.moveTo(r.Token, r.Key)
	case s.last >= s.Last:
		s.complete(s.View.PartitionOf(s.last) - s.partition + 1)
		s.finished = true
	default:
		s.moveTo(s.last+1, nil)
	}
	return true
}

// behind says whether a position lies further than the present one.
func (s *scan) behind(token ring.Token, key []byte) bool {
	return token > s.token || token == s.token && key != nil && (s.after == nil || bytes.Compare(key, s.after) > 0)
}

// parse decodes a record of a range; one that came whole from another node is
// checked against its checksum.
func (s *scan) parse(it RangeItem, verified bool) (record.Record, error) {
	if verified || s.KeysOnly {
		return record.Parse(it.Record)
	}
	return record.Verify(s.Namespace, it.Key, it.Record)
}

// moveTo sets the position, and counts the partitions that lie behind it.
func (s *scan) moveTo(token ring.Token, after []byte) {
	s.token, s.after = token, nil
	if after != nil {
		s.after = append([]byte(nil), after...)
	}
	if p := s.View.PartitionOf(token); p != s.partition {
		s.complete(p - s.partition)
		s.partition = p
		s.coverage.Asked++
		clear(s.failed)
	}
}

func (s *scan) complete(partitions int) {
	n := uint32(min(partitions, math.MaxUint16+1))
	s.coverage.Done += n
	s.coverage.MetLevel += n
	s.coverage.Asked += n - 1
}

// scanFail ends a scan at a partition that none of its replicas can answer for.
func (c *Core) scanFail(s *slot, at uint32, out *Effects) {
	sc := s.scan
	a := c.answer(s, out)
	a.Receipt = contract.Receipt{Need: 1, Level: s.Level}
	if sc.corrupt {
		a.Code, a.Reason = contract.Corrupt, "no intact copy of a record in a partition of the scan"
		c.end(at)
		return
	}
	a.Code, a.Reason = contract.Unavailable, "no replica of a partition of the scan can be reached; the same cursor may be tried again"
	a.N = sc.View.N()
	for _, o := range sc.View.Owners(sc.partition) {
		if o != ring.NoOwner && !sc.up[o] {
			a.Down = append(a.Down, sc.View.Member(int(o)).ID)
		}
	}
	c.end(at)
}
