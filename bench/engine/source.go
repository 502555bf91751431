package engine

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/candordb/candor/load"
)

// Cell is what is asked of a peer.
type Cell struct {
	Name      string // as "GET d16"
	Reads     int    // percent; all else are writes
	Keys      int    // that were written by Fill
	Uniform   bool   // each key as often as any other; else few of them most of the time (Zipf)
	ValueSize int    // bytes
	Conns     int
	Depth     int // requests in flight on each connection
	// Count ends a closed loop after so many operations, warm-up included; 0: only time
	// does.
	Count int
}

// AppendKey appends the name of the n-th key, 16 bytes like all others, without anything
// in common with that of its neighbour.
func AppendKey(dst []byte, n int) []byte {
	const digits = "0123456789abcdef"
	x := scatter(uint64(n))
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, digits[x>>shift&15])
	}
	return dst
}

// scatter mixes the bits of a number, and gives different numbers for different ones
// (the finalizer of splitmix64).
func scatter(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// poolBytes is how many different bytes values are cut from: enough that no server
// finds much to compress.
const poolBytes = 4 << 20

// drawnMax is how many operations are drawn before a run. All connections go through
// them in a circle, each from another place.
const drawnMax = 1 << 20

// writes is the bit of a drawn operation that makes it a write.
const writes = 1 << 31

// Source has the operations of a cell. It does not change once it is made.
type Source struct {
	cell  Cell
	drawn []uint32 // numbers of keys, with the bit of writes; nil: they are drawn as they are needed
	pool  []byte   // what values are cut from
}

// NewSource draws the operations of a cell. Equal seeds give equal operations.
func NewSource(c Cell, seed uint64) *Source {
	dice := rand.New(rand.NewPCG(seed, 1))
	s := &Source{cell: c, pool: make([]byte, poolBytes+c.ValueSize)}
	for i := 0; i+8 <= len(s.pool); i += 8 {
		binary.LittleEndian.PutUint64(s.pool[i:], dice.Uint64())
	}
	if c.Uniform {
		return s
	}
	g := load.NewGenerator(s.Workload(), seed)
	drawn := drawnMax
	if c.Count > 0 {
		drawn = min(drawn, c.Count)
	}
	s.drawn = make([]uint32, drawn)
	for i := range s.drawn {
		op := g.Next()
		s.drawn[i] = uint32(op.Number)
		if op.Kind == load.Put {
			s.drawn[i] |= writes
		}
	}
	return s
}

// Workload is the same for package load; keys and values are those of fill.
func (s *Source) Workload() load.Workload {
	w := load.Workload{Name: s.cell.Name, Keys: s.cell.Keys}
	w.Shares[load.Get], w.Shares[load.Put] = s.cell.Reads, 100-s.cell.Reads
	if !s.cell.Uniform {
		w.Spread = load.Zipf
	}
	return w
}

// dress gives an operation the key and value of its number. turn tells values of the
// same key apart.
func (s *Source) dress(op *load.Op, turn int) {
	op.Key = AppendKey(op.Key[:0], op.Number)
	op.Value = nil
	if op.Kind == load.Put {
		at := int(scatter(uint64(op.Number)^uint64(turn)<<32) % poolBytes)
		op.Value = s.pool[at : at+s.cell.ValueSize]
	}
}

// stream is where one connection stands in a Source.
type stream struct {
	source *Source
	at     int
	dice   *rand.Rand
	op     load.Op
}

// stream is that of the i-th of some connections.
func (s *Source) stream(i, of int) *stream {
	return &stream{source: s, at: i * (len(s.drawn) / of), dice: rand.New(rand.NewPCG(uint64(i), 2))}
}

// next is good until the next call.
func (t *stream) next() *load.Op {
	s := t.source
	t.op.Kind = load.Get
	if s.drawn == nil {
		t.op.Number = t.dice.IntN(s.cell.Keys)
		if t.dice.IntN(100) >= s.cell.Reads {
			t.op.Kind = load.Put
		}
	} else {
		d := s.drawn[t.at%len(s.drawn)]
		t.op.Number = int(d &^ writes)
		if d&writes != 0 {
			t.op.Kind = load.Put
		}
	}
	t.at++
	s.dress(&t.op, t.at)
	return &t.op
}

// sweep writes every of-th key, from the i-th on, once.
type sweep struct {
	source *Source
	at, of int
	op     load.Op
}

// next is good until the next call; nil: there is no further key.
func (w *sweep) next() *load.Op {
	if w.at >= w.source.cell.Keys {
		return nil
	}
	w.op.Kind, w.op.Number = load.Put, w.at
	w.source.dress(&w.op, 0)
	w.at += w.of
	return &w.op
}

// Keys is how many keys there are.
func (s *Source) Keys() int { return s.cell.Keys }

// Write makes op a write of the key of a number, in a circle, by a shuffled order.
// Its bytes are good as long as op is not used again.
func (s *Source) Write(op *load.Op, n int) {
	op.Kind, op.Number = load.Put, n%s.cell.Keys
	s.dress(op, n)
}

// Read makes op the n-th of the drawn reads, in a circle.
func (s *Source) Read(op *load.Op, n int) *load.Op {
	op.Kind, op.Number = load.Get, int(s.drawn[n%len(s.drawn)]&^writes)
	s.dress(op, 0)
	return op
}
