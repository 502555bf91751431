package sim

import (
	"github.com/candordb/candor/wire"
)

// Ambushes strike a node in the middle of one certain thing, where faults at
// random hours would seldom meet it.

// beforeFlush may do harm to a node whose frames are about to leave; true if it
// has died of it.
func (s *Sim) beforeFlush(l *link, waiting []byte) bool {
	f := &s.plan.Faults
	if s.calm || f.CutAfterSend == 0 && f.KillBeforeRepair == 0 && s.plan.Healing.KillInReplay == 0 || len(waiting) == 0 {
		return false
	}
	fresh, repair, hint := kinds(waiting)
	switch me := l.p.node.index; {
	case repair && s.faultDice.chance(f.KillBeforeRepair):
		s.mark(markKilledBeforeRepair)
		s.crashSoon(l.p.node)
		return true
	case hint && s.faultDice.chance(s.plan.Healing.KillInReplay):
		s.mark(markKilledInReplay)
		if s.faultDice.chance(half) { // else it dies as the answers are on their way
			s.crashSoon(l.p.node)
			return true
		}
		s.after(s.faultDice.exponential(s.plan.Net.Mean+s.plan.Disk.Sync), "kill in replay", l.p, func() { s.crashSoon(l.p.node) })
	case fresh && s.faultDice.chance(f.CutAfterSend):
		s.mark(markCutAfterSend)
		oneWay := s.faultDice.chance(0.5) // only the acknowledgements are lost
		var pairs []pair
		for other := range s.nodes {
			if other != me {
				pairs = append(pairs, pair{other, me})
			}
		}
		s.fig.Cuts++
		s.after(s.faultDice.between(0, 2*s.plan.Net.Mean), "cut off", nil, func() {
			if !s.calm {
				s.cutPairs(pairs, oneWay, s.faultDice.exponential(f.CutFor))
			}
		})
	}
	return false
}

// crashSoon crashes a node that is in the middle of something, so that nothing
// of it gets out.
func (s *Sim) crashSoon(n *node) {
	p := n.process
	if p == nil {
		return
	}
	p.muted = true
	s.after(0, "crash", nil, func() {
		if n.process == p {
			s.crash(n, false)
			s.startLater(n)
		}
	})
}

// kinds says which kinds of writes there are among some frames.
func kinds(waiting []byte) (fresh, repair, hint bool) {
	frames(waiting, func(frame []byte) {
		var q wire.PeerRequest
		if wire.DecodePeerRequest(frame[wire.HeaderBytes:], &q) != nil || q.Op != wire.OpWrite {
			return
		}
		var w wire.WriteItem
		for more, err := q.NextWrite(&w); more && err == nil; more, err = q.NextWrite(&w) {
			fresh = fresh || w.Kind == wire.Fresh
			repair = repair || w.Kind == wire.Repair
			hint = hint || w.Kind == wire.Deliver
		}
	})
	return fresh, repair, hint
}
