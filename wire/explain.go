package wire

import "github.com/candordb/candor/hlc"

// Role is the part of a node in an EXPLAIN row. Append-only.
type Role uint8

// The roles.
const (
	RoleNatural Role = 1
	RoleJoining Role = 2
	RoleStandIn Role = 3
)

// ExplainRow is what one replica holds of a key. Behind Reachable false
// nothing is known.
type ExplainRow struct {
	Node         [16]byte
	Role         Role
	Reachable    bool
	Phi          uint64 // thousandths
	HasPhi       bool   // else not measured
	Version      hlc.Version
	Tombstone    bool
	ExpiresAt    int64
	ValueBytes   uint64
	ChecksumOK   bool
	HintsPending uint64
}

// ExplainAnswer is the answer to an EXPLAIN.
type ExplainAnswer struct {
	Token, Partition uint64
	Rows             []ExplainRow
	RepairedAsOf     uint64 // milliseconds since 1970; 0: unknown
	Winner           hlc.Version
}

// Append encodes the answer as a frame.
func (a *ExplainAnswer) Append(dst []byte, h Head) []byte {
	start := len(dst)
	dst = appendUint(appendUint(h.begin(dst, 5), a.Token), a.Partition)
	dst = appendArray(dst, len(a.Rows))
	for i := range a.Rows {
		dst = a.Rows[i].append(dst)
	}
	if a.RepairedAsOf == 0 {
		dst = appendNil(dst)
	} else {
		dst = appendUint(dst, a.RepairedAsOf)
	}
	return EndFrame(appendVersionNil(dst, a.Winner), start)
}

func (w *ExplainRow) append(dst []byte) []byte {
	dst = appendBool(append(appendNode(appendArray(dst, 10), w.Node), byte(w.Role)), w.Reachable)
	if !w.Reachable {
		return append(dst, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0)
	}
	if w.HasPhi {
		dst = appendUint(dst, w.Phi)
	} else {
		dst = appendNil(dst)
	}
	dst = appendBool(appendVersionNil(dst, w.Version), w.Tombstone)
	if w.ExpiresAt == 0 {
		dst = appendNil(dst)
	} else {
		dst = appendUint(dst, uint64(w.ExpiresAt))
	}
	return appendUint(appendBool(appendUint(dst, w.ValueBytes), w.ChecksumOK), w.HintsPending)
}

func (a *ExplainAnswer) decode(r *reader) {
	a.Token, a.Partition = r.uint("token"), r.uint("partition")
	outer, list := rows(r, "rows", a.Rows)
	for r.more() {
		inner, _ := r.enter("row")
		w := ExplainRow{Node: r.node("node_id"), Role: Role(r.uintMax("role", 255)), Reachable: r.bool("reachable")}
		w.Phi, w.HasPhi = r.optUint("phi")
		w.Version, w.Tombstone = r.version("version"), r.bool("tombstone")
		w.ExpiresAt, w.ValueBytes = int64(r.uintMax("expires_at_ms", 1<<63-1)), r.uint("value_len")
		w.ChecksumOK, w.HintsPending = r.bool("checksum_ok"), r.uint("hints_pending")
		r.leave(inner)
		list = append(list, w)
	}
	r.leave(outer)
	a.Rows = list
	a.RepairedAsOf = r.uint("repaired_as_of_ms")
	a.Winner = r.version("winner")
}
