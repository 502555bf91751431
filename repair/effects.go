package repair

import (
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// CallShard is the first byte of every Call, which tells Core's calls from those
// of others between two nodes.
const CallShard = 0xf1

// Send is a message to a member: a request of op EXCHANGE. Its answer comes back
// by Answer, its failure by Failed.
type Send struct {
	To       ring.NodeID
	Call     uint64
	Deadline int64 // monotonic milliseconds
	Document []byte
}

// Ticket says who waits for a Reply. Core only hands it back.
type Ticket struct {
	Conn  any
	Frame uint64
}

// Reply answers a Request.
type Reply struct {
	To       Ticket
	Document []byte
}

// Kind says what a Write is.
type Kind uint8

// The kinds. All but Exchange are for this node itself.
const (
	// Exchange merges Record into Place; Mark is the fence that the side which
	// held it had when it read it.
	Exchange Kind = iota
	// SetFloor raises this node's floor to Mark.
	SetFloor
	// Agree raises the fence of Partition to Mark.
	Agree
	// Adopt raises the purge mark of Partition to Mark. Its fence is not lower.
	Adopt
	// Purge removes the record at Place if its version is Version, and if it is a
	// tombstone or has an expiry, below the purge mark.
	Purge
	// ForgetVoid removes the note that Version of the key at Place was given up, if
	// the version is at or below the purge mark or, where Mark is set, at or below that
	// and the floor: this node owns no copy.
	ForgetVoid

	// The next five are of partitions in quarantine. Fence raises the fence of
	// Partition to Mark, which stays in quarantine.
	Fence
	// Note notes that Version of the key at Place was given up.
	Note
	// Restore merges Record into Place, below the fence too.
	Restore
	// Drop removes the record at Place if its version is Version, or it is damaged.
	Drop
	// Release puts Partition back into service.
	Release

	// Heal puts Record into Place, nil removes what is there: if that is damaged,
	// else nothing is done.
	Heal

	// Proofs stores Record as the system value that Place.Key names: what the next
	// start is told in Options.
	Proofs
)

// Write is a write to a member or, where To is zero, to this node's committer.
// Written tells, once it is durable, that it was done, or that it was refused.
type Write struct {
	To        ring.NodeID
	Call      uint64
	Deadline  int64 // monotonic milliseconds
	Kind      Kind
	Partition int
	Place     Place
	Record    []byte
	Version   hlc.Version
	Mark      hlc.Timestamp
}

// Read asks a member for the record at Place. Got brings it.
type Read struct {
	To       ring.NodeID
	Call     uint64
	Deadline int64 // monotonic milliseconds
	Place    Place
}

// Effects is what is to be done after a call. All bytes are the receiver's.
type Effects struct {
	Sends   []Send
	Replies []Reply
	Writes  []Write
	Reads   []Read
	// Recounts are partitions whose tree is to be counted anew from storage, every
	// record read and checked; Recounted tells when it is done.
	Recounts []int
	// Damaged are places whose record here did not pass its checksum (Key nil: the
	// place is only known to lie behind that token). Core heals those with a key;
	// nothing is proved as long as they are so.
	Damaged []Place
}

// Reset forgets all, and keeps the memory.
func (e *Effects) Reset() {
	clear(e.Sends)
	clear(e.Replies)
	clear(e.Writes)
	clear(e.Reads)
	clear(e.Damaged)
	e.Sends, e.Replies, e.Writes, e.Reads = e.Sends[:0], e.Replies[:0], e.Writes[:0], e.Reads[:0]
	e.Recounts, e.Damaged = e.Recounts[:0], e.Damaged[:0]
}
