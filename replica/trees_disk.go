package replica

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/merkle"
)

// keep puts the leaves of a partition into the batch. It waits for a batch that
// does not change the partition otherwise.
func (a *Applier) keep(w *Write, batch Batch) Result {
	t := a.Trees
	if t == nil {
		return Result{Code: contract.NotReady}
	}
	at := t.partition(w.Token)
	p := &t.parts[at]
	for _, c := range t.staged {
		if c.partition == at {
			return Result{Code: contract.Overloaded}
		}
	}
	if p.counted < t.shape.Leaves() || len(t.sets) > 0 || slices.Contains(t.losses, at) {
		return Result{Code: contract.Overloaded}
	}
	if p.disk == diskSame {
		return Result{}
	}
	batch.PutLeaves(at, t.appendLeaves(nil, p))
	t.remember(at)
	p.disk = diskSame
	t.kept = append(t.kept, at)
	return Result{}
}

// The form of the leaves of a partition on disk. All numbers are big-endian.
//
//	offset  bytes
//	0       1      1, alone: the leaves are not known; or format, 2
//	1       30 n   for each leaf that holds a record, rising: 2 bytes its number,
//	               16 bytes sum, 8 bytes count, 4 bytes how many of its records can
//	               be purged one day
//
// In format 1 the last of these was missing: its leaves are counted anew.
const (
	leavesUnknown = 1
	leavesFormat  = 2
	leafBytes     = 2 + merkle.NodeBytes + 4
)

// ErrLeaves is returned for bytes that are not the leaves of a tree.
var ErrLeaves = errors.New("replica: bytes are not the leaves of a tree")

// LeavesUnknown is what PutLeaves of nil stands for on disk.
var LeavesUnknown = []byte{leavesUnknown}

func (t *Trees) appendLeaves(dst []byte, p *tree) []byte {
	dst = append(dst, leavesFormat)
	if p.Tree == nil {
		return dst
	}
	for i := range t.shape.Leaves() {
		n := p.Leaf(i)
		if n == (merkle.Node{}) {
			continue
		}
		dst = binary.BigEndian.AppendUint16(dst, uint16(i))
		dst = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, n.Sum.Hi), n.Sum.Lo)
		dst = binary.BigEndian.AppendUint64(dst, n.Count)
		dst = binary.BigEndian.AppendUint32(dst, uint32(p.mortalsOf(i)))
	}
	return dst
}

// Load takes what is on disk for a partition. Its error is ErrLeaves; then the
// leaves are unknown, as after a mark.
func (t *Trees) Load(partition int, leaves []byte) error {
	t.Unknown(partition)
	if len(leaves) > 0 && leaves[0] == leavesUnknown {
		if len(leaves) == 1 {
			t.parts[partition].disk = diskMarked
		}
		return nil
	}
	if len(leaves) < 1 || leaves[0] != leavesFormat || (len(leaves)-1)%leafBytes != 0 {
		return fmt.Errorf("%w: %d bytes for partition %d", ErrLeaves, len(leaves), partition)
	}
	p, before := &t.parts[partition], -1
	for row := leaves[1:]; len(row) > 0; row = row[leafBytes:] {
		i := int(binary.BigEndian.Uint16(row))
		if i <= before || i >= t.shape.Leaves() {
			t.Unknown(partition)
			return fmt.Errorf("%w: leaf %d after leaf %d in partition %d", ErrLeaves, i, before, partition)
		}
		before = i
		p.grown(t.shape).Set(i, merkle.Node{
			Sum:   merkle.Sum{Hi: binary.BigEndian.Uint64(row[2:]), Lo: binary.BigEndian.Uint64(row[10:])},
			Count: binary.BigEndian.Uint64(row[18:]),
		})
		p.count(i, int(binary.BigEndian.Uint32(row[26:])), t.shape)
	}
	p.counted, p.disk, p.marked = t.shape.Leaves(), diskSame, false
	return nil
}
