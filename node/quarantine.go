package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hinted"
	"github.com/candordb/candor/repair"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/topology"
)

// lost is what this node may hold less of than it has told others, and what is done
// about it: nothing is served before the members have said what they heard of it;
// what is in doubt goes into quarantine, durably; an epoch says that it is rebuilt;
// package repair does that; another epoch ends it. Each step can be taken again, so a
// restart goes on.
type lost struct {
	node *Node
	// admitted: this node may serve what is not in quarantine.
	admitted atomic.Bool

	mu      sync.Mutex // guards what follows
	missing storage.Missing
	plan    repair.Plan // as saved
	owed    uint64      // the last epoch known here that gives up copies of this node's
	paid    uint64      // the last for which these went into quarantine, as saved
	swept   uint64      // the generation of distrust for which all went into quarantine
	unsaved bool        // swept is not saved yet: hints that go with it are still there
	of      int         // partitions that were in quarantine at most since they were none
	waiting string      // why the epoch that begins or ends it is not there
	failed  uint64      // the epoch in which that was so

	// of the goroutine of run
	from    uint64 // as the Core of repair knows it
	epoch   uint64 // likewise, that of the losses
	told    time.Time
	propose time.Time // not before
	since   time.Time // when the quarantine was noticed; zero: there is none
}

// System values, each of a version byte and 8 bytes. A renewed database has none of
// them (storage.Dir.Renew leaves out what is named so): what was planned before says
// nothing of what is missing since.
const (
	planName      = "storage.rebuild"
	planAfterName = "storage.rebuild.after"
	sweptName     = "storage.quarantined"
	paidName      = "storage.given_up"
	lostVersion   = 1

	metadataName = topology.MetadataName
)

const (
	lostTick = 100 * time.Millisecond
	// lostPropose is how long a proposal is waited for, lostRetry how long after one
	// that failed the next is made.
	lostPropose = 20 * time.Second
	lostRetry   = 2 * time.Second
)

// run looks after what is lost until ctx ends.
func (l *lost) run(ctx context.Context) error {
	return every(ctx, lostTick, func() {
		if st := l.node.state.Load(); st != nil && l.node.engine.Err() == nil {
			l.step(ctx, st)
		}
	})
}

func (l *lost) step(ctx context.Context, st *state) {
	c := l.node.control
	// In this order: the control goroutine says that it asks no more only when it has
	// drawn the generation that follows from the answers.
	asking, distrust := c.asking.Load(), c.distrust.Load()
	if distrust != 0 && distrust != l.sweptFor() && !l.quarantineAll(ctx, st, distrust) {
		return
	}
	if !l.keepSwept(ctx, st) || !l.payUp(ctx, st) {
		return
	}
	if !asking && l.admit() {
		l.node.admin.Changed()
	}
	// Not before the old hints are gone: the epoch that begins it ends the distrust.
	if l.admitted.Load() && !l.sweeping() {
		l.rebuild(ctx, st, distrust)
	}
}

func (l *lost) sweptFor() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.swept
}

// sweeping says whether hints that were dropped are still there.
func (l *lost) sweeping() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unsaved
}

// quarantineAll takes all partitions out of service, as this node has come back with
// less than it has told others. Hints of an older copy are dropped: they may lie below
// what was said of them.
func (l *lost) quarantineAll(ctx context.Context, st *state, distrust uint64) bool {
	view := st.cluster.Ring
	if !l.savePlan(ctx, repair.Plan{}) {
		return false
	}
	if !l.isolate(ctx, l.node.owned(view)) {
		return false
	}
	l.node.hints.with(func(h *hinted.Core) {
		for _, m := range view.Members() {
			h.Drop(l.node.hints.now(), m.ID)
		}
	})
	l.node.log.Warn("hints that this node kept are dropped, as they may be older than what was said of them; the rebuild begins when they are gone")
	l.mu.Lock()
	l.swept, l.unsaved = distrust, true
	l.mu.Unlock()
	return true
}

// keepSwept saves for what all went into quarantine, once the hints that were dropped
// are gone: they are erased behind everything else, and a restart in between has to
// drop the rest. Else its targets would refuse them for ever. False: it could not be saved.
func (l *lost) keepSwept(ctx context.Context, st *state) bool {
	l.mu.Lock()
	swept, unsaved := l.swept, l.unsaved
	l.mu.Unlock()
	if !unsaved {
		return true
	}
	for _, m := range st.cluster.Ring.Members() {
		if l.node.HintsFor(m.ID) > 0 {
			return true // not yet
		}
	}
	if !l.saveUint(ctx, sweptName, swept) {
		return false
	}
	l.mu.Lock()
	l.unsaved = false
	l.mu.Unlock()
	return true
}

// isolate puts partitions into quarantine, durably.
func (l *lost) isolate(ctx context.Context, partitions []int) bool {
	for i, p := range partitions {
		w := replica.Write{Kind: replica.Quarantine, Token: l.node.tokenOf(p)}
		if i < len(partitions)-1 {
			if !l.node.control.submit(ctx, w) {
				return false
			}
		} else if l.node.commitOne(ctx, w) != contract.OK { // those before it are durable then, too
			return false
		}
	}
	return true
}

func (l *lost) savePlan(ctx context.Context, p repair.Plan) bool {
	// The plan counts only with its generation, which is written last, or first where
	// there is none any more.
	ok := p.Generation != 0 || l.saveUint(ctx, planName, 0)
	if ok = ok && l.saveUint(ctx, planAfterName, p.After) && l.saveUint(ctx, planName, p.Generation); ok {
		l.mu.Lock()
		l.plan = p
		l.mu.Unlock()
	}
	return ok
}

func (l *lost) saveUint(ctx context.Context, name string, v uint64) bool {
	return l.node.control.save(ctx, []topology.Save{{Name: []byte(name), Value: uintValue(lostVersion, v)}})
}

// rebuild does the next thing that the rebuild of this node needs of its cluster.
func (l *lost) rebuild(ctx context.Context, st *state, distrust uint64) {
	partitions, owned := l.quarantined(st.cluster.Ring)
	l.note(ctx, len(partitions))
	l.mu.Lock()
	s := repair.Situation{
		Quarantined: len(partitions) > 0, Plan: l.plan, Epoch: uint64(st.cluster.Ring.Epoch()), Distrust: distrust, Named: l.node.planOf(st),
	}
	paid := l.paid
	move, plan := s.Next(someNumber())
	if move != repair.Begin && move != repair.End || s.Epoch != l.failed {
		l.waiting = "" // it moves, or it was an epoch ago that it did not
	}
	l.mu.Unlock()
	from := uint64(0)
	switch move {
	case repair.Save:
		l.savePlan(ctx, plan)
	case repair.Begin:
		rows := partitions
		if len(rows) == owned {
			rows = nil // all
		}
		l.proposeOne(ctx, "begins", topology.BehindLosses(l.node.id, paid, topology.StartRebuild(l.node.id, plan.Generation, rows)))
	case repair.Go:
		from = plan.After
	case repair.End:
		l.proposeOne(ctx, "ends", topology.EndRebuild(l.node.id, plan.Generation))
	}
	epoch := uint64(st.cluster.Ring.Epoch())
	if now := time.Now(); from != l.from || epoch != l.epoch || now.Sub(l.told) > time.Second {
		l.from, l.epoch, l.told = from, epoch, now
		losses, generation := lossesOf(st.meta), uint64(0)
		if from != 0 {
			generation = s.Named.Generation
		}
		r := l.node.repair
		r.post(func(*repair.Effects) {
			r.core.Rebuild(from)
			r.core.Accept(epoch, losses, generation)
		})
	}
}

// quarantined are the own partitions in quarantine, and how many own ones there are.
func (l *lost) quarantined(view *ring.View) (partitions []uint16, owned int) {
	marks := l.node.marks.Load()
	for p := range view.Q() {
		if view.Owns(p, l.node.id) {
			if owned++; marks.Partition(p).Quarantined {
				partitions = append(partitions, uint16(p))
			}
		}
	}
	return partitions, owned
}

// proposeOne proposes an epoch, unless the last one failed just now.
func (l *lost) proposeOne(ctx context.Context, what string, change topology.Change) {
	if time.Now().Before(l.propose) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lostPropose)
	defer cancel()
	epoch, err := l.node.Propose(ctx, change)
	l.propose = time.Now().Add(lostRetry)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting = ""; errors.Is(err, topology.ErrOutrun) {
		l.propose = time.Time{} // it may be what was waited for; else it is proposed again on top of that
		return
	}
	if err != nil {
		l.waiting, l.failed = fmt.Sprintf("the epoch that %s the rebuild: %v", what, err), l.node.Epoch()
		l.node.log.Warn("the epoch that "+what+" the rebuild of this node is not decided yet", "error", err)
		return
	}
	l.node.log.Info("an epoch "+what+" the rebuild of this node", "epoch", epoch)
}

// note logs how far it is, and clears what is missing when nothing is any more.
func (l *lost) note(ctx context.Context, left int) {
	l.mu.Lock()
	l.of = max(l.of, left)
	of, missing := l.of, l.missing
	if left == 0 {
		l.of = 0
	}
	l.mu.Unlock()
	switch {
	case left > 0 && l.since.IsZero():
		l.since = time.Now()
		l.node.log.Error("partitions are in quarantine: they neither serve nor vote until they are rebuilt from the other replicas", "partitions", left, "why", l.why())
	case left == 0 && !l.since.IsZero():
		l.node.log.Info("all partitions are rebuilt and back in service", "partitions", of, "took", time.Since(l.since).Round(time.Millisecond).String())
		l.since = time.Time{}
		l.node.admin.Changed()
	}
	if left == 0 && !missing.None() {
		if l.node.control.save(ctx, []topology.Save{{Name: []byte(storage.MissingName), Value: storage.Missing{}.Encode()}}) {
			l.mu.Lock()
			l.missing = storage.Missing{}
			l.mu.Unlock()
		}
	}
}

// without are the writes that go with the release of a partition: it is missing no
// more. If they come to nothing, refused makes it missing again: what is left is saved
// with the next release, and when none is.
func (l *lost) without(partition int) (writes []replica.Write, refused func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.node.Cluster()
	if c == nil || !l.overlaps(c.Ring, partition) {
		return nil, func() {}
	}
	back := tokensOf(c.Ring, partition)
	l.missing = l.missing.Without(back)
	return []replica.Write{{Kind: replica.System, Key: []byte(storage.MissingName), Record: l.missing.Encode()}}, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.missing = l.missing.Add(storage.Damage{Part: storage.Records, Tokens: back})
	}
}

// waits says why nothing is served yet; "": it is.
func (l *lost) waits() string {
	if l.admitted.Load() {
		return ""
	}
	if l.owes() {
		return "an operator has given up copies of this node, which go into quarantine"
	}
	who := ""
	if p := l.node.control.silent.Load(); p != nil {
		who = ", no answer yet from " + *p
	}
	return "this node asks the others what it has told them before its start" + who
}

// why says why partitions are in quarantine.
func (l *lost) why() string {
	if p := l.node.control.behind.Load(); p != nil {
		return *p
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.missing.None() {
		return "the database was lost or damaged; missing: " + l.missing.String()
	}
	return "this node has come back with less than it has told others"
}

// quarantineState is what others may know of all that.
type quarantineState struct {
	Partitions []int // own ones in quarantine, rising
	Why        string
	Rebuilt    int // of those that were in quarantine at first
	Of         int
	Waiting    string // what the rebuild waits for; "": it goes on
	Rebuilding []repair.Rebuilt
}

// quarantine is a reading; false before there is an epoch.
func (n *Node) quarantine() (q quarantineState, known bool) {
	c, v := n.Cluster(), n.repair.seen.Load()
	if c == nil || n.marks.Load() == nil {
		return q, false
	}
	rows, _ := n.lost.quarantined(c.Ring)
	if len(rows) == 0 {
		return q, true
	}
	for _, p := range rows {
		q.Partitions = append(q.Partitions, int(p))
	}
	q.Why = n.lost.why()
	n.lost.mu.Lock()
	q.Of, q.Waiting = max(n.lost.of, len(rows)), n.lost.waiting
	n.lost.mu.Unlock()
	q.Rebuilt = q.Of - len(rows)
	if v == nil {
		return q, true
	}
	q.Rebuilding = v.rebuilding
	if r, waits := repair.Waiting(v.rebuilding); waits && q.Waiting == "" {
		q.Waiting = fmt.Sprintf("partition %d: %s %v", r.Partition, n.nameOf(r.Why.Node), r.Why.Why)
	}
	return q, true
}

// nameOf is the name of a member.
func (n *Node) nameOf(id ring.NodeID) string {
	if c := n.Cluster(); c != nil {
		if i, ok := c.Ring.Index(id); ok {
			return c.Ring.Member(i).Name
		}
	}
	return id.String()
}

// forgetRebuilt takes back what was proved with the members whose rebuild begins with
// an epoch, before this node acts on it.
func (n *Node) forgetRebuilt(m *topology.Metadata) {
	n.lost.owe(m)
	before := n.state.Load()
	if before == nil {
		return // nothing is proved yet
	}
	for _, row := range m.Rebuilds {
		id := ring.NodeID(row.Node)
		if old := before.meta.Rebuild(id); id == n.id || old != nil && old.Epoch == row.Epoch {
			continue
		}
		n.log.Warn("a member is being rebuilt from the others", "member", n.nameOf(id), "epoch", row.Epoch)
		n.repair.ask(n.ctx, func(c *repair.Core) { c.Forget(id) })
	}
}
