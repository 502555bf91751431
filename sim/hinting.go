package sim

import (
	"errors"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/hinted"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/wire"
)

// Hints: how what hinted.Core wants is carried out.

// hintDeadline is how many milliseconds a target has for a delivery.
const hintDeadline = 4000

// hintKinds is what the kinds are called by the committer.
var hintKinds = [...]replica.Kind{hinted.Unhint: replica.Unhint, hinted.Stand: replica.Stand, hinted.Apply: replica.Deliver}

func (h *healing) now() hinted.Now {
	now, floor := h.p.Now(), h.marks.Floor
	if m := h.p.commits.applier.Marks; m != nil {
		floor = m.Floor
	}
	return hinted.Now{Mono: now.Mono, Physical: now.Physical, Floor: floor}
}

func (h *healing) reach(id ring.NodeID) hinted.Reach {
	l := h.link(id)
	switch {
	case l == nil || l.state != linkUp:
		return hinted.Down
	case l.suspect:
		return hinted.Suspect
	}
	return hinted.Up
}

// deliver does all about hints that can be done now.
func (h *healing) deliver() {
	s := h.p.sim
	if h.nudged = false; !h.p.lost.admitted {
		return // they may be hints of an older copy of the disk
	}
	h.input.Now, h.input.Busy = h.now(), s.bug(bugBusy)
	h.wants.Reset()
	h.hints.Tick(&h.input, &h.wants)
	for i := range h.wants.Marks {
		m := &h.wants.Marks[i]
		s.mark(markDirty)
		h.commit(replica.Write{Kind: replica.System, Key: []byte(m.Name), Record: m.Value}, m.Call)
	}
	for i := range h.wants.Writes {
		w := &h.wants.Writes[i]
		h.commit(replica.Write{
			Kind: hintKinds[w.Kind], Token: uint64(w.Token), Namespace: w.Namespace, Key: w.Key, Record: w.Record, Version: w.Version,
			Target: w.Target, Counted: w.Counted,
		}, w.Call)
	}
	h.send()
	for i := range h.wants.Alarms {
		a := &h.wants.Alarms[i]
		s.fail("TRUTH", "%v keeps a hint of %v of key %q for %v that lies at or below its watermark", h.p.node, a.Version, a.Key, a.Target)
	}
	for _, page := range h.wants.Reads {
		// What comes meanwhile is met by the page, or not.
		s.after(s.healDice.exponential(time.Millisecond), "read hints", h.p, func() {
			err := page.Fill(hintStore{&h.p.node.disk})
			s.after(s.healDice.exponential(time.Millisecond), "hints read", h.p, func() {
				h.hints.Filled(h.now(), page, err)
				h.deliver()
			})
		})
	}
}

// commit hands a change to the committer. What it does not take is told as refused,
// and comes again.
func (h *healing) commit(w replica.Write, call uint64) {
	w.Origin.Result = func(r replica.Result) { h.told(call, h.p.node.id, r.Code, r.Kind) }
	if !h.p.Commit([]replica.Write{w}) {
		h.told(call, h.p.node.id, contract.Overloaded, 0)
	}
}

// send puts deliveries on their links. What cannot be sent is lost with the link.
func (h *healing) send() {
	var last *link
	for i := range h.wants.Sends {
		m := &h.wants.Sends[i]
		l := h.link(m.To)
		if l == nil || l.Begin() == nil {
			h.hints.Lost(m.To)
			continue
		}
		if last != nil && last != l {
			last.Flush()
		}
		l.box.Write(h.p.epoch(), h.p.Clock(), &wire.WriteItem{
			Call: m.Call, Kind: wire.Deliver, DeadlineMS: hintDeadline,
			Place: wire.Place{Token: uint64(m.Token), Namespace: m.Namespace, Key: m.Key}, Record: m.Record,
		})
		l.End()
		last = l
	}
	if last != nil {
		last.Flush()
	}
}

// told tells the Core what became of what it wanted, and lets it go on soon.
func (h *healing) told(call uint64, from ring.NodeID, code contract.Code, kind contract.ClockKind) {
	h.hints.Reply(h.now(), from, call, code, kind)
	if !h.nudged {
		h.nudged = true
		h.p.sim.after(time.Millisecond, "hints", h.p, h.deliver)
	}
}

// coming tells of a hint that goes into the batch that is being made.
func (h *healing) coming(r *replica.Hint) {
	h.hints.Coming(&hinted.Hint{
		Target: r.Target, Place: hinted.Place{Version: r.Version, Token: ring.Token(r.Token), Namespace: r.Namespace, Key: r.Key}, Record: r.Record,
	})
}

// hintOf is the hint that a Stand keeps.
func hintOf(w *replica.Write) *hinted.Hint {
	return &hinted.Hint{
		Target: w.Target, Place: hinted.Place{Version: w.Version, Token: ring.Token(w.Token), Namespace: w.Namespace, Key: w.Key}, Record: w.Record,
	}
}

// KeepHint implements router.Healing.
func (p *process) KeepHint(k *coordinator.Hint) {
	h := p.heal()
	own := hinted.Hint{
		Target: k.Target, Place: hinted.Place{Version: k.Version, Token: k.Place.Token, Namespace: k.Place.Namespace, Key: k.Place.Key}, Record: k.Record,
	}
	if p.distrusted() != 0 {
		own.Record = nil // its floor may lie below what it has told of its hints
	}
	call, take := h.hints.Offer(h.now(), &own)
	if !take {
		return
	}
	h.commit(replica.Write{
		Kind: replica.Stand, Token: uint64(own.Token), Namespace: own.Namespace, Key: own.Key, Record: own.Record, Target: own.Target,
	}, call)
}

// StandsIn implements router.Healing.
func (p *process) StandsIn(target ring.NodeID, bytes int) bool {
	return p.distrusted() == 0 && p.heal().hints.StandsIn(target, bytes)
}

// Stood implements router.Healing.
func (p *process) Stood(w *replica.Write) {
	p.heal().hints.Stood(hintOf(w))
}

// Kept implements router.Healing.
func (p *process) Kept(token uint64, namespace uint32, key []byte, v hlc.Version) ([]byte, error) {
	for _, n := range p.sim.nodes {
		value, err := p.node.disk.engine.Get(storage.AppendHintKey(nil, n.id, v, token, namespace, key))
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		p.sim.check.handsOver(p.node)
		rec, _, err := hinted.ParseValue(v, value)
		return rec, err
	}
	return nil, nil
}

// HintsFor implements router.Healing.
func (p *process) HintsFor(id ring.NodeID) uint64 {
	h := p.heal()
	if h == nil {
		return 0
	}
	return uint64(h.hints.Count(id))
}

// hintStore is a disk as package hinted reads it.
type hintStore struct{ *disk }

// Hints implements hinted.Store.
func (s hintStore) Hints(target ring.NodeID, after hinted.Place, fn func(hinted.Place, []byte) bool) error {
	// The next key in byte order: the place's and a zero.
	lo := append(storage.AppendHintKey(nil, target, after.Version, uint64(after.Token), after.Namespace, after.Key), 0)
	_, hi := storage.HintRange(target)
	return s.walk(lo, hi, func(_ ring.NodeID, p hinted.Place, value []byte) bool { return fn(p, value) })
}

// All implements hinted.Store.
func (s hintStore) All(fn func(ring.NodeID, hinted.Place, []byte) bool) error {
	lo, hi := storage.HintsRange()
	return s.walk(lo, hi, fn)
}

func (s hintStore) walk(lo, hi []byte, fn func(ring.NodeID, hinted.Place, []byte) bool) error {
	return s.engine.Scan(lo, hi, func(k, v []byte) bool {
		h, err := storage.ParseHintKey(k)
		if err != nil {
			panic("sim: a foreign key in the range of hints: " + err.Error())
		}
		return fn(h.Target, hinted.Place{Version: h.Version, Token: ring.Token(h.Token), Namespace: h.Namespace, Key: h.Key}, v)
	})
}

// Marks implements hinted.Store.
func (s hintStore) Marks(fn func(string, []byte) bool) error {
	lo, hi := storage.SystemRange(hinted.MarksPrefix)
	return s.engine.Scan(lo, hi, func(k, v []byte) bool {
		name, err := storage.SystemName(k)
		if err != nil {
			panic("sim: a foreign key in the range of system values: " + err.Error())
		}
		return fn(name, v)
	})
}
