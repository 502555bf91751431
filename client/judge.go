package client

import (
	"context"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// verdict is what an attempt means for its request.
type verdict uint8

const (
	settled   verdict = iota // it is answered
	final                    // no further attempt can change anything
	elsewhere                // another attempt may do better
	untouched                // nothing was sent; the next candidate is up at once
)

// judge says what an attempt means. A write that may have taken effect is
// remembered as in doubt, and nothing that comes later but its answer takes
// that back.
func (t *trip) judge(ctx context.Context, n *node, a *wire.Answer, err error) verdict {
	if err == errDown || err == errFull {
		t.full = t.full || err == errFull
		return untouched
	}
	t.attempts++
	if err != nil {
		if err != context.Canceled { // else the caller has lost interest, not the node
			n.fails(0)
		}
		t.unanswered(n, err)
		if ctx.Err() != nil || t.once() {
			return final
		}
		return elsewhere
	}
	if a.Code == contract.OK {
		return settled
	}
	e := t.answered(n, a)
	if t.blames(a.Code, e.Clock) {
		n.fails(e.RetryAfter)
	}
	if a.Code.Settled(t.write) == contract.Unknown {
		t.doubtful(e)
		if t.once() {
			return final
		}
		return elsewhere
	}
	t.refused = e
	switch a.Code {
	case contract.Unavailable:
		// Only another natural replica sees other links; others see the same. But a
		// version that a reader has seen may be found by whoever reaches its holder.
		t.narrow = t.q.After.IsZero()
		return elsewhere
	case contract.Overloaded, contract.NotReady, contract.ShuttingDown, contract.StaleEpoch, contract.Timeout:
		return elsewhere
	case contract.Clock:
		return t.judgeClock(n, e.Clock)
	}
	return final
}

// blames says whether a refusal tells that the node itself, or what it reaches,
// is in trouble, so that the next request better asks another.
func (t *trip) blames(code contract.Code, kind contract.ClockKind) bool {
	switch code {
	case contract.Overloaded, contract.NotReady, contract.ShuttingDown, contract.Timeout, contract.Internal:
		return true
	case contract.Unavailable:
		return t.q.After.IsZero()
	}
	return code == contract.Clock && kind == contract.ClockFenced
}

// once says whether the request must not be sent again after an attempt that
// may have taken effect: a write that the node stamps would be another write.
func (t *trip) once() bool { return t.write && !t.q.HasVersion }

// judgeClock judges a CLOCK. A stamp of ours that is too old for a node was made
// by a clock that had stood still: the write, which is not in doubt, is given
// another, once. One that is too far ahead may as well be good, and the node's
// own clock behind: only when a second node finds the same it is given another,
// from the clocks of those two.
func (t *trip) judgeClock(n *node, kind contract.ClockKind) verdict {
	switch {
	case kind == contract.ClockFenced:
		t.c.clock.fence(n.identity()) // a BATCH does not say so in its head
		return elsewhere
	case !t.ours || t.doubt != nil || kind != contract.StampAhead && kind != contract.StampOld:
		return final
	case kind == contract.StampOld && t.late, kind == contract.StampAhead && t.early:
		return final // the other stamp is no better
	case kind == contract.StampOld:
		t.late = true
	default:
		if (t.witness == nil || t.witness == n) && len(t.c.table.Load().all) > 1 {
			t.witness = n
			return elsewhere
		}
		t.c.clock.distrust(n, t.witness)
		t.early = true
	}
	t.q.HasVersion = false
	t.tried = 0
	return elsewhere
}

// unanswered notes an attempt that was sent and not answered.
func (t *trip) unanswered(n *node, err error) {
	e := t.fail(n, contract.Timeout)
	e.Err = err
	switch {
	case t.write:
		e.Code = contract.InDoubt
		t.doubtful(e)
		return
	case err == errLost:
		e.Code = contract.Unavailable
	}
	if t.refused == nil {
		t.refused = e
	}
}

// doubtful keeps, of the attempts in doubt, the one that got furthest.
func (t *trip) doubtful(e *Error) {
	e.doubt = true
	if t.doubt == nil || e.Receipt.Acked >= t.doubt.Receipt.Acked && e.Receipt.Need > 0 {
		t.doubt = e
	}
}

// tooLarge refuses what the node would close the connection for.
func (t *trip) tooLarge(n *node) bool {
	l := n.bounds()
	for _, part := range []struct {
		what  string
		have  int
		limit uint64
	}{{"key", len(t.q.Key), l.KeyBytes}, {"value", len(t.q.Value), l.ValueBytes}, {"prefix", len(t.q.Prefix), l.KeyBytes}} {
		if part.limit > 0 && uint64(part.have) > part.limit {
			t.refused = t.fail(n, contract.TooLarge)
			t.refused.Limit = part.limit
			t.refused.Message = "the " + part.what + " is larger than the limit"
			return true
		}
	}
	return false
}
