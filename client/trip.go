package client

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

const (
	// candidatesMax is how many nodes a request is tried on at most, in one round.
	// A key has at most 63 natural replicas, so that they fit into trip.tried.
	candidatesMax = 16
	// shareMin is the time below which an attempt is not cut short to leave some
	// for another; shareMax is more than a node lets a request wait.
	shareMin, shareMax = 200 * time.Millisecond, 6 * time.Second
	// naturalWait is how long a request waits for the connection to a natural
	// replica before it goes to any other node.
	naturalWait = 250 * time.Millisecond
	// repeatAge is the age at which nodes refuse a write (the default of
	// repair.max_request_age); a repeat that is older can settle nothing.
	repeatAge = 30 * time.Second
	// The pause before a retry is drawn from twice the one before, within bounds.
	pauseMin, pauseMax = 10 * time.Millisecond, 500 * time.Millisecond
)

// trip is a request on its way through one or more attempts.
type trip struct {
	c     *Client
	op    string // for errors
	q     *wire.Request
	write bool
	began time.Time
	end   time.Time

	candidates []*node
	tried      uint64 // one bit per candidate: it had this round's turn
	narrow     bool   // natural replicas only
	wide       bool   // candidates has other nodes too
	nudged     bool   // broken connections were tried again in this round

	ours      bool // the stamp is not the caller's
	stamped   time.Time
	restamped bool

	attempts   int // answered or not, but sent
	retryAfter time.Duration

	doubt   *Error // an attempt that may have taken effect
	refused *Error // the last attempt that did not
	full    bool   // some candidate had no room for it
}

// do carries a request through. The answer is the caller's; its code is OK.
func (c *Client) do(ctx context.Context, q *wire.Request, op string, write bool) (wire.Answer, *Error) {
	t := trip{c: c, op: op, q: q, write: write, began: time.Now()}
	t.ours = write && !q.HasVersion
	t.stamped = t.began
	var ok bool
	if t.end, ok = ctx.Deadline(); !ok {
		t.end = t.began.Add(c.t.timeout)
	}
	t.place()
	c.budget.earn()
	for {
		n := t.pick(ctx)
		if n == nil {
			if t.anotherRound(ctx) {
				continue
			}
			return wire.Answer{}, t.failure(ctx)
		}
		a, v := t.attempt(ctx, n)
		switch {
		case v == settled:
			return a, nil
		case v == final, v == elsewhere && !t.pause(ctx):
			return wire.Answer{}, t.failure(ctx)
		}
	}
}

// place finds the candidates that come first.
func (t *trip) place() {
	table := t.c.table.Load()
	if len(t.q.Key) > 0 {
		t.candidates = table.naturals(string(t.q.Namespace), t.q.Key)
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

// best is the first candidate that takes requests and has not had its turn;
// one that owes an answer comes last. dialing says whether one more may come up.
func (t *trip) best() (chosen *node, dialing bool) {
	at := -1
	for i, n := range t.candidates {
		if t.tried&(1<<i) != 0 {
			continue
		}
		n.start()
		state, clean, _ := n.look()
		if state == up && (clean || at < 0) {
			at = i
		}
		if state == up && clean {
			break
		}
		dialing = dialing || state == connecting
	}
	if at < 0 {
		return nil, dialing
	}
	t.tried |= 1 << at
	return t.candidates[at], false
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

// share is how long the next attempt may take: half of what is left, so that
// another node can be asked if this one does not answer.
func (t *trip) share() time.Duration {
	left := time.Until(t.end)
	if left > 2*shareMin && len(t.c.table.Load().all) > 1 {
		left /= 2
	}
	return min(left, shareMax)
}

// attempt asks one node, and judges what comes of it.
func (t *trip) attempt(ctx context.Context, n *node) (wire.Answer, verdict) {
	if t.tooLarge(n) || !t.stamp(n) {
		return wire.Answer{}, final
	}
	share := t.share()
	// The node answers a little earlier, so that what it knows is heard.
	early := min(share/10, 50*time.Millisecond)
	t.q.DeadlineMS = uint64(max((share - early).Milliseconds(), 1))
	if share <= 0 || ctx.Err() != nil {
		return wire.Answer{}, final
	}
	a, err := n.ask(ctx, t.q, share)
	return a, t.judge(ctx, n, &a, err)
}

// stamp gives a write its version, once. It is false while no clock is known
// that could be used; then the request is refused.
func (t *trip) stamp(n *node) bool {
	if !t.ours || t.q.HasVersion {
		return true
	}
	v, ok := t.c.clock.stamp()
	if !ok {
		t.refused = t.fail(n, contract.Clock)
		t.refused.Message = "no node has sent a clock that may be used"
		return false
	}
	t.q.Version, t.q.HasVersion, t.stamped = v, true, time.Now()
	return true
}

// anotherRound says whether a write in doubt should be repeated on nodes that
// had their turn, and pauses before.
func (t *trip) anotherRound(ctx context.Context) bool {
	if t.doubt == nil || !t.pause(ctx) {
		return false
	}
	t.tried, t.nudged = 0, false
	return true
}

// pause waits before a retry; false if there shall be none: the deadline, the
// age of the stamp or the budget forbid it.
func (t *trip) pause(ctx context.Context) bool {
	shift := min(t.attempts, 10)
	d := time.Duration(rand.Int64N(int64(min(pauseMin<<shift, pauseMax)))) + t.retryAfter
	t.retryAfter = 0
	tooOld := t.write && time.Since(t.stamped) > repeatAge
	if tooOld || t.c.ctx.Err() != nil || time.Until(t.end) <= d || !t.c.budget.spend() {
		return false
	}
	t.c.retries.Add(1)
	sleep(ctx, d, nil)
	return ctx.Err() == nil
}

// sleep waits for d, and less if wake is closed or ctx ends; it says whether
// wake was the reason.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	if d <= 0 {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-wake:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}
