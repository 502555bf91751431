package sim

import (
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/wire"
)

// attempt is one request frame: one operation, or several in a BATCH.
type attempt struct {
	operations []*operation
	asked      []asked // of each operation, once it is sent
	id         uint64  // on its connection
	node       *node
	deadline   time.Duration
	patience   time.Duration // how long the client waits

	sent      bool
	arrivedAt time.Duration // at a process
	physical  int64         // time of that process, then
	pausedFor time.Duration // of that process, until then
	misstamp  uint64        // the operations whose stamp was out of bounds then and there
	answers   int
	over      bool // the client waits no longer
}

// asked is what one operation asks of the node that it is sent to, and what has
// to be at least so when it is answered.
type asked struct {
	level  contract.Level // resolved
	needs  needs
	floor  hlc.Version   // of the level
	floors []hlc.Version // by number of replicas, where the level may be lowered, or hints count
	quorum hlc.Version   // what a quorum holds, where the write is ordered
	held   []hlc.Version // EXPLAIN: by owner, what its disk holds
}

// ask makes the asked of an operation that is about to be sent.
func (s *Sim) ask(a *attempt, o *operation) asked {
	q := asked{level: o.space.level(o.kind, o.level)}
	if o.key == nil {
		return q
	}
	k := o.key
	q.needs = needsOf(q.level, &k.sizes, a.node.region)
	q.floor = k.floor(&q.needs)
	if o.has(contract.Weaken) || o.sloppy() {
		for n := range k.sizes[0] + 1 {
			few := needsOf(contract.Level(n), &k.sizes, 0)
			q.floors = append(q.floors, k.floor(&few))
		}
	}
	if o.has(contract.Ordered) {
		quorum := needsOf(contract.Quorum, &k.sizes, 0)
		q.quorum = k.floor(&quorum)
	}
	if o.kind == wire.OpExplain {
		for _, i := range k.owners {
			q.held = append(q.held, s.nodes[i].held[k.index].synced)
		}
	}
	return q
}

// ops names the operations, as the decoder of a BATCH's answer needs them.
func (a *attempt) ops() []wire.Op {
	ops := make([]wire.Op, len(a.operations))
	for i, o := range a.operations {
		ops[i] = o.kind
	}
	return ops
}

// encode makes the frame of a request.
func (a *attempt) encode() []byte {
	ms := uint64(a.deadline.Milliseconds())
	if len(a.operations) == 1 {
		q := a.operations[0].frame()
		q.ID, q.DeadlineMS = a.id, ms
		return q.Append(nil)
	}
	frame := wire.BeginBatch(nil, a.id, ms, len(a.operations))
	for _, o := range a.operations {
		q := o.frame()
		frame = q.AppendOp(frame)
	}
	return wire.EndFrame(frame, 0)
}

// frame is the request of one operation.
func (o *operation) frame() wire.Request {
	q := wire.Request{Op: o.kind, Level: o.level, Flags: o.flags, After: o.after}
	if o.space.number != 1 {
		q.Namespace = []byte(o.space.Name)
	}
	if o.key != nil {
		q.Key = o.key.name
	}
	switch o.kind {
	case wire.OpOutcome:
		q.Version, q.HasVersion = o.about.version, true
	case wire.OpScan:
		q.Prefix, q.Cursor, q.Limit, q.KeysOnly = o.prefix, o.cursor, 20, o.keysOnly
	case wire.OpPut:
		q.Value, q.TTL, q.HasTTL = o.value(), o.ttl, o.namesTTL
	}
	if o.stamped {
		q.Version, q.HasVersion = o.version, true
	}
	q.Seen, q.HasSeen = o.saw, o.saysSaw
	if !o.lww {
		q.Condition = wire.Condition{Kind: wire.IfAbsent}
	}
	return q
}
