package repair

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/merkle"
	"github.com/candordb/candor/record"
)

// The messages. All numbers are big-endian; formats, kinds and reasons are
// append-only. Each begins with
//
//	offset  bytes
//	0       1      format, 1
//	1       1      kind; of an answer, that of the request plus 0x40
//	2       8      epoch of the sender
//	10      8      instance of the sender, drawn when it started
//	18      8      serial: rises with each message of an instance
//
// and goes on, by its kind, with
//
//	SAY     0x01   floor 8, above 8                     answered by 0x41, nothing more
//	ROOTS   0x02   floor 8, above 8, least 8, first 4, count 2, count times
//	               {root 24, as-of 6, strict 6}, then count states of 2 bits each
//	        0x42   floor 8, above 8, first 4, count 2, count times
//	               {as-of 6, strict 6}, then count states of 2 bits each
//	OPEN    0x03   partition 2, floor 8, least 8
//	        0x43   partition 2, floor 8, root 24
//	DESCEND 0x04   partition 2, then a merkle.Question
//	        0x44   partition 2, then merkle.Nodes
//	LEAVES  0x05   partition 2, count 2, count times {leaf 2}, rising;
//	               begun 1 (0 or 1), and if 1 the place to go on behind
//	        0x45   partition 2, fence 8, purge 8, more 1 (0 or 1), count 4, count times
//	               {place, length of the header 1, header of the record}
//	DONE    0x06   partition 2, bound 8, strict 8, instance 8, serial 8
//	               answered by 0x46, nothing more
//	AGREE   0x07   count 2, count times {watermark 8, count 2, count times
//	               {partition 2}}, watermarks rising
//	        0x47   count 2, count times {verdict 1}, partition by partition
//	ADOPT   0x08   as AGREE, answered by 0x48
//	SOURCE  0x09   partition 2
//	        0x49   partition 2, highest floor heard of the asker 8, fence 8, purge 8
//	TELL    0x0b   count 2, count times {as-of 6, strict 6, count 2, count times
//	               {partition 2}}                       answered by 0x4b, nothing more
//	VOIDS   0x0a   partition 2, begun 1 (0 or 1), and if 1 the place and version
//	               to go on behind
//	        0x4a   partition 2, more 1 (0 or 1), count 4, count times {place,
//	               version: time 8, writer 8}, rising
//	refusal 0x7f   reason 1
//
// A place is: token 8, namespace number 4, length of the key 4, key. As-of and
// strict are in milliseconds since 1970, 0 where nothing is proved. A node of a
// tree is sum 16, count 8. The partitions of ROOTS are those that both nodes
// replicate by the owner table of the epoch, in rising order: the count of them
// behind the first ones. States fill bytes from their high bits, unused bits are 0.
const (
	format    = 1
	headBytes = 26

	kindSay     = 0x01
	kindRoots   = 0x02
	kindOpen    = 0x03
	kindDescend = 0x04
	kindLeaves  = 0x05
	kindDone    = 0x06
	kindAgree   = 0x07
	kindAdopt   = 0x08
	kindSource  = 0x09
	kindVoids   = 0x0a
	kindTell    = 0x0b
	answered    = 0x40 // is added to a kind
	kindRefusal = 0x7f
)

const (
	// rootsMax is how many partitions one ROOTS compares, rowsMax how many
	// watermarks one AGREE or ADOPT has at most.
	rootsMax = 1024
	rowsMax  = 512
	// pageBytes is how long a list of records is, but for its last entry.
	pageBytes = 256 << 10

	rootsRowBytes  = merkle.NodeBytes + 12
	answerRowBytes = 12
	placeBytes     = 16                  // without the key
	entryBytesMin  = placeBytes + 1 + 22 // the shortest header
	voidBytes      = placeBytes + 16     // without the key
)

// ErrMessage is returned for bytes that are no message of a known format, whole
// and nothing behind it.
var ErrMessage = errors.New("repair: bytes are not an exchange message")

// head is what every message begins with.
type head struct {
	kind     byte
	epoch    uint64
	instance uint64
	serial   uint64
}

func (h head) append(dst []byte) []byte {
	dst = append(dst, format, h.kind)
	dst = binary.BigEndian.AppendUint64(dst, h.epoch)
	dst = binary.BigEndian.AppendUint64(dst, h.instance)
	return binary.BigEndian.AppendUint64(dst, h.serial)
}

// body is the part of a message behind its head.
type body interface {
	append(dst []byte) []byte
}

// parseHead cuts a message into head and rest.
func parseHead(b []byte) (head, reader, error) {
	if len(b) < headBytes {
		return head{}, reader{}, fmt.Errorf("%w: only %d", ErrMessage, len(b))
	}
	if b[0] != format {
		return head{}, reader{}, fmt.Errorf("%w: format %d, known is %d", ErrMessage, b[0], format)
	}
	h := head{
		kind:     b[1],
		epoch:    binary.BigEndian.Uint64(b[2:]),
		instance: binary.BigEndian.Uint64(b[10:]),
		serial:   binary.BigEndian.Uint64(b[18:]),
	}
	return h, reader{b: b[headBytes:]}, nil
}

// reader takes a message apart. After the first piece that is not there it is
// bad and gives zeros.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	piece := r.b[:n:n]
	r.b = r.b[n:]
	return piece
}

// number is a big-endian number of n bytes.
func (r *reader) number(n int) (x uint64) {
	for _, b := range r.take(n) {
		x = x<<8 | uint64(b)
	}
	return x
}

func (r *reader) time() hlc.Timestamp   { return hlc.Timestamp(r.number(8)) }
func (r *reader) millis() hlc.Timestamp { return hlc.Make(int64(r.number(6)), 0) }
func (r *reader) partition() int        { return int(r.number(2)) }

func (r *reader) node() merkle.Node {
	return merkle.Node{Sum: merkle.Sum{Hi: r.number(8), Lo: r.number(8)}, Count: r.number(8)}
}

func (r *reader) place() Place {
	p := Place{Token: r.number(8), Namespace: uint32(r.number(4))}
	p.Key = r.take(int(r.number(4)))
	return p
}

// flag is one byte that is 0 or 1.
func (r *reader) flag() bool {
	n := r.number(1)
	r.bad = r.bad || n > 1
	return n == 1
}

// fits says whether count pieces of so many bytes can be there at all, before
// anything is made for them.
func (r *reader) fits(count, bytes int) bool {
	r.bad = r.bad || count*bytes > len(r.b)
	return !r.bad
}

func (r *reader) states(count int) []state {
	b := r.take((count + 3) / 4)
	if r.bad {
		return nil
	}
	all := make([]state, count)
	for i := range all {
		all[i] = state(b[i/4] >> (6 - i%4*2) & 3)
	}
	if rest := count % 4; rest != 0 && b[len(b)-1]<<(2*rest) != 0 {
		r.bad = true
	}
	return all
}

// end is the error of the whole message.
func (r *reader) end() error {
	if r.bad || len(r.b) > 0 {
		return fmt.Errorf("%w: a piece is missing, too much or impossible", ErrMessage)
	}
	return nil
}

func appendTime(dst []byte, t hlc.Timestamp) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(t))
}

// appendMillis rounds down: what is told is never more than what is so.
func appendMillis(dst []byte, t hlc.Timestamp) []byte {
	ms := uint64(t.Millis())
	dst = binary.BigEndian.AppendUint16(dst, uint16(ms>>32))
	return binary.BigEndian.AppendUint32(dst, uint32(ms))
}

func appendNode(dst []byte, n merkle.Node) []byte {
	dst = binary.BigEndian.AppendUint64(dst, n.Sum.Hi)
	dst = binary.BigEndian.AppendUint64(dst, n.Sum.Lo)
	return binary.BigEndian.AppendUint64(dst, n.Count)
}

func appendPlace(dst []byte, p Place) []byte {
	dst = binary.BigEndian.AppendUint64(dst, p.Token)
	dst = binary.BigEndian.AppendUint32(dst, p.Namespace)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(p.Key)))
	return append(dst, p.Key...)
}

func appendFlag(dst []byte, is bool) []byte {
	if is {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func appendStates(dst []byte, all []state) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, (len(all)+3)/4)...)
	for i, s := range all {
		dst[at+i/4] |= byte(s) << (6 - i%4*2)
	}
	return dst
}

// state says how one partition of a ROOTS stands, at its sender.
type state uint8

const (
	shown       state = 0 // of an answer: the roots are equal
	differs     state = 1 // of an answer only
	unusable    state = 2 // the tree is being counted, or an exchange is under way
	quarantined state = 3
)

// entry is one record of a list, or its header.
type entry struct {
	Place
	header []byte
}

// bytes is the length of the entry in a message.
func (e entry) bytes() int { return placeBytes + len(e.Key) + 1 + len(e.header) }

// isHeader says whether b is the header of a record and nothing more.
func isHeader(b []byte) bool {
	h, err := record.Header(b)
	if err != nil || len(h) != len(b) {
		return false
	}
	_, err = record.Parse(b)
	return err == nil
}
