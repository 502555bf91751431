package client

import (
	"context"

	"github.com/candordb/candor/wire"
)

// Op is one operation of Do; OpGet, OpPut and OpDelete make them.
type Op struct {
	kind       wire.Op
	key, value []byte
	opts       []CallOption
}

// OpGet reads a key, as Get does.
func OpGet(key []byte, opts ...CallOption) Op { return Op{kind: wire.OpGet, key: key, opts: opts} }

// OpPut writes a key, as Put does.
func OpPut(key, value []byte, opts ...CallOption) Op {
	return Op{kind: wire.OpPut, key: key, value: value, opts: opts}
}

// OpDelete deletes a key, as Delete does.
func OpDelete(key []byte, opts ...CallOption) Op {
	return Op{kind: wire.OpDelete, key: key, opts: opts}
}

// Result is how one operation of Do ended: with what Get, or Put and Delete,
// would have returned.
type Result struct {
	Item    Item    // of an OpGet
	Receipt Receipt // Item.Receipt for an OpGet
	Err     error
}

// Do carries out many operations with few requests, and returns one result for
// each, in their order. It is not atomic: each operation succeeds, fails and is
// retried for itself, by the rules of Get, Put and Delete. The options in opts
// hold for all of them, before their own.
//
// Operations travel in BATCHes, one or more for each coordinator, which is
// chosen for each key as for a single request; at most 256 operations are under
// way at once, and all must end within the one deadline of ctx.
//
// Operations on different keys are carried out in any order. Those on the same
// key keep theirs: one is sent only when the one before it has ended, whatever
// its outcome, so that a Get behind a Put reads what it wrote, and of two Puts
// the second has the higher version.
func (ns *Namespace) Do(ctx context.Context, ops []Op, opts ...CallOption) []Result {
	results := make([]Result, len(ops))
	if !ns.c.gate.enter() {
		for i := range results {
			results[i].Err = ErrClosed
		}
		return results
	}
	defer ns.c.gate.leave()
	d := doing{ns: ns, ctx: ctx, results: results}
	last := make(map[string]*errand, len(ops)) // of each key
	for i := range ops {
		e := d.errand(i, &ops[i], opts)
		if before := last[string(e.q.Key)]; before != nil {
			before.next = e
		} else {
			d.ready = append(d.ready, e)
		}
		last[string(e.q.Key)] = e
	}
	for len(d.ready) > 0 {
		d.round()
	}
	return results
}

// doing is a Do under way.
type doing struct {
	ns      *Namespace
	ctx     context.Context
	results []Result
	ready   []*errand // not ended, and nothing before them on their key is under way
}

// errand is one operation of a Do: a trip that shares its requests with others.
type errand struct {
	trip
	request wire.Request
	options call
	index   int     // of its result
	next    *errand // the next one on the same key; nil: there is none
	begun   bool
	alone   bool // its answer has no room beside others
}

var opNames = map[wire.Op]string{wire.OpGet: "get", wire.OpPut: "put", wire.OpDelete: "delete"}

// errand makes operation i.
func (d *doing) errand(i int, op *Op, shared []CallOption) *errand {
	e := &errand{index: i, options: d.ns.call(shared)}
	for _, change := range op.opts {
		change(&e.options)
	}
	write := op.kind.Writes()
	e.request = d.ns.request(op.kind, op.key, &e.options, write)
	if write {
		writeOf(&e.request, op.value, &e.options)
	}
	e.trip = trip{c: d.ns.c, op: opNames[op.kind], q: &e.request, write: write, trace: e.options.trace}
	return e
}

// end files how an operation ended, and lets the next one on its key begin.
func (d *doing) end(e *errand, a *wire.Answer, fault *Error) {
	r, table := &d.results[e.index], d.ns.c.table.Load()
	switch {
	case fault != nil:
		r.Err, r.Receipt, r.Item = fault, fault.Receipt, Item{Key: e.q.Key}
	case e.write:
		d.ns.c.session.saw(d.ns.name, e.q.Key, a.Write.Version)
		r.Receipt = written(table, a)
	default:
		d.ns.c.session.saw(d.ns.name, e.q.Key, a.Get.Version)
		r.Item, r.Err = itemOf(table, e.q.Key, a)
		r.Receipt = r.Item.Receipt
	}
	if e.next != nil {
		d.ready = append(d.ready, e.next)
	}
}
