package coordinator

import (
	"slices"

	"github.com/candordb/candor/ring"
)

// straggler is a question of a read that is timed though nobody waits for its
// answer: the read has ended without it, because it was hedged, or never wanted it
// (probe.go). Without these nothing would be learned of the very replicas that reads
// do without.
type straggler struct {
	call uint64
	to   ring.NodeID
	sent int64 // microseconds
	told bool  // its silence has been seen
}

const (
	// stragglersMost is how many a Core times at once. Others are forgotten.
	stragglersMost = 16
	// stragglerMicros is for how long it does.
	stragglerMicros = 1_000_000
)

// outlive times what a read has asked and not been answered, as the read ends.
func (c *Core) outlive(s *slot, at uint32) {
	asks := s.phase == ordering || s.phase == stamping || (s.Op == OpGet || s.Op == OpOutcome) && (s.phase == reading || s.phase == fetching)
	if !asks || c.hedging.Percent == 0 {
		return
	}
	for i := range s.sent {
		if s.silentNow().has(i) {
			c.hedging.time(straggler{call: c.call(at, s), to: s.node(i), sent: s.sent[i], told: s.silent.has(i)})
		}
	}
}

// silentNow is the owners that have been asked and have not answered. Those that are
// to be asked again have.
func (s *slot) silentNow() Mask {
	m := s.waiting.without(s.again)
	if s.Self >= 0 {
		m.remove(s.Self)
	}
	return m
}

// time times a straggler, if there is room.
func (h *hedging) time(g straggler) {
	if len(h.stragglers) < stragglersMost {
		h.stragglers = append(h.stragglers, g)
	}
}

// watchStragglers sees who of them is silent, and forgets those that were waited
// for for too long.
func (h *hedging) watchStragglers(now int64) {
	for i := range h.stragglers {
		if g := &h.stragglers[i]; !g.told {
			g.told = h.silent(g.to, now-g.sent)
		}
	}
	h.stragglers = slices.DeleteFunc(h.stragglers, func(g straggler) bool { return now-g.sent >= stragglerMicros })
}

// straggled takes the answer to a call that no request waits for, whatever it says.
func (h *hedging) straggled(call uint64, from ring.NodeID, out *Effects) {
	if i := h.straggler(call, from); i >= 0 {
		h.see(from, out.Micros-h.stragglers[i].sent)
		h.stragglers = slices.Delete(h.stragglers, i, i+1)
	}
}

// unsent forgets a straggler that never left this node.
func (h *hedging) unsent(call uint64, to ring.NodeID) {
	if i := h.straggler(call, to); i >= 0 {
		h.stragglers = slices.Delete(h.stragglers, i, i+1)
	}
}

// linkDown forgets those that will not be answered.
func (h *hedging) linkDown(id ring.NodeID) {
	h.stragglers = slices.DeleteFunc(h.stragglers, func(g straggler) bool { return g.to == id })
}

// straggler is where the one of a call to a member stands; -1: nowhere.
func (h *hedging) straggler(call uint64, to ring.NodeID) int {
	for i := range h.stragglers {
		if g := &h.stragglers[i]; g.call == call && g.to == to {
			return i
		}
	}
	return -1
}
