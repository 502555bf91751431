package storage

import (
	"encoding/binary"
	"fmt"
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
	skipBytes := func() {
		var good bool
		if _, edit, good = cutBytes(edit); !good {
			ok = false
		}
	}
	for ok && len(edit) > 0 {
		switch number() {
		case 1:
			skipBytes()
		case 2:
			m.journal = int64(number())
		case 3, 9:
			number()
		case 4:
			m.sequence = number()
		case 5:
			number()
			skipBytes()
		case 6:
			number()
			number()
		case 7:
			number()
			number()
			number()
			skipBytes()
			skipBytes()
		default:
			return false
		}
	}
	return ok && m.journal >= 0
}
