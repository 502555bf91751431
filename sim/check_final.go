package sim

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/repair"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/wire"
)

// FINAL: all heals, every node starts again, and nothing is asked any more. The
// nodes have to come together by themselves: hints are delivered, replicas compared
// and repaired, until each says that all agree beyond the last write. Then the disks
// have to agree, byte for byte, on what the history allows. Each key is then read at
// ALL, for the sake of the answers.

const (
	// healingTime is how long links may take to come up again.
	healingTime = 15 * time.Second
	// foundingTime is how long the founding of the cluster may take.
	foundingTime = 30 * time.Second
	// rebuildTime is how long it may take until whatever was lost is made up for.
	rebuildTime = 60 * time.Second
	// restTime is how long clients may take to end what they are doing.
	restTime = 20 * time.Second
	// convergenceTime is how long replicas may take to agree, beside the age limit and
	// some comparisons.
	convergenceTime = 60 * time.Second
)

// settleDown ends the run: heal, rest, restart, wait, compare. It stops at the
// first failure.
func (s *Sim) settleDown() {
	s.calmDown()
	if !s.until(restTime, "every client has ended its operation", s.clientsRest) {
		return
	}
	for _, n := range s.nodes {
		s.crash(n, false)
		s.start(n)
	}
	if !s.until(healingTime, "every node reaches every other", s.linksUp) {
		return
	}
	if s.plan.agrees() && !s.until(foundingTime, "every node acts in the newest epoch", s.founded) {
		return
	}
	if !s.until(rebuildTime, "every node is rebuilt that has come back with less than it had told", s.inService) {
		return
	}
	s.run(s.now + 2*time.Second) // the clock bounds are persisted, stragglers arrive
	s.rested = hlc.Make(yearZero+(s.now+time.Second).Milliseconds(), 0)
	if !s.until(2*s.plan.AgeLimit+10*s.plan.Healing.Interval+convergenceTime, "all replicas have proved that they agree, and no hint is left", s.converged) {
		return
	}
	s.checkFinal(true)
	s.readAll()
	if s.failure != nil || !s.until(healingTime, "no request is open", s.nothingOpen) {
		return
	}
	s.checkFinal(false)
	s.check.strays()
	s.check.setFull()
	s.check.unmadeStayUnmade()
	s.scanAll()
}

// converged says whether hint stores are empty, nothing is damaged, and every node says of every
// partition that it has that all replicas agree beyond the last write.
func (s *Sim) converged() bool {
	if slices.ContainsFunc(s.history.keys, func(k *key) bool { return k.damaged >= 0 }) {
		return false
	}
	// Comparisons leave alone what is stamped beyond all proofs.
	if slices.ContainsFunc(s.history.keys, func(k *key) bool { return k.rotten >= 0 && s.nodes[k.rotten].held[k.index].synced.Time <= s.rested }) {
		s.countTrees()
		return false
	}
	for _, n := range s.nodes {
		if n.process == nil || n.process.heal() == nil || n.disk.oldestHint(s, -1) != 0 || n.process.commits.busy {
			return false
		}
		for p := range s.plan.Partitions {
			// Strictly: a hint that was delivered behind the proof has to be compared too.
			if s.cluster.Ring.Owns(p, n.id) && n.process.healing.repair.Strict(p) < s.rested {
				s.countTrees()
				return false
			}
		}
	}
	return true
}

// inService says whether every node serves, and holds all that it has told others.
func (s *Sim) inService() bool {
	return s.wrecked == nil && !slices.ContainsFunc(s.nodes, func(n *node) bool { return n.process == nil || !n.process.Serving() })
}

// countTrees has all nodes count their trees anew, as they do once in a while, unless
// they do: where something has rotted silently a tree may show what is gone, and no
// comparison makes it right.
func (s *Sim) countTrees() {
	for _, n := range s.nodes {
		if s.plan.Disk.Silent > 0 && n.process != nil && n.process.heal() != nil && n.process.healing.repair.Pass(repair.PassOptions{Full: true}) == nil {
			s.mark(markPass)
		}
	}
}

// behind is what the nodes say of what has not converged.
func (s *Sim) behind() string {
	var all []string
	for _, k := range s.history.keys {
		if k.rotten >= 0 {
			n := s.nodes[k.rotten]
			all = append(all, fmt.Sprintf("what rotted of %s on %v, %v, is not made up for", k.name, n, n.held[k.index].lost))
		}
	}
	for _, n := range s.nodes {
		if n.process == nil || n.process.healing == nil || s.rested == 0 {
			continue
		}
		h := n.process.healing
		if oldest := n.disk.oldestHint(s, -1); oldest != 0 {
			refused, more := h.hints.Refused()
			all = append(all, fmt.Sprintf("%v keeps a hint of %v, and %d that were refused: %+v", n, oldest, int64(len(refused))+more, refused))
		}
		if count, at, why := h.repair.Healing(); count > 0 {
			all = append(all, fmt.Sprintf("%v has %d damaged records; key %q waits, as %v %v", n, count, at.Key, why.Node, why.Why))
		}
		for p := range s.plan.Partitions {
			if asOf, blame := h.repair.AsOf(p); s.cluster.Ring.Owns(p, n.id) && h.repair.Strict(p) < s.rested && len(all) < 20 {
				at, _ := s.cluster.Ring.Index(blame.Node)
				all = append(all, fmt.Sprintf("%v: partition %d as of %v, for n%d %v, floor %v", n, p, asOf, at, blame.Why, h.marks.Floor))
			}
		}
	}
	return strings.Join(all, "; ")
}

// checkFinal compares replicas and trees. Where alone is set nothing was read yet:
// what is stamped beyond all proofs, by a clock that was ahead, the replicas need not
// agree on by themselves.
func (s *Sim) checkFinal(alone bool) {
	for _, n := range s.nodes {
		s.check.treesTruth(n)
	}
	for _, k := range s.history.keys {
		young := slices.ContainsFunc(k.owners, func(i int) bool { return s.nodes[i].held[k.index].synced.Time > s.rested })
		if !alone || !young {
			s.check.final(k)
		}
	}
}

// until runs on until a condition holds. If that takes too long, the run has
// failed.
func (s *Sim) until(limit time.Duration, what string, holds func() bool) bool {
	step := min(limit/1000, 100*time.Millisecond)
	for end := s.now + limit; s.failure == nil && !holds(); {
		if s.now >= end {
			s.fail("LIVE", "%v after all faults have ended, this does not hold: %s. %s%s", limit, what, s.waiting(), s.behind())
		}
		s.run(s.now + step)
	}
	return s.failure == nil
}

func (s *Sim) clientsRest() bool {
	for _, c := range s.clients {
		if !c.resting {
			return false
		}
	}
	return true
}

func (s *Sim) linksUp() bool {
	for _, n := range s.nodes {
		if n.process == nil {
			return false
		}
		for _, l := range n.process.links {
			if l != nil && l.state != linkUp {
				return false
			}
		}
	}
	return true
}

func (s *Sim) nothingOpen() bool {
	for _, n := range s.nodes {
		if n.process.router.Open() > 0 || n.process.commits.busy {
			return false
		}
	}
	return true
}

// readAll reads every key at ALL, by one client for each node. A read may fail
// a few times, as connections come up, but not for ever.
func (s *Sim) readAll() {
	next, left := 0, len(s.history.keys)
	var read func(c *client, k *key, tries int)
	more := func(c *client) {
		if next < len(s.history.keys) {
			next++
			read(c, s.history.keys[next-1], 0)
		}
	}
	read = func(c *client, k *key, tries int) {
		o := s.newOperation(wire.OpGet, k.space, k)
		o.client, o.level = c.id, contract.All
		a := &attempt{operations: []*operation{o}, node: s.nodes[c.home], deadline: time.Second, patience: 2 * time.Second}
		c.current = a
		c.after = func() {
			switch {
			case o.acked:
				left--
				more(c)
			case tries == 5:
				s.failKey(k, "LIVE", "all is healed, but %v through %v fails: %s", o, a.node, o.text)
			default:
				s.after(100*time.Millisecond, "read again", nil, func() { read(c, k, tries+1) })
			}
		}
		c.start(a)
	}
	for i := range s.nodes {
		c := s.newClient(1000 + i)
		c.home = i
		more(c)
	}
	s.until(time.Minute, "every key was read at ALL", func() bool { return left == 0 })
}

// final checks the replicas of one key. What is dead below a watermark counts as
// absent.
func (c *checker) final(k *key) {
	s := c.s
	s.fig.Finals++
	var best *operation
	var first []byte
	gone := k.purged // the highest version that counts as absent
	for j, i := range k.owners {
		n := s.nodes[i]
		rec := n.disk.synced(k)
		if v := n.held[k.index].synced; c.dead(k, rec) {
			if rec = nil; gone.Less(v) {
				gone = v
			}
		}
		if j == 0 {
			first = rec
		}
		if !bytes.Equal(rec, first) {
			s.failKey(k, "FINAL", "(1) replicas differ after all have healed: %v holds %s, %v holds %s", s.nodes[k.owners[0]], dump(first), n, dump(rec))
			return
		}
		if rec == nil {
			continue
		}
		w := s.written(k, rec)
		switch {
		case w == nil || w.key != k:
			s.failKey(k, "FINAL", "(4) fabricated: %s", dump(rec))
			return
		case w.class == none && !w.doubled || w.voided:
			s.failKey(k, "FINAL", "(3) ghost: %v had no effect, but stands", w)
		case !bytes.Equal(rec, w.record()):
			s.failKey(k, "FINAL", "(3) the record of %v is not what was written: %x", w, rec)
		}
		if best == nil || best.version.Less(w.version) {
			best = w
		}
	}
	c.notLost(k, best, gone)
}

// notLost checks that what stands in the end is at least the highest write that
// was acknowledged, or nothing because a delete or expiry above that lies below the
// watermark. A record that was healed to less is a copy that was lost.
func (c *checker) notLost(k *key, best *operation, gone hlc.Version) {
	for _, o := range k.operations {
		if !o.writes() || o.class != done || c.excused(o) || best != nil && !best.version.Less(o.version) {
			continue
		}
		if best != nil || gone.Less(o.version) {
			c.s.failKey(k, "FINAL", "(2) acked lost: %v was acknowledged, but the best replica holds less", o)
			return
		}
	}
}

// strays checks that no node holds what it does not own, or what nobody wrote.
func (c *checker) strays() {
	lo, hi := storage.RecordRange(0, ^uint64(0))
	for _, n := range c.s.nodes {
		err := n.disk.engine.Scan(lo, hi, func(stored, rec []byte) bool {
			_, namespace, name, err := storage.ParseRecordKey(stored)
			k := c.s.history.find(namespace, name)
			if err != nil || k == nil {
				c.s.fail("FINAL", "(4) %v holds key %q, which nobody wrote", n, name)
				return false
			}
			for _, i := range k.owners {
				if i == n.index {
					return true
				}
			}
			c.s.failKey(k, "FINAL", "(4) %v holds it, but is no natural replica", n)
			return false
		})
		if err != nil {
			c.s.fail("FINAL", "the disk of %v cannot be read: %v", n, err)
		}
	}
}

// setFull checks the elements: each was written once and never deleted.
func (c *checker) setFull() {
	s := c.s
	for _, k := range s.history.keys {
		if !k.element {
			continue
		}
		add := k.operations[0]
		there := slices.ContainsFunc(k.owners, func(i int) bool { return s.nodes[i].disk.synced(k) != nil })
		switch {
		case add.class == done && !there && !s.check.excused(add):
			s.failKey(k, "SETFULL", "lost: %v was acknowledged and is absent at the end", add)
		case add.class == none && there && (!add.doubled || add.voided):
			s.failKey(k, "SETFULL", "ghost: %v had no effect and is there at the end", add)
		case add.class == doubt && there:
			s.fig.Recovered++
		}
	}
}

// scanAll walks the whole of every namespace by SCAN, through every node, at one
// level after the other. All replicas agree by now, so each walk has to show
// exactly the live keys.
func (s *Sim) scanAll() {
	levels := []contract.Level{contract.One, contract.Quorum, contract.All}
	for i, n := range s.nodes {
		for j, sp := range s.spaces {
			if s.failure == nil {
				s.scanOnce(n, sp, levels[(i+j)%len(levels)])
			}
		}
	}
}

// scanOnce walks a namespace through a node.
func (s *Sim) scanOnce(n *node, sp *space, level contract.Level) {
	c := s.newClient(2000 + n.index)
	c.home = n.index
	o := s.newOperation(wire.OpScan, sp, nil)
	o.client, o.level, o.walk = c.id, level, &walk{o: o}
	shown, pages, ended := 0, 0, false
	var page func()
	page = func() {
		before := o.walk.pages
		a := &attempt{operations: []*operation{o}, node: n, deadline: time.Second, patience: 2 * time.Second}
		c.current = a
		c.after = func() {
			if o.walk.pages > pages {
				shown, pages = shown+o.walk.items, o.walk.pages
			}
			switch {
			case o.walk.pages == before && o.tries == 60:
				s.fail("LIVE", "all is healed, but a scan of %s through %v fails: %s", sp.Name, n, o.text)
			case o.walk.ended:
				ended = true
			default:
				s.after(time.Duration(o.tries)*20*time.Millisecond, "next page", nil, page)
			}
		}
		o.tries++
		c.start(a)
	}
	page()
	if !s.until(time.Minute, "a whole scan ends", func() bool { return ended }) {
		return
	}
	if want := s.liveKeys(sp); shown != want {
		s.fail("SCAN", "a whole scan of %s at level %v through %v shows %d keys of %d", sp.Name, level, n, shown, want)
	}
}

// liveKeys is how many keys of a namespace have a value that never expires.
func (s *Sim) liveKeys(sp *space) int {
	n := 0
	for _, k := range s.history.keys {
		rec := s.nodes[k.owners[0]].disk.synced(k)
		if r, err := record.Parse(rec); err == nil && k.space == sp && !r.Tombstone && r.ExpiresAt == 0 {
			n++
		}
	}
	return n
}
