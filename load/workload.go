package load

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
)

// Kind is what an operation does.
type Kind uint8

// The kinds. An Insert is a Put of a key that was not there before; a Modify
// reads a key and then writes it, and is up to the Target.
const (
	Get Kind = iota
	Put
	Insert
	Scan
	Modify
	kinds
)

// String is the kind's name.
func (k Kind) String() string {
	return [...]string{"get", "put", "insert", "scan", "modify"}[k]
}

// Op is one operation. Its bytes are good until Target.Issue returns.
type Op struct {
	Kind  Kind
	Key   []byte // of a Scan: where it begins
	Value []byte // of Put, Insert, Modify
	Limit int    // of a Scan: records
}

// Spread says which keys are asked for.
type Spread uint8

// The spreads.
const (
	Uniform Spread = iota // each as often as any other
	Zipf                  // few of them most of the time, the same ones all the time
	Latest                // those that were inserted last most of the time
)

// Workload says what is asked for. Shares are percentages and sum up to 100.
type Workload struct {
	Name      string
	Shares    [kinds]int
	Spread    Spread
	Keys      int // that are there at the start; at least 1
	ValueSize int // bytes
	ScanLimit int // records of a Scan
}

// ErrWorkload is returned for a workload that cannot be run; its text says why.
var ErrWorkload = errors.New("load: workload")

// Named returns the standard workload of a letter, a to f, as the Yahoo! Cloud
// Serving Benchmark defines them: a half writes, b one write in twenty, c only
// reads, d reads of what was inserted last, e short scans, f read and modify.
func Named(name string, keys, valueSize int) (Workload, error) {
	w := Workload{Name: name, Spread: Zipf, Keys: keys, ValueSize: valueSize, ScanLimit: 50}
	switch name {
	case "a":
		w.Shares[Get], w.Shares[Put] = 50, 50
	case "b":
		w.Shares[Get], w.Shares[Put] = 95, 5
	case "c":
		w.Shares[Get] = 100
	case "d":
		w.Shares[Get], w.Shares[Insert], w.Spread = 95, 5, Latest
	case "e":
		w.Shares[Scan], w.Shares[Insert] = 95, 5
	case "f":
		w.Shares[Get], w.Shares[Modify] = 50, 50
	default:
		return w, fmt.Errorf("%w: there is no workload %q: choose a to f", ErrWorkload, name)
	}
	return w, w.Validate()
}

// Validate says what is wrong with a workload.
func (w *Workload) Validate() error {
	sum := 0
	for _, s := range w.Shares {
		if s < 0 {
			return fmt.Errorf("%w: a share is %d %%", ErrWorkload, s)
		}
		sum += s
	}
	switch {
	case sum != 100:
		return fmt.Errorf("%w: the shares sum up to %d %%, not 100", ErrWorkload, sum)
	case w.Keys < 1:
		return fmt.Errorf("%w: it needs at least one key", ErrWorkload)
	case w.ValueSize < 0:
		return fmt.Errorf("%w: a value of %d bytes", ErrWorkload, w.ValueSize)
	case w.Shares[Scan] > 0 && w.ScanLimit < 1:
		return fmt.Errorf("%w: a scan of %d records", ErrWorkload, w.ScanLimit)
	}
	return nil
}

// AppendKey appends the name of the n-th key of a workload.
func AppendKey(dst []byte, n int) []byte {
	return strconv.AppendUint(append(dst, "user"...), scatter(uint64(n)), 16)
}

// scatter mixes the bits of a number (the finalizer of splitmix64), so that
// neighbours have nothing in common.
func scatter(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// zipfSkew and zipfFlat shape Zipf and Latest: with a million keys the hottest is
// about one request in thirty.
const (
	zipfSkew = 1.07
	zipfFlat = 8
)

// Generator draws operations. It is not safe for concurrent use.
type Generator struct {
	w      Workload
	dice   *rand.Rand
	zipf   *rand.Zipf
	filled int // keys that are there
	op     Op
}

// NewGenerator makes a generator of a valid workload. Equal seeds give equal
// operations.
func NewGenerator(w Workload, seed uint64) *Generator {
	g := &Generator{w: w, dice: rand.New(rand.NewPCG(seed, 0)), filled: w.Keys}
	g.zipf = rand.NewZipf(g.dice, zipfSkew, zipfFlat, uint64(w.Keys-1))
	g.op.Value = make([]byte, w.ValueSize)
	for i := range g.op.Value {
		g.op.Value[i] = byte(g.dice.Uint32()) // what cannot be compressed
	}
	return g
}

// Next draws an operation. It and its bytes are good until the next call.
func (g *Generator) Next() *Op {
	o := &g.op
	n := g.dice.IntN(100)
	for o.Kind = 0; n >= g.w.Shares[o.Kind]; o.Kind++ {
		n -= g.w.Shares[o.Kind]
	}
	key := g.filled
	if o.Kind == Insert {
		g.filled++
	} else {
		key = g.draw()
	}
	o.Key, o.Limit = AppendKey(o.Key[:0], key), g.w.ScanLimit
	return o
}

// draw is the number of a key that is there.
func (g *Generator) draw() int {
	switch g.w.Spread {
	case Zipf:
		return int(g.zipf.Uint64())
	case Latest:
		return g.filled - 1 - int(g.zipf.Uint64())
	}
	return g.dice.IntN(g.filled)
}
