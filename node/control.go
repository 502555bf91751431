package node

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/router"
	"github.com/candordb/candor/topology"
	"github.com/candordb/candor/wire"
)

// control is the goroutine that owns the topology: events come in by a bounded
// queue, and the effects of one are carried out, saves first and synced, before
// the next is looked at. What does not fit the queue is dropped; all of it is
// repeated by those who sent it.
type control struct {
	node    *Node
	core    *topology.Core
	events  chan func(*topology.Effects)
	waiting atomic.Pointer[string] // what the node waits for; nil once it has metadata
	logged  string                 // the last such sentence that was logged
	since   int64                  // monotonic milliseconds of that
	unequal atomic.Pointer[string] // in which settings others differ; nil: in none
	behind  atomic.Pointer[string] // that this node has forgotten what it has told others; nil: not known
	silent  atomic.Pointer[string] // who has not said yet what this node has told it; nil: nobody
	// asking: this node has started, and does not know yet what it has told others.
	asking   atomic.Bool
	trusted  bool             // it knows, durably
	distrust atomic.Uint64    // the generation that an epoch has to name before it votes again
	alarmed  string           // the last alarm that was logged
	starts   uint64           // what the count of starts was raised to; 0: it was not
	owed     topology.Effects // what core takes for saved and is not: the disk had no room
}

const (
	controlQueue = 256
	controlTick  = 100 * time.Millisecond
)

func newControl(n *Node, core *topology.Core) *control {
	c := &control{node: n, core: core, events: make(chan func(*topology.Effects), controlQueue)}
	c.asking.Store(true) // until the first report
	return c
}

// run owns the topology until ctx ends.
func (c *control) run(ctx context.Context) error {
	tick := time.NewTicker(controlTick)
	defer tick.Stop()
	c.step(ctx, func(*topology.Effects) {})
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if c.settle(ctx) {
				c.step(ctx, func(out *topology.Effects) {
					if t, ok := c.node.clock.tick(); ok {
						if c.trusted {
							c.core.Bounded(hlc.Timestamp(c.node.clock.bound.Load())) // it is durable
						}
						c.core.Tick(c.node.clock.mono(), t, rand.Uint64, out)
					}
				})
				c.trust(ctx)
			}
		case event := <-c.events:
			c.step(ctx, event)
		}
	}
}

// trust notes, durably, that this start has heard how far this node had been, before
// anything later is told: a crash until then must not make what the disk holds now
// the measure of that.
func (c *control) trust(ctx context.Context) {
	if c.trusted || len(c.owed.Saves) > 0 || !c.core.Trusts() {
		return
	}
	c.trusted = c.save(ctx, []topology.Save{{Name: []byte(askingName), Value: uintValue(clockVersion, 0)}})
}

// step handles one event and carries out what follows from it. Where a save fails,
// nothing else of the event happens yet, nor of any behind it: core would tell others
// what it has not saved, and what this node is held to behind its next start. What is
// saved, and what follows from that, is owed until settle has it; messages are lost
// meanwhile, as messages may be.
func (c *control) step(ctx context.Context, event func(*topology.Effects)) {
	var out topology.Effects
	event(&out)
	if len(c.owed.Saves) == 0 && c.save(ctx, out.Saves) {
		c.carryOut(&out)
		return
	}
	if len(c.owed.Saves) > 0 && c.node.engine.Err() != nil {
		return // and so for ever: nothing is saved any more
	}
	c.owed.Saves = append(c.owed.Saves, out.Saves...)
	c.owed.Outcomes = append(c.owed.Outcomes, out.Outcomes...)
	c.owed.Installed = cmp.Or(out.Installed, c.owed.Installed)
	c.owed.Removed = cmp.Or(out.Removed, c.owed.Removed)
}

// settle makes up for saves that have failed, in their order, and says whether none
// is left. A disk that was full has room again some time; one that has failed has not.
func (c *control) settle(ctx context.Context) bool {
	if len(c.owed.Saves) == 0 {
		return true
	}
	if c.node.engine.Err() != nil || !c.save(ctx, c.owed.Saves) {
		return false
	}
	owed := c.owed
	c.owed = topology.Effects{}
	c.carryOut(&owed)
	return true
}

// carryOut does what follows from an event whose saves are durable.
func (c *control) carryOut(out *topology.Effects) {
	if out.Installed != nil {
		c.node.install(out.Installed)
	}
	for i := range out.Sends {
		c.send(&out.Sends[i])
	}
	for i := range out.Replies {
		c.reply(&out.Replies[i])
	}
	for _, o := range out.Outcomes {
		o.To.(chan<- topology.Outcome) <- o // it has room for one
	}
	if out.Removed != "" {
		c.node.fail(errors.New(out.Removed))
	}
	c.report()
}

// logWaitEvery is how often, in milliseconds, a changed sentence is logged at
// most: while nodes come up it changes many times a second.
const logWaitEvery = 2000

// report keeps the sentence of what the node waits for, and logs its changes.
func (c *control) report() {
	c.reportUnequal()
	c.reportMemory()
	now := c.core.Waiting()
	if now == "" {
		c.waiting.Store(nil)
		return
	}
	c.waiting.Store(&now)
	if mono := c.node.clock.mono(); now != c.logged && mono-c.since >= logWaitEvery {
		c.logged, c.since = now, mono
		c.node.log.Info("not ready: " + now)
	}
}

// reportUnequal keeps the sentences about settings that are not the same on all
// nodes, and logs what is new.
func (c *control) reportUnequal() {
	known := ""
	if p := c.unequal.Load(); p != nil {
		known = *p
	}
	now := strings.Join(c.core.Unequal(), "; ")
	switch now {
	case known:
		return
	case "":
		c.unequal.Store(nil)
		c.node.log.Info("all nodes have the same settings now, where they have to")
		return
	}
	c.unequal.Store(&now)
	c.node.log.Warn("the settings of the nodes differ: " + now)
}

// reportMemory keeps what is known of what this node has told others before its
// start, and logs what is new.
func (c *control) reportMemory() {
	if why := c.core.Behind(); !said(&c.behind, why) && why != "" {
		c.node.log.Error("this node has lost data: " + why)
	}
	if n := c.core.ToldIncarnation(); n >= c.node.incarnation && n > c.starts {
		// No two starts may have one number: the next is above all that were told.
		w := replica.Write{Kind: replica.System, Key: []byte(incarnationName), Record: uintValue(incarnationVersion, n)}
		if c.node.committer.Submit([]replica.Write{w}) {
			c.starts = n
		}
	}
	generation, _ := c.core.Distrusted()
	c.distrust.Store(generation)
	waits, names := c.core.Asking()
	c.asking.Store(waits)
	list := strings.Join(names, ", ")
	if !said(&c.silent, list) && list != "" && !waits {
		c.node.log.Warn("not all members could say yet what this node has told them before its start", "silent", list)
	}
	if a := c.core.Alarm(); a != c.alarmed {
		c.alarmed = a
		c.node.log.Error("a promise between the nodes is broken: " + a)
	}
}

// said keeps a sentence, "" as nil; true if it was there already.
func said(at *atomic.Pointer[string], sentence string) bool {
	if known := at.Load(); known != nil && *known == sentence || known == nil && sentence == "" {
		return true
	}
	at.Store(nil)
	if sentence != "" {
		at.Store(&sentence)
	}
	return false
}

// save makes system values durable; false if that failed, and then nothing
// else of the event may happen.
func (c *control) save(ctx context.Context, saves []topology.Save) bool {
	for _, s := range saves {
		done := make(chan bool, 1)
		w := replica.Write{Kind: replica.System, Key: s.Name, Record: s.Value, Origin: replica.Origin{Done: func(ok bool) { done <- ok }}}
		if !c.submit(ctx, w) {
			return false
		}
		select {
		case ok := <-done:
			if !ok {
				return false
			}
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// submit hands a write to the committer, and waits while its queue is full;
// false if the storage or the node has stopped.
func (c *control) submit(ctx context.Context, w replica.Write) bool {
	tick := time.NewTicker(controlTick)
	defer tick.Stop()
	for !c.node.committer.Submit([]replica.Write{w}) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
		if c.node.engine.Err() != nil {
			return false
		}
	}
	return true
}

// send hands a message to the link it belongs on; where that is down it is
// lost, and repeated later.
func (c *control) send(s *topology.Send) {
	link := c.node.links.boot(s.Addr)
	if p := c.node.links.peer(s.To); s.Addr == "" || link == nil {
		if p == nil {
			return
		}
		link = p.Link
	}
	box := link.Begin()
	if box == nil {
		return
	}
	box.SetReady(s.Append(box.Ready(), wire.PeerHead{ID: box.NextID(), Epoch: c.node.Epoch(), Clock: c.node.clock.read()}))
	link.End()
	link.Flush()
}

// reply answers a request about the metadata.
func (c *control) reply(r *topology.Reply) {
	to := r.To.(router.Conn)
	_, buf := to.Begin()
	buf = r.Append(buf, wire.Head{Epoch: c.node.Epoch(), Clock: c.node.clock.read()})
	to.End(buf)
	to.Flush()
}

// post queues an event, or drops it.
func (c *control) post(event func(*topology.Effects)) {
	select {
	case c.events <- event:
	default:
	}
}

// request queues a request of another node; its bytes are copied.
func (c *control) request(from router.Conn, node ring.NodeID, q *wire.PeerRequest) {
	own := wire.PeerRequest{PeerHead: q.PeerHead, Document: bytes.Clone(q.Document), Ballot: wire.Ballot{
		Register: bytes.Clone(q.Ballot.Register), Ballot: q.Ballot.Ballot, Value: bytes.Clone(q.Ballot.Value),
	}}
	c.post(func(out *topology.Effects) { c.core.Request(from, node, &own, out) })
}

// answer queues the answer to a message of this node's; its bytes are copied.
func (c *control) answer(from ring.NodeID, a *wire.PeerAnswer) {
	own := wire.PeerAnswer{Head: a.Head, Error: a.Error, Document: bytes.Clone(a.Document), Vote: a.Vote}
	own.Vote.Value = bytes.Clone(a.Vote.Value)
	c.post(func(out *topology.Effects) { c.core.Answer(from, &own, out) })
}

// newer tells that a node, or gossip (then from is zero), has named an epoch.
func (c *control) newer(from ring.NodeID, epoch uint64) {
	if epoch > c.node.Epoch() {
		c.post(func(out *topology.Effects) { c.core.Newer(c.node.clock.mono(), epoch, from, out) })
	}
}

// Propose has a change of the cluster's metadata decided, and returns the number of
// the epoch that it has made once this node acts on that. Its errors are those of
// package topology; where ctx ends first, the change is not known to be decided.
func (n *Node) Propose(ctx context.Context, change topology.Change) (epoch uint64, err error) {
	return n.decide(ctx, func(to any, out *topology.Effects) {
		n.control.core.Propose(n.clock.mono(), to, change, out)
	})
}

// decide begins something of which an Outcome tells what has become of it, and waits for
// that.
func (n *Node) decide(ctx context.Context, begin func(to any, out *topology.Effects)) (epoch uint64, err error) {
	told := make(chan topology.Outcome, 1)
	event := func(out *topology.Effects) { begin((chan<- topology.Outcome)(told), out) }
	select {
	case n.control.events <- event:
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-n.stopped:
		return 0, topology.ErrNotMember
	}
	select {
	case o := <-told:
		return o.Epoch, o.Err
	case <-ctx.Done():
		return 0, fmt.Errorf("%w: %w", topology.ErrUndecided, ctx.Err())
	case <-n.stopped:
		return 0, topology.ErrUndecided
	}
}

// Newer is told by whoever meets one that a node acts in a newer epoch than this
// one, which then fetches it at once. It does not block.
func (n *Node) Newer(from ring.NodeID, epoch uint64) { n.control.newer(from, epoch) }

// learned is said once per connection, so it may not be dropped.
func (c *control) learned(addr string, id ring.NodeID) {
	select {
	case c.events <- func(*topology.Effects) { c.core.Learned(addr, id) }:
	case <-c.node.stopped:
	}
}

func (c *control) unreachable(addr, why string) {
	c.post(func(*topology.Effects) { c.core.Unreachable(addr, why) })
}

// Control implements router.World.
func (n *Node) Control(from router.Conn, node ring.NodeID, q *wire.PeerRequest) {
	if q.Op == wire.OpReport {
		n.tellReport(from, q)
		return
	}
	n.control.request(from, node, q)
}

// ControlAnswer implements router.World.
func (n *Node) ControlAnswer(from ring.NodeID, a *wire.PeerAnswer) {
	if a.Op == wire.OpReport {
		n.evidence.answered(from, a)
		return
	}
	n.control.answer(from, a)
}

// Clock implements router.World.
func (n *Node) Clock() hlc.Timestamp { return n.clock.read() }
