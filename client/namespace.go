package client

import (
	"context"
	"errors"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// Namespace is one namespace of a cluster. It is good for as long as its Client.
type Namespace struct {
	c    *Client
	name string
}

// Name is the namespace's name; "" is default.
func (ns *Namespace) Name() string { return ns.name }

// Get reads a key. The error is ErrNotFound when the level agrees that the key
// is absent.
func (ns *Namespace) Get(ctx context.Context, key []byte, opts ...CallOption) (Item, error) {
	k := ns.call(opts)
	q := ns.request(wire.OpGet, key, &k, false)
	ns.recall(&q, &k)
	a, err := ns.do(ctx, &q, &k, "get", false)
	if err != nil {
		return Item{Key: key}, err
	}
	ns.c.session.saw(ns.name, key, a.Get.Version)
	return itemOf(ns.c.table.Load(), key, &a)
}

// recall gives a request what the caller, or else the session, has seen.
func (ns *Namespace) recall(q *wire.Request, k *call) {
	switch read := q.Op == wire.OpGet; {
	case read && k.hasAfter:
		q.After = k.after
	case read:
		q.After = ns.c.session.seen(ns.name, q.Key)
	case k.hasSeen:
		q.Seen, q.HasSeen = k.seen, true
	default:
		q.Seen = ns.c.session.seen(ns.name, q.Key)
		q.HasSeen = !q.Seen.IsZero()
	}
}

// itemOf is what a GET was answered with; the error is nil or ErrNotFound.
func itemOf(t *table, key []byte, a *wire.Answer) (Item, error) {
	g := &a.Get
	item := Item{
		Key: key, Value: g.Value, Version: g.Version, Expires: expires(g.ExpiresAt),
		Receipt: receiptOf(t, g.Version, &g.Receipt, a.Epoch),
	}
	if !g.Found {
		return item, ErrNotFound
	}
	return item, nil
}

// Put writes a key. No error means done, which a receipt that is Superseded is
// too: the state of the key is as if the value had been written and overwritten.
func (ns *Namespace) Put(ctx context.Context, key, value []byte, opts ...CallOption) (Receipt, error) {
	k := ns.call(opts)
	q := ns.request(wire.OpPut, key, &k, true)
	writeOf(&q, value, &k)
	return ns.write(ctx, &q, &k, "put")
}

// Delete deletes a key, present or not. Its errors are those of Put.
func (ns *Namespace) Delete(ctx context.Context, key []byte, opts ...CallOption) (Receipt, error) {
	k := ns.call(opts)
	q := ns.request(wire.OpDelete, key, &k, true)
	writeOf(&q, nil, &k)
	return ns.write(ctx, &q, &k, "delete")
}

// writeOf gives a write what the call says.
func writeOf(q *wire.Request, value []byte, k *call) {
	q.Value = value
	q.Version, q.HasVersion = k.stamp, !k.stamp.IsZero()
	if k.hasTTL && q.Op == wire.OpPut {
		q.TTL, q.HasTTL = k.ttlMillis(), true
	}
}

func (ns *Namespace) write(ctx context.Context, q *wire.Request, k *call, op string) (Receipt, error) {
	ns.recall(q, k)
	a, err := ns.do(ctx, q, k, op, true)
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			return e.Receipt, err
		}
		return Receipt{}, err
	}
	ns.c.session.saw(ns.name, q.Key, a.Write.Version)
	return written(ns.c.table.Load(), &a), nil
}

// written is the receipt of a write that is done.
func written(t *table, a *wire.Answer) Receipt {
	w := &a.Write
	r := receiptOf(t, w.Version, &w.Receipt, a.Epoch)
	r.Buried = w.Buried
	if w.Outcome == contract.Superseded {
		r.SupersededBy = w.Winner
	}
	return r
}

func (ns *Namespace) call(opts []CallOption) call {
	k := call{level: ns.c.t.level}
	for _, change := range ns.c.o.defaults {
		change(&k)
	}
	for _, change := range opts {
		change(&k)
	}
	return k
}

func (ns *Namespace) request(op wire.Op, key []byte, k *call, write bool) wire.Request {
	return wire.Request{Op: op, Namespace: []byte(ns.name), Key: key, Level: k.level, Flags: k.flags(write)}
}

// do carries a request of a caller through, unless the client is closed.
func (ns *Namespace) do(ctx context.Context, q *wire.Request, k *call, op string, write bool) (wire.Answer, error) {
	if !ns.c.gate.enter() {
		return wire.Answer{}, ErrClosed
	}
	defer ns.c.gate.leave()
	a, err := ns.c.do(ctx, q, k.trace, op, write)
	if err != nil {
		return a, err
	}
	return a, nil
}
