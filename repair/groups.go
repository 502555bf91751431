package repair

import (
	"encoding/binary"
	"math"
)

// Of many partitions the same is said: those that were proved together are proved up
// to the same time. AGREE, ADOPT, TELL and the proofs on disk say it once for each run
// of rows that differ in their partition only. The form, big-endian:
//
//	count 2, count times {what is said, count 2, count times {partition 2}}

// grouped is a row of such a list.
type grouped[R any] interface {
	comparable
	// split is the partition, and what is said of it: the row with partition 0.
	split() (int, R)
	// of is what is said, of that partition.
	of(partition int) R
}

// appendGroups appends rows in groups, and leaves out what is beyond the largest count: of
// what is left out less is said than is so. say appends what is said, as split gives it.
func appendGroups[R grouped[R]](dst []byte, rows []R, say func(dst []byte, row R) []byte) []byte {
	count := len(dst)
	dst = append(dst, 0, 0)
	groups := 0
	for ; len(rows) > 0 && groups < math.MaxUint16; groups++ {
		_, said := rows[0].split()
		dst = say(dst, said)
		size := len(dst)
		dst = append(dst, 0, 0)
		n := 0
		for ; n < min(len(rows), math.MaxUint16); n++ {
			partition, same := rows[n].split()
			if same != said {
				break
			}
			dst = binary.BigEndian.AppendUint16(dst, uint16(partition))
		}
		binary.BigEndian.PutUint16(dst[size:], uint16(n))
		rows = rows[n:]
	}
	binary.BigEndian.PutUint16(dst[count:], uint16(groups))
	return dst
}

// parseGroups reads what appendGroups has written, most rows of it; r is bad if there
// are more, or a group has none. say reads from r what is said next, behind the rows
// that were read so far.
func parseGroups[R grouped[R]](r *reader, most int, say func(before []R) R) (rows []R) {
	for groups := int(r.number(2)); groups > 0 && !r.bad; groups-- {
		said, count := say(rows), int(r.number(2))
		r.bad = r.bad || count == 0 || count > most-len(rows)
		if !r.fits(count, 2) {
			break
		}
		for range count {
			rows = append(rows, said.of(r.partition()))
		}
	}
	return rows
}
