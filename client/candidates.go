package client

import (
	"context"
	"math/bits"
	"time"
)

// place finds the candidates that come first.
func (t *trip) place() {
	table := t.c.table.Load()
	if len(t.q.Key) > 0 {
		t.candidates = table.naturals(string(t.q.Namespace), t.q.Key)
		t.naturals = len(t.candidates)
	}
	if len(t.candidates) == 0 {
		t.widen()
	}
}

// widen adds the other nodes to the candidates; false if that is done or ruled
// out.
func (t *trip) widen() bool {
	if t.wide || t.narrow {
		return false
	}
	t.wide = true
	t.candidates = t.c.table.Load().others(t.candidates)
	return true
}

// pick chooses the next coordinator, and waits for connections that are being
// made. It is nil when no candidate is left that can be reached.
func (t *trip) pick(ctx context.Context) *node {
	until := time.Now().Add(min(t.share(), naturalWait))
	for {
		change := t.c.change.next()
		n, dialing := t.best()
		switch {
		case n != nil:
			return n
		case time.Now().After(t.end), t.c.ctx.Err() != nil:
			return nil
		case t.narrow && t.doubt == nil:
			// A replica has said that too few are reachable. What this client cannot
			// reach either is not worth waiting for.
			return nil
		case dialing && sleep(ctx, time.Until(until), change):
		case ctx.Err() != nil:
			return nil
		case t.widen():
			until = time.Now().Add(t.share())
		case t.nudge():
			until = time.Now().Add(t.share())
		default:
			return nil
		}
	}
}

// best is the candidate that stands best of those that take requests and have
// not had their turn. dialing says whether one more may come up.
func (t *trip) best() (chosen *node, dialing bool) {
	now := t.c.elapsed()
	for {
		at, its, dialing := t.foremost(now)
		if at < 0 {
			return nil, dialing
		}
		if n := t.candidates[at]; n.chosen(now, its.failed) {
			t.tried |= 1 << at
			return n, false
		}
		// Another request was faster to try it, so that it comes last now.
	}
}

// foremost is the place of the candidate that stands best, and how it stands; -1 if
// there is none.
func (t *trip) foremost(now time.Duration) (at int, stands standing, dialing bool) {
	at = -1
	for i, n := range t.candidates {
		if t.tried&(1<<i) != 0 {
			continue
		}
		n.start()
		state, its := n.standing(now)
		its.other = i >= t.naturals
		if state == up && (at < 0 || its.before(stands)) {
			at, stands = i, its
		}
		dialing = dialing || state == connecting
	}
	return at, stands, dialing
}

// nudge has broken connections tried again, once a round.
func (t *trip) nudge() (dialing bool) {
	if t.nudged {
		return false
	}
	t.nudged = true
	for i, n := range t.candidates {
		if t.tried&(1<<i) == 0 && n.redial() {
			dialing = true
		}
	}
	return dialing
}

// exhausted says whether every node that may be asked has had its turn.
func (t *trip) exhausted() bool {
	return bits.OnesCount64(t.tried) == len(t.candidates) && (t.wide || t.narrow || len(t.candidates) == len(t.c.table.Load().all))
}
