package node

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/candordb/candor/config"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/router"
)

// governEvery is how often it is decided how much is let in. A queue can grow for
// twice as long before anything is refused.
const governEvery = 100 * time.Millisecond

// openLeast is how many operations a node always works on at once, however late
// it is: enough to keep disk and links busy.
const openLeast = 64

// gate counts what this node is working on for clients, and lets in what its
// limits allow. It implements router.Gate.
type gate struct {
	bytesMax int64

	open    atomic.Int64 // operations
	bytes   atomic.Int64 // of their requests
	waiting atomic.Int64 // bytes of answers that wait for their clients; kept by package rpc
	most    atomic.Int64 // the most that was open since the last step; it may miss one in a race

	allowed atomic.Int64
	retryMS atomic.Uint64
	memory  atomic.Bool // short of it
	shed    [router.Sheds]atomic.Uint64
}

// Take implements router.Gate. One request is let in whatever its size, so that
// none is too large for ever.
func (g *gate) Take(ops, bytes int) router.Shed {
	open, held := g.open.Add(int64(ops)), g.bytes.Add(int64(bytes))
	why := router.Admitted
	switch alone := open == int64(ops); {
	case g.memory.Load():
		why = router.ShedMemory
	case alone:
	case open-int64(ops) >= g.allowed.Load():
		why = router.ShedDelay
	case held+g.waiting.Load() > g.bytesMax:
		why = router.ShedBytes
	}
	if why != router.Admitted {
		g.Give(ops, bytes)
		return why
	}
	if open > g.most.Load() {
		g.most.Store(open)
	}
	return router.Admitted
}

// Give implements router.Gate.
func (g *gate) Give(ops, bytes int) {
	g.open.Add(-int64(ops))
	g.bytes.Add(-int64(bytes))
}

// busy says whether more than 80 % of what is let in is being worked on.
func (g *gate) busy() bool { return g.open.Load()*5 > g.allowed.Load()*4 }

// Refused implements router.Gate.
func (g *gate) Refused(why router.Shed) { g.shed[why].Add(1) }

// RetryMS implements router.Gate.
func (g *gate) RetryMS() uint64 { return g.retryMS.Load() }

// probe measures how long writes wait for the committer and its sync, by one at a
// time.
type probe struct {
	mu        sync.Mutex // guards what follows
	submitted uint64
	done      uint64
	until     uint64 // the probe is over when so many are done; 0: there is none
	began     time.Time
	shortest  time.Duration // of the probes that ended since it was last asked; 0: none did
}

// submit notes writes that were submitted.
func (p *probe) submit(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.submitted += uint64(n)
	if p.until == 0 && p.submitted > p.done { // the committer may have been faster
		p.until, p.began = p.submitted, time.Now()
	}
}

// commit notes writes whose fate is known.
func (p *probe) commit(writes []replica.Write) {
	n := uint64(0)
	for i := range writes {
		if writes[i].Kind != replica.System { // these are submitted without a probe
			n++
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	if p.until > 0 && p.done >= p.until {
		took := max(time.Since(p.began), 1)
		if p.until = 0; p.shortest == 0 || took < p.shortest {
			p.shortest = took
		}
	}
}

// delay is the shortest that a probe took since it was last asked: what every
// write had to wait, not what one unlucky batch had. If none has ended it is as
// long as the present one has taken.
func (p *probe) delay() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.shortest
	p.shortest = 0
	if d == 0 && p.until > 0 {
		d = time.Since(p.began)
	}
	return d
}

// memoryLimit is how much memory this process may use, and makes the garbage
// collector know it; 0: the limit is off, or the system does not tell how much
// there is. A lower GOMEMLIMIT stays for the collector.
func memoryLimit(share config.Percent) uint64 {
	limit := machineMemory(os.DirFS("/")) / 100 * uint64(share)
	if limit > 0 {
		debug.SetMemoryLimit(min(debug.SetMemoryLimit(-1), int64(limit)))
	}
	return limit
}

// govern decides again and again how much is let in.
func (n *Node) govern(ctx context.Context) error {
	l := n.config.Limits
	g := router.NewGovernor(router.GovernorOptions{Target: l.QueueDelay, Every: governEvery, Least: openLeast, Most: shards * slotsPerShard})
	limit := memoryLimit(l.Memory)
	v := newVitals()
	shed, collected := uint64(0), time.Time{}
	return every(ctx, governEvery, func() {
		v.read()
		gate := &n.gate
		delay := max(v.wait, n.probe.delay())
		refused := gate.shed[router.ShedDelay].Load()
		allowed, retry := g.Step(router.Load{Delay: delay, Open: int(gate.most.Swap(gate.open.Load())), Shed: refused > shed})
		shed = refused
		gate.allowed.Store(int64(allowed))
		gate.retryMS.Store(retry)
		short := limit > 0 && v.heap > limit
		if short != gate.memory.Swap(short) {
			n.log.Warn("memory: requests are refused while what is alive on the heap is above limits.memory", "refusing", short, "alive", v.heap, "limit", limit)
		}
		if short && time.Since(collected) > time.Second {
			runtime.GC() // what is alive is only known after a collection
			collected = time.Now()
		}
	})
}
