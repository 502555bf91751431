package wire

import (
	"bytes"
	"encoding"
	"fmt"
	"reflect"
	"strings"

	"github.com/vmihailenco/msgpack/v5"
)

// guard is the walk over a document, beside the type that it is decoded into. A
// nil type stands for "not known": a field of a newer version, which is only
// walked. Its recursion ends at depth.
type guard struct {
	r       reader
	elems   int
	depth   int
	writing bool // the document is one of ours, about to be sent
	err     string
}

// documentKeysMax bounds the keys of one map, whose distinctness is checked
// pair by pair: more than any struct has fields.
const documentKeysMax = 64

// document walks the whole.
func (g *guard) document(t reflect.Type) error {
	g.value(1, t)
	switch {
	case g.err == "" && g.r.bad != noFault:
		g.err = g.r.field + " " + g.r.bad.String()
	case g.err == "" && g.r.at != len(g.r.b):
		g.err = "trailing bytes"
	case g.err == "":
		return nil
	}
	return fmt.Errorf("%w: %s, at byte %d of %d", ErrDocument, g.err, g.r.at, len(g.r.b))
}

func (g *guard) refuse(why string) {
	if g.err == "" {
		g.err = why
	}
}

func (g *guard) failed() bool { return g.err != "" || g.r.bad != noFault }

// value walks one value, whose containers would be the level-th.
func (g *guard) value(level int, t reflect.Type) {
	if g.failed() {
		return
	}
	if g.r.at >= len(g.r.b) {
		g.r.fail(truncated, "the document is")
		return
	}
	t = g.known(t)
	switch c := g.r.b[g.r.at]; {
	case c == 0xc0:
		g.r.at++
	case c >= 0xc7 && c <= 0xcb || c >= 0xd4 && c <= 0xd8:
		g.refuse("an extension or a float")
	case c&0xf0 == 0x90 || c == 0xdc || c == 0xdd:
		g.list(level, t)
	case c&0xf0 == 0x80 || c == 0xde || c == 0xdf:
		g.mapping(level, t)
	default:
		g.scalar(c, t)
	}
}

// known strips pointers, and gives nil for a type that decodes itself.
func (g *guard) known(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == nil:
		return nil
	case t.Kind() == reflect.Interface:
		if g.writing {
			g.refuse("a field without a type (" + t.String() + ")")
		}
		return nil
	}
	for _, i := range selfDecoding {
		if reflect.PointerTo(t).Implements(i) {
			return nil
		}
	}
	return t
}

// selfDecoding are the interfaces that the library prefers to what it knows
// about a type.
var selfDecoding = [...]reflect.Type{
	reflect.TypeFor[msgpack.CustomDecoder](), reflect.TypeFor[msgpack.Unmarshaler](),
	reflect.TypeFor[encoding.BinaryUnmarshaler](), reflect.TypeFor[encoding.TextUnmarshaler](),
}

// scalar walks a value that contains no other; c is its first byte.
func (g *guard) scalar(c byte, t reflect.Type) {
	switch {
	case c == 0xc2 || c == 0xc3:
		g.r.at++
		g.want(t, t == nil || t.Kind() == reflect.Bool, "a bool")
	case isStr(c):
		g.r.left = 1
		g.r.str("a str is")
		g.want(t, t == nil || t.Kind() == reflect.String, "a str")
	case c >= 0xc4 && c <= 0xc6:
		g.r.left = 1
		n := len(g.r.bin("a bin is"))
		bytes := t == nil || (t.Kind() == reflect.Slice || t.Kind() == reflect.Array && t.Len() == n) && t.Elem().Kind() == reflect.Uint8
		g.want(t, bytes, fmt.Sprintf("a bin of %d", n))
	default:
		g.r.at++
		v, negative, ok := g.r.number(c)
		if !ok {
			g.r.fail(truncated, "a value is")
		}
		g.want(t, t == nil || fits(v, negative, t), fmt.Sprintf("the number %d", int64(v)))
	}
}

// want refuses a value that its type cannot hold as it is.
func (g *guard) want(t reflect.Type, holds bool, what string) {
	if !holds && !g.failed() {
		g.refuse(what + " for " + t.String())
	}
}

// fits says whether a number (its bits) is within the range of an integer type.
func fits(v uint64, negative bool, t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return (negative || v <= 1<<63-1) && !reflect.Zero(t).OverflowInt(int64(v))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return !negative && !reflect.Zero(t).OverflowUint(v)
	}
	return false
}

// enter steps over the head of an array or a map of so many values.
func (g *guard) enter(level int) (children int) {
	n, _ := g.r.skipOne()
	switch {
	case g.r.bad != noFault:
	case level > g.depth:
		g.refuse("nested too deep")
	case n > uint64(len(g.r.b)-g.r.at) || n > uint64(g.elems):
		g.refuse("too many elements")
	default:
		g.elems -= int(n)
		return int(n)
	}
	return 0
}

func (g *guard) list(level int, t reflect.Type) {
	n := g.enter(level)
	var elem reflect.Type
	if t != nil {
		holds := (t.Kind() == reflect.Slice || t.Kind() == reflect.Array && t.Len() == n) && t.Elem().Kind() != reflect.Uint8
		if g.want(t, holds, fmt.Sprintf("an array of %d", n)); g.failed() {
			return
		}
		elem = t.Elem()
	}
	for range n {
		if g.value(level+1, elem); g.failed() {
			return
		}
	}
}

// mapping walks the pairs of a map, whose keys have to be distinct, however
// wide their heads are.
func (g *guard) mapping(level int, t reflect.Type) {
	var seen [documentKeysMax][]byte
	if g.want(t, t == nil || t.Kind() == reflect.Struct, "a map"); g.failed() {
		return
	}
	pairs := g.enter(level) / 2
	if pairs > documentKeysMax {
		g.refuse("too many keys")
	}
	for i := 0; i < pairs && !g.failed(); i++ {
		g.r.left = 1
		key := g.r.str("a key is")
		if key == nil {
			g.r.fail(wrongType, "a key is")
			return
		}
		for _, k := range seen[:i] {
			if bytes.Equal(k, key) {
				g.refuse("a repeated key")
				return
			}
		}
		seen[i] = key
		g.value(level+1, fieldType(t, key))
	}
}

// fieldType is the type of a struct's field of that name, as the library names
// fields; nil where there is none.
func fieldType(t reflect.Type, name []byte) reflect.Type {
	if t == nil {
		return nil
	}
	for i := range t.NumField() {
		f := t.Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("msgpack"), ",")
		switch {
		case tag == "-" || !f.IsExported() && !f.Anonymous:
		case tag == string(name), tag == "" && f.Name == string(name):
			return f.Type
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			if inner := fieldType(f.Type, name); inner != nil {
				return inner
			}
		}
	}
	return nil
}

func isStr(c byte) bool { return c >= 0xa0 && c <= 0xbf || c >= 0xd9 && c <= 0xdb }
