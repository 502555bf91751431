package wire

import "reflect"

// reader walks the msgpack values of one body. Its error is sticky: after the
// first one every read gives zero. left counts the fields that are still to
// come in the array it is in; a read with none left gives the default, and so
// does nil. It never reads behind the body, and does not allocate; where a
// message has rows, its decoder does, and room is what it may still take.
type reader struct {
	b     []byte
	at    int
	left  int
	depth int
	room  int
	bad   fault
	field string // the field that a fault is about
}

// fault says what is wrong with a field or with the whole body.
type fault uint8

const (
	noFault   fault = iota
	truncated       // the body ends within a value, or is no msgpack
	wrongType       // a value of another type than the field's
	wrongSize       // a number out of range, a bin or str of another length
	required        // missing, and there is no default
	tooDeep
)

func (f fault) String() string {
	return [...]string{"fine", "cut off", "of the wrong type", "out of range", "missing", "nested too deep"}[f]
}

func (r *reader) fail(f fault, field string) {
	if r.bad == noFault {
		r.bad, r.field = f, field
	}
}

// take returns the next n bytes, or nil with a fault.
func (r *reader) take(n uint64) []byte {
	if r.bad != noFault {
		return nil
	}
	if n > uint64(len(r.b)-r.at) {
		r.fail(truncated, r.field)
		return nil
	}
	b := r.b[r.at : r.at+int(n) : r.at+int(n)]
	r.at += int(n)
	return b
}

// beUint reads an n-byte big-endian number.
func (r *reader) beUint(n uint64) uint64 {
	b := r.take(n)
	v := uint64(0)
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}

// next begins the next field: false if it has to take its default, because the
// array has ended or the field is nil.
func (r *reader) next() (first byte, present bool) {
	if r.left == 0 || r.bad != noFault {
		return 0, false
	}
	r.left--
	if r.at >= len(r.b) {
		r.fail(truncated, r.field)
		return 0, false
	}
	first = r.b[r.at]
	r.at++
	return first, first != 0xc0
}

// open begins a body: its array. What is decoded from it may take four times
// its bytes; the allocator rounds up by an eighth, so the room is a bit less.
func (r *reader) open(body []byte) {
	*r = reader{b: body, left: 1, room: len(body) * 7 / 2}
	if _, present := r.enter("body"); !present {
		r.fail(truncated, "body")
	}
}

// opAndID reads what every message begins with. Neither has a default.
func (r *reader) opAndID(opMax uint64) (Op, uint64) {
	op, hasOp := r.optUint("op")
	id, hasID := r.optUint("id")
	if !hasOp || !hasID || op > opMax {
		r.fail(truncated, "op and id")
	}
	return Op(op), id
}

// close ends a body: unknown tail fields are skipped, and nothing may follow.
func (r *reader) close() {
	r.leave(0)
	if r.bad == noFault && r.at != len(r.b) {
		r.fail(truncated, "body")
	}
}

// enter begins an array field and says whether it is there; one that is not is
// an empty one. Each enter is paired with a leave, which takes what the outer
// array has left.
func (r *reader) enter(field string) (outer int, present bool) {
	c, present := r.next()
	outer, r.left = r.left, 0
	r.depth++
	if !present {
		return outer, false
	}
	n, ok := r.arrayLen(c)
	switch {
	case !ok:
		r.fail(wrongType, field)
	case r.depth > DepthMax: // no message is as deep; skip counts from here
		r.fail(tooDeep, field)
	case n > uint64(len(r.b)-r.at):
		// An element takes at least a byte, so a larger count cannot be true.
		r.fail(truncated, field)
	default:
		r.left = int(n)
		return outer, true
	}
	return outer, false
}

// leave skips what is unknown of the array and goes on with the outer one.
func (r *reader) leave(outer int) {
	for r.more() {
		r.pass()
	}
	r.left = outer
	r.depth--
}

// more says whether the array has another element.
func (r *reader) more() bool { return r.left > 0 && r.bad == noFault }

// rows enters an array whose elements will be decoded into a list, for which it
// takes the memory: that of old, where that is enough. The list is nil if the
// array is not there, and if it would cost more than the frame can be worth.
func rows[T any](r *reader, field string, old []T) (outer int, list []T) {
	outer, present := r.enter(field)
	if r.spend(r.left*int(reflect.TypeFor[T]().Size()), field); r.bad != noFault {
		r.left = 0
	}
	switch {
	case r.bad != noFault || !present:
		return outer, nil
	case r.left <= cap(old) && old != nil:
		return outer, old[:0]
	}
	return outer, make([]T, 0, r.left)
}

// spend takes n bytes of memory from the room. A row of a true message is long
// enough on the wire to pay for its decoded form, so only a message that was
// made to cost memory fails here.
func (r *reader) spend(n int, field string) {
	if n > r.room {
		r.fail(wrongSize, field)
		return
	}
	r.room -= n
}

func (r *reader) arrayLen(c byte) (uint64, bool) {
	switch {
	case c&0xf0 == 0x90:
		return uint64(c & 0x0f), true
	case c == 0xdc:
		return r.beUint(2), true
	case c == 0xdd:
		return r.beUint(4), true
	}
	return 0, false
}
