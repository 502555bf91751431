package repair

import (
	"bytes"
	"cmp"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/merkle"
	"github.com/candordb/candor/ring"
)

// Local is this node, as Core reads it. Its methods are called during calls of
// Core and from nowhere else; they may read a disk, and call nothing back.
//
// Everything that it shows is durable, but for records above Floor and Marks where records
// are synced later than they are answered for; a Write makes those durable too that it
// showed before. Tree, Record, Range, Voids and OldestHint
// are at least as new as what Floor and Marks have returned before: whoever
// publishes a floor or marks publishes the trees and hints of the same batch, and of
// all before it, first.
type Local interface {
	// View is the ring of the epoch that this node acts on; nil: none yet.
	View() *ring.View
	// Reachable says whether it makes sense to send to a member.
	Reachable(ring.NodeID) bool
	// Clock is the hybrid clock; it need not tick.
	Clock() hlc.Timestamp
	// Median is the median of all members' clocks, own included; false: not known.
	Median() (hlc.Timestamp, bool)
	// Busy says whether clients have to wait for the sake of background work.
	Busy() bool
	// Floor is this node's floor: no fresh write and no new hint at or below it is
	// taken any more.
	Floor() hlc.Timestamp
	// OldestHint is the lowest time of a hint that is kept here; 0: there is none.
	OldestHint() hlc.Timestamp
	// Marks are those of a partition.
	Marks(partition int) Marks
	// Tree lets use look at the tree of a partition, which does not change
	// meanwhile and may not be kept. It is false, and use not called, while the tree
	// is being counted.
	Tree(partition int, use func(*merkle.Tree)) bool
	// Record returns a stored record, nil where there is none; the bytes are the
	// caller's. An error that wraps record.ErrCorrupt is damage, any other means that
	// the engine has stopped.
	Record(token uint64, namespace uint32, key []byte) ([]byte, error)
	// Range walks the records of tokens from..last in order of token, namespace and
	// key, beginning behind (from, namespace, after) or, with after nil, at from,
	// until fn returns false. The bytes are good during fn only. Errors are as those
	// of Record.
	Range(from uint64, namespace uint32, after []byte, last uint64, fn func(token uint64, namespace uint32, key, rec []byte) bool) error
	// Voids walks the notes of versions that were given up, of tokens from..last, in
	// order, until fn returns false. The bytes are good during fn only.
	Voids(from, last uint64, fn func(token uint64, namespace uint32, key []byte, version hlc.Version) bool) error
	// MayPurge says whether the partition may hold tombstones, records that expire,
	// or voids. Where it cannot know, it says yes.
	MayPurge(partition int) bool
	// Mortal is the first run of leaves of the partition's tree, from one on, that may
	// hold tombstones or records that expire; false: there is none.
	Mortal(partition, leaf int) (first, last int, some bool)
}

// Marks are the bounds of one partition on one replica; all are durable.
type Marks struct {
	// Fence is the highest watermark that this replica has agreed to: it takes
	// nothing at or below it. Purge is the highest that it has adopted: what is
	// dead below it may be removed. Purge <= Fence.
	Fence, Purge hlc.Timestamp
	// Quarantined says that what is stored here may be less than what this node has
	// told others: it shows nothing, proves nothing and agrees to nothing.
	Quarantined bool
}

// Place is where a record stands.
type Place struct {
	Token     uint64
	Namespace uint32
	Key       []byte
}

// compare orders places as storage does.
func (p Place) compare(o Place) int {
	return cmp.Or(cmp.Compare(p.Token, o.Token), cmp.Compare(p.Namespace, o.Namespace), bytes.Compare(p.Key, o.Key))
}
