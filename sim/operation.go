package sim

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/wire"
)

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
	id       uint64
	client   int
	kind     wire.Op // GET, PUT, DELETE, SCAN, OUTCOME, EXPLAIN
	space    *space
	key      *key // of all but SCAN
	level    contract.Level
	flags    contract.Flags
	ttl      uint64 // of a write: that which it gets
	namesTTL bool   // else it is the namespace's
	size     int
	after    hlc.Version
	saw      hlc.Version // writes: the version of the key that the client knew
	saysSaw  bool        // it says so
	stamped  bool        // by the client
	version  hlc.Version // writes: the client's stamp or the node's; zero: not stamped yet
	lww      bool        // false for one that no lww namespace takes
	about    *operation  // OUTCOME: the write
	prefix   []byte      // SCAN
	cursor   []byte
	keysOnly bool
	walk     *walk

	invoked, returned time.Duration
	class             class
	acked, doubtful   bool // some attempt was answered OK, or is in doubt
	voided            bool // OUTCOME has said of it: not applied
	need              int  // of how many replicas a client was told
	tries, asks       int
	text              string // the answer, for people

	stood     uint16        // nodes at which it stood, once
	beaten    uint16        // nodes that told it of a higher version
	noted     uint16        // nodes that note that it was given up
	everNoted uint16        // and those that once did
	replaced  []hlc.Version // by node: what it replaced, of what its writer had not seen
	twice     bool          // a replica took it as a fresh write more than once
	stoodIn   uint16        // nodes that keep it as a hint that counts, synced, or did
	stoodFor  uint16        // nodes for which they do
	hinted    bool          // it was kept as a hint, somewhere
	present   bool          // a disk held it, synced
	shown     bool          // a client has read it
	lost      int           // copies that were lost of its key since it began
	doubled   bool          // the network doubled a WRITE that carries it
}

func (o *operation) writes() bool { return o.kind == wire.OpPut || o.kind == wire.OpDelete }

// has says whether a flag is set.
func (o *operation) has(f contract.Flags) bool { return o.flags&f != 0 }

// sloppy says whether hints count for a write.
func (o *operation) sloppy() bool { return o.has(contract.Sloppy) || o.level == contract.Any }

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

// liveAt says whether what the operation writes is a value, then.
func (o *operation) liveAt(millis int64) bool {
	return o.kind == wire.OpPut && (o.ttl == 0 || o.expiresAt() > millis)
}

// record is what the operation writes, byte for byte.
func (o *operation) record() []byte {
	r := record.Record{Version: o.version, Tombstone: o.kind == wire.OpDelete, ExpiresAt: o.expiresAt()}
	if !r.Tombstone {
		r.Value = o.value()
	}
	return record.Append(nil, o.space.number, o.key.name, r)
}

func (o *operation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "#%d c%d %v", o.id, o.client, o.kind)
	if o.space.number != 1 {
		fmt.Fprintf(&b, " in %s", o.space.Name)
	}
	if o.key != nil {
		fmt.Fprintf(&b, " %s", o.key.name)
	}
	if o.about != nil {
		fmt.Fprintf(&b, " of #%d, %v", o.about.id, o.about.version)
		return b.String()
	}
	fmt.Fprintf(&b, " %v", o.level)
	for _, f := range []struct {
		flag contract.Flags
		name string
	}{{contract.Ordered, "ordered"}, {contract.Weaken, "weaken"}, {contract.Sloppy, "sloppy"}} {
		if o.has(f.flag) {
			fmt.Fprintf(&b, " %s", f.name)
		}
	}
	for _, v := range []struct {
		name    string
		version hlc.Version
	}{{"version", o.version}, {"after", o.after}, {"seen", o.saw}} {
		if !v.version.IsZero() {
			fmt.Fprintf(&b, " %s %v", v.name, v.version)
		}
	}
	if o.ttl != 0 {
		fmt.Fprintf(&b, " ttl %d", o.ttl)
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
