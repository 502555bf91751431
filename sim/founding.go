package sim

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/router"
	"github.com/candordb/candor/topology"
	"github.com/candordb/candor/wire"
)

// founding is a process's part in agreeing on epochs: on the first, in runs that
// begin without any (Plan.Found), and on later ones, in those and in others
// (Plan.Agreed). It is the shell around topology.Core, as the node has it. Events
// are handled one after the other; what an event saves is synced before anything
// else of it happens.
type founding struct {
	p     *process
	core  *topology.Core
	bound hlc.Timestamp // the highest clock bound of all starts before this one
	// asking is by what it is measured how far the node had been; trusted, that the
	// others have told, durably.
	asking  hlc.Timestamp
	trusted bool
	queue   []func(*topology.Effects)
	busy    bool

	installed *topology.Metadata // what it acts on; nil: nothing yet
}

// foundingTick is how often Core is told the time.
const foundingTick = 100 * time.Millisecond

// peerAddress is the address of a node in cluster.bootstrap.
func peerAddress(index int) string { return fmt.Sprintf("n%d:7401", index) }

// join starts a process's part in the founding, or continues with the metadata
// that its disk has.
func (p *process) join() {
	s, n := p.sim, p.node
	if !s.plan.agrees() {
		p.cluster = n.cluster
		p.catchUp()
		return
	}
	var list []string
	for i := range s.nodes {
		list = append(list, peerAddress(i))
	}
	saved, err := topology.Load(n.disk.saved)
	if err != nil {
		s.fail("EPOCH", "%v cannot read what it saved: %v", n, err)
		return
	}
	self := *s.cluster.Ring.Member(n.index)
	self.Peer = list[n.index]
	highest, asking := n.highestBound(), n.foundBound()
	core, err := topology.New(topology.Options{
		Self: self, ClusterName: clusterName, Bootstrap: list, Replicas: s.plan.Replicas, Partitions: s.plan.Partitions, Namespaces: s.rows(),
		AgeLimitMS: s.plan.AgeLimit.Milliseconds(), MaxDriftMS: s.plan.MaxDrift.Milliseconds(),
		Incarnation: p.incarnation, Life: s.nodeDice.Uint64() | 1, Bound: asking,
		Forgotten: p.lost.forgotten(),
	}, saved)
	if err != nil {
		s.fail("EPOCH", "%v cannot start: %v", n, err)
		return
	}
	p.found = &founding{p: p, core: core, bound: highest, asking: asking}
	if m := core.Metadata(); m != nil {
		p.install(m)
	}
	p.found.post(func(*topology.Effects) { core.Learned(list[n.index], n.id) })
	p.found.tick()
}

func (f *founding) tick() {
	s := f.p.sim
	s.after(foundingTick, "founding", f.p, func() {
		f.post(func(out *topology.Effects) {
			if v, ok := f.p.clock.stamp(s.now); ok {
				if f.trusted {
					f.core.Bounded(f.p.clock.bound)
				}
				f.core.Tick(f.p.Now().Mono, v.Time, s.nodeDice.Uint64, out)
			}
		})
		f.tick()
	})
}

// post handles an event, after those before it.
func (f *founding) post(event func(*topology.Effects)) {
	f.queue = append(f.queue, event)
	f.next()
}

func (f *founding) next() {
	if f.busy || len(f.queue) == 0 || f.p.dead {
		return
	}
	f.busy = true
	event := f.queue[0]
	f.queue = f.queue[1:]
	out := new(topology.Effects)
	event(out)
	f.save(out, 0)
}

// save makes the saves durable one by one and then carries out the rest. Where
// one fails, nothing else of the event happens, nor of any event behind it.
func (f *founding) save(out *topology.Effects, i int) {
	s := f.p.sim
	if i == len(out.Saves) {
		f.carry(out)
		return
	}
	w := replica.Write{Kind: replica.System, Key: out.Saves[i].Name, Record: out.Saves[i].Value}
	w.Origin.Done = func(durable bool) {
		if f.killed(&out.Saves[i]) {
			s.mark(markKilledBehindVote)
			s.crashSoon(f.p.node)
			return
		}
		switch {
		case durable:
			s.after(0, "saved", f.p, func() { f.save(out, i+1) })
		case !f.p.commits.broken:
			f.saveLater(out, i) // its disk is full
		}
	}
	if !f.p.Commit([]replica.Write{w}) {
		f.saveLater(out, i)
		return
	}
	if f.killed(&out.Saves[i]) {
		s.mark(markKilledInVote)
		s.after(s.faultDice.between(0, s.plan.Disk.Sync), "kill", f.p, func() { s.crashSoon(f.p.node) })
	}
}

// killed draws whether the process is killed at a save: not at those that come every
// second anyhow.
func (f *founding) killed(save *topology.Save) bool {
	s := f.p.sim
	return !s.calm && s.plan.Faults.KillAtSave > 0 && string(save.Name) != topology.HeardName && s.faultDice.chance(s.plan.Faults.KillAtSave)
}

// saveLater waits while the committer's queue, or the disk, is full. Where the storage has stopped
// no event is handled any more: Core takes for saved what is not.
func (f *founding) saveLater(out *topology.Effects, i int) {
	if f.p.commits.broken {
		return
	}
	f.p.sim.after(foundingTick, "save later", f.p, func() { f.save(out, i) })
}

func (f *founding) carry(out *topology.Effects) {
	if out.Installed != nil {
		f.p.install(out.Installed)
	}
	for i := range out.Sends {
		f.send(&out.Sends[i])
	}
	for i := range out.Replies {
		f.reply(&out.Replies[i])
	}
	for i := range out.Outcomes {
		switch o := &out.Outcomes[i]; to := o.To.(type) {
		case change:
			f.p.sim.check.concluded(f.p.node, o, to)
		case told:
			to(o)
		}
	}
	f.count()
	if why := out.Removed + f.core.Alarm(); why != "" {
		f.p.sim.fail("EPOCH", "%v says: %s", f.p.node, why)
	}
	f.done()
}

// count raises the number of this node's starts above what others have heard, where
// its disk has an older one: no two starts may have one number.
func (f *founding) count() {
	n, told := f.p.node, f.core.ToldIncarnation()
	if told < f.p.incarnation || told <= n.starts {
		return
	}
	w := replica.Write{Kind: replica.System, Key: []byte(startsName), Record: binary.BigEndian.AppendUint64(nil, told)}
	w.Origin.Done = func(durable bool) {
		if durable {
			n.starts = max(n.starts, told)
		}
	}
	f.p.Commit([]replica.Write{w})
}

// startsName is the system value that counts the starts, where it is not as many as
// there were. What it holds is node.starts.
const startsName = "incarnation"

func (f *founding) done() {
	f.busy = false
	f.next()
}

// send hands a message to the link to its node; where that is down it is lost.
func (f *founding) send(m *topology.Send) {
	at, ok := f.p.sim.cluster.Ring.Index(m.To)
	for i := range f.p.links {
		if m.Addr != "" && m.Addr == peerAddress(i) {
			at, ok = i, true
		}
	}
	if !ok || f.p.links[at] == nil {
		return
	}
	l := f.p.links[at]
	box := l.Begin()
	if box == nil {
		return
	}
	box.SetReady(m.Append(box.Ready(), wire.PeerHead{ID: box.NextID(), Epoch: f.p.epoch(), Clock: f.p.Clock()}))
	l.End()
	l.Flush()
}

func (f *founding) reply(r *topology.Reply) {
	c := r.To.(*conn)
	_, buf := c.Begin()
	buf = r.Append(buf, wire.Head{Epoch: f.p.epoch(), Clock: f.p.Clock()})
	c.End(buf)
	c.Flush()
}

// epoch is the epoch that the process acts in; 0: none.
func (p *process) epoch() uint64 {
	if p.cluster == nil {
		return 0
	}
	return uint64(p.cluster.Ring.Epoch())
}

// install makes a process act in an epoch.
func (p *process) install(m *topology.Metadata) {
	s := p.sim
	view, err := m.View()
	if err != nil {
		s.fail("EPOCH", "%v installs metadata without a view: %v", p.node, err)
		return
	}
	s.tracef("%v installs epoch %d of cluster %x", p.node, m.Epoch, m.ClusterID)
	s.check.installed(p.node, m, view)
	if before := p.found.installed; before != nil {
		p.forgetRebuilt(func(id ring.NodeID) bool {
			row, old := m.Rebuild(id), before.Rebuild(id)
			return row != nil && (old == nil || old.Epoch != row.Epoch)
		})
	}
	p.found.installed = m
	p.cluster = &router.Cluster{
		ID: [16]byte(m.ClusterID), Ring: view, Namespaces: namespacesOf(m), AgeLimit: m.AgeLimitMS, MaxDrift: m.MaxDriftMS,
	}
}

// Control implements router.World.
func (p *process) Control(from router.Conn, node ring.NodeID, q *wire.PeerRequest) {
	if p.found == nil {
		return
	}
	own := wire.PeerRequest{PeerHead: q.PeerHead, Document: bytes.Clone(q.Document), Ballot: wire.Ballot{
		Register: bytes.Clone(q.Ballot.Register), Ballot: q.Ballot.Ballot, Value: bytes.Clone(q.Ballot.Value),
	}}
	p.sim.after(p.sim.late(bugLateStatus, time.Second), "control", p, func() {
		p.found.post(func(out *topology.Effects) { p.found.core.Request(from, node, &own, out) })
	})
}

// ControlAnswer implements router.World.
func (p *process) ControlAnswer(from ring.NodeID, a *wire.PeerAnswer) {
	if p.found == nil {
		return
	}
	own := wire.PeerAnswer{Head: a.Head, Error: a.Error, Document: bytes.Clone(a.Document), Vote: a.Vote}
	own.Vote.Value = bytes.Clone(a.Vote.Value)
	p.sim.after(p.sim.late(bugLateStatus, time.Second), "control answer", p, func() {
		p.found.post(func(out *topology.Effects) { p.found.core.Answer(from, &own, out) })
	})
}

// founded says whether every node acts in one epoch, the newest that was chosen.
func (s *Sim) founded() bool {
	for _, n := range s.nodes {
		if n.process == nil || n.process.cluster == nil || n.process.epoch() < s.newest {
			return false
		}
	}
	return true
}

// waiting is what the nodes say that they wait for.
func (s *Sim) waiting() string {
	var all []string
	for _, n := range s.nodes {
		if p := n.process; p != nil && p.found != nil && p.cluster == nil {
			all = append(all, fmt.Sprintf("%v: %s", n, p.found.core.Waiting()))
		}
	}
	return strings.Join(all, "; ")
}
