package node

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/hinted"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/stored"
	"github.com/candordb/candor/wire"
)

// hints is the shell of hinted.Core. What happens to hints is told to the Core
// where it happens, under a lock that is never held while the disk or the network
// is waited for; one goroutine has the Core decide and carries out what follows.
type hints struct {
	node    *Node
	store   stored.Hints
	nudge   chan struct{}    // one slot: answers have come
	compact chan ring.NodeID // targets whose range is to be compacted

	mu   sync.Mutex // guards core
	core *hinted.Core

	// of the goroutine of run
	in     hinted.Input
	out    hinted.Effects
	writes []replica.Write
	unread map[ring.NodeID]string // why the hints for a target cannot be read, as it was logged
}

const (
	hintTick = 50 * time.Millisecond
	// hintDeadline is how many milliseconds a target has for a delivery.
	hintDeadline = 4000
	// hintGroup is how many changes go to the committer at once.
	hintGroup = 256
	// hintAlone is how large a record may be to share a frame with others.
	hintAlone = 64 << 10
)

// newHints walks the hints that are stored.
func newHints(n *Node) (*hints, error) {
	h := &hints{node: n, store: stored.Hints{Engine: n.engine}, nudge: make(chan struct{}, 1), compact: make(chan ring.NodeID, 16), unread: make(map[ring.NodeID]string)}
	o := n.config.Hints
	core, err := hinted.New(hinted.Options{
		Self: n.id, MaxBytes: int64(o.MaxBytes), MaxAge: o.MaxAge, Rate: int64(o.ReplayRate), Retry: o.Retry,
	}, h.store)
	h.core = core
	h.in.Reach = h.reach
	return h, err
}

// with has something done with the Core.
func (h *hints) with(do func(*hinted.Core)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	do(h.core)
}

// run delivers hints until ctx ends.
func (h *hints) run(ctx context.Context) error {
	tick := time.NewTimer(0)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-h.nudge:
		}
		// Before it is known what this node has told others, its hints may be those of an
		// older copy of its data folder.
		wait := hintTick
		if h.node.Cluster() != nil && h.node.lost.admitted.Load() {
			h.step()
			wait = h.wait()
		}
		tick.Reset(wait)
	}
}

// wait is how long nothing can be done, if nothing happens.
func (h *hints) wait() time.Duration {
	if rest := time.Duration(h.out.Rest) * time.Millisecond; 0 < rest && rest < hintTick {
		return rest
	}
	return hintTick
}

// step does all that can be done now.
func (h *hints) step() {
	for more := true; more; {
		h.in.Now, h.in.Busy = h.now(), h.node.gate.busy()
		h.out.Reset()
		h.mu.Lock()
		h.core.Tick(&h.in, &h.out)
		h.mu.Unlock()
		h.commit()
		h.send()
		for i := range h.out.Alarms {
			a := &h.out.Alarms[i]
			h.node.log.Error("a hint lies at or below its target's watermark, which cannot be: it is kept, see hints refused", "target", a.Target, "version", a.Version, "token", a.Token)
		}
		for _, id := range h.out.Compact {
			select {
			case h.compact <- id:
			default: // it is asked for again after the next drain
			}
		}
		for _, p := range h.out.Reads {
			err := p.Fill(h.store)
			h.tellUnread(p.Target(), err)
			h.with(func(c *hinted.Core) { c.Filled(h.now(), p, err) })
		}
		more = len(h.out.Reads) > 0
	}
}

// tellUnread logs that the hints for a target cannot be read, once until that changes:
// a storage that has stopped says the same every few seconds.
func (h *hints) tellUnread(target ring.NodeID, err error) {
	if err == nil {
		if h.unread[target] != "" {
			delete(h.unread, target)
			h.node.log.Info("hints can be read again", "target", target)
		}
		return
	}
	if why := err.Error(); h.unread[target] != why {
		h.unread[target] = why
		h.node.log.Error("hints cannot be read", "target", target, "error", err)
	}
}

func (h *hints) now() hinted.Now {
	now := h.node.clock.now()
	own := hinted.Now{Mono: now.Mono, Physical: now.Physical}
	if m := h.node.marks.Load(); m != nil {
		own.Floor = m.Floor
	}
	return own
}

// reach says how a member is.
func (h *hints) reach(id ring.NodeID) hinted.Reach {
	p := h.node.links.peer(id)
	if p == nil {
		return hinted.Down
	}
	switch up, suspect := p.Up(); {
	case !up:
		return hinted.Down
	case suspect:
		return hinted.Suspect
	}
	return hinted.Up
}

// commit hands marks and writes to the committer. What it does not take is told
// as refused, and comes again.
func (h *hints) commit() {
	h.writes = h.writes[:0]
	for _, m := range h.out.Marks {
		h.writes = append(h.writes, replica.Write{Kind: replica.System, Key: []byte(m.Name), Record: m.Value, Origin: replica.Origin{Call: m.Call}})
	}
	for i := range h.out.Writes {
		w := &h.out.Writes[i]
		h.writes = append(h.writes, replica.Write{
			Kind: hintKinds[w.Kind], Token: uint64(w.Token), Namespace: w.Namespace, Key: w.Key, Record: w.Record, Version: w.Version,
			Target: w.Target, Counted: w.Counted, Moved: w.Kind == hinted.Stand, Origin: replica.Origin{Call: w.Call},
		})
	}
	for rest := h.writes; len(rest) > 0; {
		n := min(len(rest), hintGroup)
		if !h.node.committer.Submit(rest[:n]) {
			for i := range rest {
				h.result(rest[i].Origin.Call, h.node.id, contract.Overloaded, 0)
			}
			return
		}
		rest = rest[n:]
	}
}

// hintKinds is what the kinds are called by the committer.
var hintKinds = [...]replica.Kind{hinted.Unhint: replica.Unhint, hinted.Stand: replica.Stand, hinted.Apply: replica.Deliver}

// send puts deliveries on their links, those to one target together. What cannot
// be sent is lost with the link.
func (h *hints) send() {
	for rest := h.out.Sends; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].To == rest[0].To {
			n++
		}
		if !h.sendAll(rest[:n]) {
			h.with(func(c *hinted.Core) { c.Lost(rest[0].To) })
		}
		rest = rest[n:]
	}
}

func (h *hints) sendAll(sends []hinted.Send) bool {
	p := h.node.links.peer(sends[0].To)
	if p == nil {
		return false
	}
	box := p.Begin()
	if box == nil {
		return false
	}
	epoch, clock := h.node.Epoch(), h.node.clock.read()
	for i := range sends {
		s := &sends[i]
		item := wire.WriteItem{
			Call: s.Call, Kind: wire.Deliver, DeadlineMS: hintDeadline,
			Place: wire.Place{Token: uint64(s.Token), Namespace: s.Namespace, Key: s.Key}, Record: s.Record,
		}
		if len(s.Record) <= hintAlone {
			box.Write(epoch, clock, &item)
			continue
		}
		frames := box.Ready()
		start := len(frames)
		frames = wire.BeginItems(frames, wire.PeerHead{Op: wire.OpWrite, ID: box.NextID(), Epoch: epoch, Clock: clock})
		items := len(frames)
		box.SetReady(wire.EndItems(item.Append(frames), start, items, 1))
	}
	p.End()
	p.Flush()
	return true
}

// result tells the Core what became of what it wanted.
func (h *hints) result(call uint64, from ring.NodeID, code contract.Code, kind contract.ClockKind) {
	now := h.now()
	h.with(func(c *hinted.Core) { c.Reply(now, from, call, code, kind) })
	if from == h.node.id && code != contract.OK {
		return // the storage took nothing, full or stopped: to try again at once would be all that this node does
	}
	select {
	case h.nudge <- struct{}{}:
	default:
	}
}

// lost tells that the link to a node went down.
func (h *hints) lost(id ring.NodeID) { h.with(func(c *hinted.Core) { c.Lost(id) }) }

// compactor is an engine that can make a range of keys forget what was erased.
type compactor interface {
	Compact(lo, hi []byte) error
}

// tidy compacts the ranges of targets whose hints have been delivered, until ctx
// ends.
func (h *hints) tidy(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case id := <-h.compact:
			e, can := h.node.engine.(compactor)
			if !can {
				continue
			}
			if err := e.Compact(storage.HintRange(id)); err != nil {
				h.node.log.Warn("the range of delivered hints was not compacted", "target", id, "error", err)
			}
		}
	}
}

// coming tells of a hint that goes into the batch that is being made.
func (h *hints) coming(r *replica.Hint) {
	h.with(func(c *hinted.Core) { c.Coming(stored.ComingOf(r)) })
}

// KeepHint implements router.Healing.
func (n *Node) KeepHint(k *coordinator.Hint) {
	own := hinted.Hint{
		Target: k.Target, Place: hinted.Place{Version: k.Version, Token: k.Place.Token, Namespace: k.Place.Namespace, Key: k.Place.Key}, Record: k.Record,
	}
	if n.control.distrust.Load() != 0 { // its floor may lie below what it has told others of its hints
		n.hints.with(func(c *hinted.Core) { c.Withhold(&own) })
		return
	}
	if n.gate.busy() && n.hints.reach(k.Target) == hinted.Up {
		own.Record = nil // it is only late, as everything is now: to store it too would make that worse
	}
	now := n.hints.now()
	n.hints.mu.Lock()
	call, take := n.hints.core.Offer(now, &own)
	n.hints.mu.Unlock()
	if !take {
		return
	}
	w := [1]replica.Write{{
		Kind: replica.Stand, Token: uint64(own.Token), Namespace: own.Namespace, Key: own.Key, Record: own.Record, Target: own.Target,
		Origin: replica.Origin{Call: call},
	}}
	if !n.committer.Submit(w[:]) {
		n.hints.result(call, n.id, contract.Overloaded, 0)
	}
}

// StandsIn implements router.Healing.
func (n *Node) StandsIn(target ring.NodeID, bytes int) (ok bool) {
	n.hints.with(func(c *hinted.Core) { ok = n.control.distrust.Load() == 0 && c.StandsIn(target, bytes) })
	return ok
}

// Stood implements router.Healing.
func (n *Node) Stood(w *replica.Write) {
	n.hints.with(func(c *hinted.Core) { c.Stood(stored.HintOf(w)) })
}

// errBehind says that the hints of an older copy of the disk are no answer.
var errBehind = errors.New("node: this node is behind what it has told the others, and its hints are dropped: wait until it is rebuilt")

// Kept implements router.Healing.
func (n *Node) Kept(token uint64, namespace uint32, key []byte, v hlc.Version) ([]byte, error) {
	if n.control.distrust.Load() != 0 {
		return nil, errBehind // those that are not erased yet may be of what was given up since
	}
	var ids []ring.NodeID
	n.hints.with(func(c *hinted.Core) { ids = c.Targets(ids) })
	return n.hints.store.Kept(ids, token, namespace, key, v)
}

// HintsFor implements router.Healing.
func (n *Node) HintsFor(id ring.NodeID) (count uint64) {
	n.hints.with(func(c *hinted.Core) { count = uint64(c.Count(id)) })
	return count
}

// hintReply takes the reply to the delivery of a hint, or the result of a change
// of this node's own.
func (n *Node) hintReply(call uint64, from ring.NodeID, r *coordinator.Reply) {
	n.hints.result(call, from, r.Code, r.Kind)
}

// oldestHint is a time that no hint lies below that is kept here; 0: there is
// none.
func (n *Node) oldestHint() (oldest hlc.Timestamp) {
	n.hints.with(func(c *hinted.Core) {
		if at, some := c.Oldest(); some {
			oldest = at
		}
	})
	return oldest
}
