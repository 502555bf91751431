package storage

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// A record of a journal is one batch:
//
//	sequence number of its first entry (8, little-endian)
//	number of entries (4, little-endian)
//	entries, as in Batch
//
// Entries are numbered without a gap, over batches and journals. Every batch
// that this package writes has a mark among its entries.
const batchHead = 8 + 4

// journalScan is what one journal's bytes say.
type journalScan struct {
	number  int64
	size    int64
	records int    // whole batches before any damage
	first   uint64 // sequence number of the first of them
	next    uint64 // the number that must follow the last of them
	highest mark   // highest mark of any believable batch, behind damage too
	damage  damage
	gap     bool // the damage is that batches are missing, not that one is torn
}

// scanJournal reads a journal's bytes; it is pure.
func scanJournal(number int64, data []byte) journalScan {
	s := journalScan{number: number, size: int64(len(data))}
	s.damage = walkLog(data, s.visit)
	if s.damage.what != "" && onlyZeros(data[s.damage.offset:]) {
		s.damage.what = unused
	}
	return s
}

// unused is what is wrong with a journal whose last record is followed by zeros
// only, that is, by what was written ahead and never used. It is judged like all
// damage: what was acknowledged may have been there once.
const unused = "nothing but zeros"

func onlyZeros(data []byte) bool {
	for len(data) >= len(zeros) {
		if !bytes.Equal(data[:len(zeros)], zeros[:]) {
			return false
		}
		data = data[len(zeros):]
	}
	return bytes.Equal(data, zeros[:len(data)])
}

func (s *journalScan) visit(rec logRecord) (wrong string) {
	b, ok := parseBatch(rec.payload)
	if !ok {
		return "a batch that does not decode"
	}
	if !rec.after {
		if s.records > 0 && b.first != s.next {
			s.gap = true
			return fmt.Sprintf("entry %d follows entry %d", b.first, s.next-1)
		}
		if s.records == 0 {
			s.first = b.first
		}
		s.records++
		s.next = b.first + uint64(b.entries)
	}
	// What lies behind damage may be part of a user's value. A mark is believed
	// only if it could be true there; if it is a lie all the same, Open refuses
	// where it could have cut, and nothing is lost.
	possible := s.records == 0 || b.first >= s.next || !rec.after
	if possible && s.highest.less(b.mark) &&
		(b.mark.journal < s.number || b.mark.journal == s.number && b.mark.offset <= rec.start) {
		s.highest = b.mark
	}
	return ""
}

// batchRecord is what a record says about itself.
type batchRecord struct {
	first   uint64
	entries uint32
	mark    mark // zero if it has none
}

func parseBatch(payload []byte) (b batchRecord, ok bool) {
	if len(payload) < batchHead {
		return b, false
	}
	b.first = binary.LittleEndian.Uint64(payload)
	b.entries = binary.LittleEndian.Uint32(payload[8:])
	n := uint32(0)
	for rest := payload[batchHead:]; len(rest) > 0; n++ {
		e, after, ok := cutEntry(rest)
		if !ok || n == b.entries {
			return b, false
		}
		if e.value != nil && bytes.Equal(e.key, markKey) {
			b.mark, _ = parseMark(e.value)
		}
		rest = after
	}
	return b, n == b.entries
}

// cut says that a file ends at size; what follows was never synced, or never written.
type cut struct {
	number int64
	size   int64
	what   string
}

// judgeJournals decides what to do about the journals that are about to be
// replayed, in the order of their numbers. It returns the torn tails to cut
// off, or an ErrCorrupt that says what is missing and what to do.
//
// Damage above the highest mark is a torn tail: the sync of that batch never
// returned. All other damage was acknowledged once. A journal that is shorter
// than the mark says, or gone, is damage too, and so is a jump of the sequence
// numbers, from the MANIFEST to the first journal or from one to the next.
func judgeJournals(m manifest, scans []journalScan) ([]cut, error) {
	var highest mark
	for _, s := range scans {
		if highest.less(s.highest) {
			highest = s.highest
		}
	}
	if err := missingJournal(m, highest, scans); err != nil {
		return nil, err
	}
	var cuts []cut
	expect := m.sequence
	slack := uint64(1) // the library counts the first entry of a start one too far
	for _, s := range scans {
		name := fileName(s.number)
		synced := highest.covers(s.number, s.size)
		switch d := s.damage; {
		case d.what != "" && (s.gap || d.offset < synced):
			return nil, fmt.Errorf("%s has %s at offset %d, in what was acknowledged: %w; %s", name, d.what, d.offset, ErrCorrupt, advice)
		case d.what != "":
			cuts = append(cuts, cut{s.number, d.offset, d.what})
		case s.size < synced:
			return nil, fmt.Errorf("%s ends at offset %d, but %d bytes of it were synced: %w; %s", name, s.size, synced, ErrCorrupt, advice)
		}
		if s.records == 0 {
			continue
		}
		if s.first < expect || s.first > expect+slack {
			return nil, fmt.Errorf("%s begins with entry %d, but %d should come next: %w; %s", name, s.first, expect, ErrCorrupt, advice)
		}
		expect, slack = s.next, 0
	}
	return cuts, nil
}

// missingJournal returns an error if a journal is gone that the MANIFEST or a
// mark names.
func missingJournal(m manifest, highest mark, scans []journalScan) error {
	there := func(number int64) bool {
		for _, s := range scans {
			if s.number == number {
				return true
			}
		}
		return false
	}
	for _, number := range []int64{m.journal, highest.journal} {
		if number >= m.journal && number > 0 && !there(number) {
			return fmt.Errorf("%s is gone, and held acknowledged writes: %w; %s", fileName(number), ErrCorrupt, advice)
		}
	}
	return nil
}

const advice = "the other replicas still hold what was acknowledged: keep its files, look after its disk, and let the node be rebuilt from the others"

func fileName(number int64) string { return fmt.Sprintf("%06d.log", number) }
