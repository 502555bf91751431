package repair

import (
	"encoding/binary"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/merkle"
)

// nothing is the body of SAY's and DONE's answers.
type nothing struct{}

func (nothing) append(dst []byte) []byte { return dst }

// say is SAY.
type say struct {
	floor, above hlc.Timestamp
}

func (s say) append(dst []byte) []byte { return appendTime(appendTime(dst, s.floor), s.above) }

func parseSay(r reader) (say, error) {
	s := say{r.time(), r.time()}
	return s, r.end()
}

// rootsRow is what ROOTS says of one partition; its answer has no root.
type rootsRow struct {
	root         merkle.Node
	asOf, strict hlc.Timestamp
	state        state
}

// roots is ROOTS and, without least and the rows' roots, its answer.
type roots struct {
	say
	answer bool
	least  hlc.Timestamp
	first  int
	rows   []rootsRow
}

func (m roots) append(dst []byte) []byte {
	dst = m.say.append(dst)
	if !m.answer {
		dst = appendTime(dst, m.least)
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(m.first))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(m.rows)))
	states := make([]state, len(m.rows))
	for i, row := range m.rows {
		if states[i] = row.state; !m.answer {
			dst = appendNode(dst, row.root)
		}
		dst = appendMillis(appendMillis(dst, row.asOf), row.strict)
	}
	return appendStates(dst, states)
}

func parseRoots(r reader, answer bool) (roots, error) {
	m := roots{say: say{r.time(), r.time()}, answer: answer}
	rowBytes := answerRowBytes
	if !answer {
		m.least, rowBytes = r.time(), rootsRowBytes
	}
	m.first = int(r.number(4))
	count := int(r.number(2))
	if r.bad = r.bad || count > rootsMax; !r.fits(count, rowBytes) {
		return roots{}, r.end()
	}
	m.rows = make([]rootsRow, count)
	for i := range m.rows {
		if !answer {
			m.rows[i].root = r.node()
		}
		m.rows[i].asOf, m.rows[i].strict = r.millis(), r.millis()
	}
	for i, s := range r.states(count) {
		m.rows[i].state = s
	}
	return m, r.end()
}

// opening is OPEN and, with the root in place of least, its answer.
type opening struct {
	partition int
	answer    bool
	floor     hlc.Timestamp
	least     hlc.Timestamp
	root      merkle.Node
}

func (m opening) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(m.partition))
	dst = appendTime(dst, m.floor)
	if m.answer {
		return appendNode(dst, m.root)
	}
	return appendTime(dst, m.least)
}

func parseOpening(r reader, answer bool) (opening, error) {
	m := opening{partition: r.partition(), answer: answer, floor: r.time()}
	if answer {
		m.root = r.node()
	} else {
		m.least = r.time()
	}
	return m, r.end()
}

// descend is DESCEND and its answer: a piece of package merkle behind a partition.
type descend struct {
	partition int
	piece     []byte
}

func (m descend) append(dst []byte) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(m.partition)), m.piece...)
}

func parseDescend(r reader) (descend, error) {
	m := descend{partition: r.partition(), piece: r.b}
	r.b = nil
	return m, r.end()
}

// wanted is LEAVES: list the records of these leaves, behind a place.
type wanted struct {
	partition int
	leaves    []uint16
	begun     bool // else at the first leaf's beginning
	after     Place
}

func (m wanted) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(m.partition))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(m.leaves)))
	for _, leaf := range m.leaves {
		dst = binary.BigEndian.AppendUint16(dst, leaf)
	}
	if dst = appendFlag(dst, m.begun); m.begun {
		dst = appendPlace(dst, m.after)
	}
	return dst
}

func parseWanted(r reader) (wanted, error) {
	m := wanted{partition: r.partition()}
	count := int(r.number(2))
	if !r.fits(count, 2) {
		return wanted{}, r.end()
	}
	m.leaves = make([]uint16, count)
	for i := range m.leaves {
		m.leaves[i] = uint16(r.number(2))
		r.bad = r.bad || i > 0 && m.leaves[i] <= m.leaves[i-1]
	}
	if m.begun = r.flag(); m.begun {
		m.after = r.place()
	}
	return m, r.end()
}

// page is the answer of LEAVES: a list of records in rising order, which is whole
// up to its last entry or, without more, to the end.
type page struct {
	partition    int
	fence, purge hlc.Timestamp
	more         bool
	entries      []entry
}

func (m page) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(m.partition))
	dst = appendFlag(appendTime(appendTime(dst, m.fence), m.purge), m.more)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(m.entries)))
	for _, e := range m.entries {
		dst = append(appendPlace(dst, e.Place), byte(len(e.header)))
		dst = append(dst, e.header...)
	}
	return dst
}

func parsePage(r reader) (page, error) {
	m := page{partition: r.partition(), fence: r.time(), purge: r.time(), more: r.flag()}
	count := int(r.number(4))
	// An entry takes less than twice the memory of the bytes that are there for it.
	if !r.fits(count, entryBytesMin) || m.more && count == 0 {
		r.bad = true
		return page{}, r.end()
	}
	m.entries = make([]entry, 0, count)
	for i := range count {
		e := entry{Place: r.place()}
		e.header = r.take(int(r.number(1)))
		if r.bad || !isHeader(e.header) || i > 0 && e.compare(m.entries[i-1].Place) <= 0 {
			r.bad = true
			return page{}, r.end()
		}
		m.entries = append(m.entries, e)
	}
	return m, r.end()
}

// done is DONE: the pair agrees up to bound. instance and serial are those of the
// receiver's own answer with which the exchange began.
type done struct {
	partition        int
	bound, strict    hlc.Timestamp
	instance, serial uint64
}

func (m done) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(m.partition))
	dst = appendTime(appendTime(dst, m.bound), m.strict)
	dst = binary.BigEndian.AppendUint64(dst, m.instance)
	return binary.BigEndian.AppendUint64(dst, m.serial)
}

func parseDone(r reader) (done, error) {
	m := done{partition: r.partition(), bound: r.time(), strict: r.time(), instance: r.number(8), serial: r.number(8)}
	return m, r.end()
}

// markRow is a watermark of one partition.
type markRow struct {
	partition int
	mark      hlc.Timestamp
}

func (row markRow) split() (int, markRow) { return row.partition, markRow{mark: row.mark} }

func (row markRow) of(partition int) markRow { return markRow{partition, row.mark} }

// marksOf is AGREE and ADOPT: rows in rising order of their marks. Partitions that
// were proved together have the same mark, which is sent once.
type marksOf []markRow

func (m marksOf) append(dst []byte) []byte {
	return appendGroups(dst, m, func(dst []byte, row markRow) []byte { return appendTime(dst, row.mark) })
}

func parseMarks(r reader) (marksOf, error) {
	m := parseGroups(&r, rowsMax, func(before []markRow) markRow {
		mark := r.time()
		r.bad = r.bad || len(before) > 0 && mark <= before[len(before)-1].mark
		return markRow{mark: mark}
	})
	return m, r.end()
}

// verdicts answer AGREE and ADOPT, row by row.
type verdicts []Reason

func (m verdicts) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(m)))
	for _, v := range m {
		dst = append(dst, byte(v))
	}
	return dst
}

func parseVerdicts(r reader) (verdicts, error) {
	count := int(r.number(2))
	b := r.take(count)
	if r.bad || count > rowsMax {
		r.bad = true
		return nil, r.end()
	}
	m := make(verdicts, count)
	for i := range m {
		m[i] = Reason(b[i])
	}
	return m, r.end()
}

// partitionOnly is SOURCE.
type partitionOnly int

func (m partitionOnly) append(dst []byte) []byte {
	return binary.BigEndian.AppendUint16(dst, uint16(m))
}

func parsePartitionOnly(r reader) (int, error) {
	p := r.partition()
	return p, r.end()
}

func (m sourceMarks) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(m.partition))
	return appendTime(appendTime(appendTime(dst, m.told), m.fence), m.purge)
}

func parseSourceMarks(r reader) (sourceMarks, error) {
	m := sourceMarks{partition: r.partition(), told: r.time(), fence: r.time(), purge: r.time()}
	return m, r.end()
}

func (v voidPlace) append(dst []byte) []byte {
	dst = appendTime(appendPlace(dst, v.Place), v.version.Time)
	return binary.BigEndian.AppendUint64(dst, v.version.Writer)
}

func (r *reader) void() voidPlace {
	return voidPlace{r.place(), hlc.Version{Time: r.time(), Writer: r.number(8)}}
}

// wantedVoids is VOIDS: the notes behind one; nil: from the first on.
type wantedVoids struct {
	partition int
	after     *voidPlace
}

func (m wantedVoids) append(dst []byte) []byte {
	dst = appendFlag(binary.BigEndian.AppendUint16(dst, uint16(m.partition)), m.after != nil)
	if m.after != nil {
		dst = m.after.append(dst)
	}
	return dst
}

func parseWantedVoids(r reader) (wantedVoids, error) {
	m := wantedVoids{partition: r.partition()}
	if r.flag() {
		after := r.void()
		m.after = &after
	}
	return m, r.end()
}

// voidPage is the answer of VOIDS.
type voidPage struct {
	partition int
	more      bool
	notes     []voidPlace
}

func (m voidPage) append(dst []byte) []byte {
	dst = appendFlag(binary.BigEndian.AppendUint16(dst, uint16(m.partition)), m.more)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(m.notes)))
	for _, v := range m.notes {
		dst = v.append(dst)
	}
	return dst
}

func parseVoidPage(r reader) (voidPage, error) {
	m := voidPage{partition: r.partition(), more: r.flag()}
	count := int(r.number(4))
	if !r.fits(count, voidBytes) || m.more && count == 0 {
		r.bad = true
		return voidPage{}, r.end()
	}
	m.notes = make([]voidPlace, 0, count)
	for i := range count {
		v := r.void()
		if r.bad || i > 0 && v.compare(m.notes[i-1]) <= 0 {
			r.bad = true
			return voidPage{}, r.end()
		}
		m.notes = append(m.notes, v)
	}
	return m, r.end()
}

// refusal says why there is no other answer.
type refusal Reason

func (m refusal) append(dst []byte) []byte { return append(dst, byte(m)) }

func parseRefusal(r reader) (Reason, error) {
	reason := Reason(r.number(1))
	return reason, r.end()
}
