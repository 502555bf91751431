package coordinator

import (
	"slices"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/traitor"
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

// ScanRequest opens a scan of one page. It goes through the partitions in order
// of their tokens, and asks as many replicas as the level needs for as many
// partitions in a row as they all hold. What several answer is merged (merge.go).
type ScanRequest struct {
	Client    Client
	Since     int64 // as in Request
	Deadline  int64
	View      *ring.View
	Namespace uint32
	Prefix    []byte // may be reused by the caller after the call
	Cursor    []byte // likewise; nil: from the start
	Limit     int
	Bytes     int // of the page's rows at most, but for the first; 0: 1 MiB
	KeysOnly  bool
	Level     contract.Level
	Region    string // of this node, for the local levels
	Weaken    bool   // a partition answered at a lower level is better than none
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
	hedging   *hedging // of its Core, which knows who is slow
	prefix    []byte
	started   int64
	up        []bool // by member
	suspect   []bool
	failed    []bool // by member: did not answer for the present partition
	refused   []bool // of them, those that were asked, and do not serve it
	token     ring.Token
	after     []byte // nil: at the beginning of token
	asked     []int  // members that were asked, the first for whole records
	last      ring.Token
	parts     []Part // scratch
	merge     merge  // of the answers of several
	items     []Item
	bytes     int
	coverage  Coverage
	moved     bool // the page has come further than where it began
	corrupt   bool // a replica that was asked showed damage
	full      bool // the next record would not fit the page
	finished  bool
	partition int   // the partition of token, which Coverage.Asked includes
	weak      []int // partitions that are not met at the level
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
	Token       ring.Token
	Key, Record []byte
}

// Scan opens a SCAN. A cursor that is none of ours is BadRequest.
func (c *Core) Scan(now int64, q *ScanRequest, out *Effects) {
	r := Request{Client: q.Client, Op: OpScan, Since: q.Since, Deadline: q.Deadline, View: q.View, Level: q.Level, Weaken: q.Weaken, Self: -1}
	sc := newScan(now, q)
	sc.hedging = &c.hedging
	sc.parts, _ = AppendParts(nil, q.Level, q.View, q.View.Replicas(q.First), q.Region)
	r.Need = NeedOf(sc.parts)
	if q.Cursor != nil && !sc.resume(q.Cursor) {
		refuse(&r, out, contract.BadRequest, "the cursor is not one that a scan of this prefix gave")
		return
	}
	s, at := c.begin(now, &r, out)
	if s == nil {
		return
	}
	s.scan = sc
	c.scanStep(s, at, out)
}

func newScan(now int64, q *ScanRequest) *scan {
	members := q.View.Members()
	sc := &scan{
		ScanRequest: *q, started: now, token: q.First, prefix: append([]byte(nil), q.Prefix...),
		up: make([]bool, len(members)), suspect: make([]bool, len(members)), failed: make([]bool, len(members)), refused: make([]bool, len(members)),
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

// scanStep asks the next replicas, or answers the page.
func (c *Core) scanStep(s *slot, at uint32, out *Effects) {
	sc := s.scan
	if sc.finished || sc.full || len(sc.items) >= sc.Limit || sc.bytes >= sc.Bytes || c.now-sc.started >= scanPageMillis && sc.moved {
		c.scanPage(s, at, out)
		return
	}
	if sc.merge.more {
		c.mergeStep(s, at, out)
		return
	}
	lowered, ok := sc.choose()
	switch {
	case !ok && traitor.Is(traitor.ScanSkips) && sc.skip():
		c.scanStep(s, at, out)
		return
	case !ok && sc.moved:
		// What was found so far is good. The next page begins where this one
		// cannot go on, and says so.
		c.scanPage(s, at, out)
		return
	case !ok:
		c.scanFail(s, at, out)
		return
	case lowered:
		sc.weaken(sc.partition)
	}
	sc.last = sc.run(lowered)
	sc.merge.begin(len(sc.asked))
	s.gen++ // so that the answer to an earlier step is not taken for this one's
	for i, m := range sc.asked {
		out.Sends = append(out.Sends, Send{
			To: sc.View.Member(m).ID, Ask: AskRange, Call: c.call(at, s), Deadline: s.Deadline,
			Range: Range{
				Namespace: sc.Namespace, From: sc.token, After: out.keep(sc.after), Last: sc.last, Prefix: out.keep(sc.prefix),
				Limit: sc.ask(), Bytes: min(scanStepBytes, sc.Bytes-sc.bytes),
				KeysOnly: sc.KeysOnly || i > 0, All: len(sc.asked) > 1,
			},
		})
	}
}

// ask is for how many records a replica is asked. Where several are, those that
// are deleted count too, so that a page of few does not take a step for each.
func (s *scan) ask() int {
	if left := s.Limit - len(s.items); len(s.asked) == 1 || left > mergeLeast {
		return left
	}
	return mergeLeast
}

// mergeLeast is the least number of records that a step of a merged scan asks for.
const mergeLeast = 64

// scanPage answers the page as far as it has come.
func (c *Core) scanPage(s *slot, at uint32, out *Effects) {
	a := c.answer(s, out)
	a.Items, a.Coverage = s.scan.items, s.scan.coverage
	if !s.scan.finished {
		a.Next = s.scan.cursor()
	}
	c.end(at)
}

// scanReply takes a replica's part of the range.
func (c *Core) scanReply(s *slot, at uint32, from ring.NodeID, r *Reply, out *Effects) {
	sc := s.scan
	i := sc.askedIndex(from)
	if r.Ask != AskRange || i < 0 || sc.merge.has(i) {
		return
	}
	several := len(sc.asked) > 1
	ok := r.Code == contract.OK
	switch {
	case ok && several:
		ok = sc.keep(i, r.Range, r.Shared)
	case ok:
		ok = sc.take(r.Range, r.Shared)
	}
	if !ok {
		sc.corrupt = sc.corrupt || r.Code == contract.Corrupt || r.Code == contract.OK
		sc.failed[sc.asked[i]], sc.refused[sc.asked[i]] = true, true
	}
	switch {
	case ok && several && !sc.merge.complete():
	case ok && several:
		c.mergeStep(s, at, out)
	default:
		c.scanStep(s, at, out)
	}
}

// scanLost takes note that a replica that was asked will not answer.
func (c *Core) scanLost(s *slot, at uint32, id ring.NodeID, out *Effects) {
	sc := s.scan
	m, member := sc.View.Index(id)
	if !member {
		return
	}
	sc.up[m] = false
	if i := sc.askedIndex(id); i >= 0 && !sc.merge.has(i) {
		c.scanStep(s, at, out)
	}
}

// scanHurry lowers a scan whose half time is over: those that have answered the
// present step are enough from now on, or, if nobody has, others are asked, if
// there are any.
func (c *Core) scanHurry(s *slot, at uint32, out *Effects) {
	s.hurried = true
	sc := s.scan
	if sc.merge.parts > 0 {
		return // the parts of the scan hurry by themselves
	}
	was, asked := slices.Clone(sc.up), slices.Clone(sc.asked)
	if sc.merge.missing < len(asked) {
		for _, o := range sc.View.Owners(sc.partition) {
			if o != ring.NoOwner && !slices.Contains(asked, int(o)) {
				sc.failed[o] = true
			}
		}
	}
	for i, m := range asked {
		if !sc.merge.has(i) {
			sc.up[m] = false
		}
	}
	if !sc.can() {
		sc.up, sc.asked = was, asked
		return
	}
	c.scanStep(s, at, out)
}

// scanFail ends a scan at a partition that too few of its replicas can answer for.
func (c *Core) scanFail(s *slot, at uint32, out *Effects) {
	sc := s.scan
	owners := sc.View.Owners(sc.partition)
	sc.parts, _ = AppendParts(sc.parts[:0], sc.Level, sc.View, owners, sc.Region)
	counted := (&Request{Parts: sc.parts}).counted()
	a := c.answer(s, out)
	a.Receipt = contract.Receipt{Need: NeedOf(sc.parts), Level: s.Level}
	if sc.corrupt {
		a.Code, a.Reason = contract.Corrupt, "too few intact copies of a record in a partition of the scan"
		c.end(at)
		return
	}
	a.Code, a.Reason = contract.Unavailable, "too few replicas of a partition of the scan can be reached for the level; the same cursor may be tried again"
	a.N = sc.View.N()
	var refused []string
	for i, o := range owners {
		switch {
		case o == ring.NoOwner:
		case !sc.up[o]:
			a.Down = append(a.Down, sc.View.Member(int(o)).ID)
		case sc.refused[o]:
			refused = append(refused, sc.View.Member(int(o)).Name)
		case sc.failed[o]:
		case counted.has(i):
			a.Reachable++
		}
	}
	a.Reason += refusedBy(refused)
	c.end(at)
}
