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
	if t.write && !t.q.HasVersion {
		e.Receipt.Version = d.Version // the node's stamp
	}
	if a.Code == contract.ConditionFailed {
		e.Receipt.Version = t.q.Version
		e.Current = Item{Key: t.q.Key, Value: d.Value, Version: d.Version}
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
		e.Err = errors.Join(e.Err, t.refused.ofRepeat())
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

// ofRepeat is what a refused repeat adds to what is known of a write in doubt: words.
// Its code would be found by errors.Is, and say that nothing has been written.
func (e *Error) ofRepeat() error {
	return fmt.Errorf("a repeat was refused: %s: %s", words(e.Code), e.why())
}

// unreached says why none of the candidates could be asked.
func (t *trip) unreached() error {
	var reasons []error
	for _, n := range t.c.table.Load().all { // in their order, whatever this request's was
		if _, failure := n.look(); failure != nil && slices.Contains(t.candidates, n) {
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
