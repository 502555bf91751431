package client

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// Hooks see every attempt: what was asked of whom, and what came of it; the
// context of Start is that of End.
func TestHooksSeeEveryAttempt(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, cl *cluster) {
		type number struct{}
		var told []string
		started := 0
		hooks := Hooks{
			Start: func(ctx context.Context, a Attempt) context.Context {
				started++
				return context.WithValue(ctx, number{}, started)
			},
			End: func(ctx context.Context, a Attempt) {
				if a.Op != "ring" {
					told = append(told, fmt.Sprintf("%d: %s %s of %s at %s, attempt %d: %v, %v", ctx.Value(number{}), a.Op, a.Key, a.Namespace, a.Node, a.Number, a.Code, a.Err))
				}
				if a.Took < 0 {
					t.Errorf("took %v", a.Took)
				}
			},
		}
		c, err := Open(t.Context(), dsn+"/shop", WithDialer(cl.dial), WithHooks(hooks))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(t.Context())
		for _, n := range c.table.Load().all {
			n.start()
		}
		synctest.Wait()
		told, started = nil, 0
		key := []byte("{a}k")
		first := c.table.Load().naturals("shop", key)[0]
		name := c.table.Load().name(first)
		for _, f := range cl.order {
			if f.name == name {
				f.on(refusing(contract.NotReady, wire.Error{}))
			}
		}
		if _, err := c.Get(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		if len(told) != 2 || told[0] != fmt.Sprintf("1: get {a}k of shop at %s, attempt 1: NOT_READY, <nil>", name) {
			t.Fatalf("%q", told)
		}
		told = nil
		cl.on(orRing(serve))
		c.Do(t.Context(), []Op{OpPut(key, nil)})
		c.Scan(t.Context(), nil)(func(Item, error) bool { return true })
		if len(told) != 2 {
			t.Fatalf("%q", told)
		}
		told = nil
		cl.on(orRing(losing))
		if _, err := c.Put(t.Context(), key, nil); !errors.Is(err, ErrInDoubt) {
			t.Fatal(err)
		}
		if len(told) == 0 || told[0][len(told[0])-len("the connection was lost"):] != "the connection was lost" {
			t.Errorf("%q", told)
		}
	})
}

// Either hook may be missing, and Start may keep the context as it is.
func TestHooksMayBeNil(t *testing.T) {
	for name, h := range map[string]Hooks{
		"none": {}, "start": {Start: func(context.Context, Attempt) context.Context { return nil }}, "end": {End: func(context.Context, Attempt) {}},
	} {
		inBubble(t, 1, func(t *testing.T, cl *cluster) {
			c, err := Open(t.Context(), "n1", WithDialer(cl.dial), WithHooks(h))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close(t.Context())
			if _, err := c.Get(t.Context(), []byte("k")); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// The steps of the nodes and of the client itself come as one story.
func TestTraceTellsTheWholeStory(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, cl *cluster) {
		c := cl.openAll(dsn)
		key := cl.keyAt(1)
		cl.node(1).on(refusing(contract.NotReady, wire.Error{Message: "starting"}))
		for _, f := range cl.order[1:] {
			f.on(orRing(func(k *fakeConn, q *wire.Request) {
				if q.Flags&contract.Trace == 0 {
					t.Error("the flag trace is not sent")
				}
				a := wire.GetAnswer{Found: true, Trace: []wire.TraceStep{{OffsetUS: 0, Node: cl.node(2).id, What: "read"}, {OffsetUS: 5, Node: cl.node(3).id, What: "digest: same version"}}}
				k.send(a.Append(nil, k.head(q, contract.OK)))
			}))
		}
		trace := Trace{Steps: []TraceStep{{What: "of an earlier call"}}}
		if _, err := c.Get(t.Context(), key, TraceTo(&trace)); err != nil {
			t.Fatal(err)
		}
		var story []string
		for i, s := range trace.Steps {
			if i > 0 && s.At < trace.Steps[i-1].At {
				t.Errorf("%v comes before what was earlier", s)
			}
			story = append(story, s.Node+" "+s.What)
		}
		want := []string{
			"client -> n1 (replica 1)", "n1 refuses: NOT_READY: starting", "client -> n2 (replica 2)", "n2 read", "n3 digest: same version",
		}
		if diff := cmp.Diff(want, story); diff != "" {
			t.Error(diff)
		}
	})
}
