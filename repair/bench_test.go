package repair

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/merkle"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
)

// evenly is a Local that holds keys at even distances, all that a benchmark needs of
// them, and no byte of them: records are made as they are read. Some differ.
type evenly struct {
	self  ring.NodeID
	peer  ring.NodeID
	view  *ring.View
	keys  uint64
	every uint64 // one key in so many has a newer version here; 0: none
	trees []*merkle.Tree
	clock hlc.Timestamp
}

const benchSeed = 42

// newer says whether this side has the newer version of a key.
func (e *evenly) newer(i uint64) bool { return e.every != 0 && i%e.every == e.every/2 }

func (e *evenly) step() uint64 { return ^uint64(0)/e.keys + 1 }

// record makes the i-th.
func (e *evenly) record(dst []byte, i uint64) (key [8]byte, rec []byte) {
	binary.BigEndian.PutUint64(key[:], i)
	v := hlc.Version{Time: hlc.Make(wall, 0), Writer: 1}
	if e.newer(i) {
		v.Writer = 2
	}
	return key, record.Append(dst, 1, key[:], record.Record{Version: v, Value: key[:]})
}

func newEvenly(b *testing.B, shape merkle.Shape, view *ring.View, self, peer int, keys, every uint64) *evenly {
	e := &evenly{self: nodeID(self), peer: nodeID(peer), view: view, keys: keys, every: every, clock: hlc.Make(wall+3_600_000, 0)}
	for range view.Q() {
		e.trees = append(e.trees, merkle.New(shape))
	}
	var scratch, rec []byte
	for i := range keys {
		token := i * e.step()
		var key [8]byte
		key, rec = e.record(rec[:0], i)
		f, next, err := record.FingerprintOf(scratch, benchSeed, 1, key[:], rec)
		if err != nil {
			b.Fatal(err)
		}
		scratch = next
		e.trees[ring.Token(token).Partition(view.Bits())].Update(shape.Leaf(token, view.Bits()), merkle.Sum{}, merkle.Sum{Hi: f.Hi, Lo: f.Lo})
	}
	return e
}

func (e *evenly) View() *ring.View              { return e.view }
func (e *evenly) Reachable(ring.NodeID) bool    { return true }
func (e *evenly) Clock() hlc.Timestamp          { return e.clock }
func (e *evenly) Median() (hlc.Timestamp, bool) { return 0, false }
func (e *evenly) Busy() bool                    { return false }
func (e *evenly) Floor() hlc.Timestamp          { return e.clock.Add(-30_000) }
func (e *evenly) OldestHint() hlc.Timestamp     { return 0 }
func (e *evenly) Marks(int) Marks               { return Marks{} }
func (e *evenly) MayPurge(int) bool             { return false }

func (e *evenly) Mortal(int, int) (first, last int, some bool) { return 0, 0, false }

func (e *evenly) Tree(partition int, use func(*merkle.Tree)) bool {
	use(e.trees[partition])
	return true
}

func (e *evenly) Record(token uint64, _ uint32, _ []byte) ([]byte, error) {
	_, rec := e.record(nil, token/e.step())
	return rec, nil
}

func (e *evenly) Range(from uint64, _ uint32, after []byte, last uint64, fn func(uint64, uint32, []byte, []byte) bool) error {
	i := (from + e.step() - 1) / e.step()
	if after != nil {
		i = from/e.step() + 1
	}
	var rec []byte
	for ; i < e.keys && i*e.step() <= last; i++ {
		var key [8]byte
		key, rec = e.record(rec[:0], i)
		if !fn(i*e.step(), 1, key[:], rec) {
			break
		}
	}
	return nil
}

func (e *evenly) Voids(uint64, uint64, func(uint64, uint32, []byte, hlc.Version) bool) error {
	return nil
}

// duo is two nodes that replicate the same partitions, with nothing between them.
type duo struct {
	at    [2]*Core
	bytes int // of messages
	moved int
}

func newDuo(b *testing.B, partitions int, keys, every uint64) *duo {
	shape := shapeDefault(b)
	members := []ring.Member{{ID: nodeID(0), State: ring.Normal}, {ID: nodeID(1), State: ring.Normal}}
	owners := make([]uint16, 0, 2*partitions)
	for range partitions {
		owners = append(owners, 0, 1)
	}
	view := mustView(b, 1, partitions, 2, members, owners)
	d := &duo{}
	for i := range d.at {
		o := Options{Self: nodeID(i), Shape: shape, Instance: uint64(i + 1), AgeLimit: 30_000, ExchangeInterval: 60_000, Rate: 1 << 40}
		d.at[i] = New(o, newEvenly(b, shape, view, i, 1-i, keys, every*uint64(i)))
	}
	d.tick(1, 1000)
	d.tick(0, 1000)
	return d
}

func shapeDefault(b *testing.B) merkle.Shape {
	shape, err := merkle.NewShape(merkle.LeavesDefault, merkle.FanOutDefault)
	if err != nil {
		b.Fatal(err)
	}
	return shape
}

func (d *duo) tick(i int, now int64) {
	var out Effects
	d.at[i].Tick(now, func() uint64 { return 0 }, &out)
	d.carry(i, &out)
}

// carry carries out what a node wants, and all that follows from it.
func (d *duo) carry(i int, out *Effects) {
	for _, s := range out.Sends {
		d.bytes += len(s.Document)
		var theirs, mine Effects
		d.at[1-i].Request(d.at[i].o.Self, Ticket{}, s.Document, &theirs)
		for _, r := range theirs.Replies {
			d.bytes += len(r.Document)
			d.at[i].Answer(d.at[1-i].o.Self, s.Call, r.Document, &mine)
		}
		d.carry(i, &mine)
	}
	for _, r := range out.Reads {
		var mine Effects
		rec, _ := d.at[1-i].local.Record(r.Place.Token, r.Place.Namespace, r.Place.Key)
		d.at[i].Got(r.Call, rec, &mine)
		d.carry(i, &mine)
	}
	for _, w := range out.Writes {
		if w.Kind == Exchange {
			d.bytes += len(w.Record)
			d.moved++
		}
		var mine Effects
		d.at[i].Written(w.Call, true, &mine)
		d.carry(i, &mine)
	}
}

// BenchmarkAPairInSync is one comparison of all common partitions, both sides: the bar
// is 20 ms of CPU and 64 KB.
func BenchmarkAPairInSync(b *testing.B) {
	for _, keys := range []uint64{1_000, 1_000_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			d := newDuo(b, 1024, keys, 0)
			c := d.at[0]
			d.bytes = 0
			before := c.Counters().Comparisons.Done
			for b.Loop() {
				var out Effects
				c.compareFrom(c.peers[0], 0, &out)
				d.carry(0, &out)
			}
			n := int(c.Counters().Comparisons.Done - before)
			if n != b.N || d.moved > 0 {
				b.Fatalf("%d comparisons, %d records moved", n, d.moved)
			}
			b.ReportMetric(float64(d.bytes/n), "bytes/pair")
		})
	}
}

// BenchmarkScatteredDifferences brings two replicas together that differ in 1,000 keys,
// from the roots to the last write: the bar is that ten times the keys cost at most
// 1.3 times as much.
func BenchmarkScatteredDifferences(b *testing.B) {
	const d = 1000
	for _, keys := range []uint64{1_000_000, 10_000_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			bytes, moved := 0, 0
			pair := newDuo(b, 1024, keys, keys/d)
			for b.Loop() {
				c := pair.at[0]
				pair.bytes, pair.moved = 0, 0
				c.peers[0].queue = nil
				var out Effects
				c.compareFrom(c.peers[0], 0, &out)
				pair.carry(0, &out)
				if bytes, moved = pair.bytes, pair.moved; moved != d {
					b.Fatalf("%d records moved, want %d", moved, d)
				}
			}
			b.ReportMetric(float64(bytes)/float64(moved), "bytes/difference")
		})
	}
}
