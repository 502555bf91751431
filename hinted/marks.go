package hinted

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
)

// MarksPrefix is what the names of the system values begin with that hold dirty
// marks.
const MarksPrefix = "hints.dirty."

const (
	marksFormat = 1
	marksRow    = 2 + 8

	// markAhead is by how many milliseconds a mark is set above the version that it
	// is for, so that the next ones, which come at once and are a little higher, do
	// not each write it again. It costs as much time until the mark is cleared.
	markAhead = 60_000
)

// marks are the partitions of which the target may lack something that no hint
// stands for: by partition, the time at or below which it may. 0 is none.
type marks struct {
	rows    []hlc.Timestamp
	changed bool   // since they were written last
	writing bool   // that is not durable yet
	written uint64 // how often they were written
	durable uint64 // the last of these writes that is durable
}

// dirty marks the partition of a token: the target may lack a version of this
// time.
func (c *Core) dirty(t *target, token ring.Token, at hlc.Timestamp) {
	if c.view != nil {
		t.marks.set(c.view.PartitionOf(token), at)
	}
}

func (m *marks) set(partition int, at hlc.Timestamp) {
	if partition >= len(m.rows) {
		m.rows = append(m.rows, make([]hlc.Timestamp, partition+1-len(m.rows))...)
	}
	if m.rows[partition] < at {
		m.rows[partition] = max(at, at.Add(markAhead))
		m.changed = true
	}
}

// count is how many partitions are marked.
func (m *marks) count() (n int) {
	for _, at := range m.rows {
		if at != 0 {
			n++
		}
	}
	return n
}

// write is the system value, if there is anything new to say.
func (m *marks) write(t *target, out *Effects) {
	if !m.changed || m.writing {
		return
	}
	m.changed, m.writing = false, true
	m.written++
	out.Marks = append(out.Marks, Mark{
		Call: makeCall(callMarks, t.slot, uint16(m.written), 0), Name: MarksPrefix + t.id.String(), Value: appendMarks(nil, m.rows),
	})
}

// present is the number of the write that holds the marks as they are now.
func (m *marks) present() uint64 {
	if m.changed {
		return m.written + 1
	}
	return m.written
}

// wrote is told whether the value that was written last is durable. Were it not,
// it is written again.
func (m *marks) wrote(generation uint16, ok bool) {
	if !m.writing || generation != uint16(m.written) {
		return
	}
	m.writing = false
	if ok {
		m.durable = m.written
	} else {
		m.changed = true
	}
}

// Clean tells that the target lacks nothing of a partition at or below a time:
// anti-entropy has proved it. It clears the dirty mark, unless that is above.
func (c *Core) Clean(id ring.NodeID, partition int, proven hlc.Timestamp) {
	i, ok := c.slots[id]
	if !ok {
		return
	}
	if m := &c.targets[i].marks; partition < len(m.rows) && m.rows[partition] != 0 && m.rows[partition] <= proven {
		m.rows[partition] = 0
		m.changed = true
	}
}

// Dirty appends the partitions of which the target may lack something, rising.
func (c *Core) Dirty(dst []int, id ring.NodeID) []int {
	i, ok := c.slots[id]
	if !ok {
		return dst
	}
	for p, at := range c.targets[i].marks.rows {
		if at != 0 {
			dst = append(dst, p)
		}
	}
	return dst
}

func appendMarks(dst []byte, rows []hlc.Timestamp) []byte {
	dst = append(dst, marksFormat)
	for p, at := range rows {
		if at != 0 {
			dst = binary.BigEndian.AppendUint16(dst, uint16(p))
			dst = binary.BigEndian.AppendUint64(dst, uint64(at))
		}
	}
	return dst
}

// parseMarks reads what write has made. Its error wraps record.ErrCorrupt.
func parseMarks(name string, value []byte) (ring.NodeID, []hlc.Timestamp, error) {
	id, err := ring.ParseNodeID(strings.TrimPrefix(name, MarksPrefix))
	if err != nil {
		return id, nil, fmt.Errorf("%w: system value %s: %w", record.ErrCorrupt, name, err)
	}
	if len(value) == 0 || value[0] != marksFormat || (len(value)-1)%marksRow != 0 {
		return id, nil, fmt.Errorf("%w: system value %s of %d bytes", record.ErrCorrupt, name, len(value))
	}
	var rows []hlc.Timestamp
	for row := range slices.Chunk(value[1:], marksRow) {
		p, at := int(binary.BigEndian.Uint16(row)), hlc.Timestamp(binary.BigEndian.Uint64(row[2:]))
		if p < len(rows) || at == 0 {
			return id, nil, fmt.Errorf("%w: system value %s names partition %d at %v", record.ErrCorrupt, name, p, at)
		}
		rows = append(rows, make([]hlc.Timestamp, p+1-len(rows))...)
		rows[p] = at
	}
	return id, rows, nil
}
