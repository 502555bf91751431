package repair

import (
	"errors"
	"fmt"
	"slices"

	"github.com/candordb/candor/ring"
)

// ErrPass is returned by Pass while another pass is under way, and for a
// partition that this node does not replicate.
var ErrPass = errors.New("repair: this pass cannot begin")

// PassOptions say what an operator wants.
type PassOptions struct {
	Partitions []int // that this node replicates; nil: all of them
	Full       bool  // first count the trees anew from storage, every record read and checked
	Preview    bool  // compare only: nothing moves, and nothing is proved where something differs
}

// Progress is how far a pass has come.
type Progress struct {
	Running, Stopped bool
	Partitions, Done int
	Records, Bytes   uint64 // read by counting anew
	Differing, Fixed uint64 // keys
	Failed           uint64 // exchanges that failed and were or will be tried again
	Waiting          []Wait // what is not done, the first WaitsMax
	Left             []Left // what is not done, all of it, counted
	// Without are partitions that wait for nothing but replicas that cannot be
	// reached: with the others they are done.
	Without int
}

// WaitsMax is how many Waits a Progress has at most.
const WaitsMax = 16

// Wait is a partition whose exchange with another replica is not done, and why.
type Wait struct {
	Partition int
	With      ring.NodeID // zero: this node itself
	Why       Reason      // None: it is under way or waits for its turn
}

// Left counts the partitions whose exchange with another replica is not done, by
// that replica and why.
type Left struct {
	With       ring.NodeID // zero: this node itself
	Why        Reason      // as of a Wait
	Partitions int
}

// pass is an operator's wish: every partition is counted anew if it is to be full,
// then exchanged with each of its other replicas, whoever of the two begins in the
// schedule.
type pass struct {
	o        PassOptions
	progress Progress
	todo     []*task
}

// task is one partition of a pass.
type task struct {
	partition int
	recount   Reason // Counting: under way; NotYet: to begin; None: done or not wanted
	due       int64  // not counted again before
	fails     int    // of counting
	with      []taskPair
}

// taskPair is one exchange of a task.
type taskPair struct {
	id   ring.NodeID
	done bool
	why  Reason
	due  int64
	fail int
}

// Pass begins a pass over partitions of this node. Its error wraps ErrPass.
func (c *Core) Pass(o PassOptions) error {
	c.follow()
	if c.pass != nil && c.pass.progress.Running {
		return fmt.Errorf("%w: another is under way; wait for it or cancel it", ErrPass)
	}
	if o.Partitions == nil {
		for _, p := range c.parts {
			o.Partitions = append(o.Partitions, p.partition)
		}
	}
	ps := &pass{o: o}
	for _, partition := range o.Partitions {
		p := c.part(partition)
		if p == nil {
			return fmt.Errorf("%w: this node does not replicate partition %d", ErrPass, partition)
		}
		ps.todo = append(ps.todo, c.newTask(p, o.Full))
	}
	ps.progress = Progress{Running: len(ps.todo) > 0, Partitions: len(ps.todo)}
	c.pass = ps
	return nil
}

func (c *Core) newTask(p *part, full bool) *task {
	t := &task{partition: p.partition}
	if full {
		t.recount = NotYet
	}
	for _, x := range p.pairs {
		t.with = append(t.with, taskPair{id: x.with})
	}
	return t
}

// CancelPass ends the pass; what it has done stays done.
func (c *Core) CancelPass() {
	if c.pass == nil || !c.pass.progress.Running {
		return
	}
	ps := c.pass
	ps.progress.Running, ps.progress.Stopped, ps.todo = false, true, nil
	c.stop(func(e *exchange) bool { return e.pass == ps }, Stopped)
}

// PassProgress is how far the last pass has come; false if there was none since
// the start.
func (c *Core) PassProgress() (Progress, bool) {
	if c.pass == nil {
		return Progress{}, false
	}
	progress := c.pass.progress
	for _, t := range c.pass.todo {
		progress.todo(t, c.local.Reachable)
	}
	return progress, true
}

// todo adds what is not done of a task.
func (p *Progress) todo(t *task, reachable func(ring.NodeID) bool) {
	without := true
	wait := func(w Wait) {
		without = without && w.Why == Unreachable
		if len(p.Waiting) < WaitsMax {
			p.Waiting = append(p.Waiting, w)
		}
		i := slices.IndexFunc(p.Left, func(l Left) bool { return l.With == w.With && l.Why == w.Why })
		if i < 0 {
			i, p.Left = len(p.Left), append(p.Left, Left{With: w.With, Why: w.Why})
		}
		p.Left[i].Partitions++
	}
	switch {
	case t.recount == NotYet && t.fails > 0:
		wait(Wait{Partition: t.partition, Why: Damaged})
	case t.recount != None:
		wait(Wait{Partition: t.partition, Why: t.recount})
	}
	for _, x := range t.with {
		switch {
		case x.done:
		case !reachable(x.id):
			wait(Wait{t.partition, x.id, Unreachable})
		default:
			wait(Wait{t.partition, x.id, x.why})
		}
	}
	if without && slices.ContainsFunc(t.with, func(x taskPair) bool { return !x.done }) {
		p.Without++
	}
}

// passOn begins what the pass can begin now, and ends what is done.
func (c *Core) passOn(out *Effects) {
	ps := c.pass
	if ps == nil || !ps.progress.Running || c.now < c.paused {
		return
	}
	ps.todo = slices.DeleteFunc(ps.todo, func(t *task) bool {
		done := t.recount == None && !slices.ContainsFunc(t.with, func(x taskPair) bool { return !x.done })
		if done {
			ps.progress.Done++
		}
		return done
	})
	ps.progress.Running = len(ps.todo) > 0
	counting := slices.ContainsFunc(ps.todo, func(t *task) bool { return t.recount == Counting })
	for _, t := range slices.Clone(ps.todo) {
		if t.recount == NotYet && !counting && c.now >= t.due {
			t.recount, counting = Counting, true
			out.Recounts = append(out.Recounts, t.partition)
		}
		for i := range t.with {
			x := &t.with[i]
			peer := c.peer(x.id)
			if t.recount != None || x.done || c.now < x.due || !c.room(peer) || c.exchangeOf(x.id, t.partition) != nil {
				continue
			}
			c.start(&exchange{part: c.part(t.partition), peer: peer, pass: ps}, out)
		}
	}
}

// recounted ends the counting of a partition. One that failed is tried again.
func (c *Core) recounted(partition int, ok bool, records, bytes uint64) {
	if c.pass == nil {
		return
	}
	for _, t := range c.pass.todo {
		if t.partition == partition && t.recount == Counting {
			c.pass.progress.Records += records
			c.pass.progress.Bytes += bytes
			if t.recount = None; !ok {
				t.recount, t.due = NotYet, c.now+backoff(t.fails)
				t.fails++
			}
		}
	}
}

// note counts, for its pass, an exchange that has ended.
func (c *Core) note(e *exchange, reason Reason) {
	if e.pass == nil || e.pass != c.pass {
		return
	}
	ps := e.pass
	ps.progress.Differing += e.differing
	ps.progress.Fixed += e.fixed
	for _, t := range ps.todo {
		if t.partition != e.part.partition {
			continue
		}
		for i := range t.with {
			if x := &t.with[i]; x.id == e.peer.id {
				x.done, x.why = reason == None, reason
				if reason != None {
					ps.progress.Failed++
					x.due = c.now + backoff(x.fail)
					x.fail++
				}
			}
		}
	}
}

// passFollows takes a pass into a new epoch: partitions that this node does not
// replicate any more fall out, those whose replicas changed begin anew.
func (c *Core) passFollows() {
	if c.pass == nil || !c.pass.progress.Running {
		return
	}
	kept := c.pass.todo[:0]
	for _, t := range c.pass.todo {
		p := c.part(t.partition)
		if p == nil {
			c.pass.progress.Partitions--
			continue
		}
		fresh := c.newTask(p, false)
		fresh.recount = t.recount
		kept = append(kept, fresh)
	}
	c.pass.todo = kept
}
