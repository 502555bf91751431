package wire

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"

	"github.com/vmihailenco/msgpack/v5"
)

// ErrDocument is returned for bytes that are not a document within its limits
// and of the type asked for, and for a value that cannot be one.
var ErrDocument = errors.New("not a document")

// DocumentLimits bound what SafeUnmarshal lets the library see. The memory that
// a document takes is bounded by them, not by its bytes alone: each element of
// an array can become a Go value of the size of its type.
type DocumentLimits struct {
	Bytes int // of the whole document
	Elems int // of all arrays and maps together
	Depth int // of nesting, at most DepthMax
}

// Marshal encodes a control-plane document: structs as maps, so that documents
// can grow and old and new understand each other. Documents hold no Go maps
// (their order would change from run to run), no floats and no fields without a
// type, and are stored and compared as the bytes that were made once. What
// SafeUnmarshal would refuse is refused here already. Its error is ErrDocument.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	if err := documentEncoder(&b).Encode(v); err != nil {
		return nil, fmt.Errorf("wire: marshal: %w: %w", ErrDocument, err)
	}
	g := guard{r: reader{b: b.Bytes(), field: "a value is"}, elems: math.MaxInt, depth: DepthMax, writing: true}
	if err := g.document(reflect.TypeOf(v)); err != nil {
		return nil, fmt.Errorf("wire: marshal %T: %w", v, err)
	}
	return b.Bytes(), nil
}

// SafeUnmarshal decodes a document into v, a pointer to a zero value. It walks
// the bytes once, beside the type, before the library sees them, because the
// library allocates what a length claims and cuts numbers to fit: lengths,
// number of elements, depth, ranges, no extensions, no floats, no repeated key,
// nothing behind. A field that v does not have is skipped, nil is the default.
// Its error is ErrDocument.
func SafeUnmarshal(b []byte, limits DocumentLimits, v any) error {
	if len(b) > limits.Bytes {
		return fmt.Errorf("%w: %d bytes, at most %d are taken", ErrDocument, len(b), limits.Bytes)
	}
	g := guard{r: reader{b: b, field: "a value is"}, elems: limits.Elems, depth: min(limits.Depth, DepthMax)}
	if err := g.document(reflect.TypeOf(v)); err != nil {
		return err
	}
	if err := documentDecoder(b).Decode(v); err != nil {
		return fmt.Errorf("%w: %w", ErrDocument, err)
	}
	return nil
}

// documentEncoder is the one place that makes an encoder of the library.
// Without compact ints a number would take the width of its Go type.
func documentEncoder(w *bytes.Buffer) *msgpack.Encoder {
	enc := msgpack.NewEncoder(w)
	enc.UseCompactInts(true)
	return enc
}

// documentDecoder is the one place that makes a decoder. It is given a reader
// that can step back: any other would be wrapped in a buffer and read too far.
func documentDecoder(b []byte) *msgpack.Decoder { return msgpack.NewDecoder(bytes.NewReader(b)) }
