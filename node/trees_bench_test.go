package node

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/merkle"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/storage"
)

// writer is the storage half of a node: an engine on disk, the committer, and the
// replica's rules, with hash trees or without.
type writer struct {
	committer *storage.Committer[replica.Write]
	end       func()
}

const benchPartitions = 256

func newWriter(b *testing.B, trees bool) *writer {
	engine, err := storage.Open(b.TempDir(), storage.Options{})
	if err != nil {
		b.Fatal(err)
	}
	s := newStore(engine)
	if err := s.loadVoids(); err != nil {
		b.Fatal(err)
	}
	applier := &replica.Applier{AgeLimit: 1 << 40, Marks: replica.NewMarks(benchPartitions)}
	if trees {
		shape, err := merkle.NewShape(merkle.LeavesDefault, merkle.FanOutDefault)
		if err != nil {
			b.Fatal(err)
		}
		applier.Trees = replica.NewTrees(shape, 42, benchPartitions)
	}
	scratch := newBatch(s)
	w := &writer{committer: storage.NewCommitter(engine, storage.CommitterOptions[replica.Write]{
		Apply: func(writes []replica.Write, out *storage.Batch) {
			scratch.begin(out)
			applier.Apply(replica.Now{Physical: 1_700_000_000_000}, s, writes, scratch)
		},
		Done: func(writes []replica.Write, err error) {
			if err == nil {
				applier.Trees.Publish()
			}
			for i := range writes {
				writes[i].Origin.Result(writes[i].Result)
			}
		},
	})}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = w.committer.Run(ctx) })
	w.end = func() {
		cancel()
		running.Wait()
		if err := engine.Close(); err != nil {
			b.Error(err)
		}
	}
	return w
}

// put writes some of so many keys, and waits until they are durable.
func (w *writer) put(b *testing.B, rng *rand.Rand, writes, keys int, version int64, value []byte) {
	var done sync.WaitGroup
	done.Add(writes)
	result := func(r replica.Result) {
		if r.Code != contract.OK {
			b.Errorf("refused: %+v", r)
		}
		done.Done()
	}
	group := make([]replica.Write, 0, writes)
	var scratch []byte
	for range writes {
		key := fmt.Appendf(nil, "user%012d", rng.IntN(keys))
		var token ring.Token
		token, scratch = ring.TokenOf(scratch[:0], "", key)
		rec := record.Append(nil, 1, key, record.Record{Version: hlc.Version{Time: hlc.Make(1_700_000_000_000+version, 0), Writer: rng.Uint64()}, Value: value})
		group = append(group, replica.Write{
			Kind: replica.Repair, Token: uint64(token), Namespace: 1, Key: key, Record: rec, Origin: replica.Origin{Result: result},
		})
	}
	if !w.committer.Submit(group) {
		b.Fatal("not taken")
	}
	done.Wait()
}

func cpuTime() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// BenchmarkTreesInAPut measures what the hash trees take of the CPU of a durable write
// at one replica, with all but the network. The bar is 5 % of a PUT, network and all.
// The figures are medians of slices, as the machine may have other things to do.
func BenchmarkTreesInAPut(b *testing.B) {
	const writes, keys, slice = 256, 50_000, 4
	for _, size := range []int{100, 4096} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			value := make([]byte, size)
			off, on := newWriter(b, false), newWriter(b, true)
			defer off.end()
			defer on.end()
			var spent [2][]int64
			var version, round int64
			for b.Loop() { // in turns, so that both have the same neighbours
				round++
				for turn := range 2 {
					i := (turn + int(round)) % 2
					w := []*writer{off, on}[i]
					rng := rand.New(rand.NewPCG(uint64(version), 1))
					began := cpuTime()
					for range slice {
						version++
						w.put(b, rng, writes, keys, version, value)
					}
					spent[i] = append(spent[i], cpuTime()-began)
				}
			}
			var median [2]float64
			for i := range spent {
				slices.Sort(spent[i])
				median[i] = float64(spent[i][len(spent[i])/2]) / (slice * writes)
			}
			b.ReportMetric(median[0], "cpu-ns/write-without")
			b.ReportMetric(median[1], "cpu-ns/write-with")
			b.ReportMetric(median[1]/median[0], "ratio")
		})
	}
}
