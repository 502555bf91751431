package wire

import (
	"encoding/hex"

	"pgregory.net/rapid"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

// sample is a random message three times: as values in the order of the
// protocol's tables, as the frame that the codec makes, and as what the codec
// has to make of it.
type sample struct {
	values fields
	frame  []byte
	want   any
	read   func(body []byte) (any, error)
	// fixed: nothing may be added at its end, as there the fields of another
	// form of the message would stand.
	fixed bool
}

// requestRead is a decoded request with the operations of a BATCH.
type requestRead struct {
	Request Request
	Ops     []Request
}

func readRequest(body []byte) (any, error) {
	var got requestRead
	if err := DecodeRequest(body, &got.Request); err != nil {
		return nil, err
	}
	at := 0
	for range got.Request.Ops {
		var op Request
		next, err := got.Request.BatchOp(at, &op)
		if err != nil {
			return nil, err
		}
		at = next
		got.Ops = append(got.Ops, op)
	}
	got.Request.rawOps = nil
	return got, nil
}

func readHello(body []byte) (any, error) {
	var h Hello
	err := DecodeHello(body, &h)
	return h, err
}

func readAnswer(ops ...Op) func([]byte) (any, error) {
	return func(body []byte) (any, error) {
		var a Answer
		err := DecodeAnswer(body, &a, ops...)
		return a, err
	}
}

// peerRead is a decoded message of a node with its items.
type peerRead struct {
	Request      PeerRequest
	Answer       PeerAnswer
	Writes       []WriteItem
	Reads        []ReadItem
	Voids        []VoidItem
	WriteResults []WriteResult
	ReadResults  []ReadResult
}

func readPeerRequest(body []byte) (any, error) {
	var got peerRead
	q := &got.Request
	err := DecodePeerRequest(body, q)
	switch {
	case err != nil:
	case q.Op == OpWrite:
		got.Writes, err = taken(q.NextWrite)
	case q.Op == OpVoid:
		got.Voids, err = taken(q.NextVoid)
	case q.Op <= OpDigest:
		got.Reads, err = taken(q.NextRead)
	}
	q.items = reader{}
	return got, err
}

func readPeerAnswer(body []byte) (any, error) {
	var got peerRead
	a := &got.Answer
	err := DecodePeerAnswer(body, a)
	if err == nil && (a.Op == OpWrite || a.Op == OpVoid) {
		got.WriteResults, err = taken(a.NextWrite)
	} else if err == nil && a.Op <= OpDigest {
		got.ReadResults, err = taken(a.NextRead)
	}
	a.items = reader{}
	return got, err
}

func taken[T any](next func(*T) (bool, error)) (all []T, err error) {
	for {
		var one T
		more, err := next(&one)
		if err != nil || !more {
			return all, err
		}
		all = append(all, one)
	}
}

// The generators.

var (
	numbers  = rapid.OneOf(rapid.Uint64Range(0, 300), rapid.Uint64(), rapid.Map(rapid.Uint64Range(0, 63), func(n uint64) uint64 { return 1<<n - 1 }))
	anyIDs   = rapid.Map(numbers, func(n uint64) uint64 { return max(n, 1) })
	counts   = rapid.SampledFrom([]int{0, 1, 1, 2, 2, 2, 3, 3, 4, 17}) // an array of 17 has a head of its own
	times    = rapid.Int64Range(1, 1<<62)
	anyBytes = rapid.OneOf(rapid.SliceOfN(rapid.Byte(), 0, 40), rapid.SliceOfN(rapid.Byte(), 250, 300))
	someKeys = rapid.SliceOfN(rapid.Byte(), 1, 40)
	words    = rapid.OneOf(rapid.StringN(0, 12, 40), rapid.StringN(30, 60, 300))
	labels   = rapid.StringMatching(`[a-z0-9_-]{0,64}`)
	readable = rapid.SampledFrom([]contract.Level{0, 1, 2, 3, 63, contract.Quorum, contract.All, contract.Serial, contract.EachQuorum})
)

func draw[V any](t *rapid.T, g *rapid.Generator[V]) V { return g.Draw(t, "v") }

func drawVersion(t *rapid.T) hlc.Version {
	return hlc.Version{Time: hlc.Timestamp(draw(t, anyIDs)), Writer: draw(t, numbers)}
}

func drawNode(t *rapid.T) (id [16]byte) {
	copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "node"))
	return id
}

func nodeText(id [16]byte) string { return hex.EncodeToString(id[:]) }

// orNil gives a value or, as often, nil and the zero value.
func orNil[V any](t *rapid.T, value V, written any) (V, any, bool) {
	if rapid.Bool().Draw(t, "nil") {
		var zero V
		return zero, nil, false
	}
	return value, written, true
}

func drawOptVersion(t *rapid.T) (hlc.Version, any, bool) {
	v := drawVersion(t)
	return orNil(t, v, v)
}

func drawOptBytes(t *rapid.T) ([]byte, any) {
	b := draw(t, anyBytes)
	v, written, _ := orNil(t, b, b)
	return v, written
}

func drawReceipt(t *rapid.T) (contract.Receipt, any) {
	n := rapid.IntRange(0, 300)
	c := contract.Receipt{
		Need: draw(t, n), Asked: draw(t, n), Acked: draw(t, n), Durable: draw(t, n), Hinted: draw(t, n),
		Level: draw(t, readable), Repaired: draw(t, n),
	}
	var rows any
	if rapid.Bool().Draw(t, "rows") {
		all := list{}
		c.Rows = []contract.Row{}
		for range rapid.IntRange(0, 3).Draw(t, "n") {
			v, written, _ := drawOptVersion(t)
			row := contract.Row{Node: drawNode(t), State: contract.RowState(rapid.IntRange(0, 6).Draw(t, "state")), Version: v.Bytes()}
			c.Rows = append(c.Rows, row)
			all = append(all, fields{nodeText(row.Node), int(row.State), written})
		}
		rows = all
	}
	return c, fields{c.Need, c.Asked, c.Acked, c.Durable, c.Hinted, int(c.Level), c.Repaired, rows}
}

func drawTrace(t *rapid.T) ([]TraceStep, any) {
	if rapid.Bool().Draw(t, "no trace") {
		return nil, nil
	}
	steps, all := []TraceStep{}, list{}
	for range rapid.IntRange(0, 3).Draw(t, "steps") {
		s := TraceStep{draw(t, numbers), drawNode(t), draw(t, words)}
		steps = append(steps, s)
		all = append(all, fields{s.OffsetUS, nodeText(s.Node), s.What})
	}
	return steps, all
}
