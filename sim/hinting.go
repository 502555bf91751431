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
	"github.com/candordb/candor/stored"
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
	if rest := h.wants.Rest; rest > 0 && !h.resting {
		h.resting = true
		s.after(time.Duration(rest)*time.Millisecond, "rested", h.p, func() {
			h.resting = false
			h.deliver()
		})
	}
	for _, page := range h.wants.Reads {
		// What comes meanwhile is met by the page, or not.
		s.after(s.healDice.exponential(time.Millisecond), "read hints", h.p, func() {
			err := page.Fill(stored.Hints{Engine: h.p.node.disk.engine})
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
	h.hints.Coming(stored.ComingOf(r))
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
	p.heal().hints.Stood(stored.HintOf(w))
}

// errBehind says that the hints of an older copy of the disk are no answer.
var errBehind = errors.New("sim: hints that are being dropped are no answer")

// Kept implements router.Healing.
func (p *process) Kept(token uint64, namespace uint32, key []byte, v hlc.Version) ([]byte, error) {
	if p.distrusted() != 0 {
		return nil, errBehind
	}
	var ids []ring.NodeID
	for _, n := range p.sim.nodes {
		ids = append(ids, n.id)
	}
	rec, err := stored.Hints{Engine: p.node.disk.engine}.Kept(ids, token, namespace, key, v)
	if rec != nil {
		p.sim.check.handsOver(p.node)
	}
	return rec, err
}

// HintsFor implements router.Healing.
func (p *process) HintsFor(id ring.NodeID) uint64 {
	h := p.heal()
	if h == nil {
		return 0
	}
	return uint64(h.hints.Count(id))
}
