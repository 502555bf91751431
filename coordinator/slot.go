package coordinator

import (
	"math/bits"
	"strings"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
)

// Op is what a request does.
type Op uint8

// The ops.
const (
	OpGet Op = iota
	OpPut
	OpDelete
	OpOutcome
	OpScan
	OpExplain
)

// Writes says whether the op can change its key.
func (o Op) Writes() bool { return o == OpPut || o == OpDelete }

// Mask is a set of replicas, bit i for the i-th owner.
type Mask uint64

func bit(i int) Mask               { return 1 << i }
func (m Mask) has(i int) bool      { return m&bit(i) != 0 }
func (m Mask) count() int          { return bits.OnesCount64(uint64(m)) }
func (m *Mask) add(i int)          { *m |= bit(i) }
func (m *Mask) remove(i int)       { *m &^= bit(i) }
func (m Mask) without(o Mask) Mask { return m &^ o }

// Request opens a request on the key of Place. View and Owners are of one epoch
// and never change.
type Request struct {
	Client   Client
	Op       Op
	Since    int64 // when its client began to wait, for half time; 0: now
	Deadline int64 // monotonic milliseconds
	Place    Place // Key may be reused by the caller after the call
	View     *ring.View
	Owners   []uint16 // members of the view, in order of preference
	Up       Mask     // owners that can be reached
	Suspect  Mask     // of them, those to be asked last
	Periodic Mask     // owners that answer for a record before they have synced it
	Self     int      // which owner this node is; -1: none
	Level    contract.Level
	Need     int      // replicas that the level asks for
	Sloppy   bool     // writes: nodes of Stands may stand in for replicas; OUTCOME: they have, so all have to be heard
	Stands   []uint16 // members that own no copy: writes: that can be reached, the next of the ring first; OUTCOME: all. May be reused after the call
	Parts    []Part   // what it asks of which; nil: Need of all. May be reused after the call
	Rows     bool
	Trace    bool
	Weaken   bool // reads: a lower level is better than none

	// Coordinator is this node: the owners near it are asked first.
	Coordinator ring.NodeID

	Record []byte      // writes: the encoded record; may be reused after the call
	Stamp  hlc.Version // writes: its version; OUTCOME: the version asked about
	After  hlc.Version // GET: a version that the reader has seen

	Seen    hlc.Version // writes: a version that the writer has seen
	HasSeen bool        // else it does not care what it buries

	// Ordered writes come without Record and Stamp: the Core asks for these when it
	// knows what the write has to stand above.
	Ordered bool
	Value   []byte // may be reused after the call
	TTL     uint64

	parent uint64 // the call of the scan that this is a part of
	row    int    // of it
}

// met says whether the replicas of have are enough for the level.
func (r *Request) met(have Mask) bool {
	if r.Parts == nil {
		return have.count() >= r.Need
	}
	return meets(r.Parts, have, 0)
}

// short is the replicas of which have is not enough for the level.
func (r *Request) short(have Mask) Mask {
	switch {
	case r.Parts != nil:
		return lacking(r.Parts, have)
	case have.count() < r.Need:
		return everyone
	}
	return 0
}

// counted is the replicas that the level counts: all, or those of a region.
func (r *Request) counted() Mask {
	if r.Parts == nil {
		return everyone
	}
	var of Mask
	for _, p := range r.Parts {
		of |= p.Of
	}
	return of
}

// phase is how far a request has come.
type phase uint8

const (
	reading   phase = iota // waiting for answers of the level's replicas
	fetching               // the winner is known by its header only
	repairing              // the winner is being written back
	voiding                // OUTCOME: replicas note that they will refuse the version
	ordering               // ordered writes: waiting for what a quorum holds
	stamping               // ordered writes: waiting for the caller to make the version
	hinting                // OUTCOME: asking members that own no copy who keeps a hint, and delivering that
)

// head is what a replica holds: the header of its record, in a fixed place.
type head struct {
	version hlc.Version
	n       uint8         // length; 0: the replica holds nothing
	mark    hlc.Timestamp // the replica's fence, where that was asked for
	b       [record.HeaderBytesMax]byte
}

// set takes the header of a record, or of nothing where rec is empty.
func (h *head) set(rec []byte) bool {
	*h = head{}
	if len(rec) == 0 {
		return true
	}
	b, err := record.Header(rec)
	if err != nil {
		return false
	}
	h.version = hlc.VersionFrom(b[2:])
	h.n = uint8(copy(h.b[:], b))
	return true
}

func (h *head) bytes() []byte {
	if h.n == 0 {
		return nil
	}
	return h.b[:h.n]
}

// slot is one open request. Its generation rises each time it is freed.
//
// Of the masks: answered, failed and waiting are disjoint subsets of asked;
// holds is a subset of answered.
type slot struct {
	gen  uint32
	open bool

	Request
	now      int64 // when its client began to wait
	opened   int64 // the same in microseconds, for the trace
	key      []byte
	asked    Mask
	waiting  Mask // for a reply
	full     Mask // of them, those asked for the whole record
	answered Mask // writes: acknowledged; reads: told what they hold
	refused  Mask // definitely not done there
	lost     Mask // cannot be known any more
	corrupt  Mask // hold a damaged record
	higher   Mask // writes: hold a higher version
	holds    Mask // reads: hold the winner or a higher version
	repaired Mask // reads: were behind and have been written

	winner hlc.Version   // writes: the highest version told by a counted replica
	buried hlc.Version   // writes: the highest unseen version that a counted replica replaced
	unfit  Mask          // of the refused: as they are now; they may take it later
	code   contract.Code // of the first refusal
	kind   contract.ClockKind

	prefer preference
	hedges Mask // asked in place of late ones, and not needed so far
	denied bool // a hedge was wanted, and none was left
	silent Mask // whose silence has been told (pace.go)

	phase  phase
	source Mask    // reads: the replica whose whole record was asked for as the winner
	best   []byte  // the newest whole record that came, if any
	buf    []byte  // memory of best, where that came in a buffer that is reused
	heads  []head  // by owner
	sent   []int64 // by owner: when it was sent what it was sent last, in microseconds

	stands  []standIn
	covered Mask  // replicas for which a stand-in keeps the write, synced
	again   Mask  // of those waiting: to be asked again
	againAt int64 // when
	unheard bool  // OUTCOME: a node that may have stood in was not heard
	// OUTCOME: a hint was found and handed to the replicas.
	delivered bool
	barring   bool // OUTCOME: members are noting that they will keep no hint
	barred    bool // they have
	settled   bool // answered; only what hints it leaves is open
	kept      int  // bytes of the record that are kept, in buf

	hurried bool // half of the time was over

	trace   []Step
	explain []ExplainRow
	scan    *scan
	dups    int // answers counted twice (only by a traitor)
}

// reset makes the slot ready for a request.
func (s *slot) reset(now int64, r *Request) {
	key, buf, heads, sent, parts, gen := append(s.key[:0], r.Place.Key...), s.buf[:0], s.heads, s.sent, s.Parts[:0], s.gen
	stands, standIns := append(s.Stands[:0], r.Stands...), s.stands[:0]
	*s = slot{gen: gen, open: true, Request: *r, now: now, key: key, buf: buf, stands: standIns, prefer: preference{self: r.Self, suspect: r.Suspect}}
	s.Stands = stands
	if r.Since != 0 {
		s.now = r.Since
	}
	s.Place.Key, s.Request.Record = key, nil
	if s.Parts = append(parts, r.Parts...); r.Parts == nil {
		s.Parts = append(parts, Part{everyone, r.Need})
	}
	if cap(heads) < len(r.Owners) {
		heads, sent = make([]head, len(r.Owners)), make([]int64, len(r.Owners))
	}
	s.heads, s.sent = heads[:len(r.Owners)], sent[:len(r.Owners)]
	clear(s.heads)
}

// node is the id of the i-th owner.
func (s *slot) node(i int) ring.NodeID { return s.View.Member(int(s.Owners[i])).ID }

// index is which owner a node is; -1: none.
func (s *slot) index(id ring.NodeID) int {
	for i, m := range s.Owners {
		if m != ring.NoOwner && s.View.Member(int(m)).ID == id {
			return i
		}
	}
	return -1
}

// ask sends to owner i and waits for its reply.
func (s *slot) ask(i int, call uint64, what Ask, rec []byte, out *Effects) {
	s.asked.add(i)
	s.waiting.add(i)
	if what == AskRead {
		s.full.add(i)
	} else {
		s.full.remove(i)
	}
	s.send(i, call, what, rec, out)
}

func (s *slot) send(i int, call uint64, what Ask, rec []byte, out *Effects) {
	m := Send{To: s.node(i), Ask: what, Call: call, Epoch: s.View.Epoch(), Deadline: s.Deadline, Place: Place{s.Place.Token, s.Place.Namespace, out.keep(s.key)}, Record: rec}
	switch what {
	case AskWrite:
		m.Seen, m.HasSeen = s.Seen, s.HasSeen
	case AskVoid:
		m.Version = s.Stamp
	case AskRead, AskDigest:
		m.WantMark = !s.After.IsZero()
	}
	out.Sends = append(out.Sends, m)
	s.sent[i] = out.Micros
	s.note(out, i, askWords[what])
}

// receipt is what was achieved so far, with acked replicas counted.
func (s *slot) receipt(acked Mask) contract.Receipt {
	r := contract.Receipt{
		Need: s.Need, Asked: s.asked.count(), Acked: acked.count() + s.dups, Durable: s.synced(acked).count() + s.dups, Hinted: s.covered.count(), Level: s.Level, Repaired: s.repaired.count(),
	}
	if s.Rows {
		r.Rows = s.rows(acked)
	}
	return r
}

// synced is those of some replicas that have synced what they answered for. The notes
// of an OUTCOME are synced everywhere.
func (s *slot) synced(of Mask) Mask {
	if s.phase == voiding {
		return of
	}
	return of.without(s.Periodic)
}

// holding is the state of owner i, which has answered that it holds a record.
func (s *slot) holding(i int) contract.RowState {
	if s.synced(bit(i)) == 0 {
		return contract.RowApplied
	}
	return contract.Durable
}

// rows has a line for each replica that was asked or cannot be reached.
func (s *slot) rows(acked Mask) []contract.Row {
	rows := []contract.Row{}
	for i, m := range s.Owners {
		if m == ring.NoOwner || s.Up.has(i) && !s.asked.has(i) {
			continue
		}
		row := contract.Row{Node: s.node(i)}
		switch {
		case !s.asked.has(i):
			row.State = contract.Down
		case s.higher.has(i):
			row.State, row.Version = contract.RowSuperseded, s.heads[i].version.Bytes()
		case acked.has(i) && s.Op.Writes():
			row.State, row.Version = s.holding(i), s.Stamp.Bytes()
		case s.answered.has(i) || acked.has(i):
			row.State, row.Version = s.holding(i), s.heads[i].version.Bytes()
		case s.refused.has(i) || s.corrupt.has(i) || s.again.without(s.lost).has(i): // what is to be asked again was refused so far
			row.State = contract.Refused
		}
		rows = append(rows, row)
	}
	for k := range s.stands {
		row := contract.Row{Node: s.stands[k].node}
		switch w := &s.stands[k]; {
		case w.refused:
			row.State = contract.Refused
		case s.covered.has(int(w.target)) && !w.waiting && !w.lost:
			row.State, row.Version = contract.Hinted, s.Stamp.Bytes()
		}
		rows = append(rows, row)
	}
	return rows
}

// down lists the owners that cannot be reached. One that has answered that it does not
// serve the key now is none of them.
func (s *slot) down() []ring.NodeID {
	ids := []ring.NodeID{}
	for i, m := range s.Owners {
		if m != ring.NoOwner && (!s.Up.has(i) && !s.refused.has(i) || s.lost.has(i)) {
			ids = append(ids, s.node(i))
		}
	}
	return ids
}

// refusers are the names of the replicas that have refused, behind a reason; "": none has.
func (s *slot) refusers() string {
	var names []string
	for i := range s.Owners {
		if s.refused.has(i) {
			names = append(names, s.View.Member(int(s.Owners[i])).Name)
		}
	}
	return refusedBy(names)
}

// refusedBy says in a reason who has refused.
func refusedBy(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "; refused by " + strings.Join(names, ", ")
}
