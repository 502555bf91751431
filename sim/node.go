package sim

import (
	"fmt"
	"time"

	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/router"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/model"
	"github.com/candordb/candor/wire"
)

const clusterName = "sim"

// node is what outlives the crashes of a process: identity, disk and machine.
type node struct {
	sim     *Sim
	index   int
	id      ring.NodeID
	region  int
	clock   hardware
	disk    disk
	cluster *router.Cluster // what it acts on, where the epoch is given
	process *process        // nil while it is down
	starts  uint64
	held    []holding      // by key: what the disk holds, as the checker knows it
	durable *replica.Marks // those that the disk has
	acted   uint64         // the highest epoch that it has acted in, where nodes decide them

	distrust uint64          // see process.distrusted, where the epoch is given
	copy     *backup         // an older state of it; nil: none was kept
	wreckage []*model.Engine // disks that it had before
	out      []bool          // by partition: what it may lack is not made up for, as the checker knows it; nil: none
	rotten   []bool          // by partition: its tree shows a record that is gone; nil: none
	wrecked  time.Duration   // when its disk was last lost; 0: never
	outdated bool            // anything on it may be older than what it was when wrecked
	forgot   bool            // it may have forgotten votes, and no epoch has named it since, as the checker knows it
	forgotIn uint64          // the newest epoch when it lost them
	floor    hlc.Timestamp   // the highest that it had then
	fences   []hlc.Timestamp // by partition, likewise
}

func (n *node) String() string { return fmt.Sprintf("n%d", n.index) }

// process is one run of a node, from start to crash: what is in memory. It is
// the router's World.
type process struct {
	sim         *Sim
	node        *node
	incarnation uint64
	dead        bool
	pausedUntil time.Duration
	pausedFor   time.Duration // in all
	leaving     bool
	muted       bool // about to crash: nothing leaves any more

	cluster  *router.Cluster // what it acts on; nil before epoch 1
	found    *founding       // nil where the epoch is given
	router   *router.Router
	scratch  router.Turn
	clock    hybrid
	apart    []apart       // by node, as the checker knows it
	rose     hlc.Timestamp // how far the clock had come when it was last not fenced, likewise
	commits  committer
	healing  *healing // nil before epoch 1; see heal
	lost     *lost
	links    []*link // by node; nil: itself
	conns    []*conn // of clients
	request  *attempt
	stamping int   // which of the request's operations is stamped next
	skew     int64 // milliseconds that this turn believes to be later
	foreign  bool  // this turn handles a request of another epoch
}

var _ router.World = (*process)(nil)

// noLock guards the shards of a router that runs in one goroutine.
type noLock struct{}

func (noLock) Lock()   {}
func (noLock) Unlock() {}

// start runs the node.
func (s *Sim) start(n *node) {
	if n.process != nil {
		return
	}
	n.starts++
	p := &process{sim: s, node: n, incarnation: n.starts}
	n.process = p
	locks := make([]router.Locker, s.plan.Shards)
	for i := range locks {
		locks[i] = noLock{}
	}
	l := &s.plan.Limits
	p.router = router.New(router.Options{
		Self: n.id, ServerVersion: "sim", ClusterName: clusterName, Locks: locks, Hedging: coordinator.Hedging{Percentile: 95, Percent: s.plan.Hedge},
		Limits: router.Limits{
			Limits:          wire.Limits{FrameBytes: l.FrameBytes, KeyBytes: l.KeyBytes, ValueBytes: l.ValueBytes, InFlight: l.InFlight, BatchOps: l.BatchOps},
			DeadlineDefault: 2000, DeadlineMax: 5000, Slots: s.plan.Slots,
		},
	}, p)
	p.clock = hybrid{
		h: &n.clock, maxDrift: s.plan.MaxDrift.Milliseconds(), monoZero: s.nodeDice.Int64N(1 << 40), writer: s.nodeDice.Uint64(),
		peers: make([]heard, len(s.nodes)), fences: s.plan.Clocks.Fenced,
	}
	p.apart = make([]apart, len(s.nodes))
	stored, _ := n.disk.engine.Synced(storage.SystemKey(clockName))
	p.clock.boot(s.now, stored)
	p.commits = committer{p: p, applier: replica.Applier{AgeLimit: s.plan.AgeLimit.Milliseconds()}}
	s.tracef("%v starts", n)
	p.lost = newLost(p)
	p.join()
	for _, to := range s.nodes {
		if to == n {
			p.links = append(p.links, nil)
			continue
		}
		l := &link{p: p, to: to}
		p.links = append(p.links, l)
		l.connect()
	}
	p.persistClock()
	p.tick()
	p.healOn()
}

// tick sweeps deadlines, again and again.
func (p *process) tick() {
	p.sim.after(p.sim.plan.Tick, "tick", p, func() {
		p.skew = p.sim.late(bugEarlyTimeout, 500*time.Millisecond).Milliseconds()
		p.turn(func() { p.router.Tick(&p.scratch) })
		p.skew = 0
		p.markHedges()
		p.tick()
	})
}

// markHedges notes what has become of hedged reads.
func (p *process) markHedges() {
	h := p.router.Hedges()
	if h.Won > 0 {
		p.sim.mark(markHedgeWon)
	}
	if h.Denied > 0 {
		p.sim.mark(markHedgeDenied)
	}
}

// persistClock renews the bound below which times are issued, again and again.
func (p *process) persistClock() {
	p.adjust()
	bound, value := p.clock.nextBound(p.sim.now)
	p.Commit(append(p.saveHighest(), replica.Write{Kind: replica.System, Key: []byte(clockName), Record: value, Origin: replica.Origin{Done: func(durable bool) {
		if durable {
			p.clock.bound = bound
		}
	}}}))
	p.sim.after(p.sim.plan.Clocks.Persisted, "clock", p, p.persistClock)
}

// adjust lets the clock follow its hardware.
func (p *process) adjust() {
	before, offset := p.clock.fenced, p.clock.offset
	p.clock.adjust(p.sim.now)
	if before && !p.clock.fenced && p.clock.setRight(p.sim.now, p.sim.nodeDice.Uint64()) {
		p.sim.mark(markSetRight)
	}
	p.sim.check.offMedian(p, before, p.clock.offset-offset)
	switch {
	case p.clock.fenced && !before:
		p.sim.mark(markFenceEntered)
	case before && !p.clock.fenced:
		p.sim.mark(markFenceLeft)
	}
}

// turn is one turn of the router.
func (p *process) turn(do func()) {
	p.router.Begin(&p.scratch)
	do()
	p.router.Finish(&p.scratch)
}

// fromPeer takes a frame of another node's link.
func (p *process) fromPeer(c *conn, frame []byte) {
	if c.closed {
		return
	}
	p.foreign = p.sim.check.foreign(p, frame)
	p.turn(func() { p.router.Peer(&p.scratch, c, frame[wire.HeaderBytes:]) })
	p.foreign = false
}

// fromClient takes a frame of a client.
func (p *process) fromClient(c *conn, frame []byte, a *attempt) {
	if c.closed {
		return
	}
	if a != nil {
		a.arrivedAt, a.pausedFor, a.physical = p.sim.now, p.pausedFor, p.Now().Physical
		p.sim.check.arrived(p, a)
		p.sim.check.expect(p, c, a)
	}
	p.request, p.stamping = a, 0
	p.turn(func() { p.router.Client(&p.scratch, c, frame[wire.HeaderBytes:]) })
	p.request = nil
}

// whenAwake lets something happen to a process of this node, now or at the end
// of its pause; never, if it has died.
func (n *node) whenAwake(p *process, do func()) {
	switch {
	case p.dead:
	case p.pausedUntil > n.sim.now:
		n.sim.at(p.pausedUntil, "awake", p, do)
	default:
		do()
	}
}

// crash ends the process of a node. Its peers are told soon, as their
// connections are reset, but not if the power failed.
func (s *Sim) crash(n *node, power bool) {
	p := n.process
	if p == nil {
		return
	}
	s.fig.Crashes++
	if power {
		s.fig.PowerCuts++
	}
	s.tracef("%v crashes (power cut: %v)", n, power)
	if p.lost.from != 0 {
		s.mark(markRebuildCrashed)
	}
	p.dead, n.process = true, nil
	n.disk.lose(s)
	n.disk.wipeHints(s)
	s.check.recovered(n)
	for _, o := range s.nodes {
		if o.process == nil || o == n {
			continue
		}
		notice := s.nodeDice.exponential(30 * time.Millisecond)
		if power {
			notice = s.plan.Net.Notice
		}
		o.process.links[n.index].lostSoon(notice)
	}
	for _, c := range p.conns {
		if !c.closed {
			c.closed = true
			c.portal.resetSoon(c)
		}
	}
}

// stop says goodbye to the clients of a node, gives what is in flight a little
// time, and ends the process.
func (s *Sim) stop(n *node) {
	p := n.process
	if p == nil || p.leaving {
		return
	}
	p.leaving = true
	p.turn(func() {
		for _, c := range p.conns {
			if !c.closed {
				p.router.Goodbye(&p.scratch, c)
			}
		}
	})
	p.keepTrees()
	s.after(200*time.Millisecond, "stop", p, func() { s.crash(n, false) })
}

// startLater starts a node after a while, if it has not been by then.
func (s *Sim) startLater(n *node) {
	s.after(s.faultDice.exponential(s.plan.Faults.CrashFor), "restart", nil, func() { s.start(n) })
}

// Cluster implements router.World.
func (p *process) Cluster() *router.Cluster { return p.cluster }

// RingMembers implements router.World.
func (p *process) RingMembers() []wire.RingMember { return p.sim.ringMembers }

// Peer implements router.World.
func (p *process) Peer(id ring.NodeID) router.Peer {
	i, ok := p.sim.cluster.Ring.Index(id)
	if !ok || p.links[i] == nil {
		return nil
	}
	return p.links[i]
}

// Serving implements router.World.
func (p *process) Serving() bool { return !p.commits.broken && p.lost.admitted }

// Store implements router.World.
func (p *process) Store() replica.Store { return served{p} }

// Commit implements router.World.
func (p *process) Commit(w []replica.Write) bool {
	if w[0].Origin.Peer != nil && p.foreign {
		p.sim.fail("TRUTH", "%v takes a write of another epoch than its own, %d", p.node, p.epoch())
	}
	if w[0].Kind != replica.System && p.sim.bug(bugFullQueue) {
		return false
	}
	return p.commits.submit(w)
}

// Now implements router.World.
func (p *process) Now() replica.Now {
	now := p.clock.now(p.sim.now)
	now.Micros = p.clock.h.elapsed(p.sim.now).Microseconds()
	now.Mono += p.skew
	return now
}

// Clock implements router.World.
func (p *process) Clock() hlc.Timestamp { return p.clock.read(p.sim.now) }

// Coordinating implements router.World.
func (p *process) Coordinating() bool { return !p.clock.shut() }

// Stamp implements router.World.
func (p *process) Stamp() (hlc.Version, bool) {
	v, ok := p.tickOver()
	p.sim.check.stamped(p, v, ok)
	return v, ok
}

// StampAbove implements router.World.
func (p *process) StampAbove(above hlc.Version) (hlc.Version, bool) {
	v, ok := p.tickOver()
	p.sim.check.bounded(p, v, ok)
	if ok && !above.Less(v) {
		v = hlc.Version{Time: above.Time + 1, Writer: p.sim.nodeDice.Uint64()}
	}
	return v, ok
}

// tickOver makes a version of the process's own clock, if that may be used.
func (p *process) tickOver() (hlc.Version, bool) {
	if p.sim.bug(bugFullCounter) {
		p.clock.fill(p.sim.now)
	}
	before := p.clock.word
	if p.clock.shut() {
		return hlc.Version{}, false
	}
	v, ok := p.clock.stamp(p.sim.now)
	if ok && before.Counter() == 1<<16-1 && v.Time == before+1 {
		p.sim.mark(markCounterOverflow)
	}
	return v, ok
}

// Observe implements router.World.
func (p *process) Observe(from ring.NodeID, clock hlc.Timestamp) {
	if i, ok := p.sim.cluster.Ring.Index(from); ok {
		before := p.clock.word
		p.clock.observe(p.sim.now, clock)
		if q := p.sim.nodes[i].process; q != nil {
			p.clock.measure(p.sim.now, i, q.clock.now(p.sim.now).Physical)
			p.sim.check.measured(p, q)
		}
		p.sim.check.observed(p, before)
	}
}

// Goodbye implements router.World.
func (p *process) Goodbye(ring.NodeID) {}
