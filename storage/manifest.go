package storage

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
)

// manifest is what the check before open needs to know from a MANIFEST, which
// is a log file of edits. An edit is a row of fields, each a number (uvarint)
// and what belongs to it; later fields win.
//
//	1 comparer: bytes             5 compaction pointer: level, bytes
//	2 journal: number             6 table removed: level, number
//	3 next file: number           7 table added: level, number, size, bytes, bytes
//	4 sequence: number            9 previous journal: number, not used
//
// Numbers are uvarints; bytes are a length (uvarint) and that many bytes.
type manifest struct {
	journal  int64  // journals before this one are obsolete
	sequence uint64 // entries up to this one lie in tables
	tables   map[int64]tableInfo
}

// tableInfo is what the MANIFEST says of a table that is in use. Its keys are
// the engine's, without the library's 8 bytes behind them.
type tableInfo struct {
	number      int64
	size        int64
	least, most []byte // its first and last key
}

// inOrder returns the tables that are in use, the oldest first.
func (m manifest) inOrder() []tableInfo {
	return slices.SortedFunc(maps.Values(m.tables), func(a, b tableInfo) int { return cmp.Compare(a.number, b.number) })
}

// scanManifest reads a MANIFEST's bytes; it is pure. A torn last edit was never
// acted upon: the library syncs each before it removes what the edit makes
// obsolete. Its offset is returned as the cut. An edit behind damage, or one
// that does not decode, is ErrCorrupt.
func scanManifest(data []byte) (m manifest, torn damage, err error) {
	acknowledged := false // the damage is not the end of what was written
	torn = walkLog(data, func(rec logRecord) string {
		if rec.after {
			acknowledged = true
			return ""
		}
		if !m.apply(rec.payload) {
			acknowledged = true
			return "an edit that does not decode"
		}
		return ""
	})
	if torn.what != "" && (acknowledged || torn.offset == 0) {
		return m, torn, fmt.Errorf("%s at offset %d: %w; %s", torn.what, torn.offset, ErrCorrupt, advice)
	}
	return m, torn, nil
}

// apply reads one edit. It reports whether the edit makes sense; if not, m is
// of no use.
func (m *manifest) apply(edit []byte) bool {
	var removed []int64
	var added []tableInfo
	ok := true
	number := func() uint64 {
		n, w := binary.Uvarint(edit)
		if w <= 0 {
			ok = false
			return 0
		}
		edit = edit[w:]
		return n
	}
	text := func() (b []byte) {
		var good bool
		if b, edit, good = cutBytes(edit); !good {
			ok = false
		}
		return b
	}
	for ok && len(edit) > 0 {
		switch number() {
		case 1:
			text()
		case 2:
			m.journal = int64(number())
		case 3, 9:
			number()
		case 4:
			m.sequence = number()
		case 5:
			number()
			text()
		case 6:
			number()
			removed = append(removed, int64(number()))
		case 7:
			number()
			added = append(added, tableInfo{int64(number()), int64(number()), userKey(text()), userKey(text())})
		default:
			return false
		}
	}
	if !ok || m.journal < 0 {
		return false
	}
	// A table that only changes its level is both, in one edit.
	for _, number := range removed {
		delete(m.tables, number)
	}
	for _, t := range added {
		if m.tables == nil {
			m.tables = make(map[int64]tableInfo)
		}
		m.tables[t.number] = t
	}
	return true
}

// userKey cuts off what the library puts behind a key: sequence number and kind.
func userKey(internal []byte) []byte {
	return bytes.Clone(internal[:max(0, len(internal)-8)])
}
