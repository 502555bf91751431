package hinted

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
)

// disk is a Store in memory, and what the committer does to it.
type disk struct {
	hints map[ring.NodeID][]stored // sorted by place
	marks map[string][]byte
	fail  error
}

type stored struct {
	Place
	value []byte
}

func newDisk() *disk { return &disk{hints: map[ring.NodeID][]stored{}, marks: map[string][]byte{}} }

func (d *disk) find(id ring.NodeID, p Place) (int, bool) {
	return slices.BinarySearchFunc(d.hints[id], p, func(s stored, p Place) int { return s.Compare(p) })
}

func (d *disk) put(h Hint) {
	i, found := d.find(h.Target, h.Place)
	s := stored{clonePlace(h.Place), AppendValue(nil, h.Record, h.Counted)}
	if found {
		d.hints[h.Target][i] = s
	} else {
		d.hints[h.Target] = slices.Insert(d.hints[h.Target], i, s)
	}
}

func (d *disk) erase(id ring.NodeID, p Place) {
	if i, found := d.find(id, p); found {
		d.hints[id] = slices.Delete(d.hints[id], i, i+1)
	}
}

func (d *disk) count() (n int) {
	for _, all := range d.hints {
		n += len(all)
	}
	return n
}

func (d *disk) Hints(id ring.NodeID, after Place, fn func(Place, []byte) bool) error {
	for _, s := range d.hints[id] {
		if s.Compare(after) > 0 && !fn(s.Place, s.value) {
			break
		}
	}
	return d.fail
}

func (d *disk) All(fn func(ring.NodeID, Place, []byte) bool) error {
	for _, id := range slices.SortedFunc(maps.Keys(d.hints), ring.NodeID.Compare) {
		for _, s := range d.hints[id] {
			if !fn(id, s.Place, s.value) {
				return d.fail
			}
		}
	}
	return d.fail
}

func (d *disk) Marks(fn func(string, []byte) bool) error {
	for _, name := range slices.Sorted(maps.Keys(d.marks)) {
		if !fn(name, d.marks[name]) {
			break
		}
	}
	return d.fail
}

// marked says whether the disk holds a dirty mark that covers a version.
func (d *disk) marked(t interface{ Fatalf(string, ...any) }, id ring.NodeID, partition int, at hlc.Timestamp) bool {
	name := MarksPrefix + id.String()
	value, ok := d.marks[name]
	if !ok {
		return false
	}
	_, rows, err := parseMarks(name, value)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return partition < len(rows) && rows[partition] >= at
}

func clonePlace(p Place) Place {
	p.Key = slices.Clone(p.Key)
	return p
}

// nodeID names nodes in tests.
func nodeID(n int) (id ring.NodeID) {
	id[0], id[15] = byte(n), 0xaa
	return id
}

// hintFor makes a hint with a whole record.
func hintFor(target int, millis int64, writer uint64, token ring.Token, key string, valueBytes int) Hint {
	v := hlc.Version{Time: hlc.Make(millis, 0), Writer: writer}
	return Hint{
		Target: nodeID(target), Place: Place{Version: v, Token: token, Namespace: 1, Key: []byte(key)},
		Record: record.Append(nil, 1, []byte(key), record.Record{Version: v, Value: make([]byte, valueBytes)}),
	}
}

const modelQ = 4

// viewOf is a ring of members 0 to members-1; owners name them.
func viewOf(epoch, members, n int, owners []uint16) *ring.View {
	var rows []ring.Member
	for i := range members {
		rows = append(rows, ring.Member{
			ID: nodeID(i), State: ring.Normal,
			Client: fmt.Sprintf("c%d:1", i), Peer: fmt.Sprintf("p%d:1", i), Gossip: fmt.Sprintf("g%d:1", i), HTTP: fmt.Sprintf("h%d:1", i),
		})
	}
	v, err := ring.NewView(ring.Epoch(epoch), len(owners)/n, n, rows, owners)
	if err != nil {
		panic(err)
	}
	return v
}

// model drives a Core over a disk, a committer, a network and targets, all of
// which may do what they can do in life, and keeps its own account of what may
// become of each hint.
type model struct {
	t     *rapid.T
	disk  *disk
	core  *Core
	o     Options
	view  *ring.View
	epoch int
	now   Now
	reach map[ring.NodeID]Reach
	busy  bool

	slow   bool  // pages are filled some time after they were asked for
	broken error // reading fails

	commits []commit // handed to the committer, in order
	sends   []Send
	reads   []*Page // that are not filled yet
	out     Effects

	stored  map[string]bool                 // every hint that was ever durable
	has     map[ring.NodeID]map[string]bool // records that targets hold, or have promised to refuse
	refuse  map[string]bool                 // records that targets refuse for good
	dropped map[ring.NodeID]bool            // an operator has asked for it
	proven  map[string]hlc.Timestamp        // by target and partition: nothing is lacking at or below
}

// commit is one write in the committer's queue; from names the life of the
// process, so that results do not reach the next one.
type commit struct {
	call uint64
	do   func()
}

func (m *model) boot() {
	core, err := New(m.o, m.disk)
	if err != nil {
		m.t.Fatalf("%v", err)
	}
	m.core = core
	m.core.Ring(m.view)
	m.sends, m.commits, m.reads = nil, nil, nil
	clear(m.dropped)
}

func what(h Place) string { return fmt.Sprintf("%v %v %q", h.Version, h.Token, h.Key) }

func (m *model) stand(call uint64, h Hint) {
	h.Place, h.Record = clonePlace(h.Place), slices.Clone(h.Record)
	m.commits = append(m.commits, commit{call, func() {
		m.core.Coming(&h)
		m.check()
		m.disk.put(h)
		m.check()
		m.core.Stood(&h)
		m.stored[h.Target.String()+what(h.Place)] = true
	}})
}

// carry carries out what a Tick wants.
func (m *model) carry() {
	for _, mark := range m.out.Marks {
		m.commits = append(m.commits, commit{mark.Call, func() { m.disk.marks[mark.Name] = mark.Value }})
	}
	for _, w := range m.out.Writes {
		id, p, rec := w.Target, clonePlace(w.Place), slices.Clone(w.Record)
		switch w.Kind {
		case Stand:
			m.stand(w.Call, Hint{Target: w.Target, Place: w.Place, Record: w.Record, Counted: w.Counted})
		case Apply:
			if id != m.o.Self {
				m.t.Fatalf("a record of %v is applied here", id)
			}
			m.commits = append(m.commits, commit{w.Call, func() { m.hold(id, p, rec) }})
		case Unhint:
			m.commits = append(m.commits, commit{w.Call, func() {
				m.mayErase(id, p)
				m.disk.erase(id, p)
			}})
		}
	}
	for _, s := range m.out.Sends {
		if m.core.view.Owns(m.core.view.PartitionOf(s.Token), s.To) == false {
			m.t.Fatalf("a hint is sent to %v, which does not own %v", s.To, s.Token)
		}
		s.Place, s.Record = clonePlace(s.Place), slices.Clone(s.Record)
		m.sends = append(m.sends, s)
	}
}

func (m *model) hold(id ring.NodeID, p Place, rec []byte) {
	if _, err := record.Verify(p.Namespace, p.Key, rec); err != nil {
		m.t.Fatalf("%v gets bytes that are no record: %v", id, err)
	}
	if m.has[id] == nil {
		m.has[id] = map[string]bool{}
	}
	m.has[id][what(p)] = true
}

// mayErase is the account: a hint may go only for a reason that holds.
func (m *model) mayErase(id ring.NodeID, p Place) {
	i, found := m.disk.find(id, p)
	if !found || m.has[id][what(p)] {
		return
	}
	_, counted, err := ParseValue(p.Version, m.disk.hints[id][i].value)
	if err != nil {
		m.t.Fatalf("%v", err)
	}
	partition := m.view.PartitionOf(p.Token)
	marked := m.disk.marked(m.t, id, partition, p.Version.Time) || p.Version.Time <= m.proven[fmt.Sprint(id, partition)]
	old := p.Version.Time.Millis()+m.o.MaxAge.Milliseconds() <= m.now.Physical
	followed := !m.view.Owns(partition, id)
	for _, o := range m.view.Owners(partition) {
		owner := m.view.Member(int(o)).ID
		// What becomes of the hint for that owner is another line of the account.
		followed = followed && (m.stored[owner.String()+what(p)] || m.has[owner][what(p)])
	}
	switch {
	case m.dropped[id] && marked, !counted && old && marked, followed:
	default:
		m.t.Fatalf("the hint %s for %v is erased without a reason: counted %v, old %v, marked %v", what(p), id, counted, old, marked)
	}
}

// commitOne lets the committer do its next write, well or not.
func (m *model) commitOne(ok bool) {
	c := m.commits[0]
	m.commits = m.commits[1:]
	code := contract.OK
	if ok {
		c.do()
	} else {
		code = contract.DiskFull
	}
	if c.call != 0 {
		m.core.Reply(m.now, m.o.Self, c.call, code, 0)
	}
}

func (m *model) tick() {
	for {
		m.out.Reset()
		m.core.Tick(&Input{Now: m.now, Busy: m.busy, Reach: func(id ring.NodeID) Reach { return m.reach[id] }}, &m.out)
		m.carry()
		m.reads = append(m.reads, m.out.Reads...)
		if len(m.reads) == 0 || m.slow {
			return
		}
		m.fill()
	}
}

// fill fills the pages, which may be a while after they were asked for.
func (m *model) fill() {
	for _, p := range m.reads {
		m.disk.fail = m.broken
		err := p.Fill(m.disk)
		m.disk.fail = nil
		m.core.Filled(m.now, p, err)
	}
	m.reads = m.reads[:0]
}

func (m *model) answer(i int, code contract.Code, kind contract.ClockKind) {
	s := m.sends[i]
	m.sends = slices.Delete(m.sends, i, i+1)
	key := s.To.String() + what(s.Place)
	switch {
	case m.refuse[key]:
		code, kind = contract.Clock, contract.StampOld
	case code == contract.OK:
		m.hold(s.To, s.Place, s.Record)
	case kind == contract.StampGivenUp:
		m.hold(s.To, s.Place, s.Record)
	case kind == contract.StampOld:
		m.refuse[key] = true
	}
	m.core.Reply(m.now, s.To, s.Call, code, kind)
}

func (m *model) offer(h Hint, counted bool) {
	if h.Counted = counted; counted {
		if m.core.StandsIn(h.Target, len(h.Key)+len(h.Record)) {
			m.stand(0, h) // a peer waits for its result
		}
		return
	}
	switch call, ok := m.core.Offer(m.now, &h); {
	case ok && h.Target == m.o.Self:
		m.t.Fatal("a hint is taken for the node itself")
	case ok:
		m.stand(call, h)
	case h.Target == m.o.Self:
		if dirty := m.core.Dirty(nil, h.Target); len(dirty) != 0 {
			m.t.Fatalf("partitions %v are marked dirty for the node itself", dirty)
		}
	default:
		m.mustBeDirty(&h)
	}
}

func (m *model) mustBeDirty(h *Hint) {
	if p := m.view.PartitionOf(h.Token); !slices.Contains(m.core.Dirty(nil, h.Target), p) {
		m.t.Fatalf("a hint of partition %d is not taken, and the partition is not marked dirty", p)
	}
}

// check is what holds at any time.
func (m *model) check() {
	low, some := m.core.Oldest()
	if !some {
		low = never
	}
	for id, all := range m.disk.hints {
		if len(all) > 0 && all[0].Version.Time < low {
			m.t.Fatalf("the oldest hint is said to be at %v or above, but %v has one at %v", low, id, all[0].Version.Time)
		}
	}
}

// settle lets everything end well: nobody is busy, all are there, nothing fails.
func (m *model) settle() {
	m.busy, m.slow, m.broken = false, false, nil
	for i := range 4 {
		m.reach[nodeID(i)] = Up
	}
	for range 400 {
		m.now.Mono, m.now.Physical = m.now.Mono+400, m.now.Physical+1 // else all would expire
		m.tick()
		for len(m.sends) > 0 {
			m.answer(0, contract.OK, 0)
		}
		for len(m.commits) > 0 {
			m.commitOne(true)
		}
		m.check()
	}
	refused := 0
	for id, all := range m.disk.hints {
		for _, h := range all {
			if !m.refuse[id.String()+what(h.Place)] {
				m.t.Fatalf("the hint %s for %v is still there at the end", what(h.Place), id)
			}
			refused++
		}
	}
	var count, bytes, kept int64
	for _, s := range m.core.Stats(nil) {
		count, bytes, kept = count+s.Count, bytes+s.Bytes, kept+s.Kept
	}
	list, more := m.core.Refused()
	if count != int64(refused) || kept != int64(refused) || int64(len(list))+more != int64(refused) || bytes > 0 != (refused > 0) {
		m.t.Fatalf("%d hints were refused and are there: the figures say %d hints, %d bytes, %d kept, %d listed", refused, count, bytes, kept, len(list))
	}
	if _, some := m.core.Oldest(); some != (refused > 0) {
		m.t.Fatalf("an oldest hint: %v, of %d", some, refused)
	}
}

// Rule 5, all of it: hints that were stored are replayed, expired (with a dirty
// mark), dropped (with one), refused and kept, or follow the present owners, or
// are still there; whatever fails, is late, or crashes.
func TestHintsThatWereStoredAreReplayedOrAccountedFor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{
			t: t, disk: newDisk(), epoch: 1, reach: map[ring.NodeID]Reach{},
			o:    Options{Self: nodeID(0), MaxBytes: 4000, MaxAge: 60e9, Rate: 50_000, Retry: 10e9},
			view: viewOf(1, 4, 2, []uint16{0, 1, 1, 2, 2, 3, 3, 1}),
			now:  Now{Mono: 1000, Physical: 1_700_000_000_000}, stored: map[string]bool{},
			has: map[ring.NodeID]map[string]bool{}, refuse: map[string]bool{}, dropped: map[ring.NodeID]bool{}, proven: map[string]hlc.Timestamp{},
		}
		m.boot()
		writer := uint64(0)
		t.Repeat(map[string]func(*rapid.T){
			"": func(*rapid.T) { m.check() },
			"offer": func(r *rapid.T) {
				for range rapid.IntRange(1, 8).Draw(r, "hints") {
					partition := rapid.IntRange(0, modelQ-1).Draw(r, "partition")
					owner := m.view.Owners(partition)[rapid.IntRange(0, 1).Draw(r, "owner")]
					writer++
					age := rapid.SampledFrom([]int64{0, 0, 100, 3000, 25_000, 31_000, 70_000}).Draw(r, "age")
					h := hintFor(int(owner), m.now.Physical-age, writer, ring.PartitionStart(partition, 2)+ring.Token(writer), fmt.Sprint("k", writer%7),
						rapid.SampledFrom([]int{0, 10, 300}).Draw(r, "bytes"))
					m.now.Floor = hlc.Make(m.now.Physical-30_000, 0)
					m.offer(h, rapid.IntRange(0, 3).Draw(r, "counted") == 0)
				}
			},
			"tick": func(r *rapid.T) {
				d := rapid.SampledFrom([]int64{0, 1, 50, 100, 700, 6000}).Draw(r, "ms")
				m.now.Mono, m.now.Physical = m.now.Mono+d, m.now.Physical+d
				m.tick()
			},
			"wait long": func(r *rapid.T) {
				d := rapid.SampledFrom([]int64{20_000, 61_000}).Draw(r, "ms")
				m.now.Mono, m.now.Physical = m.now.Mono+d, m.now.Physical+d
				m.tick()
			},
			"fill": func(*rapid.T) { m.fill() },
			"clean": func(r *rapid.T) {
				id, p := nodeID(rapid.IntRange(1, 3).Draw(r, "node")), rapid.IntRange(0, modelQ-1).Draw(r, "partition")
				// An exchange proves only what has long been there.
				proven := hlc.Make(m.now.Physical-200_000, 0)
				m.core.Clean(id, p, proven)
				m.proven[fmt.Sprint(id, p)] = proven
			},
			"commit": func(r *rapid.T) {
				for range min(len(m.commits), rapid.IntRange(1, 20).Draw(r, "writes")) {
					m.commitOne(rapid.IntRange(0, 9).Draw(r, "fails") != 0)
				}
			},
			"answer": func(r *rapid.T) {
				for range min(len(m.sends), rapid.IntRange(1, 20).Draw(r, "answers")) {
					i := rapid.IntRange(0, len(m.sends)-1).Draw(r, "which")
					switch rapid.IntRange(0, 9).Draw(r, "answer") {
					case 0:
						m.answer(i, contract.Overloaded, 0)
					case 1:
						m.answer(i, contract.Clock, contract.StampGivenUp)
					case 2:
						m.answer(i, contract.Clock, contract.StampOld)
					case 3:
						m.sends = slices.Delete(m.sends, i, i+1) // lost
					default:
						m.answer(i, contract.OK, 0)
					}
				}
			},
			"reach": func(r *rapid.T) {
				id := nodeID(rapid.IntRange(1, 3).Draw(r, "node"))
				m.reach[id] = rapid.SampledFrom([]Reach{Down, Suspect, Up, Up}).Draw(r, "reach")
				if m.reach[id] == Down {
					m.core.Lost(id)
				}
				m.busy = rapid.IntRange(0, 4).Draw(r, "busy") == 0
				m.slow = rapid.IntRange(0, 2).Draw(r, "slow") == 0
				if m.broken = nil; rapid.IntRange(0, 6).Draw(r, "broken") == 0 {
					m.broken = errors.New("the disk cannot be read now")
				}
			},
			"ring": func(r *rapid.T) {
				m.epoch++
				var owners []uint16
				members := rapid.IntRange(2, 4).Draw(r, "members")
				for range modelQ {
					a := rapid.IntRange(0, members-1).Draw(r, "first")
					owners = append(owners, uint16(a), uint16((a+rapid.IntRange(1, members-1).Draw(r, "second"))%members))
				}
				m.view = viewOf(m.epoch, members, 2, owners)
				// Moves of the epoch before may be under way: they may end so.
				for len(m.commits) > 0 {
					c := m.commits[0]
					m.commits = m.commits[1:]
					if c.call != 0 {
						m.core.Reply(m.now, m.o.Self, c.call, contract.NotReady, 0)
					}
				}
				m.sends = nil
				m.core.Ring(m.view)
				for i := range 4 {
					m.core.Lost(nodeID(i))
				}
			},
			"crash": func(r *rapid.T) {
				for range rapid.IntRange(0, len(m.commits)).Draw(r, "durable") {
					m.commits[0].do()
					m.commits = m.commits[1:]
				}
				m.boot()
			},
			"operator": func(r *rapid.T) {
				id := nodeID(rapid.IntRange(1, 3).Draw(r, "node"))
				if rapid.Bool().Draw(r, "drop") {
					m.dropped[id] = m.core.Drop(m.now, id) || m.dropped[id]
				} else {
					m.core.Replay(id)
				}
			},
		})
		m.settle()
	})
}
