package client

import (
	"context"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// Hooks are called around every attempt, on the goroutine of the call that it
// belongs to, which waits for them. Either may be nil. They are enough to make
// spans, metrics and logs of whatever kind.
type Hooks struct {
	// Start is called before an attempt is sent. The context that it returns is
	// given to End, and the request goes on with its own; nil stands for ctx.
	Start func(ctx context.Context, a Attempt) context.Context
	// End is called when the attempt is answered or given up.
	End func(ctx context.Context, a Attempt)
}

// Attempt is a request on its way to one node. A BATCH of Do is one request,
// without a key.
type Attempt struct {
	Op        string // get, put, delete, batch, scan, outcome, explain, ring
	Namespace string // "" is default
	Key       []byte // not to be changed, nor kept
	Node      string // its name; its address before the ring is known
	Number    int    // 1 for the first attempt of a request

	// Of End only.
	Code Code          // OK, or that of the node's refusal
	Err  error         // why there is no answer; nil: there is one, and Code says which
	Took time.Duration // from the sending to the answer
}

// attemptStarts calls Hooks.Start. It and attemptEnds are called only where
// there are hooks, as what they are told costs an allocation.
func (c *Client) attemptStarts(ctx context.Context, a Attempt) context.Context {
	if c.o.hooks.Start == nil {
		return ctx
	}
	if its := c.o.hooks.Start(ctx, a); its != nil {
		return its
	}
	return ctx
}

func (c *Client) attemptEnds(ctx context.Context, a Attempt, code contract.Code, err error, took time.Duration) {
	if c.o.hooks.End == nil {
		return
	}
	a.Code, a.Err, a.Took = code, err, took
	c.o.hooks.End(ctx, a)
}

// ask asks a node, between the hooks if there are any.
func (t *trip) ask(ctx context.Context, n *node, wait time.Duration) (wire.Answer, error) {
	c := t.c
	if c.o.hooks == nil {
		return n.ask(ctx, t.q, wait)
	}
	a := Attempt{Op: t.op, Namespace: string(t.q.Namespace), Key: t.q.Key, Node: c.table.Load().name(n), Number: t.attempts + 1}
	its, sent := c.attemptStarts(ctx, a), time.Now()
	answer, err := n.ask(ctx, t.q, wait)
	c.attemptEnds(its, a, answer.Code, err, time.Since(sent))
	return answer, err
}
