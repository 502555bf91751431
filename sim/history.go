package sim

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// key is one key of the workload, with what the checkers know about it.
type key struct {
	index  int
	name   []byte
	token  uint64
	owners []int // natural replicas, as indices of nodes
	// acked is, by need, the highest version that was acknowledged, or read, with
	// that many replicas behind it: acked[2] = v says that a client has been told
	// that two replicas hold v or more, durably.
	acked      []hlc.Version
	damaged    int           // the owner whose copy was damaged, as an index of nodes; -1: none
	damagedAt  time.Duration // when
	element    bool          // written once, by its first operation, and never deleted
	operations []*operation
}

// floor is what a request with that need, sent now, has to meet: the highest
// version that any quorum which it cannot miss was told to hold.
func (k *key) floor(need int) (v hlc.Version) {
	for held := range k.acked {
		if held+need > len(k.acked)-1 && v.Less(k.acked[held]) {
			v = k.acked[held]
		}
	}
	return v
}

// told notes that a client was told that need replicas hold v.
func (k *key) told(need int, v hlc.Version) {
	if k.acked[need].Less(v) {
		k.acked[need] = v
	}
}

// needOf is how many of n replicas a level asks for, as the contract has it; 0
// for a level that n replicas cannot meet. It is written here once more because
// the code under test must not be its own judge.
func needOf(l contract.Level, n int) int {
	switch {
	case l == contract.Default || l == contract.Quorum:
		return n/2 + 1
	case l == contract.All:
		return n
	case l <= contract.LevelsExact && int(l) <= n:
		return int(l)
	}
	return 0
}

// class is what is known of an operation's effect.
type class uint8

const (
	open  class = iota
	done        // as the answer says
	none        // no effect, now and for ever
	doubt       // in doubt, or no answer came
)

func (c class) String() string { return [...]string{"open", "done", "none", "doubt"}[c] }

// operation is what a client wants, over all its attempts.
type operation struct {
	id      uint64
	client  int
	kind    wire.Op // GET, PUT, DELETE, SCAN
	key     *key    // of all but SCAN
	level   contract.Level
	need    int // by the level; 0: the level cannot be met by N replicas
	rows    bool
	ttl     uint64
	size    int
	after   hlc.Version
	stamped bool        // by the client
	version hlc.Version // writes: the client's stamp or the node's; zero: not stamped yet
	lww     bool        // false for one that no lww namespace takes
	prefix  []byte      // SCAN
	cursor  []byte

	invoked, returned time.Duration
	floor             hlc.Version // when the last attempt was sent
	class             class
	acked, doubtful   bool // some attempt was answered OK, or is in doubt
	tries             int
	text              string // the answer, for people

	stood   uint16 // nodes at which a fresh write of it stood, once
	beaten  uint16 // nodes that told it of a higher version
	present bool   // a disk held it, synced
	seen    bool   // a client has read it
	doubled bool   // the network doubled a WRITE that carries it
}

func (o *operation) writes() bool { return o.kind == wire.OpPut || o.kind == wire.OpDelete }

// value is the value that the operation writes: its id, and more bytes that
// follow from it.
func (o *operation) value() []byte {
	b := make([]byte, o.size)
	binary.BigEndian.PutUint64(b, o.id)
	for i := 8; i < len(b); i++ {
		b[i] = byte(o.id) * byte(i)
	}
	return b
}

// operationOf is the id of the operation that wrote a value; 0 if it names none.
func operationOf(value []byte) uint64 {
	if len(value) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(value)
}

// expiresAt is the expiry of what the operation writes; 0: never.
func (o *operation) expiresAt() int64 {
	at, _ := record.ExpiresAt(o.version, o.ttl)
	return at
}

// record is what the operation writes, byte for byte.
func (o *operation) record() []byte {
	r := record.Record{Version: o.version, Tombstone: o.kind == wire.OpDelete, ExpiresAt: o.expiresAt()}
	if !r.Tombstone {
		r.Value = o.value()
	}
	return record.Append(nil, namespaceNumber, o.key.name, r)
}

func (o *operation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "#%d c%d %v", o.id, o.client, o.kind)
	if o.key != nil {
		fmt.Fprintf(&b, " %s", o.key.name)
	}
	fmt.Fprintf(&b, " %v", o.level)
	if !o.version.IsZero() {
		fmt.Fprintf(&b, " version %v", o.version)
	}
	if o.ttl != 0 {
		fmt.Fprintf(&b, " ttl %d", o.ttl)
	}
	if !o.after.IsZero() {
		fmt.Fprintf(&b, " after %v", o.after)
	}
	return b.String()
}

// line is the operation with its times and its answer, for the history that is
// printed with a failure.
func (o *operation) line() string {
	end := "   (open)  "
	if o.class != open {
		end = clockText(o.returned)
	}
	return fmt.Sprintf("%s %s  %-5v %v -> %s", clockText(o.invoked), end, o.class, o, o.text)
}

// history is everything that clients have asked and been told.
type history struct {
	keys       []*key
	byName     map[string]*key
	operations []*operation
	byVersion  map[hlc.Version]*operation // writes, once stamped
}

// addKey makes a key known, to the nodes' books too.
func (s *Sim) addKey(name string, element bool) *key {
	view := s.cluster.Ring
	token, _ := ring.TokenOf(nil, namespaceName, []byte(name))
	k := &key{
		index: len(s.history.keys), name: []byte(name), token: uint64(token), element: element, damaged: -1,
		acked: make([]hlc.Version, view.N()+1),
	}
	for _, m := range view.Replicas(token) {
		if m != ring.NoOwner {
			k.owners = append(k.owners, int(m))
		}
	}
	s.history.keys = append(s.history.keys, k)
	s.history.byName[name] = k
	for _, n := range s.nodes {
		n.held = append(n.held, holding{})
	}
	return k
}

// newOperation opens an operation.
func (s *Sim) newOperation(kind wire.Op, k *key) *operation {
	o := &operation{id: uint64(len(s.history.operations) + 1), kind: kind, key: k, lww: true, invoked: s.now}
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
}
