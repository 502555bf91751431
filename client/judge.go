package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"syscall"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/ring"
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
		t.unanswered(n, err)
		if ctx.Err() != nil {
			return final
		}
		return elsewhere
	}
	if a.Code == contract.OK {
		return settled
	}
	e := t.answered(n, a)
	if a.Code.Settled(t.write) == contract.Unknown {
		t.doubtful(e)
		return elsewhere
	}
	t.refused = e
	switch a.Code {
	case contract.Unavailable:
		// Only another natural replica sees other links; others see the same.
		t.narrow = true
		return elsewhere
	case contract.Overloaded, contract.NotReady, contract.ShuttingDown, contract.StaleEpoch, contract.Timeout:
		return elsewhere
	case contract.Clock:
		return t.judgeClock(n, e.Clock)
	}
	return final
}

// judgeClock judges a CLOCK. A stamp of ours that a node finds too early or too
// late was made by a clock that was wrong: the write, which is not in doubt, is
// given another, once.
func (t *trip) judgeClock(n *node, kind contract.ClockKind) verdict {
	switch {
	case kind == contract.ClockFenced:
		return elsewhere
	case !t.ours || t.restamped || t.doubt != nil || kind != contract.StampAhead && kind != contract.StampOld:
		return final
	}
	if kind == contract.StampAhead {
		t.c.clock.distrust(n.identity())
	}
	t.restamped = true
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

// fail makes an error of this request.
func (t *trip) fail(n *node, code contract.Code) *Error {
	e := &Error{Op: t.op, Key: t.q.Key, Code: code, Level: t.q.Level, write: t.write}
	if n != nil {
		e.Node = t.c.table.Load().name(n)
	}
	e.Receipt.Version = t.q.Version
	e.Receipt.Level = t.q.Level
	return e
}

// answered makes an error of a node's answer.
func (t *trip) answered(n *node, a *wire.Answer) *Error {
	e, table := t.fail(n, a.Code), t.c.table.Load()
	d := &a.Error
	e.Message, e.Limit, e.Clock = d.Message, d.Limit, d.Kind
	e.RetryAfter = time.Duration(d.RetryAfterMS) * time.Millisecond
	t.retryAfter = e.RetryAfter
	if d.Receipt != nil {
		e.Receipt = receiptOf(table, t.q.Version, d.Receipt, a.Epoch)
	}
	if a.Code == contract.Unavailable {
		e.Receipt.Need, e.Reachable, e.N = d.Need, d.Reachable, d.N
		for _, id := range d.Down {
			e.Down = append(e.Down, table.nameOf(ring.NodeID(id)))
		}
	}
	return e
}

// failure is what the request ends with: in doubt if any attempt is, else the
// last refusal, else why nobody could be asked.
func (t *trip) failure(ctx context.Context) *Error {
	e := t.doubt
	switch {
	case e != nil && t.refused != nil:
		e.Err = errors.Join(e.Err, t.refused)
	case e != nil:
	case t.refused != nil:
		e = t.refused
	case t.full:
		e = t.fail(nil, contract.Overloaded)
		e.Message = "too many requests wait already"
	default:
		e = t.fail(nil, contract.Unavailable)
		e.Err = t.unreached()
	}
	own := ctx.Err()
	if end, ok := ctx.Deadline(); ok && !time.Now().Before(end) {
		own = context.DeadlineExceeded // its timer may not have run yet
	}
	switch {
	case own == nil || errors.Is(e.Err, own):
	case e.Err == nil:
		e.Err = own
	default:
		e.Err = errors.Join(e.Err, own)
	}
	e.Attempts, e.Took = t.attempts, time.Since(t.began)
	e.Key = append([]byte(nil), e.Key...)
	return e
}

// unreached says why none of the candidates could be asked.
func (t *trip) unreached() error {
	var reasons []error
	for _, n := range t.c.table.Load().all { // in their order, whatever this request's was
		if _, _, failure := n.look(); failure != nil && slices.Contains(t.candidates, n) {
			reasons = append(reasons, fmt.Errorf("%s: %w", n.address, plain(failure)))
		}
	}
	return errors.Join(reasons...)
}

// plain is the innermost reason why a connection was not made; what is around
// it repeats the address.
func plain(err error) error {
	var number syscall.Errno
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.As(err, &number):
		return number
	case errors.As(err, &dns):
		return errors.New(dns.Err)
	case errors.As(err, &op):
		return op.Err
	}
	return err
}
