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
	q := ns.request(wire.OpGet, key, &k)
	q.After = k.after
	a, err := ns.do(ctx, &q, "get", false)
	if err != nil {
		return Item{Key: key}, err
	}
	g := &a.Get
	item := Item{
		Key: key, Value: g.Value, Version: g.Version, Expires: expires(g.ExpiresAt),
		Receipt: receiptOf(ns.c.table.Load(), g.Version, &g.Receipt, a.Epoch),
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
	q := ns.request(wire.OpPut, key, &k)
	q.Value = value
	if k.hasTTL {
		q.TTL, q.HasTTL = k.ttlMillis(), true
	}
	return ns.write(ctx, &q, &k, "put")
}

// Delete deletes a key, present or not. Its errors are those of Put.
func (ns *Namespace) Delete(ctx context.Context, key []byte, opts ...CallOption) (Receipt, error) {
	k := ns.call(opts)
	q := ns.request(wire.OpDelete, key, &k)
	return ns.write(ctx, &q, &k, "delete")
}

// Outcome settles what became of the write of a key with that version. The
// receipt's SupersededBy is the version that stands in its place, if any.
func (ns *Namespace) Outcome(ctx context.Context, key []byte, v Version, opts ...CallOption) (Fate, Receipt, error) {
	k := ns.call(opts)
	q := ns.request(wire.OpOutcome, key, &k)
	q.Level, q.Flags, q.Version, q.HasVersion = 0, 0, v, true
	a, err := ns.do(ctx, &q, "outcome", false)
	if err != nil {
		return FatePending, Receipt{Version: v}, err
	}
	r := receiptOf(ns.c.table.Load(), v, &a.Outcome.Receipt, a.Epoch)
	if a.Outcome.Winner != v {
		r.SupersededBy = a.Outcome.Winner
	}
	return a.Outcome.Fate, r, nil
}

func (ns *Namespace) write(ctx context.Context, q *wire.Request, k *call, op string) (Receipt, error) {
	q.Version, q.HasVersion = k.stamp, !k.stamp.IsZero()
	a, err := ns.do(ctx, q, op, true)
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			return e.Receipt, err
		}
		return Receipt{}, err
	}
	w := &a.Write
	r := receiptOf(ns.c.table.Load(), w.Version, &w.Receipt, a.Epoch)
	if w.Outcome == contract.Superseded {
		r.SupersededBy = w.Winner
	}
	return r, nil
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

func (ns *Namespace) request(op wire.Op, key []byte, k *call) wire.Request {
	return wire.Request{Op: op, Namespace: []byte(ns.name), Key: key, Level: k.level, Flags: k.flags()}
}

// do carries a request of a caller through, unless the client is closed.
func (ns *Namespace) do(ctx context.Context, q *wire.Request, op string, write bool) (wire.Answer, error) {
	if !ns.c.gate.enter() {
		return wire.Answer{}, ErrClosed
	}
	defer ns.c.gate.leave()
	a, err := ns.c.do(ctx, q, op, write)
	if err != nil {
		return a, err
	}
	return a, nil
}
