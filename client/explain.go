package client

import (
	"context"
	"time"

	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// Explanation is what the replicas of a key hold, each by itself, and who would
// win.
type Explanation struct {
	Key       []byte
	Token     uint64
	Partition int
	// Rows are the natural replicas in order of preference, then joining nodes and
	// stand-ins, if any.
	Rows []ExplainRow
	// RepairedAsOf is when all replicas were last proven to hold everything; zero:
	// not known.
	RepairedAsOf time.Time
	// Winner is the highest version among the rows; zero: there is none.
	Winner Version
	Epoch  uint64
	// Asked is the id of the node that was asked: every Phi, RepairedAsOf and
	// HintsPending is its own. "": it is not in the ring that this client knows.
	Asked string
}

// Role is the part that a node plays for a key.
type Role = wire.Role

// The roles.
const (
	RoleNatural = wire.RoleNatural
	RoleJoining = wire.RoleJoining
	RoleStandIn = wire.RoleStandIn
)

// ExplainRow is one replica. Where it is not Reachable nothing behind that is
// known, and all is zero.
type ExplainRow struct {
	Node      string // its name
	ID        string // 32 hex digits
	Role      Role
	Reachable bool
	// Phi is how much the node that was asked suspects this one to be down; HasPhi
	// says whether it was measured.
	Phi          float64
	HasPhi       bool
	Version      Version // zero: it holds nothing
	Tombstone    bool
	Expires      time.Time // UTC; zero: never
	ValueBytes   int
	ChecksumOK   bool
	HintsPending int // for this replica, kept by the node that was asked
}

// Explain asks every replica of a key what it holds.
func (ns *Namespace) Explain(ctx context.Context, key []byte) (Explanation, error) {
	k := ns.call(nil)
	q := ns.request(wire.OpExplain, key, &k, false)
	q.Level, q.Flags = 0, 0
	if !ns.c.gate.enter() {
		return Explanation{Key: key}, ErrClosed
	}
	defer ns.c.gate.leave()
	t := trip{c: ns.c, op: "explain", q: &q, trace: k.trace}
	a, failed := t.run(ctx)
	if failed != nil {
		return Explanation{Key: key}, failed
	}
	table, e := ns.c.table.Load(), &a.Explain
	x := Explanation{
		Key: key, Token: e.Token, Partition: int(e.Partition), RepairedAsOf: expires(int64(e.RepairedAsOf)), Winner: e.Winner, Epoch: a.Epoch,
	}
	if m, member := table.member(t.settler); member {
		x.Asked = m.ID.String()
	}
	for _, row := range e.Rows {
		id := ring.NodeID(row.Node)
		x.Rows = append(x.Rows, ExplainRow{
			Node: table.nameOf(id), ID: id.String(), Role: row.Role, Reachable: row.Reachable, Phi: float64(row.Phi) / 1000, HasPhi: row.HasPhi,
			Version: row.Version, Tombstone: row.Tombstone, Expires: expires(row.ExpiresAt), ValueBytes: int(row.ValueBytes),
			ChecksumOK: row.ChecksumOK, HintsPending: int(row.HintsPending),
		})
	}
	return x, nil
}
