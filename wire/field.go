package wire

import (
	"encoding/hex"
	"math"
	"unicode/utf8"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

// The fields, read by type. Any width of a number is taken; what does not fit
// is a fault, never cut to fit.

// number reads the rest of an integer whose first byte is c: its bits, and
// whether they are those of a negative number.
func (r *reader) number(c byte) (v uint64, negative, ok bool) {
	switch {
	case c <= 0x7f:
		return uint64(c), false, true
	case c >= 0xe0:
		return uint64(int64(int8(c))), true, true
	case c >= 0xcc && c <= 0xcf:
		return r.beUint(1 << (c - 0xcc)), false, true
	case c >= 0xd0 && c <= 0xd3:
		n := uint64(1) << (c - 0xd0)
		shift := 64 - 8*n
		signed := int64(r.beUint(n)<<shift) >> shift
		return uint64(signed), signed < 0, true
	}
	return 0, false, false
}

// optUint reads an unsigned number and whether it was there.
func (r *reader) optUint(field string) (uint64, bool) {
	c, present := r.next()
	if !present {
		return 0, false
	}
	v, negative, ok := r.number(c)
	switch {
	case !ok:
		r.fail(wrongType, field)
	case negative:
		r.fail(wrongSize, field)
	}
	return v, true
}

func (r *reader) uint(field string) uint64 {
	v, _ := r.optUint(field)
	return v
}

// uintMax reads an unsigned number of at most limit.
func (r *reader) uintMax(field string, limit uint64) uint64 {
	v := r.uint(field)
	if v > limit {
		r.fail(wrongSize, field)
		return 0
	}
	return v
}

func (r *reader) int(field string) int64 {
	c, present := r.next()
	if !present {
		return 0
	}
	v, negative, ok := r.number(c)
	switch {
	case !ok:
		r.fail(wrongType, field)
	case !negative && v > math.MaxInt64:
		r.fail(wrongSize, field)
	}
	return int64(v)
}

func (r *reader) bool(field string) bool {
	c, present := r.next()
	if present && c != 0xc2 && c != 0xc3 {
		r.fail(wrongType, field)
	}
	return c == 0xc3
}

// bin reads a bin; nil if it was not there.
func (r *reader) bin(field string) []byte {
	c, present := r.next()
	if !present {
		return nil
	}
	if c < 0xc4 || c > 0xc6 {
		r.fail(wrongType, field)
		return nil
	}
	return r.take(r.beUint(1 << (c - 0xc4)))
}

// needBin reads a bin that has no default.
func (r *reader) needBin(field string) []byte {
	b := r.bin(field)
	if b == nil {
		r.fail(required, field)
	}
	return b
}

// str reads a str as bytes; nil if it was not there.
func (r *reader) str(field string) []byte {
	c, present := r.next()
	if !present {
		return nil
	}
	var b []byte
	switch {
	case c >= 0xa0 && c <= 0xbf:
		b = r.take(uint64(c & 0x1f))
	case c >= 0xd9 && c <= 0xdb:
		b = r.take(r.beUint(1 << (c - 0xd9)))
	default:
		r.fail(wrongType, field)
	}
	if !utf8.Valid(b) {
		r.fail(wrongType, field)
		return nil
	}
	return b
}

// text reads a str as a string of its own.
func (r *reader) text(field string) string {
	s := r.str(field)
	if r.spend(len(s), field); r.bad != noFault {
		return ""
	}
	return string(s)
}

// optVersion reads a version and whether it was there.
func (r *reader) optVersion(field string) (hlc.Version, bool) {
	b := r.bin(field)
	if b == nil {
		return hlc.Version{}, false
	}
	if len(b) != hlc.VersionBytes {
		r.fail(wrongSize, field)
		return hlc.Version{}, false
	}
	return hlc.VersionFrom(b), true
}

func (r *reader) version(field string) hlc.Version {
	v, _ := r.optVersion(field)
	return v
}

// node reads a node id of 32 lower-case hex digits; zero if it was not there.
func (r *reader) node(field string) (id [16]byte) {
	s := r.str(field)
	if s == nil {
		return id
	}
	if len(s) != 32 {
		r.fail(wrongSize, field)
		return id
	}
	for _, c := range s {
		if c >= 'A' && c <= 'F' {
			r.fail(wrongSize, field)
		}
	}
	if _, err := hex.Decode(id[:], s); err != nil {
		r.fail(wrongSize, field)
	}
	return id
}

// code reads the code of an answer. A missing one is not taken for OK.
func (r *reader) code() contract.Code {
	code, given := r.optUint("code")
	if !given {
		r.fail(required, "code")
	}
	if code > math.MaxUint16 {
		r.fail(wrongSize, "code")
	}
	return contract.Code(code)
}
