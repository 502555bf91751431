package replica

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/traitor"
)

// Marks are the times below which a node takes nothing any more, or keeps
// nothing that is dead (rules 7 and 8), and which partitions are out of service.
// They only rise. A Marks never changes: who wants another one makes it, so that
// many may read while the committer goes on.
type Marks struct {
	// Floor is the time at or below which this node takes no fresh write.
	Floor hlc.Timestamp

	partitions []PartitionMarks
}

// PartitionMarks are the marks of one partition.
type PartitionMarks struct {
	// Fence is the watermark that this node has agreed to: it takes nothing at or
	// below it that other replicas might not hold.
	Fence hlc.Timestamp
	// Purge is the watermark that all replicas have agreed to: what is dead below
	// it is removed.
	Purge hlc.Timestamp
	// Quarantined partitions neither serve nor vote: what is stored may be less
	// than this node has told others.
	Quarantined bool
}

// NewMarks are the marks of a node that knows of none, in a ring of so many
// partitions (a power of two).
func NewMarks(partitions int) *Marks {
	return &Marks{partitions: make([]PartitionMarks, partitions)}
}

// Partitions is how many partitions the ring has.
func (m *Marks) Partitions() int { return len(m.partitions) }

// Of are the marks of a token's partition. Nil Marks have none.
func (m *Marks) Of(token uint64) PartitionMarks {
	if m == nil {
		return PartitionMarks{}
	}
	return m.partitions[m.partition(token)]
}

// Partition are the marks of a partition by its number.
func (m *Marks) Partition(p int) PartitionMarks { return m.partitions[p] }

// Quarantining are these marks with more partitions in quarantine.
func (m *Marks) Quarantining(partitions []int) *Marks {
	next := &Marks{Floor: m.Floor, partitions: append([]PartitionMarks(nil), m.partitions...)}
	for _, p := range partitions {
		next.partitions[p].Quarantined = true
	}
	return next
}

func (m *Marks) partition(token uint64) int {
	return int(token >> (64 - m.bits()) & uint64(len(m.partitions)-1))
}

func (m *Marks) bits() int { return bits.TrailingZeros(uint(len(m.partitions))) }

// Dead says whether a record of which nothing is left to tell is at or below a
// watermark: a tombstone, or a value whose expiry lies below it too. No clock is
// asked, so that all replicas say the same (rule 8).
func Dead(r *record.Record, mark hlc.Timestamp) bool {
	if r.Version.Time >= mark {
		return false
	}
	return r.Tombstone || r.ExpiresAt != 0 && hlc.Make(r.ExpiresAt, 0) < mark
}

// fenced decides on a change at or below the fence: only what a replica has read
// that had agreed to as much may bring it. Dead records count as absent there, so
// where nothing is stored a write-back of one is as good as done.
func (a *Applier) fenced(w *Write, rec record.Record, stored []byte, marks PartitionMarks) (Result, bool) {
	fence := marks.Fence
	switch {
	case w.Kind == Exchange && stored == nil && Dead(&rec, marks.Purge):
		return Result{}, true // it would only have to be purged again
	case w.Kind == Rebuild, w.Kind == Exchange && w.Mark >= fence:
		return Result{}, false
	case w.Kind == Repair && stored == nil && Dead(&rec, fence):
		return Result{}, true
	case w.Kind == Repair || w.Kind == Deliver:
		a.Counters.Late++
	}
	a.Counters.Refused++
	return Result{Code: contract.Clock, Kind: contract.StampOld}, true
}

// mark changes the marks. What follows in the same batch meets the new ones.
func (a *Applier) mark(w *Write) Result {
	if a.Marks == nil {
		return Result{Code: contract.NotReady}
	}
	next := *a.Marks
	if w.Kind == SetFloor {
		next.Floor = max(next.Floor, w.Mark)
		if next.Floor != a.Marks.Floor {
			a.Marks = &next
		}
		return Result{}
	}
	p := next.partition(w.Token)
	row := next.partitions[p]
	switch w.Kind {
	case Agree:
		if row.Quarantined {
			return Result{Code: contract.NotReady}
		}
		row.Fence = max(row.Fence, w.Mark)
	case Adopt:
		// All have agreed, this node too; were it to purge above its own fence, it
		// would take back what it purges.
		row.Fence, row.Purge = max(row.Fence, w.Mark), max(row.Purge, w.Mark)
	case Quarantine:
		row.Quarantined, row.Fence = true, max(row.Fence, w.Mark)
	case Release:
		row.Quarantined = false
	}
	if row != next.partitions[p] {
		next.partitions = append([]PartitionMarks(nil), next.partitions...)
		next.partitions[p] = row
		a.Marks = &next
	}
	return Result{}
}

// Names of the system values that hold the marks.
const (
	FloorName = "floor"
	MarksName = "marks"
)

// The form of the marks on disk. All numbers are big-endian.
//
//	floor   offset  bytes
//	        0       1      format, 1
//	        1       8      the floor
//	marks   offset  bytes
//	        0       1      format, 1
//	        1       17 n   for each partition: 8 bytes fence, 8 bytes watermark, 1 byte: 1 if it is quarantined
const (
	marksFormat   = 1
	partitionMark = 17
)

// ErrMarks is returned for bytes that are not the marks of a node.
var ErrMarks = errors.New("replica: bytes are not marks")

// save puts into the batch what differs from before.
func (m *Marks) save(before *Marks, b Batch) {
	if m.Floor != before.Floor && !traitor.Is(traitor.FloorUnsaved) {
		b.PutSystem([]byte(FloorName), binary.BigEndian.AppendUint64([]byte{marksFormat}, uint64(m.Floor)))
	}
	if len(m.partitions) > 0 && &m.partitions[0] == &before.partitions[0] {
		return
	}
	row := append(make([]byte, 0, 1+partitionMark*len(m.partitions)), marksFormat)
	for _, p := range m.partitions {
		row = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(row, uint64(p.Fence)), uint64(p.Purge))
		row = append(row, flag(p.Quarantined))
	}
	b.PutSystem([]byte(MarksName), row)
}

func flag(set bool) byte {
	if set {
		return 1
	}
	return 0
}

// ParseMarks reads what was saved, nil where there is none, for a ring of so many
// partitions. Its error is ErrMarks.
func ParseMarks(partitions int, floor, marks []byte) (*Marks, error) {
	m := NewMarks(partitions)
	if floor != nil {
		if len(floor) != 9 || floor[0] != marksFormat {
			return nil, fmt.Errorf("%w: a floor of %d bytes", ErrMarks, len(floor))
		}
		m.Floor = hlc.Timestamp(binary.BigEndian.Uint64(floor[1:]))
	}
	if marks == nil {
		return m, nil
	}
	if len(marks) != 1+partitionMark*partitions || marks[0] != marksFormat {
		return nil, fmt.Errorf("%w: %d bytes for %d partitions", ErrMarks, len(marks), partitions)
	}
	for i := range m.partitions {
		row := marks[1+partitionMark*i:]
		m.partitions[i] = PartitionMarks{
			Fence: hlc.Timestamp(binary.BigEndian.Uint64(row)), Purge: hlc.Timestamp(binary.BigEndian.Uint64(row[8:])), Quarantined: row[16] != 0,
		}
	}
	return m, nil
}
