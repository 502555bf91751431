package client

import (
	"bytes"
	"context"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// exchange is one request on one connection, and then its answer.
type exchange struct {
	done   chan error // one result
	answer wire.Answer
}

// newExchange is for Client.exchanges, which keeps those that have ended: a
// request should not cost a channel.
func newExchange() any { return &exchange{done: make(chan error, 1)} }

func (x *exchange) finish(err error) { x.done <- err }

func (n *node) free(x *exchange) {
	x.answer = wire.Answer{}
	n.c.exchanges.Put(x)
}

// ask sends a request and waits for its answer, which is the caller's, for as
// long as wait and ctx allow. Its errors: errDown and errFull, and then nothing
// was sent; errLost, errSilent, and that of ctx, and then it was.
func (n *node) ask(ctx context.Context, q *wire.Request, wait time.Duration) (wire.Answer, error) {
	x := n.c.exchanges.Get().(*exchange)
	defer n.free(x)
	if err := n.send(q, x); err != nil {
		return wire.Answer{}, err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case err := <-x.done:
		return x.answer, err
	case <-ctx.Done():
		return n.abandon(q.ID, x, ctx.Err())
	case <-timer.C:
		n.doubt()
		return n.abandon(q.ID, x, errSilent)
	}
}

// send registers the request and hands it to the connection.
func (n *node) send(q *wire.Request, x *exchange) error {
	n.mu.Lock()
	if len(n.pending) >= n.roomLocked() {
		n.mu.Unlock()
		return errFull
	}
	n.lastID++
	q.ID = n.lastID
	n.pending[q.ID] = x
	n.mu.Unlock()
	err := n.put(q)
	if err != nil {
		// Nothing was sent, even where the loss of the connection has told x so.
		n.abandon(q.ID, x, err)
		return err
	}
	n.requests.Add(1)
	n.link.Flush()
	return nil
}

// headBytes is more than a request takes beside its key, value and the like.
const headBytes = 256

// put appends the request to what waits for the socket.
func (n *node) put(q *wire.Request) error {
	size := headBytes + len(q.Key) + len(q.Value) + len(q.Prefix) + len(q.Cursor)
	if !n.link.Reserve(size) {
		if n.link.Up() {
			return errFull
		}
		return errDown
	}
	defer n.link.Release(size)
	out := n.link.Begin()
	if out == nil {
		return errDown
	}
	out.SetReady(q.Append(out.Ready()))
	n.link.End()
	return nil
}

// abandon takes a request out of the books; an answer that came meanwhile is
// kept.
func (n *node) abandon(id uint64, x *exchange, why error) (wire.Answer, error) {
	n.mu.Lock()
	mine := n.pending[id] == x
	if mine {
		delete(n.pending, id)
	}
	n.mu.Unlock()
	if mine {
		return wire.Answer{}, why
	}
	err := <-x.done
	return x.answer, err
}

// doubt notes that the node owes an answer; others are asked first until it
// says something.
func (n *node) doubt() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.suspect = true
}

// Frame takes an answer. It is called by the link.
func (n *node) Frame(body []byte) {
	// The caller gets its own copy, and everything decoded is part of it.
	a := &n.answer
	if err := wire.DecodeAnswer(bytes.Clone(body), a); err != nil {
		n.link.CloseNow()
		return
	}
	n.c.heard(n, &a.Head, a.Error.Kind)
	if a.ID == 0 {
		n.unasked(a.Code)
		return
	}
	n.mu.Lock()
	x := n.pending[a.ID]
	delete(n.pending, a.ID)
	n.suspect = false
	n.mu.Unlock()
	if x != nil { // else its caller has left
		x.answer = *a
		x.finish(nil)
	}
}

// unasked handles a frame without an id: a goodbye, or the last words of a node
// that closes the connection, for which onDown follows.
func (n *node) unasked(code contract.Code) {
	if code != contract.ShuttingDown {
		return
	}
	n.mu.Lock()
	n.draining = true
	n.mu.Unlock()
	n.c.change.changed()
}

// Malformed is called by the link, which then breaks the connection.
func (n *node) Malformed(error) {}

// Closed is part of rpc.Handler; a link calls onDown in its place.
func (n *node) Closed(error) {}
