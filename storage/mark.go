package storage

import "encoding/binary"

// mark says: all journals before this one, and this one up to offset, are
// synced. Every batch carries the mark that was known when it was written, as
// the value of a system key:
//
//	number of the journal (8, big-endian) | offset (8, big-endian)
//
// A batch can therefore only name offsets before its own, and a whole batch
// behind a damaged one proves that the damaged one had been acknowledged.
type mark struct {
	journal int64
	offset  int64
}

var markKey = SystemKey(syncedName)

const markBytes = 16

func (m mark) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(m.journal))
	return binary.BigEndian.AppendUint64(dst, uint64(m.offset))
}

func parseMark(value []byte) (m mark, ok bool) {
	if len(value) != markBytes {
		return mark{}, false
	}
	m.journal = int64(binary.BigEndian.Uint64(value))
	m.offset = int64(binary.BigEndian.Uint64(value[8:]))
	return m, m.journal >= 0 && m.offset >= 0
}

func (m mark) less(o mark) bool {
	return m.journal < o.journal || m.journal == o.journal && m.offset < o.offset
}

// covers returns how many bytes of a journal the mark says are synced.
func (m mark) covers(journal int64, size int64) int64 {
	switch {
	case journal < m.journal:
		return size
	case journal == m.journal:
		return m.offset
	}
	return 0
}
