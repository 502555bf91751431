package sim

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// key is one key of the workload, with what the checkers know about it.
type key struct {
	index     int
	space     *space
	name      []byte
	token     uint64
	partition int
	purged    hlc.Version // the highest that was purged anywhere
	owners    []int       // natural replicas, as indices of nodes
	sizes     sizes       // how many of them there are in each domain
	// acked is, by domain and need, the highest version that was acknowledged, or
	// read, with that many of the domain's replicas behind it: acked[0][2] = v says
	// that a client has been told that two replicas hold v or more, durably.
	acked      [1 + regionsMax][]hlc.Version
	wrecked    time.Duration // when a copy was last lost with the disk of an owner; 0: never
	mendedAt   time.Duration // when it was last healed; 0: never
	losses     int           // how often it was healed to less than what it was
	damaged    int           // the owner whose copy was damaged, as an index of nodes; -1: none
	damagedAt  time.Duration // when
	ackedThen  []hlc.Version // acked[0], as it was then
	rotten     int           // the owner whose copy is less than it was, and nobody knows; -1: none
	rotted     time.Duration // when it became so; 0: never
	element    bool          // written once, by its first operation, and never deleted
	operations []*operation
	unstamped  []*operation // ordered writes whose version nobody but their coordinator knows yet
}

// floor is what a request with those needs, sent now, has to meet: the highest
// version that any set of replicas which it cannot miss was told to hold, or that
// was purged, as all had it before. Of that, absence will do.
func (k *key) floor(q *needs) (v hlc.Version) {
	v = k.purged
	for domain, acked := range k.acked {
		for held := range acked {
			if held+q[domain] > k.sizes[domain] && v.Less(acked[held]) {
				v = acked[held]
			}
		}
	}
	return v
}

// meets says whether a version that a client is shown, 0 for nothing, is as new as
// it has to be: absent is legal only if a delete or expiry above was purged.
func (k *key) meets(v, floor hlc.Version) bool {
	return !v.Less(floor) || v.IsZero() && !k.purged.Less(floor)
}

// told notes that a client, who asked at that time, was told that replicas as those
// needs ask hold v. One that was counted may have lost it since: a majority makes up
// for that.
func (k *key) told(q *needs, v hlc.Version, since time.Duration) {
	lost := k.wrecked > 0 && k.wrecked >= since
	if k.rotted > 0 && k.rotted >= since {
		return
	}
	for domain, need := range q {
		if lost && (domain > 0 || need < majority(k.sizes[0])) {
			continue
		}
		if need > 0 && k.acked[domain][need].Less(v) {
			k.acked[domain][need] = v
		}
	}
}

// history is everything that clients have asked and been told.
type history struct {
	keys       []*key
	byName     map[string]*key // by namespace number, 4 bytes, and name
	scratch    []byte
	operations []*operation
	byVersion  map[hlc.Version]*operation // writes, once stamped
	recent     [32]*operation             // the last writes that were stamped by clients
	writes     int
}

// find is the key of that name; nil if the run has none.
func (h *history) find(namespace uint32, name []byte) *key {
	return h.byName[string(h.place(namespace, name))]
}

func (h *history) place(namespace uint32, name []byte) []byte {
	h.scratch = binary.BigEndian.AppendUint32(h.scratch[:0], namespace)
	h.scratch = append(h.scratch, name...)
	return h.scratch
}

// addKey makes a key known, to the nodes' books too.
func (s *Sim) addKey(sp *space, name string, element bool) *key {
	view := s.cluster.Ring
	token, _ := ring.TokenOf(nil, sp.Name, []byte(name))
	k := &key{index: len(s.history.keys), space: sp, name: []byte(name), token: uint64(token), element: element, damaged: -1, rotten: -1}
	k.partition = view.PartitionOf(token)
	s.inPartition[k.partition] = append(s.inPartition[k.partition], k)
	for _, m := range view.Replicas(token) {
		if m != ring.NoOwner {
			k.owners = append(k.owners, int(m))
			k.sizes[0]++
			k.sizes[1+s.nodes[m].region]++
		}
	}
	for domain, size := range k.sizes {
		k.acked[domain] = make([]hlc.Version, size+1)
	}
	s.history.keys = append(s.history.keys, k)
	s.history.byName[string(s.history.place(sp.number, k.name))] = k
	for _, n := range s.nodes {
		n.held = append(n.held, holding{})
	}
	return k
}

// newOperation opens an operation on a key, or in a namespace.
func (s *Sim) newOperation(kind wire.Op, sp *space, k *key) *operation {
	o := &operation{id: uint64(len(s.history.operations) + 1), kind: kind, space: sp, key: k, lww: true, invoked: s.now}
	s.history.operations = append(s.history.operations, o)
	if k != nil {
		k.operations = append(k.operations, o)
	}
	return o
}

// stampAs gives a write its version.
func (s *Sim) stampAs(o *operation, v hlc.Version) {
	if other := s.history.byVersion[v]; other != nil && other != o {
		s.fail("CLOCK", "version %v is given to %v and to %v", v, other, o)
		return
	}
	o.version = v
	s.history.byVersion[v] = o
	if o.stamped {
		s.history.recent[s.history.writes%len(s.history.recent)] = o
		s.history.writes++
	}
}

// written is the write that made a record of a key; nil if nobody did. An ordered
// write gets its version here: until its record appears for the first time,
// nobody but its coordinator knows that.
func (s *Sim) written(k *key, rec []byte) *operation {
	r, err := record.Parse(rec)
	if err != nil {
		return nil
	}
	if o := s.history.byVersion[r.Version]; o != nil || k == nil {
		return o
	}
	for _, o := range k.unstamped {
		if r.Tombstone && o.kind == wire.OpDelete || !r.Tombstone && operationOf(r.Value) == o.id {
			s.orderedAs(o, r.Version)
			return o
		}
	}
	return nil
}

// orderedAs gives an ordered write its version.
func (s *Sim) orderedAs(o *operation, v hlc.Version) {
	o.key.unstamped = slices.DeleteFunc(o.key.unstamped, func(other *operation) bool { return other == o })
	s.stampAs(o, v)
	s.check.ordered(o)
}
