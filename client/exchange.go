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

	sent   time.Duration // since Open
	weight int           // how many requests it counts for
	keyed  bool          // it is for one key, so that its latency can be compared
	ops    []wire.Op     // of a BATCH, else nil
}

// newExchange is for Client.exchanges, which keeps those that have ended: a
// request should not cost a channel.
func newExchange() any { return &exchange{done: make(chan error, 1)} }

func (x *exchange) finish(err error) { x.done <- err }

func (n *node) free(x *exchange) {
	*x = exchange{done: x.done}
	n.c.exchanges.Put(x)
}

// ask sends a request and waits for its answer, which is the caller's, for as
// long as wait and ctx allow. Its errors: errDown and errFull, and then nothing
// was sent; errLost, errSilent, and that of ctx, and then it was.
func (n *node) ask(ctx context.Context, q *wire.Request, wait time.Duration) (wire.Answer, error) {
	lane := n.lane(expected(q))
	x := n.c.exchanges.Get().(*exchange)
	defer n.free(x)
	x.weight, x.keyed = 1, q.Op >= wire.OpGet && q.Op <= wire.OpDelete
	if err := lane.send(q, x); err != nil {
		return wire.Answer{}, err
	}
	return lane.await(ctx, q.ID, x, wait)
}

// await waits for the answer of an exchange that was sent.
func (n *node) await(ctx context.Context, id uint64, x *exchange, wait time.Duration) (wire.Answer, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case err := <-x.done:
		return x.answer, err
	case <-ctx.Done():
		return n.abandon(id, x, ctx.Err())
	case <-timer.C:
		n.doubt()
		return n.abandon(id, x, errSilent)
	}
}

// send registers the request and hands it to the connection.
func (n *node) send(q *wire.Request, x *exchange) error {
	id, err := n.register(x)
	if err != nil {
		return err
	}
	q.ID = id
	if err := n.put(q); err != nil {
		// Nothing was sent, even where the loss of the connection has told x so.
		n.abandon(id, x, err)
		return err
	}
	n.requests.Add(1)
	n.link.Flush()
	return nil
}

// register takes an exchange into the books, if there is room for it.
func (n *node) register(x *exchange) (id uint64, err error) {
	room := int64(n.room())
	if n.home.inFlight.Add(int64(x.weight)) > room {
		n.home.inFlight.Add(int64(-x.weight))
		return 0, errFull
	}
	if x.ops != nil {
		n.batches.Add(1)
	}
	x.sent = n.c.elapsed()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lastID++
	n.pending[n.lastID] = x
	return n.lastID, nil
}

// done gives back what an exchange took that has left the books.
func (n *node) done(x *exchange) {
	n.home.inFlight.Add(int64(-x.weight))
	if x.ops != nil {
		n.batches.Add(-1)
	}
}

// put appends the request to what waits for the socket.
func (n *node) put(q *wire.Request) error {
	return n.append(sizeOf(q), func(dst []byte) []byte { return q.Append(dst) })
}

// append appends a frame of at most that size.
func (n *node) append(size int, frame func(dst []byte) []byte) error {
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
	out.SetReady(frame(out.Ready()))
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
		n.done(x)
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
	if err := wire.DecodeAnswer(bytes.Clone(body), a, n.opsOf(body)...); err != nil {
		n.link.CloseNow()
		return
	}
	n.c.heard(n, &a.Head, a.Error.Kind)
	if a.ID == 0 {
		n.unasked(a.Code)
		return
	}
	now := n.c.elapsed()
	n.mu.Lock()
	x := n.pending[a.ID]
	delete(n.pending, a.ID)
	n.suspect = false
	if x != nil && x.keyed && a.Code == contract.OK && n == n.home {
		n.record.worked(now, now-x.sent)
	}
	n.mu.Unlock()
	if x != nil { // else its caller has left
		if a.Code == contract.OK && a.Op >= wire.OpGet && !(x.keyed && n == n.home) {
			n.home.works()
		}
		n.done(x)
		x.answer = *a
		x.finish(nil)
	}
}

// opsOf are the operations of the BATCH that an answer is for; nil for another.
func (n *node) opsOf(body []byte) []wire.Op {
	if n.batches.Load() == 0 {
		return nil
	}
	h, _ := wire.HeadOf(body) // what cannot be read is no BATCH either
	n.mu.Lock()
	defer n.mu.Unlock()
	if x := n.pending[h.ID]; x != nil {
		return x.ops
	}
	return nil
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
