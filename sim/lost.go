package sim

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/repair"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/topology"
)

// lost is what a process may hold less of than it has told others, and what is done
// about it. It is the shell around repair.Situation that the node has: nothing is
// served before it is known what was told; what is in doubt goes into quarantine,
// durably; an epoch says that it is rebuilt; repair.Core does that; another epoch ends
// it. Each step can be taken again, so a crash in between does no harm.
type lost struct {
	p        *process
	admitted bool // it may serve what is not in quarantine
	missing  storage.Missing
	plan     repair.Plan   // as saved
	swept    uint64        // the generation of distrust for which all went into quarantine
	unsaved  bool          // swept is not saved yet: hints that go with it are still there
	busy     bool          // something is being saved
	propose  time.Duration // no epoch is proposed before
	from     uint64        // as repair.Core knows it
}

// System values. A renewed database has none that is named so.
const (
	planName  = "storage.rebuild"     // generation and epoch, 8 bytes each, big-endian
	sweptName = "storage.quarantined" // 8 bytes, big-endian
)

const (
	// rebuildPropose is how long a proposal is waited for, rebuildRetry how long after
	// one that failed the next is made.
	rebuildPropose = 20 * time.Second
	rebuildRetry   = 500 * time.Millisecond
)

// newLost reads what is known to be missing and to be under way.
func newLost(p *process) *lost {
	l := &lost{p: p, admitted: p.distrusted() == 0 && !p.sim.plan.agrees()}
	d := &p.node.disk
	if v, ok := d.engine.Synced(storage.SystemKey(storage.MissingName)); ok {
		missing, err := storage.ParseMissing(v)
		if err != nil {
			p.sim.fail("STORE", "%v cannot read what is missing: %v", p.node, err)
		}
		l.missing = missing
	}
	if v, ok := d.engine.Synced(storage.SystemKey(planName)); ok && len(v) == 16 {
		l.plan = repair.Plan{Generation: binary.BigEndian.Uint64(v), After: binary.BigEndian.Uint64(v[8:])}
	}
	if v, ok := d.engine.Synced(storage.SystemKey(sweptName)); ok && len(v) == 8 {
		l.swept = binary.BigEndian.Uint64(v)
	}
	return l
}

// forgotten says why the process may not remember all that it has promised; "": it
// does.
func (l *lost) forgotten() string {
	if l.missing.System {
		return "this node has lost what it had promised, with its database"
	}
	return ""
}

// missed are the own partitions of which something is missing.
func (l *lost) missed() (partitions []int) {
	s := l.p.sim
	for p := range s.plan.Partitions {
		if (l.missing.System || l.overlaps(s.tokensOf(p))) && s.cluster.Ring.Owns(p, l.p.node.id) {
			partitions = append(partitions, p)
		}
	}
	return partitions
}

// overlaps says whether something of these tokens is missing.
func (l *lost) overlaps(r storage.TokenRange) bool {
	return slices.ContainsFunc(l.missing.Tokens, func(m storage.TokenRange) bool { return m.First <= r.Last && r.First <= m.Last })
}

// tokensOf are the tokens of a partition.
func (s *Sim) tokensOf(partition int) storage.TokenRange {
	first := s.firstToken(partition)
	return storage.TokenRange{First: first, Last: first + (1<<(64-s.cluster.Ring.Bits()) - 1)}
}

// step does what is due.
func (l *lost) step() {
	p := l.p
	if p.cluster == nil || l.busy || p.commits.broken {
		return
	}
	distrust := p.distrusted()
	if distrust != 0 && distrust != l.swept {
		l.quarantineAll(distrust)
		return
	}
	if l.keepSwept(); l.busy {
		return
	}
	if !l.admitted && !p.asking() {
		l.admitted = true
		p.sim.check.admitted(p)
	}
	if l.admitted && !l.unsaved {
		l.rebuild(distrust)
	}
}

// keepSwept saves for what all went into quarantine, once the hints that were dropped
// are gone: they are erased behind everything else.
func (l *lost) keepSwept() {
	h := l.p.heal()
	if !l.unsaved || slices.ContainsFunc(l.p.sim.nodes, func(n *node) bool { return h.hints.Count(n.id) > 0 }) {
		return
	}
	l.save(func() { l.unsaved = false }, topology.Save{Name: []byte(sweptName), Value: binary.BigEndian.AppendUint64(nil, l.swept)})
}

// quarantineAll takes all partitions out of service, as this node has come back with
// less than it has told others. Its hints may lie below what was said of them: they go.
func (l *lost) quarantineAll(distrust uint64) {
	s, h := l.p.sim, l.p.heal()
	swept := func() {
		for _, n := range s.nodes {
			h.hints.Drop(h.now(), n.id)
		}
		l.swept, l.unsaved = distrust, true
	}
	l.savePlan(repair.Plan{}, func() {
		var all []replica.Write
		for p := range s.plan.Partitions {
			if s.cluster.Ring.Owns(p, l.p.node.id) {
				all = append(all, replica.Write{Kind: replica.Quarantine, Token: s.firstToken(p)})
			}
		}
		if len(all) == 0 {
			swept()
			return
		}
		l.busy = true
		// Those before the last are durable then, too.
		all[len(all)-1].Origin.Result = func(r replica.Result) {
			if l.busy = false; r.Code == contract.OK {
				s.mark(markQuarantined)
				swept()
			}
		}
		if !l.p.Commit(all) {
			l.busy = false
		}
	})
}

// save makes system values durable one after the other, and then goes on. Where that
// fails the process has stopped.
func (l *lost) save(then func(), saves ...topology.Save) {
	if l.busy = len(saves) > 0; !l.busy {
		then()
		return
	}
	w := replica.Write{Kind: replica.System, Key: saves[0].Name, Record: saves[0].Value}
	w.Origin.Done = func(durable bool) {
		if durable {
			l.p.sim.after(0, "saved", l.p, func() { l.save(then, saves[1:]...) })
		}
	}
	if !l.p.Commit([]replica.Write{w}) {
		l.p.sim.after(foundingTick, "save later", l.p, func() { l.save(then, saves...) })
	}
}

func (l *lost) savePlan(plan repair.Plan, then func()) {
	v := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, plan.Generation), plan.After)
	l.save(func() { l.plan = plan; then() }, topology.Save{Name: []byte(planName), Value: v})
}

// rebuild does the next thing that the rebuild of this node needs of its cluster.
func (l *lost) rebuild(distrust uint64) {
	p, named := l.p, l.p.named()
	partitions, owned := l.quarantined()
	if l.clear(len(partitions)); len(partitions) == 0 && distrust == 0 && named == (repair.Plan{}) && l.plan == (repair.Plan{}) {
		p.sim.rebuilt(p.node)
		return
	}
	now := repair.Situation{Quarantined: len(partitions) > 0, Plan: l.plan, Epoch: p.epoch(), Distrust: distrust, Named: named}
	move, plan := now.Next(p.sim.healDice.Uint64() | 1)
	from := uint64(0)
	switch move {
	case repair.Save:
		l.savePlan(plan, func() {})
	case repair.Begin:
		if len(partitions) == owned {
			partitions = nil // all
		}
		l.proposeOne(repair.Begin, plan.Generation, partitions)
	case repair.Go:
		from = plan.After
	case repair.End:
		l.proposeOne(repair.End, plan.Generation, nil)
	}
	if from != l.from {
		l.from = from
		p.heal().post(func(*repair.Effects) { p.healing.repair.Rebuild(from) })
	}
}

// quarantined are the own partitions in quarantine, and how many own ones there are.
func (l *lost) quarantined() (partitions []uint16, owned int) {
	s, marks := l.p.sim, l.p.heal().marks
	for p := range s.plan.Partitions {
		if s.cluster.Ring.Owns(p, l.p.node.id) {
			if owned++; marks.Partition(p).Quarantined {
				partitions = append(partitions, uint16(p))
			}
		}
	}
	return partitions, owned
}

// clear notes that nothing is missing any more.
func (l *lost) clear(left int) {
	if left == 0 && !l.missing.None() && !l.busy {
		l.save(func() { l.missing = storage.Missing{} }, topology.Save{Name: []byte(storage.MissingName), Value: storage.Missing{}.Encode()})
	}
}

// without are the writes that go with the release of a partition: it is missing no
// more. If they come to nothing, refused makes it missing again.
func (l *lost) without(partition int) (writes []replica.Write, refused func()) {
	back := l.p.sim.tokensOf(partition)
	if !l.overlaps(back) {
		return nil, func() {}
	}
	l.missing = l.missing.Without(back)
	return []replica.Write{{
		Kind: replica.System, Key: []byte(storage.MissingName), Record: l.missing.Encode(), Origin: replica.Origin{Done: func(bool) {}},
	}}, func() { l.missing = l.missing.Add(storage.Damage{Part: storage.Records, Tokens: back}) }
}

// proposeOne has an epoch decided that begins or ends the rebuild, unless the last
// proposal was made just now.
func (l *lost) proposeOne(move repair.Move, generation uint64, partitions []uint16) {
	p, s := l.p, l.p.sim
	if s.now < l.propose {
		return
	}
	l.propose = s.now + rebuildPropose
	s.tracef("%v proposes an epoch for its rebuild: generation %x begins %v", p.node, generation, move == repair.Begin)
	if p.found == nil {
		s.after(s.healDice.exponential(50*time.Millisecond), "rebuild epoch", p, func() {
			l.propose = s.now
			s.giveRebuild(p, move, generation)
		})
		return
	}
	change := topology.EndRebuild(p.node.id, generation)
	if move == repair.Begin {
		change = topology.StartRebuild(p.node.id, generation, partitions)
	}
	p.found.post(func(out *topology.Effects) {
		p.found.core.Propose(p.Now().Mono, told(func(*topology.Outcome) { l.propose = s.now + rebuildRetry }), change, out)
	})
}
