package router

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// cluster is a whole cluster in one goroutine: each node a Router over a World
// of maps. Nothing moves until pump is called; then everything does, until
// nothing waits any more.
type cluster struct {
	t     testing.TB
	now   replica.Now
	nodes []*node
	epoch *Cluster // what New nodes are given; nil before epoch 1
}

const (
	clusterName = "test"
	physical    = int64(1_700_000_000_000)
)

var clusterID = [16]byte{0xc1}

// testLimits are the defaults of a node, with small numbers where a test has to
// reach them.
func testLimits() Limits {
	return Limits{
		Limits:          wire.Limits{FrameBytes: 1<<20 + 64<<10, KeyBytes: 4096, ValueBytes: 1 << 20, InFlight: 64, BatchOps: 50},
		DeadlineDefault: 2000, DeadlineMax: 5000, Slots: 1000,
	}
}

func nodeID(i int) ring.NodeID { return ring.NodeID{byte(i + 1)} }

// newCluster makes a cluster of so many nodes with 3 replicas and 16 partitions,
// all linked with each other. Its clients' limits are those of testLimits,
// changed by the given functions.
func newCluster(t testing.TB, nodes int, change ...func(*Limits)) *cluster {
	return newClusterIn(t, make([]string, nodes), change...)
}

// newClusterIn makes a cluster of nodes in these regions.
func newClusterIn(t testing.TB, regions []string, change ...func(*Limits)) *cluster {
	nodes := len(regions)
	c := &cluster{t: t, now: replica.Now{Mono: 1_000_000, Physical: physical}}
	members := make([]ring.Member, nodes)
	for i := range members {
		members[i] = ring.Member{ID: nodeID(i), Name: fmt.Sprint("n", i), Region: regions[i], State: ring.Normal}
	}
	owners, err := ring.Claim(16, 3, nil, members)
	if err != nil {
		t.Fatal(err)
	}
	view, err := ring.NewView(1, 16, 3, members, owners)
	if err != nil {
		t.Fatal(err)
	}
	c.epoch = &Cluster{
		ID: clusterID, Ring: view, AgeLimit: 30_000, MaxDrift: 500,
		Namespaces: []Namespace{
			{Name: "default", Number: 1}, {Name: "other", Number: 2},
			{Name: "small", Number: 3, Read: contract.One, Write: contract.All, TTL: 60_000, MaxValue: 100},
			{Name: "near", Number: 4, Read: contract.LocalOne, Write: contract.LocalQuorum},
		},
	}
	limits := testLimits()
	for _, f := range change {
		f(&limits)
	}
	for i := range nodes {
		c.nodes = append(c.nodes, newNode(c, nodeID(i), limits))
	}
	for _, from := range c.nodes {
		for _, to := range c.nodes {
			if from != to {
				from.peers[to.id] = c.link(from, to)
			}
		}
	}
	return c
}

// node is a Router and its World.
type node struct {
	c        *cluster
	id       ring.NodeID
	router   *Router
	turn     Turn
	locked   int // Cores that are locked now
	cluster  *Cluster
	store    store
	applier  replica.Applier
	peers    map[ring.NodeID]*peer
	conns    []*conn
	serving  bool
	fenced   bool // its clock may not be used
	full     bool // it has no room for extra work
	jumps    uint64
	clock    hlc.Timestamp
	work     func() // what a look at the store costs: called by each Range
	observed map[ring.NodeID]hlc.Timestamp
	heard    []string // control messages and goodbyes

	healing healing

	queue, busy []replica.Write // of the committer
	arena       [2][]byte
	queueMax    int
	failure     contract.Code // of all that is committed
	committing  bool          // false: writes wait
}

func newNode(c *cluster, id ring.NodeID, limits Limits) *node {
	n := &node{
		c: c, id: id, cluster: c.epoch, peers: make(map[ring.NodeID]*peer), serving: true, queueMax: 1 << 20, committing: true,
		observed: make(map[ring.NodeID]hlc.Timestamp), store: store{records: make(map[place]*[]byte), voids: make(map[void]bool)}, work: func() {},
	}
	n.applier.AgeLimit = 30_000
	n.store.node = n
	locks := make([]Locker, 4)
	for i := range locks {
		locks[i] = &lock{n: n}
	}
	n.router = New(Options{
		Self: id, ServerVersion: "v-test", ClusterName: clusterName, Limits: limits, Locks: locks,
		Hedging: coordinator.Hedging{Percentile: 95, Percent: 5}, Busy: func() bool { n.called(); return n.full },
	}, n)
	return n
}

// lock is a Locker that knows that it is held.
type lock struct {
	n    *node
	held bool
}

func (l *lock) Lock() {
	if l.held {
		panic("a Core is locked twice")
	}
	l.held = true
	l.n.locked++
}

func (l *lock) Unlock() { l.held = false; l.n.locked-- }

// called is called by all methods of the World.
func (n *node) called() {
	if n.locked > 0 {
		panic("the World was called while a Core was locked")
	}
}

func (n *node) Cluster() *Cluster    { n.called(); return n.cluster }
func (n *node) Serving() bool        { n.called(); return n.serving }
func (n *node) Store() replica.Store { n.called(); return &n.store }
func (n *node) Now() replica.Now     { n.called(); return n.c.now }
func (n *node) Clock() hlc.Timestamp { n.called(); return max(n.clock, hlc.Make(n.c.now.Physical, 0)) }
func (n *node) Goodbye(from ring.NodeID) {
	n.called()
	n.heard = append(n.heard, fmt.Sprintf("%x goodbye", from[:1]))
}
func (n *node) RingMembers() (m []wire.RingMember) {
	n.called()
	for _, o := range n.cluster.Ring.Members() {
		m = append(m, wire.RingMember{ID: o.ID, Name: o.Name, Client: o.Name + ":7400", State: uint64(o.State)})
	}
	return m
}

func (n *node) Peer(id ring.NodeID) Peer {
	n.called()
	if p, ok := n.peers[id]; ok {
		return p
	}
	return nil
}

func (n *node) Coordinating() bool {
	n.called()
	return !n.fenced
}

func (n *node) Stamp() (hlc.Version, bool) {
	n.called()
	if n.fenced {
		return hlc.Version{}, false
	}
	n.clock = hlc.Tick(n.clock, n.c.now.Physical)
	return hlc.Version{Time: n.clock, Writer: uint64(n.id[0])}, true
}

func (n *node) StampAbove(above hlc.Version) (hlc.Version, bool) {
	v, ok := n.Stamp()
	if ok && !above.Less(v) {
		n.jumps++ // each has a writer of its own, and no later one is higher
		v = hlc.Version{Time: above.Time + 1, Writer: 1<<63 - n.jumps}
	}
	return v, ok
}

func (n *node) Observe(from ring.NodeID, clock hlc.Timestamp) {
	n.called()
	n.observed[from] = clock
}

func (n *node) Control(_ Conn, from ring.NodeID, q *wire.PeerRequest) {
	n.called()
	n.heard = append(n.heard, fmt.Sprintf("%x asks %v", from[:1], q.Op))
}

func (n *node) ControlAnswer(from ring.NodeID, a *wire.PeerAnswer) {
	n.called()
	n.heard = append(n.heard, fmt.Sprintf("%x answers %v", from[:1], a.Op))
}

func (n *node) Commit(writes []replica.Write) bool {
	n.called()
	if len(n.queue)+len(writes) > n.queueMax {
		return false
	}
	for _, w := range writes {
		w, n.arena[0] = w.Own(n.arena[0])
		n.queue = append(n.queue, w)
	}
	return true
}

// commit is one step of the committer.
func (n *node) commit() bool {
	if len(n.queue) == 0 || !n.committing {
		return false
	}
	n.queue, n.busy = n.busy[:0], n.queue
	n.arena[0], n.arena[1] = n.arena[1][:0], n.arena[0]
	if n.failure == contract.OK {
		n.applier.Apply(n.c.now, &n.store, n.busy, &n.store)
		n.applier.Trees.Publish()
		n.healing.marks = n.applier.Marks
	}
	n.router.Begin(&n.turn)
	n.router.Committed(&n.turn, n.busy, n.failure)
	n.router.Finish(&n.turn)
	return true
}

// store is a node's storage. Records are never changed in place: each is a
// piece of a slab, so that storing one costs no allocation.
type store struct {
	node    *node
	records map[place]*[]byte
	voids   map[void]bool
	slab    []byte
}

// void is a version of a key that was given up.
type void struct {
	place
	version hlc.Version
}

type place struct {
	token     uint64
	namespace uint32
	key       string
}

func (s *store) Record(token uint64, namespace uint32, key []byte) ([]byte, error) {
	s.node.called()
	if rec := s.records[place{token, namespace, string(key)}]; rec != nil {
		return *rec, nil
	}
	return nil, nil
}

func (s *store) PutRecord(token uint64, namespace uint32, key, rec []byte) {
	if cap(s.slab)-len(s.slab) < len(rec) {
		s.slab = make([]byte, 0, 1<<20+len(rec))
	}
	at := len(s.slab)
	s.slab = append(s.slab, rec...)
	stored := s.slab[at:len(s.slab):len(s.slab)]
	if old := s.records[place{token, namespace, string(key)}]; old != nil {
		*old = stored
		return
	}
	first := stored
	s.records[place{token, namespace, string(key)}] = &first
}

func (s *store) PutSystem(_, _ []byte) {}

func (s *store) Voided(token uint64, namespace uint32, key []byte, v hlc.Version) (bool, error) {
	return len(s.voids) > 0 && s.voids[void{place{token, namespace, string(key)}, v}], nil
}

func (s *store) PutVoid(token uint64, namespace uint32, key []byte, v hlc.Version) {
	s.voids[void{place{token, namespace, string(key)}, v}] = true
}

func (s *store) EraseVoid(token uint64, namespace uint32, key []byte, v hlc.Version) {
	delete(s.voids, void{place{token, namespace, string(key)}, v})
}

func (s *store) Range(from uint64, namespace uint32, after []byte, last uint64, fn func(uint64, uint32, []byte, []byte) bool) error {
	s.node.called()
	s.node.work()
	var places []place
	for p := range s.records { // sorted below
		if p.token >= from && p.token <= last {
			places = append(places, p)
		}
	}
	order := func(a, b place) int {
		return cmp.Or(cmp.Compare(a.token, b.token), cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.key, b.key))
	}
	slices.SortFunc(places, order)
	for _, p := range places {
		if after != nil && order(p, place{from, namespace, string(after)}) <= 0 {
			continue
		}
		if !fn(p.token, p.namespace, []byte(p.key), *s.records[p]) {
			return nil
		}
	}
	return nil
}

// holds is the record that a node has under a key of the default namespace, in
// words: its value, or what else it is.
func (n *node) holds(key string) string {
	token, _ := ring.TokenOf(nil, "default", []byte(key))
	rec := n.store.records[place{uint64(token), 1, key}]
	if rec == nil {
		return "nothing"
	}
	r, err := record.Verify(1, []byte(key), *rec)
	switch {
	case err != nil:
		return "damage"
	case r.Tombstone:
		return "tombstone"
	}
	return string(r.Value)
}

// set stores a record at a node, past all rules.
func (n *node) set(key string, r record.Record) {
	token, _ := ring.TokenOf(nil, "default", []byte(key))
	n.store.PutRecord(uint64(token), 1, []byte(key), record.Append(nil, 1, []byte(key), r))
}

// damage flips a bit of what a node has under a key.
func (n *node) damage(key string) {
	token, _ := ring.TokenOf(nil, "default", []byte(key))
	rec := n.store.records[place{uint64(token), 1, key}]
	*rec = bytes.Clone(*rec)
	(*rec)[len(*rec)-1] ^= 1
}
