package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/model"
	"github.com/candordb/candor/stored"
	"github.com/candordb/candor/traitor"
)

// disk is what a node keeps over its crashes: the engine, and how slow it is
// now.
type disk struct {
	engine      *model.Engine
	stalledTill time.Duration
	scratch     []byte
	voided      bool // it has, or had, a note of a version that was given up
}

// The disk is a replica.Store.

func (d *disk) Record(token uint64, namespace uint32, key []byte) ([]byte, error) {
	d.scratch = storage.AppendRecordKey(d.scratch[:0], token, namespace, key)
	rec, err := d.engine.Get(d.scratch)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	return rec, err
}

func (d *disk) Range(from uint64, namespace uint32, after []byte, last uint64, fn func(uint64, uint32, []byte, []byte) bool) error {
	return stored.Range(d.engine, from, namespace, after, last, fn)
}

func (d *disk) Voided(token uint64, namespace uint32, key []byte, version hlc.Version) (bool, error) {
	_, err := d.engine.Get(storage.AppendVoidKey(nil, token, namespace, key, version))
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// wipeHints loses all hints, now and then, between two lives of a node.
func (d *disk) wipeHints(s *Sim) {
	if s.calm || !s.diskDice.chance(s.plan.Healing.Wipe) {
		return
	}
	var b storage.Batch
	lo, hi := storage.HintsRange()
	if err := d.engine.Scan(lo, hi, func(k, _ []byte) bool { b.Delete(k); return true }); err != nil {
		panic("sim: reading hints: " + err.Error())
	}
	if b.Len() > 0 {
		s.mark(markHintsWiped)
		if err := d.force(&b); err != nil {
			panic("sim: wiping hints: " + err.Error())
		}
	}
}

// force writes though the disk may be full: fate asks for no room.
func (d *disk) force(b *storage.Batch) error {
	defer d.engine.SetRoom(d.engine.Room())
	d.engine.SetRoom(storage.RoomForAll)
	return d.engine.Write(b)
}

// synced is the record that would survive a power cut now; nil: none.
func (d *disk) synced(k *key) []byte {
	d.scratch = storage.AppendRecordKey(d.scratch[:0], k.token, k.space.number, k.name)
	rec, _ := d.engine.Synced(d.scratch)
	return rec
}

// committer is a process's one writer: it drains what waits, lets the Applier
// decide, stages one batch, and when the virtual sync has ended tells the
// router. It is storage.Committer without its goroutine.
type committer struct {
	p       *process
	queue   []replica.Write
	cost    int
	work    []replica.Write // being synced
	busy    bool
	broken  bool // a sync failed: nothing more is written
	applier replica.Applier
	staged  storage.Batch
	batch   stored.Batch
}

// submit queues a group of writes; false if there is no room.
func (c *committer) submit(writes []replica.Write) bool {
	cost := 0
	for i := range writes {
		cost += writes[i].Cost()
	}
	if c.broken || len(c.queue) > 0 && c.cost+cost > c.p.sim.plan.Limits.QueueBytes {
		return false
	}
	for i := range writes {
		w, _ := writes[i].Own(nil)
		c.queue = append(c.queue, w)
	}
	c.cost += cost
	c.nudge()
	return true
}

func (c *committer) nudge() {
	if !c.busy && len(c.queue) > 0 {
		c.busy = true
		c.p.sim.after(10*time.Microsecond+c.p.sim.late(bugSlowPath, 20*time.Millisecond), "commit", c.p, c.commit)
	}
}

// commit takes a batch from the queue and writes it.
func (c *committer) commit() {
	if c.broken {
		return
	}
	n, cost, most := 0, 0, len(c.queue)
	if c.p.sim.bug(bugTinyBatch) {
		most = min(most, 1)
	}
	for n < most && (n == 0 || cost+c.queue[n].Cost() <= c.p.sim.plan.Limits.BatchBytes) {
		cost += c.queue[n].Cost()
		n++
	}
	c.work = append(c.work[:0], c.queue[:n]...)
	c.queue = append(c.queue[:0], c.queue[n:]...)
	c.cost -= cost
	s, d := c.p.sim, &c.p.node.disk
	c.begin()
	c.staged.Reset()
	c.batch.Begin(&c.staged)
	now, marks := c.p.Now(), c.applier.Marks
	c.batch.Engine, c.applier.Full = d.engine, d.engine.Room() != storage.RoomForAll
	c.applier.Apply(now, d, c.work, &c.batch)
	switch err := d.engine.Stage(&c.staged); {
	case errors.Is(err, storage.ErrDiskFull):
		c.undo()
		c.done(contract.DiskFull)
		return
	case err != nil:
		panic("sim: staging on a working disk: " + err.Error())
	}
	s.check.applied(c.p.node, now, marks, c.work)
	if c.staged.Len() == 0 {
		c.publish()
		c.done(contract.OK)
		return
	}
	took := s.diskDice.exponential(s.plan.Disk.Write) + s.diskDice.exponential(s.plan.Disk.Sync)
	if s.calm {
		took = 100 * time.Microsecond
	} else if d.stalledTill > s.now {
		took += d.stalledTill - s.now
	}
	s.after(took, "sync", c.p, c.sync)
	if traitor.Is(traitor.PublishBeforeSync) {
		c.publish()
	}
	if traitor.Is(traitor.AckBeforeSync) {
		c.tell(contract.OK)
	}
}

// undo takes back what was decided for a batch that found no room.
func (c *committer) undo() {
	c.p.sim.mark(markDiskFull)
	if traitor.Is(traitor.DiskFullKept) {
		return
	}
	c.applier.Undo()
	for i := range c.work {
		if w := &c.work[i]; w.Kind == replica.Stand && w.Result.Code == contract.OK {
			c.p.healing.hints.Missed(stored.HintOf(w))
		}
	}
}

// sync ends the batch that is being written.
func (c *committer) sync() {
	s, d := c.p.sim, &c.p.node.disk
	if !s.calm && s.diskDice.chance(s.plan.Disk.SyncError) {
		s.fig.SyncErrors++
		d.engine.FailSync(errors.New("virtual sync error"))
	}
	err := d.engine.Sync()
	switch {
	case err == nil:
		s.fig.Syncs++
		if c.publish(); c.applier.Marks != nil {
			c.p.node.durable = c.applier.Marks
		}
		s.check.synced(c.p.node, c.work)
		c.done(contract.OK)
	case errors.Is(err, storage.ErrInDoubt):
		s.tracef("%v: a sync failed", c.p.node)
		s.mark(markFailStop)
		c.broken = true
		c.done(contract.Internal)
		c.work = append(c.work[:0], c.queue...)
		c.queue, c.cost = nil, 0
		c.tell(contract.NotReady)
		// As a node does: say so, then end the process, which the supervisor
		// starts again.
		c.p.sim.after(s.diskDice.between(0, time.Second), "poisoned", c.p, func() { s.crash(c.p.node, false); s.startLater(c.p.node) })
	default:
		panic("sim: sync: " + err.Error())
	}
}

// done tells the router about the batch, and goes on with the next one.
func (c *committer) done(failure contract.Code) {
	if c.staged.Len() == 0 || !traitor.Is(traitor.AckBeforeSync) || failure != contract.OK {
		c.tell(failure)
	}
	c.busy = false
	c.nudge()
}

func (c *committer) tell(failure contract.Code) {
	if len(c.work) == 0 {
		return
	}
	p := c.p
	p.turn(func() { p.router.Committed(&p.scratch, c.work, failure) })
}

// lose is a crash: what was not synced is kept or lost, batch by batch, a
// beginning of what was staged.
func (d *disk) lose(s *Sim) {
	d.engine.Crash(func() bool {
		kept := s.diskDice.chance(s.plan.Disk.Keep)
		if !kept {
			s.fig.BatchesLost++
			s.mark(markTornTail)
		}
		return kept
	})
}

// dump describes a stored record, for people.
func dump(rec []byte) string {
	if rec == nil {
		return "nothing"
	}
	r, err := record.Parse(rec)
	if err != nil {
		return err.Error()
	}
	kind := fmt.Sprintf("value of operation %d", operationOf(r.Value))
	if r.Tombstone {
		kind = "tombstone"
	}
	return fmt.Sprintf("%v, %s, expires %d", r.Version, kind, r.ExpiresAt)
}
