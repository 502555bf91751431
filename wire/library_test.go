package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"

	"github.com/vmihailenco/msgpack/v5"
	"pgregory.net/rapid"

	"github.com/candordb/candor/hlc"
)

// The messages in these tests are written down a second time, as plain values
// in the order of the protocol's tables, and encoded by the library: it is the
// oracle for the codec by hand.

// fields is an array whose elements are the fields of a message or a value; it
// may grow at its end. list is an array of equals, wide32 one whose head is
// wider than it has to be, and raw is bytes that are not ours to judge.
type (
	fields []any
	list   []any
	wide32 []any
	raw    []byte
)

// byLibrary encodes a value as the library does.
func byLibrary(v any) []byte {
	var b bytes.Buffer
	enc := documentEncoder(&b)
	var put func(any) error
	array := func(n int, vs []any) error {
		if err := enc.EncodeArrayLen(n); err != nil {
			return err
		}
		for _, v := range vs {
			if err := put(v); err != nil {
				return err
			}
		}
		return nil
	}
	put = func(v any) error {
		switch v := v.(type) {
		case fields:
			return array(len(v), v)
		case list:
			return array(len(v), v)
		case wide32:
			// The library writes heads no wider than they have to be.
			b.Write(binary.BigEndian.AppendUint32([]byte{0xdd}, uint32(len(v))))
			for _, e := range v {
				if err := put(e); err != nil {
					return err
				}
			}
			return nil
		case raw:
			b.Write(v)
			return nil
		case hlc.Version:
			return enc.EncodeBytes(v.Append(nil))
		case int:
			return enc.EncodeInt(int64(v))
		default:
			return enc.Encode(v)
		}
	}
	if err := put(v); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// fromLibrary decodes one value with the library, into the form of plain.
func fromLibrary(b []byte) (v any, rest int, err error) {
	r := bytes.NewReader(b)
	v, err = msgpack.NewDecoder(r).DecodeInterface()
	return plain(v), r.Len(), err
}

// plain brings a value into one form: arrays as []any, numbers as uint64, or
// int64 below 0.
func plain(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plain(v[i])
		}
		return out
	case fields:
		return plain([]any(v))
	case list:
		return plain([]any(v))
	case wide32:
		return plain([]any(v))
	case hlc.Version:
		return v.Append(nil)
	}
	switch n := reflect.ValueOf(v); {
	case v == nil || !n.CanInt() && !n.CanUint():
		return v
	case n.CanUint():
		return n.Uint()
	case n.Int() < 0:
		return n.Int()
	default:
		return uint64(n.Int())
	}
}

// byAnyWidth encodes a value with widths drawn at random: each is valid.
func byAnyWidth(t *rapid.T, v any) []byte {
	w := widths{t: t}
	w.put(v)
	return w.b
}

type widths struct {
	t *rapid.T
	b []byte
}

// width draws how many bytes n is written in, at least as many as it needs.
func (w *widths) width(n uint64, widest int) int {
	least := 0
	for least < widest && n>>(8<<least) != 0 {
		least++
	}
	return rapid.IntRange(least, widest).Draw(w.t, "width")
}

func (w *widths) head(code byte, n uint64, width int) {
	w.b = append(w.b, code+byte(width))
	w.bigEndian(n, 1<<width)
}

func (w *widths) bigEndian(n uint64, count int) {
	for i := count - 1; i >= 0; i-- {
		w.b = append(w.b, byte(n>>(8*i)))
	}
}

func (w *widths) put(v any) {
	switch v := v.(type) {
	case nil:
		w.b = append(w.b, 0xc0)
	case bool:
		w.b = appendBool(w.b, v)
	case int:
		w.put(int64(v))
	case int64:
		if v >= 0 && rapid.Bool().Draw(w.t, "unsigned") {
			w.put(uint64(v))
			return
		}
		least := 0
		for v != v<<(64-8<<least)>>(64-8<<least) {
			least++
		}
		width := rapid.IntRange(least, 3).Draw(w.t, "width")
		w.head(0xd0, uint64(v), width)
	case uint64:
		if v <= 0x7f && rapid.Bool().Draw(w.t, "fix") {
			w.b = append(w.b, byte(v))
			return
		}
		w.head(0xcc, v, w.width(v, 3))
	case string:
		if len(v) <= 31 && rapid.Bool().Draw(w.t, "fix") {
			w.b = append(w.b, 0xa0|byte(len(v)))
		} else {
			w.head(0xd9, uint64(len(v)), w.width(uint64(len(v)), 2))
		}
		w.b = append(w.b, v...)
	case []byte:
		w.head(0xc4, uint64(len(v)), w.width(uint64(len(v)), 2))
		w.b = append(w.b, v...)
	case hlc.Version:
		w.put(v.Append(nil))
	case fields:
		w.array(v)
	case list:
		w.array(v)
	case wide32:
		w.array(v)
	default:
		panic(fmt.Sprintf("a %T is no value of the protocol", v))
	}
}

func (w *widths) array(vs []any) {
	n := uint64(len(vs))
	if n <= 15 && rapid.Bool().Draw(w.t, "fix") {
		w.b = append(w.b, 0x90|byte(n))
	} else {
		width := max(1, w.width(n, 2))
		w.head(0xdc-1, n, width)
	}
	for _, v := range vs {
		w.put(v)
	}
}
