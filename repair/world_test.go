package repair

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/merkle"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/traitor"
)

// The world: some nodes with virtual stores and committers, what flies between
// them, clients that write, and checks that see everything.
//
// wall is where the nodes' clocks begin, in milliseconds since 1970.
const wall = 1_700_000_000_000

type world struct {
	t     fataler
	rng   *rand.Rand
	now   int64 // milliseconds since the world began
	views []*ring.View
	shape merkle.Shape
	nodes []*node
	fly   []flight
	keys  [][]byte

	loss   float64                // of messages
	twice  float64                // messages that come a second time
	lateMS int64                  // the longest that one takes
	hints  bool                   // writes that reach nobody but who keeps hints
	wipes  bool                   // disks that are lost, or old, or rot, and are rebuilt from the others
	every  int                    // one in so many moments a client writes
	calm   int                    // one in so many moments of a node is that
	last   []byte                 // of its keys
	acked  map[string]hlc.Version // the highest version of a key that was acknowledged

	writer uint64
	// held is every version of a key that a replica has ever stored, by replica;
	// gone is the highest that was purged anywhere.
	held map[string][][]hlc.Version
	gone map[string]hlc.Version
	// bytes of all exchange messages, and of records that an exchange moved
	messageBytes, recordBytes int
	moved                     []string // "from>to key" of each Exchange write that a replica was sent
}

type fataler interface {
	Helper()
	Fatalf(string, ...any)
	Errorf(string, ...any)
	Logf(string, ...any)
}

// flight is something on its way to node to.
type flight struct {
	to  int
	at  int64
	run func()
}

// node is one node, whose disk outlives its crashes.
type node struct {
	w     *world
	i     int
	id    ring.NodeID
	skew  int64
	epoch int  // index into views
	up    bool // else it is down
	busy  bool
	core  *Core
	life  int    // of crashes
	wiped int64  // when its disk was lost, until it is rebuilt
	old   *disk  // an older copy of its disk
	from  uint64 // the epoch that says that it is rebuilt; 0: none

	// Durable.
	stored map[Place32]*stored
	order  []Place32 // of stored, rising; dirty: to be sorted anew
	dirty  bool
	trees  map[int]*merkle.Tree
	marks  map[int]Marks
	floor  hlc.Timestamp
	kept   []hint
	voids  []void
	proofs []byte

	queue   []pending         // of the committer: lost in a crash
	refuses func(*Write) bool // nil: its queue is never full

	mortal func(partition, leaf int) (first, last int, some bool) // nil: all leaves
	read   map[Place32]bool                                       // by Range, if mortal is set
}

// Place32 is a Place that can be a key of a map.
type Place32 struct {
	Token uint64
	NS    uint32
	Key   string
}

func (p Place32) place() Place { return Place{p.Token, p.NS, []byte(p.Key)} }
func key32(p Place) Place32    { return Place32{p.Token, p.Namespace, string(p.Key)} }

type stored struct {
	rec []byte
	rot bool // it cannot be read
}

type hint struct {
	target int
	at     Place
	rec    []byte
	sent   bool
}

type void struct {
	at      Place
	version hlc.Version
}

// pending is a write before the sync. what is its own kind, or fresh, late
// (write-backs and hints), keep (a hint).
type pending struct {
	write Write
	what  string
	epoch int // that it was sent in, of the first two
	hint  hint
	done  func(bool)
}

func newWorld(t fataler, seed uint64, nodes, n, q, keys int, o Options) *world {
	w := &world{
		t: t, rng: rand.New(rand.NewPCG(seed, 7)), lateMS: 40,
		held: map[string][][]hlc.Version{}, gone: map[string]hlc.Version{}, acked: map[string]hlc.Version{}, calm: 1500, every: 4,
	}
	shape, err := merkle.NewShape(64, 8)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if o.Shape != (merkle.Shape{}) {
		shape = o.Shape
	}
	w.shape = shape
	var members []ring.Member
	for i := range nodes {
		members = append(members, ring.Member{ID: nodeID(i), State: ring.Normal})
	}
	owners := make([]uint16, q*n)
	for p := range q {
		for r := range n {
			owners[p*n+r] = uint16((p + r) % nodes)
		}
	}
	w.views = append(w.views, mustView(t, 1, q, n, members, owners))
	for k := range keys {
		w.keys = append(w.keys, fmt.Appendf(nil, "key-%d", k))
	}
	for i := range nodes {
		nd := &node{w: w, i: i, id: nodeID(i), read: map[Place32]bool{}, skew: int64(w.rng.IntN(41)) - 20, stored: map[Place32]*stored{}, trees: map[int]*merkle.Tree{}, marks: map[int]Marks{}}
		w.nodes = append(w.nodes, nd)
	}
	for _, n := range w.nodes {
		n.start(o)
	}
	return w
}

func mustView(t fataler, epoch ring.Epoch, q, n int, members []ring.Member, owners []uint16) *ring.View {
	v, err := ring.NewView(epoch, q, n, members, owners)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return v
}

func nodeID(i int) ring.NodeID { return ring.NodeID{0: byte(i + 1)} }

func (n *node) start(o Options) {
	o.Self, o.Shape, o.Instance = n.id, n.w.shape, n.w.rng.Uint64()|1
	if o.AgeLimit == 0 {
		o.AgeLimit, o.ExchangeInterval, o.Timeout = 2000, 4000, 1500
	}
	o.Proofs = n.proofs
	n.up, n.core = true, New(o, n)
	n.core.Rebuild(n.from)
	n.tick()
}

func (n *node) crash() {
	n.up, n.queue = false, nil
	n.life++
	for i := range n.kept {
		n.kept[i].sent = false
	}
	for _, o := range n.w.nodes {
		if o.up && o != n && n.w.rng.IntN(2) == 0 { // else it is noticed by the missing answers
			o.tell(o.life, func(c *Core, out *Effects) { c.LinkDown(n.id, out) })
		}
	}
}

// The Local of a node.

func (n *node) View() *ring.View              { return n.w.views[n.epoch] }
func (n *node) Clock() hlc.Timestamp          { return hlc.Make(wall+n.w.now+n.skew, 0) }
func (n *node) Median() (hlc.Timestamp, bool) { return hlc.Make(wall+n.w.now, 0), true }
func (n *node) Busy() bool                    { return n.busy }
func (n *node) Floor() hlc.Timestamp          { return n.floor }
func (n *node) Marks(partition int) Marks     { return n.marks[partition] }
func (n *node) MayPurge(int) bool             { return true }
func (n *node) Mortal(partition, leaf int) (first, last int, some bool) {
	if n.mortal != nil {
		return n.mortal(partition, leaf)
	}
	return leaf, n.w.shape.Leaves() - 1, leaf < n.w.shape.Leaves()
}
func (n *node) Reachable(id ring.NodeID) bool { return n.w.node(id).up }
func (n *node) quarantine(partition int, is bool) {
	m := n.marks[partition]
	m.Quarantined = is
	n.marks[partition] = m
}

func (n *node) OldestHint() (oldest hlc.Timestamp) {
	for _, h := range n.kept {
		if v := versionOf(mustHeader(h.rec)).Time; oldest == 0 || v < oldest {
			oldest = v
		}
	}
	return oldest
}

func (n *node) tree(partition int) *merkle.Tree {
	t := n.trees[partition]
	if t == nil {
		t = merkle.New(n.w.shape)
		n.trees[partition] = t
	}
	return t
}

func (n *node) Tree(partition int, use func(*merkle.Tree)) bool {
	use(n.tree(partition))
	return true
}

func (n *node) Record(token uint64, namespace uint32, key []byte) ([]byte, error) {
	if s := n.stored[Place32{token, namespace, string(key)}]; s != nil {
		return s.read(), nil
	}
	return nil, nil
}

// read is what the disk gives.
func (s *stored) read() []byte {
	if !s.rot {
		return s.rec
	}
	rec := bytes.Clone(s.rec)
	rec[len(rec)-1] ^= 1
	return rec
}

func (n *node) Range(from uint64, namespace uint32, after []byte, last uint64, fn func(uint64, uint32, []byte, []byte) bool) error {
	if n.dirty {
		n.order, n.dirty = n.order[:0], false
		for at := range n.stored {
			n.order = append(n.order, at)
		}
		slices.SortFunc(n.order, func(a, b Place32) int { return a.place().compare(b.place()) })
	}
	begin := Place{from, namespace, after}
	i, _ := slices.BinarySearchFunc(n.order, begin, func(a Place32, b Place) int { return a.place().compare(b) })
	for _, at := range n.order[i:] {
		if at.Token > last {
			break
		}
		if after != nil && at.place().compare(begin) == 0 {
			continue
		}
		if n.mortal != nil {
			n.read[at] = true
		}
		if !fn(at.Token, at.NS, []byte(at.Key), n.stored[at].read()) {
			break
		}
	}
	return nil
}

func (n *node) Voids(from, last uint64, fn func(uint64, uint32, []byte, hlc.Version) bool) error {
	slices.SortStableFunc(n.voids, func(a, b void) int { return a.at.compare(b.at) })
	for _, v := range n.voids {
		if v.at.Token >= from && v.at.Token <= last && !fn(v.at.Token, v.at.Namespace, v.at.Key, v.version) {
			break
		}
	}
	return nil
}

func mustHeader(rec []byte) []byte {
	h, err := record.Header(rec)
	if err != nil {
		panic(err)
	}
	return h
}

// The committer: the rules of package replica, in short.

func (n *node) commit() {
	queue := n.queue
	n.queue = nil
	for _, p := range queue {
		ok := n.apply(p)
		if p.done != nil {
			p.done(ok)
		}
	}
}

func (n *node) apply(p pending) bool {
	w := &p.write
	m := n.marks[w.Partition]
	switch {
	case p.what != "" && m.Quarantined, p.what == "" && w.Kind == Exchange && m.Quarantined:
		return false
	case (p.what == "fresh" || p.what == "late") && p.epoch != n.epoch:
		return false // one of the two is behind
	case (p.what == "fresh" || p.what == "late" || w.Kind == Exchange && p.what == "") && n.rotten(w.Place):
		return false
	case p.what == "keep":
		if versionOf(mustHeader(p.hint.rec)).Time <= n.floor {
			return false
		}
		n.kept = append(n.kept, p.hint)
		return true
	case p.what != "":
		v := versionOf(mustHeader(w.Record))
		if s := n.stored[key32(w.Place)]; s != nil && !versionOf(mustHeader(s.rec)).Less(v) {
			return true
		}
		if p.what == "fresh" && v.Time <= n.floor || v.Time <= m.Fence {
			return false
		}
		n.merge(w)
		return true
	}
	switch w.Kind {
	case SetFloor:
		n.floor = max(n.floor, w.Mark)
	case Agree:
		m.Fence = max(m.Fence, w.Mark)
		n.marks[w.Partition] = m
	case Adopt:
		m.Purge = max(m.Purge, w.Mark)
		n.marks[w.Partition] = m
		n.w.adopted(n, w.Partition, w.Mark)
	case Exchange:
		if v := versionOf(mustHeader(w.Record)).Time; v <= m.Fence && w.Mark < m.Fence {
			return false
		}
		if dead(w.Record, m.Purge) {
			return true
		}
		n.merge(w)
	case Purge:
		return !n.rotten(w.Place) && n.purge(w, m)
	case Fence, Note, Restore, Drop, Release, Heal:
		return n.applyLost(w, m)
	case Proofs:
		n.proofs = w.Record
	case ForgetVoid:
		bound := m.Purge
		if w.Mark != 0 {
			bound = min(w.Mark, n.floor)
		}
		if v := n.View(); w.Mark != 0 && v.Owns(v.PartitionOf(ring.Token(w.Place.Token)), n.core.o.Self) {
			n.w.t.Errorf("node %d forgets a note of its own partition below its floor", n.i)
		}
		if w.Version.Time > bound {
			return false
		}
		n.voids = slices.DeleteFunc(n.voids, func(v void) bool { return v.version == w.Version && v.at.compare(w.Place) == 0 })
	}
	return true
}

func (n *node) purge(w *Write, m Marks) bool {
	s := n.stored[key32(w.Place)]
	if s == nil || m.Quarantined || versionOf(mustHeader(s.rec)) != w.Version {
		return false
	}
	if !traitor.Is(traitor.PurgeWithoutWatermark) && !traitor.Is(traitor.AbsenceDeletes) && !dead(s.rec, m.Purge) {
		n.w.t.Errorf("node %d removes %v of %s: not dead below its watermark %v", n.i, w.Version, w.Place.Key, m.Purge)
		return false
	}
	n.put(w.Place, nil)
	n.w.purged(n, w)
	return true
}

func (n *node) merge(w *Write) {
	var old []byte
	if s := n.stored[key32(w.Place)]; s != nil {
		old = s.rec
	}
	winner, conflict := record.Merge(w.Record, old)
	if conflict {
		n.w.t.Errorf("one version with two contents")
	}
	if !bytes.Equal(winner, old) {
		n.put(w.Place, winner)
		n.w.storedAt(n, w.Place, versionOf(mustHeader(winner)))
	}
}

func (n *node) put(at Place, rec []byte) {
	k := key32(at)
	tree := n.tree(ring.Token(at.Token).Partition(n.View().Bits()))
	leaf := n.w.shape.Leaf(at.Token, n.View().Bits())
	var was, is merkle.Sum
	if s := n.stored[k]; s != nil {
		was = sumOf(at, s.rec)
	} else {
		n.dirty = true
	}
	if rec == nil {
		delete(n.stored, k)
		n.dirty = true
	} else {
		is = sumOf(at, rec)
		n.stored[k] = &stored{rec: rec}
	}
	tree.Update(leaf, was, is)
}

func sumOf(at Place, rec []byte) merkle.Sum {
	f, _, err := record.FingerprintOf(nil, 42, at.Namespace, at.Key, rec)
	if err != nil {
		panic(err)
	}
	return merkle.Sum{Hi: f.Hi, Lo: f.Lo}
}

// The shell of a node.

func (n *node) tick() {
	var out Effects
	n.core.Tick(n.w.now, n.w.rng.Uint64, &out)
	n.carry(&out)
}

// tell calls the Core, if it is still the same.
func (n *node) tell(life int, f func(c *Core, out *Effects)) {
	if n.up && n.life == life {
		var out Effects
		f(n.core, &out)
		n.carry(&out)
	}
}

func (n *node) carry(out *Effects) {
	w, life := n.w, n.life
	for _, s := range out.Sends {
		w.messageBytes += len(s.Document)
		to := w.node(s.To)
		w.post(to.i, func() {
			if !to.up {
				n.tell(life, func(c *Core, out *Effects) { c.Failed(s.Call, out) })
				return
			}
			var out Effects
			to.core.Request(n.id, Ticket{Conn: n.i, Frame: s.Call}, s.Document, &out)
			to.replies(&out, life)
		})
	}
	n.replies(&Effects{Replies: out.Replies}, -1)
	for _, x := range out.Writes {
		n.write(x, life)
	}
	for _, r := range out.Reads {
		to := w.node(r.To)
		w.post(to.i, func() {
			if to.up && to.serves(r.Place) && to.epoch == n.epoch {
				rec, _ := to.Record(r.Place.Token, r.Place.Namespace, r.Place.Key)
				w.post(n.i, func() { n.tell(life, func(c *Core, out *Effects) { c.Got(r.Call, rec, out) }) })
			}
		})
	}
	for _, p := range out.Recounts {
		ok := n.recount(p)
		w.fly = append(w.fly, flight{n.i, w.now + 1, func() {
			n.tell(life, func(c *Core, out *Effects) { c.Recounted(p, ok, uint64(len(n.stored)), 0, out) })
		}})
	}
	for range out.Damaged {
		if !w.wipes {
			w.t.Errorf("damage was reported")
		}
	}
}

func (n *node) write(x Write, life int) {
	done := func(ok bool) { n.tell(life, func(c *Core, out *Effects) { c.Written(x.Call, ok, out) }) }
	if n.refuses != nil && n.refuses(&x) {
		n.w.post(n.i, func() { done(false) })
		return
	}
	if x.To.IsZero() {
		n.queue = append(n.queue, pending{write: x, done: done})
		return
	}
	w, to := n.w, n.w.node(x.To)
	w.recordBytes += len(x.Record)
	w.moved = append(w.moved, fmt.Sprintf("%d>%d %s", n.i, to.i, x.Place.Key))
	w.post(to.i, func() {
		if to.up {
			to.queue = append(to.queue, pending{write: x, done: func(ok bool) { w.post(n.i, func() { done(ok) }) }})
		}
	})
}

// replies carries out effects whose replies go to nodes in the life in which they
// asked; -1: in whatever life, as Core ties them by their call.
func (n *node) replies(out *Effects, _ int) {
	for _, r := range out.Replies {
		n.w.messageBytes += len(r.Document)
		to := n.w.nodes[r.To.Conn.(int)]
		life := to.life
		n.w.post(to.i, func() {
			to.tell(life, func(c *Core, out *Effects) { c.Answer(n.id, r.To.Frame, r.Document, out) })
		})
	}
	out.Replies = nil
	if len(out.Writes)+len(out.Sends)+len(out.Reads)+len(out.Damaged) > 0 {
		n.carry(out)
	}
}

func (n *node) recount(partition int) bool {
	t := merkle.New(n.w.shape)
	for at, s := range n.stored {
		if ring.Token(at.Token).Partition(n.View().Bits()) == partition {
			if s.rot {
				return false
			}
			t.Update(n.w.shape.Leaf(at.Token, n.View().Bits()), merkle.Sum{}, sumOf(at.place(), s.rec))
		}
	}
	n.trees[partition] = t
	return true
}

func (w *world) node(id ring.NodeID) *node { return w.nodes[id[0]-1] }

// post lets something fly to a node: late, lost, twice, in any order.
func (w *world) post(to int, run func()) {
	for w.rng.Float64() >= w.loss {
		w.fly = append(w.fly, flight{to, w.now + 1 + w.rng.Int64N(w.lateMS), run})
		if w.rng.Float64() >= w.twice {
			return
		}
	}
}

// step lets 20 ms pass.
func (w *world) step() {
	w.now += 20
	due := w.fly[:0:0]
	rest := w.fly[:0:0]
	for _, f := range w.fly {
		if f.at <= w.now {
			due = append(due, f)
		} else {
			rest = append(rest, f)
		}
	}
	w.fly = rest
	w.rng.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
	for _, f := range due {
		f.run()
	}
	for _, n := range w.nodes {
		if !n.up {
			continue
		}
		if w.rng.IntN(3) > 0 {
			n.commit()
		}
		n.tick()
	}
}

func (w *world) run(ms int64, also func()) {
	for end := w.now + ms; w.now < end; {
		w.step()
		if also != nil {
			also()
		}
	}
}

// until runs until a condition holds, at most so long.
func (w *world) until(ms int64, what string, holds func() bool) {
	w.t.Helper()
	for end := w.now + ms; !holds(); w.step() {
		if w.now >= end {
			w.t.Fatalf("not within %d ms: %s", ms, what)
			return
		}
	}
}
