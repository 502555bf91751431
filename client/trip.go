package client

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

const (
	// candidatesMax is how many nodes a request is tried on at most, in one round:
	// trip.tried has a bit for each. A key has at most 63 natural replicas.
	candidatesMax = 64
	// othersMax is how many of them are not natural replicas.
	othersMax = 16
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
	trace *Trace // nil: not asked for
	began time.Time
	end   time.Time

	candidates []*node
	naturals   int    // so many of candidates, the first ones, are replicas of the key
	tried      uint64 // one bit per candidate: it had this round's turn
	narrow     bool   // natural replicas only
	wide       bool   // candidates has other nodes too
	nudged     bool   // broken connections were tried again in this round

	ours        bool // the stamp is not the caller's
	stamped     time.Time
	late, early bool  // it was made anew because it was too old, too far ahead
	witness     *node // the first that found it too far ahead

	settler    *node // whose answer settled it; nil: nobody's
	attempts   int   // answered or not, but sent
	retryAfter time.Duration

	doubt   *Error // an attempt that may have taken effect
	refused *Error // the last attempt that did not
	full    bool   // some candidate had no room for it
}

// do carries a request through. The answer is the caller's; its code is OK.
func (c *Client) do(ctx context.Context, q *wire.Request, trace *Trace, op string, write bool) (wire.Answer, *Error) {
	t := trip{c: c, op: op, q: q, write: write, trace: trace}
	return t.run(ctx)
}

// run is do; the node whose answer it is is in settler.
func (t *trip) run(ctx context.Context) (wire.Answer, *Error) {
	if e := t.begin(ctx); e != nil {
		return wire.Answer{}, e
	}
	for {
		n := t.pick(ctx)
		if n == nil {
			if t.again() && t.pause(ctx) {
				continue
			}
			return wire.Answer{}, t.failure(ctx)
		}
		if !t.mayAsk(n) {
			return wire.Answer{}, t.failure(ctx)
		}
		a, v := t.attempt(ctx, n)
		switch {
		case v == settled:
			t.settler = n
			return a, nil
		case v == final, v == elsewhere && !t.pause(ctx):
			return wire.Answer{}, t.failure(ctx)
		}
	}
}

// begin fixes the deadline and the candidates. Its error is a request that no
// node would take.
func (t *trip) begin(ctx context.Context) *Error {
	t.began = time.Now()
	if t.trace != nil {
		t.trace.Steps = t.trace.Steps[:0]
	}
	if e := t.impossible(); e != nil {
		return e
	}
	t.ours = t.write && !t.q.HasVersion && t.q.Flags&contract.Ordered == 0
	t.stamped = t.began
	var ok bool
	if t.end, ok = ctx.Deadline(); !ok {
		t.end = t.began.Add(t.c.t.timeout)
	}
	t.place()
	t.c.budget.earn()
	return nil
}

// impossible refuses what no node would take.
func (t *trip) impossible() *Error {
	why := ""
	switch ordered := t.q.Flags&contract.Ordered != 0; {
	case !t.q.Level.Known():
		why = "this level is none: want a number from 1 to 63, or a level by its name"
	case ordered && t.q.HasVersion:
		why = "an ordered write is stamped by the node: leave Stamp out, or Ordered"
	default:
		return nil
	}
	e := t.fail(nil, contract.BadRequest)
	e.Message = why
	return e
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
	t.q.DeadlineMS = deadlineOf(share)
	if share <= 0 || ctx.Err() != nil {
		return wire.Answer{}, final
	}
	sent := time.Since(t.began)
	a, err := t.ask(ctx, n, share)
	if t.trace != nil {
		t.traced(n, sent, &a, err)
	}
	return a, t.judge(ctx, n, &a, err)
}

// deadlineOf is what a node is told that has that long: it answers a little
// earlier, so that what it knows is heard.
func deadlineOf(share time.Duration) (millis uint64) {
	early := min(share/10, 50*time.Millisecond)
	return uint64(max((share - early).Milliseconds(), 1))
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

// again says whether a write in doubt should be repeated on nodes that had
// their turn.
func (t *trip) again() bool {
	if t.doubt == nil {
		return false
	}
	t.tried, t.nudged = 0, false
	return true
}

// mayAsk takes a retry from the budget, unless this is the first attempt. It is
// false if there shall be none: the budget or the age of the stamp forbid it.
func (t *trip) mayAsk(n *node) bool {
	if t.attempts == 0 {
		return true
	}
	if t.write && time.Since(t.stamped) > repeatAge || !t.c.budget.spend() {
		return false
	}
	t.c.retries.Add(1)
	n.retries.Add(1)
	return true
}

// pause waits before a retry; false if there can be none.
func (t *trip) pause(ctx context.Context) bool {
	d, ok := t.due()
	if ok {
		sleep(ctx, d, nil)
	}
	return ok && ctx.Err() == nil
}

// due is how long to wait before a retry; false if there can be none, as the
// deadline forbids it or nobody is left to ask.
func (t *trip) due() (time.Duration, bool) {
	shift := min(t.attempts, 10)
	d := time.Duration(rand.Int64N(int64(min(pauseMin<<shift, pauseMax)))) + t.retryAfter
	t.retryAfter = 0
	if t.c.ctx.Err() != nil || time.Until(t.end) <= d || t.doubt == nil && t.exhausted() {
		return 0, false
	}
	return d, true
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
