package coordinator

// Replicas that reads avoid because they are slow (pace.go) would never be seen to
// be quick again. So a few of these reads ask one of them for the record's header
// too: a probe, which is timed and thrown away (straggler.go). No read waits for it,
// and no receipt counts it, as nothing was asked for the sake of the request. It is
// paid from the budget of the hedges.

const (
	// probeEvery is which of the reads that avoid a replica probes it.
	probeEvery = 64
	// probeSlot is the slot in the call of a probe, which no request can have.
	probeSlot = 1<<slotBits - 1
)

// isProbe says whether a call is that of a probe.
func isProbe(call uint64) bool { return call&probeSlot == probeSlot }

// probing says whether a probe is under way: there is one at a time.
func (h *hedging) probing() bool {
	for i := range h.stragglers {
		if isProbe(h.stragglers[i].call) {
			return true
		}
	}
	return false
}

// probe lets a read that has asked whom it asks probe a replica that it avoids, if
// it is time for one.
func (c *Core) probe(s *slot, out *Effects) {
	h := &c.hedging
	avoided := s.prefer.slow & s.Up.without(s.asked)
	if avoided == 0 {
		return
	}
	h.avoided++
	if h.avoided < probeEvery || h.budget < hedgePrice || h.probing() || len(h.stragglers) == stragglersMost {
		return
	}
	h.avoided, h.budget = 0, h.budget-hedgePrice
	h.probes++
	// Where several are avoided, each has its turn.
	for turn := int(h.probes) % avoided.count(); turn > 0; turn-- {
		avoided &= avoided - 1
	}
	to := s.node((&preference{self: -1}).first(avoided))
	call := c.shard<<(slotBits+genBits) | uint64(h.probes)<<slotBits | probeSlot
	h.time(straggler{call: call, to: to, sent: out.Micros})
	out.Sends = append(out.Sends, Send{
		To: to, Ask: AskDigest, Call: call, Epoch: s.View.Epoch(), Deadline: s.Deadline,
		Place: Place{s.Place.Token, s.Place.Namespace, out.keep(s.key)},
	})
}
