package load

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
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
	Delete
	kinds
)

var kindNames = [kinds]string{"get", "put", "insert", "scan", "modify", "delete"}

// Kinds are all kinds, in order.
func Kinds() []Kind { return []Kind{Get, Put, Insert, Scan, Modify, Delete} }

// String is the kind's name.
func (k Kind) String() string { return kindNames[k] }

// Op is one operation. Its bytes are good until Target.Issue returns.
type Op struct {
	Kind Kind
	// Number says which of the workload's keys it is for, from 0, for a Target that
	// has names of its own for them. Of a Scan: where it begins.
	Number int
	Key    []byte // its name, by AppendKey
	Value  []byte // of Put, Insert, Modify: as many bytes as the workload says
	Limit  int    // of a Scan: records, 1 up to what the workload says
}

// Spread says which keys are asked for.
type Spread uint8

// The spreads.
const (
	Uniform Spread = iota // each as often as any other
	Zipf                  // few of them most of the time, the same ones all the time
	Latest                // those that were inserted last most of the time
)

var spreadNames = []string{"uniform", "zipfian", "latest"}

// String is the spread's name.
func (s Spread) String() string { return spreadNames[s] }

// ParseSpread reads the name of a spread: uniform, zipfian or latest.
func ParseSpread(name string) (Spread, bool) {
	i := slices.Index(spreadNames, name)
	return Spread(max(i, 0)), i >= 0
}

// Workload says what is asked for. Shares are percentages and sum up to 100.
type Workload struct {
	Name      string
	Shares    [kinds]int
	Spread    Spread
	Skew      float64 // exponent of Zipf and Latest, above 0; 0: SkewUsual
	Keys      int     // that are there at the start; at least 1
	ValueSize int     // bytes
	ScanLimit int     // most records of a Scan; each length up to it is as likely
}

// ErrWorkload is returned for a workload that cannot be run; its text says why.
var ErrWorkload = errors.New("load: workload")

// scanUsual is how many records a scan reads at most in the standard workloads.
const scanUsual = 100

// Named returns the standard workload of a letter, a to f, as the Yahoo! Cloud
// Serving Benchmark defines them: a half writes, b one write in twenty, c only
// reads, d reads of what was inserted last, e short scans, f read and modify.
func Named(name string, keys, valueSize int) (Workload, error) {
	w := Workload{Name: name, Spread: Zipf, Keys: keys, ValueSize: valueSize, ScanLimit: scanUsual}
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

// Mixed returns a workload of one's own: shares of kinds, as get=90,put=9,delete=1.
func Mixed(text string, keys, valueSize int) (Workload, error) {
	w := Workload{Name: text, Spread: Zipf, Keys: keys, ValueSize: valueSize, ScanLimit: scanUsual}
	for part := range strings.SplitSeq(text, ",") {
		name, share, _ := strings.Cut(strings.TrimSpace(part), "=")
		kind := slices.Index(kindNames[:], name)
		percent, err := strconv.Atoi(strings.TrimSuffix(share, "%"))
		if kind < 0 || err != nil {
			return w, fmt.Errorf("%w: %q is no share: want %s, each with a percentage, as get=90,put=10", ErrWorkload, part, strings.Join(kindNames[:], ", "))
		}
		if w.Shares[kind] != 0 {
			return w, fmt.Errorf("%w: %s has two shares", ErrWorkload, name)
		}
		w.Shares[kind] = percent
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
	case !(w.Skew >= 0 && w.Skew <= skewMax):
		return fmt.Errorf("%w: a skew of %v: want one up to %v", ErrWorkload, w.Skew, skewMax)
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

// skewMax is where nearly all requests are for one key.
const skewMax = 5.0

// Generator draws operations. It is not safe for concurrent use.
type Generator struct {
	w      Workload
	dice   *rand.Rand
	zipf   *zipf
	filled int  // keys that are there
	sweep  bool // each key once, in order
	op     Op
}

// NewGenerator makes a generator of a valid workload. Equal seeds give equal
// operations.
func NewGenerator(w Workload, seed uint64) *Generator {
	g := &Generator{w: w, dice: rand.New(rand.NewPCG(seed, 0)), filled: w.Keys}
	if w.Skew == 0 {
		w.Skew = SkewUsual
	}
	g.zipf = newZipf(g.dice, w.Skew)
	g.op.Value = make([]byte, w.ValueSize)
	for i := range g.op.Value {
		g.op.Value[i] = byte(g.dice.Uint32()) // what cannot be compressed
	}
	return g
}

// NewSweep makes a generator that takes the keys of a workload one after the
// other, from the first, for operations of one kind: to write all of them, or to
// delete them. Options.Count ends it.
func NewSweep(w Workload, kind Kind) *Generator {
	w.Shares = [kinds]int{}
	w.Shares[kind] = 100
	g := NewGenerator(w, 0)
	g.filled, g.sweep = 0, true
	return g
}

// Filled is how many keys were there at the start or have been inserted since.
func (g *Generator) Filled() int { return g.filled }

// Next draws an operation. It and its bytes are good until the next call.
func (g *Generator) Next() *Op {
	o := &g.op
	n := g.dice.IntN(100)
	for o.Kind = 0; n >= g.w.Shares[o.Kind]; o.Kind++ {
		n -= g.w.Shares[o.Kind]
	}
	o.Number = g.filled
	if o.Kind == Insert || g.sweep {
		g.filled++
	} else {
		o.Number = g.draw()
	}
	if o.Kind == Scan {
		o.Limit = 1 + g.dice.IntN(g.w.ScanLimit)
	}
	o.Key = AppendKey(o.Key[:0], o.Number)
	return o
}

// draw is the number of a key that is there.
func (g *Generator) draw() int {
	switch g.w.Spread {
	case Zipf:
		return g.zipf.draw(g.filled)
	case Latest:
		return g.filled - 1 - g.zipf.draw(g.filled)
	}
	return g.dice.IntN(g.filled)
}
