package sim

import (
	"bytes"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/hinted"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/merkle"
	"github.com/candordb/candor/repair"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/router"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/stored"
	"github.com/candordb/candor/wire"
)

// healing is what a process does to make up for what its replica, or another, has
// missed: hints, the comparison of replicas, watermarks and purge. It is the shell
// around hinted.Core and repair.Core that the node has, without goroutines: what
// is known here and not on the disk is gone with the process.
type healing struct {
	p     *process
	trees *replica.Trees
	marks *replica.Marks // durable

	repair   *repair.Core
	out      repair.Effects
	queue    []func(*repair.Effects)
	busy     bool
	asked    map[peerFrame]uint64 // the call of an EXCHANGE, by its frame
	counts   []int                // partitions that are to be counted anew
	next     int                  // the partition where counting goes on
	scrubbed int                  // the partition that is scrubbed next

	proved [][2]hlc.Timestamp // by partition, as of and strictly, what the checker has looked at

	hints   *hinted.Core
	input   hinted.Input
	wants   hinted.Effects
	resting bool // a Tick is due when a rest has ended
	nudged  bool
}

// peerFrame is a frame on the link to a node.
type peerFrame struct {
	to ring.NodeID
	id uint64
}

// heal is the process's healing, which begins with the first epoch; nil before.
func (p *process) heal() *healing {
	if p.healing != nil || p.cluster == nil {
		return p.healing
	}
	s, d := p.sim, &p.node.disk
	h := &healing{p: p, trees: s.loadTrees(d), marks: s.loadMarks(d).Quarantining(p.lost.missed()), asked: make(map[peerFrame]uint64)}
	f := &s.plan.Healing
	proofs, _ := d.engine.Synced(storage.SystemKey(repair.ProofsName))
	h.repair = repair.New(repair.Options{
		Self: p.node.id, Shape: s.shape, Instance: s.healDice.Uint64() | 1, AgeLimit: p.cluster.AgeLimit,
		ExchangeInterval: f.Interval.Milliseconds(), Rate: f.Rate, Timeout: f.Timeout.Milliseconds(), Proofs: proofs,
	}, local{p})
	var err error
	h.hints, err = hinted.New(hinted.Options{Self: p.node.id, MaxBytes: f.HintBytes, MaxAge: f.HintAge, Rate: f.HintRate, Retry: f.Retry}, stored.Hints{Engine: d.engine})
	if err != nil {
		s.fail("STORE", "%v cannot read its hints: %v", p.node, err)
	}
	h.input.Reach = h.reach
	p.healing = h
	h.hints.Ring(p.cluster.Ring)
	h.post(h.tick)
	return h
}

// loadTrees takes the trees that a disk has: they have been kept up since it was
// empty.
func (s *Sim) loadTrees(d *disk) *replica.Trees {
	t := replica.NewTrees(s.shape, s.treeSeed, s.plan.Partitions)
	lo, hi := storage.TreeRange()
	err := d.engine.Scan(lo, hi, func(k, v []byte) bool {
		partition, err := storage.ParseTreeKey(k)
		if err == nil {
			err = t.Load(partition, v)
		}
		if err != nil {
			s.fail("STORE", "the leaves of partition %d cannot be read: %v", partition, err)
		}
		return true
	})
	if err != nil {
		panic("sim: reading trees: " + err.Error())
	}
	return t
}

// loadMarks takes the marks that a disk has.
func (s *Sim) loadMarks(d *disk) *replica.Marks {
	floor, _ := d.engine.Synced(storage.SystemKey(replica.FloorName))
	saved, _ := d.engine.Synced(storage.SystemKey(replica.MarksName))
	m, err := replica.ParseMarks(s.plan.Partitions, floor, saved)
	if err != nil {
		s.fail("STORE", "marks cannot be read: %v", err)
		return replica.NewMarks(s.plan.Partitions)
	}
	return m
}

// healOn does what is due, again and again.
func (p *process) healOn() {
	f := &p.sim.plan.Healing
	p.sim.after(f.Tick, "heal", p, func() {
		if h := p.heal(); h != nil {
			h.post(h.tick)
			h.hints.Ring(p.cluster.Ring)
			h.deliver()
			h.count()
			p.lost.step()
			if p.sim.calm || p.sim.healDice.chance(float64(f.Tick)/float64(f.Scrub)) {
				h.scrub(h.scrubbed)
				h.scrubbed = (h.scrubbed + 1) % p.sim.plan.Partitions
			}
		}
		p.healOn()
	})
}

func (h *healing) tick(out *repair.Effects) {
	h.repair.Tick(h.p.Now().Mono, h.p.sim.healDice.Uint64, out)
}

// begin hands a batch's Applier what there is since an epoch is known.
func (c *committer) begin() {
	if c.applier.Trees != nil {
		return
	}
	if h := c.p.heal(); h != nil {
		c.applier.Trees, c.applier.Marks = h.trees, h.marks
		d := &c.p.node.disk
		c.batch.Coming, c.batch.Noted = h.coming, func(_ []byte, _ hlc.Version, has bool) { d.voided = d.voided || has }
	}
}

// publish shows what a durable batch has changed: trees first.
func (c *committer) publish() {
	h := c.p.healing
	if h == nil || c.applier.Trees == nil {
		return
	}
	if wrong := h.trees.Publish(); wrong > 0 && c.p.node.rotten == nil {
		c.p.sim.fail("TREE", "%d leaves of trees of %v did not show what is stored", wrong, c.p.node)
	}
	h.marks = c.applier.Marks
}

// Marks implements router.Healing.
func (p *process) Marks() *replica.Marks {
	if h := p.heal(); h != nil {
		return h.marks
	}
	return nil
}

// Exchange implements router.Healing.
func (p *process) Exchange(from router.Conn, node ring.NodeID, q *wire.PeerRequest) {
	h, document, ticket := p.heal(), bytes.Clone(q.Document), repair.Ticket{Conn: from, Frame: q.ID}
	p.soon(bugLateExchange, func() {
		h.post(func(out *repair.Effects) { h.repair.Request(node, ticket, document, out) })
	})
}

// ExchangeAnswer implements router.Healing.
func (p *process) ExchangeAnswer(from ring.NodeID, a *wire.PeerAnswer) {
	h, frame, refused, document := p.heal(), peerFrame{from, a.ID}, a.Code != contract.OK, bytes.Clone(a.Document)
	p.soon(bugLateExchange, func() {
		call, ours := h.asked[frame]
		delete(h.asked, frame)
		switch {
		case !ours:
		case refused:
			h.failed(call)
		default:
			h.post(func(out *repair.Effects) { h.repair.Answer(from, call, document, out) })
		}
	})
}

// soon does something now or, where a buggify point fires, after a while.
func (p *process) soon(b bug, do func()) {
	if d := p.sim.late(b, 2e9); d > 0 {
		p.sim.after(d, bugNames[b], p, do)
		return
	}
	do()
}

// Reply implements router.Healing.
func (p *process) Reply(call uint64, from ring.NodeID, r *coordinator.Reply) {
	h := p.heal()
	ok, rec := r.Code == contract.OK, bytes.Clone(r.Record)
	switch {
	case call < router.RepairCalls:
		h.told(call, from, r.Code, r.Kind)
	case r.Ask == coordinator.AskWrite:
		h.post(func(out *repair.Effects) { h.repair.Written(call, ok, out) })
	case ok:
		h.post(func(out *repair.Effects) { h.repair.Got(call, rec, out) })
	default:
		h.failed(call)
	}
}

// RepairedAsOf implements router.Healing.
func (p *process) RepairedAsOf(partition int) uint64 {
	h := p.heal()
	if h == nil {
		return 0
	}
	asOf, _ := h.repair.AsOf(partition)
	return uint64(asOf.Millis())
}

// linkDown tells that what a member was asked will not be answered.
func (h *healing) linkDown(id ring.NodeID) {
	for f := range h.asked { // each by itself: order does not matter
		if f.to == id {
			delete(h.asked, f)
		}
	}
	h.post(func(out *repair.Effects) { h.repair.LinkDown(id, out) })
	h.hints.Lost(id)
}

// local is a process as repair.Core reads it.
type local struct{ *process }

// View implements repair.Local.
func (l local) View() *ring.View {
	if l.cluster == nil {
		return nil
	}
	return l.cluster.Ring
}

// Reachable implements repair.Local.
func (l local) Reachable(id ring.NodeID) bool {
	i, ok := l.sim.cluster.Ring.Index(id)
	return ok && i < len(l.links) && l.links[i] != nil && l.links[i].state == linkUp
}

// Median implements repair.Local.
func (l local) Median() (hlc.Timestamp, bool) { return l.clock.median(l.sim.now) }

// Busy implements repair.Local.
func (l local) Busy() bool { return l.sim.bug(bugBusy) }

// Floor implements repair.Local.
func (l local) Floor() hlc.Timestamp { return l.healing.marks.Floor }

// OldestHint implements repair.Local.
func (l local) OldestHint() hlc.Timestamp {
	oldest, some := l.healing.hints.Oldest()
	if !some {
		return 0
	}
	return oldest
}

// Marks implements repair.Local.
func (l local) Marks(partition int) repair.Marks {
	m := l.healing.marks.Partition(partition)
	return repair.Marks{Fence: m.Fence, Purge: m.Purge, Quarantined: m.Quarantined}
}

// Tree implements repair.Local.
func (l local) Tree(partition int, use func(*merkle.Tree)) bool {
	tree, known := l.healing.trees.Tree(partition)
	if !known {
		return false
	}
	if tree == nil {
		tree = merkle.New(l.sim.shape)
	}
	use(tree)
	return true
}

// Record implements repair.Local.
func (l local) Record(token uint64, namespace uint32, key []byte) ([]byte, error) {
	return l.node.disk.Record(token, namespace, key)
}

// Range implements repair.Local.
func (l local) Range(from uint64, namespace uint32, after []byte, last uint64, fn func(uint64, uint32, []byte, []byte) bool) error {
	return l.node.disk.Range(from, namespace, after, last, fn)
}

// Voids implements repair.Local.
func (l local) Voids(from, last uint64, fn func(uint64, uint32, []byte, hlc.Version) bool) error {
	return stored.Voids(l.node.disk.engine, from, last, fn)
}

// MayPurge implements repair.Local.
func (l local) MayPurge(partition int) bool {
	_, _, some := l.Mortal(partition, 0)
	return some || l.node.disk.voided
}

// Mortal implements repair.Local.
func (l local) Mortal(partition, leaf int) (first, last int, some bool) {
	return l.healing.trees.Mortal(partition, leaf)
}
