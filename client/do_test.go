package client

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/wire"
)

// openAll is a client with a connection to every node.
func (cl *cluster) openAll(dsn string) *Client {
	cl.t.Helper()
	c := cl.open(dsn)
	for _, n := range c.table.Load().all {
		n.start()
	}
	synctest.Wait()
	return c
}

// batches are the operations of each BATCH that a node got.
func (f *fake) batches() (list [][]wire.Request) {
	for _, q := range f.requests(wire.OpBatch) {
		list = append(list, opsOf(f.cl.t, &q))
	}
	return list
}

// Each coordinator gets its operations in one BATCH; results come in the order
// of the operations, each with what Get or Put would have given.
func TestDoGroupsByCoordinator(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, cl *cluster) {
		c := cl.openAll(dsn)
		var ops []Op
		for i := range 30 {
			key := fmt.Appendf(nil, "%s-%d", cl.keyAt(i%3+1), i)
			switch i % 3 {
			case 0:
				ops = append(ops, OpPut(key, []byte("v"), TTL(5), Stamp(Version{Time: 1, Writer: 9})))
			case 1:
				ops = append(ops, OpGet(key, After(Version{Time: 3})))
			case 2:
				ops = append(ops, OpDelete(key, Seen(Version{Time: 4})))
			}
		}
		results := c.Do(t.Context(), ops, At(All))
		for i, r := range results {
			switch {
			case r.Err != nil:
				t.Errorf("%d: %v", i, r.Err)
			case i%3 == 1 && (string(r.Item.Value) != "value of "+string(ops[i].key) || r.Receipt.Acked != 2):
				t.Errorf("%d: %q, %v", i, r.Item.Value, r.Receipt)
			case i%3 == 0 && r.Receipt.Version != Version{Time: 1, Writer: 9}, i%3 == 2 && r.Receipt.Version.IsZero():
				t.Errorf("%d: %v", i, r.Receipt.Version)
			}
		}
		if n := cl.count(wire.OpBatch); n > 3 || n < 1 {
			t.Errorf("%d BATCHes for three coordinators", n)
		}
		got := 0
		for _, f := range cl.order {
			for _, ops := range f.batches() {
				for _, q := range ops {
					got++
					ok := q.Level == contract.All
					switch q.Op {
					case wire.OpPut:
						ok = ok && q.TTL == 1 && q.HasTTL
					case wire.OpGet:
						ok = ok && q.After == Version{Time: 3}
					case wire.OpDelete:
						ok = ok && q.HasSeen && q.Seen == Version{Time: 4} && q.HasVersion
					}
					if !ok {
						t.Errorf("%+v", q)
					}
				}
			}
		}
		if got != len(ops) {
			t.Errorf("%d operations came, of %d", got, len(ops))
		}
	})
}

// protocol.md: "versions are stamped in array order".
func TestDoStampsInOrder(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, cl *cluster) {
		c := cl.openAll(dsn)
		var ops []Op
		for i := range 50 {
			ops = append(ops, OpPut(fmt.Appendf(nil, "k%d", i), nil))
		}
		var before Version
		for i, r := range c.Do(t.Context(), ops) {
			if r.Err != nil || !before.Less(r.Receipt.Version) {
				t.Errorf("%d: %v after %v, %v", i, r.Receipt.Version, before, r.Err)
			}
			before = r.Receipt.Version
		}
	})
}

// Operations on one key keep their order: each is sent when the one before it
// has ended, in doubt or not.
func TestDoKeepsTheOrderOfAKey(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c := cl.openAll("n1")
		key, other := []byte("k"), []byte("other")
		results := c.Do(t.Context(), []Op{OpPut(key, []byte("1")), OpGet(key), OpPut(other, nil), OpPut(key, []byte("2")), OpDelete(key)})
		for i, r := range results {
			if r.Err != nil {
				t.Errorf("%d: %v", i, r.Err)
			}
		}
		var order []wire.Op
		var last Version
		for _, batch := range cl.node(1).batches() {
			seen := map[string]bool{}
			for _, q := range batch {
				if seen[string(q.Key)] {
					t.Errorf("two operations on %s in one BATCH", q.Key)
				}
				seen[string(q.Key)] = true
				if sameKey(q, key) {
					order = append(order, q.Op)
				}
				if q.Op != wire.OpGet && sameKey(q, key) {
					if !last.Less(q.Version) {
						t.Errorf("%v after %v", q.Version, last)
					}
					last = q.Version
				}
			}
		}
		if want := []wire.Op{wire.OpPut, wire.OpGet, wire.OpPut, wire.OpDelete}; fmt.Sprint(order) != fmt.Sprint(want) {
			t.Errorf("%v, want %v", order, want)
		}
	})
}

// A BATCH keeps to the node's limits on operations and bytes, and a Do to its
// own on what is under way.
func TestDoSplits(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		cl.node(1).limits.BatchOps, cl.node(1).limits.FrameBytes = 10, 64<<10
		c := cl.openAll("n1")
		inFlight := func(q *wire.Request) {
			if n := int(c.Stats().Nodes[0].InFlight); n > roundMax {
				t.Errorf("%d operations under way", n)
			}
			bytes := 0
			for _, op := range opsOf(t, q) {
				bytes += len(op.Value)
			}
			if q.Ops > 10 || bytes > 64<<10 {
				t.Errorf("a BATCH of %d operations with %d bytes", q.Ops, bytes)
			}
		}
		cl.on(orRing(func(k *fakeConn, q *wire.Request) {
			inFlight(q)
			serve(k, q)
		}))
		var ops []Op
		for i := range 400 {
			ops = append(ops, OpPut(fmt.Appendf(nil, "k%d", i), make([]byte, 10<<10*(i%2))))
		}
		for i, r := range c.Do(t.Context(), ops) {
			if r.Err != nil {
				t.Fatalf("%d: %v", i, r.Err)
			}
		}
	})
}

// Each operation is retried for itself, by the rules of a single one.
func TestDoRetriesEachForItself(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, cl *cluster) {
		c := cl.openAll(dsn)
		key := func(i int, what string) []byte { // all at the same coordinator first
			return fmt.Appendf(nil, "{%s}%s-%d", cl.keyAt(1), what, i)
		}
		for _, f := range cl.order {
			f.on(orRing(func(k *fakeConn, q *wire.Request) {
				k.batch(q, func(k *fakeConn, op *wire.Request) []byte {
					first := k.n == cl.node(1)
					switch what := string(op.Key[len(op.Key)-6 : len(op.Key)-2]); {
					case what == "busy" && first:
						return refusedOp(contract.Overloaded, wire.Error{})
					case what == "late" && first:
						return refusedOp(contract.Timeout, wire.Error{Version: op.Version, Receipt: &contract.Receipt{Need: 2, Acked: 1}})
					case what == "full":
						return refusedOp(contract.DiskFull, wire.Error{Message: "no room"})
					}
					return answered(k, op)
				})
			}))
		}
		ops := []Op{OpPut(key(1, "good"), nil), OpPut(key(2, "busy"), nil), OpPut(key(3, "late"), nil), OpPut(key(4, "full"), nil), OpGet(key(5, "busy"))}
		results := c.Do(t.Context(), ops)
		for i, want := range []error{nil, nil, nil, ErrDiskFull, nil} {
			if !errors.Is(results[i].Err, want) {
				t.Errorf("%s: %v", ops[i].key, results[i].Err)
			}
		}
		stamps := map[string][]Version{}
		for _, f := range cl.order {
			for _, batch := range f.batches() {
				for _, q := range batch {
					stamps[string(q.Key)] = append(stamps[string(q.Key)], q.Version)
				}
			}
		}
		late := stamps[string(key(3, "late"))]
		if len(late) != 2 || late[0] != late[1] {
			t.Errorf("the one in doubt was repeated with the stamps %v", late)
		}
		if n := len(stamps[string(key(1, "good"))]); n != 1 {
			t.Errorf("the one that was done was sent %d times", n)
		}
	})
}

// Where a BATCH is not answered, its writes are in doubt and its reads are not;
// a BATCH that is refused as a whole was not done.
func TestDoWithoutAnAnswer(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, cl *cluster) {
		c := cl.openAll(dsn + "?timeout=500ms")
		cl.on(orRing(losing))
		ops := []Op{OpPut([]byte("a"), nil), OpGet([]byte("b"))}
		results := c.Do(t.Context(), ops)
		if !errors.Is(results[0].Err, ErrInDoubt) || results[0].Receipt.Version.IsZero() {
			t.Errorf("a write: %v", results[0].Err)
		}
		if results[1].Err == nil || errors.Is(results[1].Err, ErrInDoubt) {
			t.Errorf("a read: %v", results[1].Err)
		}
		pass(5 * time.Second) // they are connected to again
		cl.on(refusing(contract.NotReady, wire.Error{}))
		results = c.Do(t.Context(), ops)
		for i, r := range results {
			if !errors.Is(r.Err, ErrNotReady) || errors.Is(r.Err, ErrInDoubt) {
				t.Errorf("%d: %v", i, r.Err)
			}
		}
		cl.on(orRing(func(k *fakeConn, q *wire.Request) { k.send(wire.BatchAnswer(nil, k.head(q, contract.OK), nil)) }))
		if r := c.Do(t.Context(), ops[:1]); !errors.Is(r[0].Err, ErrInDoubt) {
			t.Errorf("a result is missing: %v", r[0].Err)
		}
		c.Close(context.Background())
		for i, r := range c.Do(t.Context(), ops) {
			if r.Err != ErrClosed {
				t.Errorf("%d: %v", i, r.Err)
			}
		}
		if len(c.Do(t.Context(), nil)) != 0 {
			t.Error("of nothing came something")
		}
	})
}

// protocol.md: "Results of GETs that would push the answer past max_frame are
// TOO_LARGE": they are asked for alone.
func TestDoAsksAloneForWhatHadNoRoom(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c := cl.openAll("n1")
		cl.on(orRing(func(k *fakeConn, q *wire.Request) {
			k.batch(q, func(k *fakeConn, op *wire.Request) []byte {
				if q.Ops > 1 {
					return refusedOp(contract.TooLarge, wire.Error{})
				}
				return answered(k, op)
			})
		}))
		var ops []Op
		for i := range 5 {
			ops = append(ops, OpGet(fmt.Appendf(nil, "k%d", i)))
		}
		for i, r := range c.Do(t.Context(), ops) {
			if r.Err != nil {
				t.Errorf("%d: %v", i, r.Err)
			}
		}
	})
}

// A session goes through Do as it goes through Get and Put.
func TestDoUsesTheSession(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c := cl.openAll("n1?session=true")
		key := []byte("k")
		r := c.Do(t.Context(), []Op{OpPut(key, nil), OpGet(key, At(One)), OpDelete(key)})
		batches := cl.node(1).batches()
		if len(batches) != 3 || batches[1][0].After != r[0].Receipt.Version || batches[2][0].Seen != max2(r[0].Receipt.Version, r[1].Item.Version) {
			t.Errorf("%+v", batches)
		}
		if c.Seen(key) != max2(r[2].Receipt.Version, r[1].Item.Version) {
			t.Errorf("seen %v", c.Seen(key))
		}
	})
}

func max2(a, b hlc.Version) hlc.Version {
	if a.Less(b) {
		return b
	}
	return a
}

// A node that refuses inside a BATCH because its clock is off is not believed,
// though the BATCH as a whole was answered well.
func TestFencedClockInABatchIsNotTaken(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, cl *cluster) {
		c := cl.openAll(dsn)
		cl.node(1).on(orRing(func(k *fakeConn, q *wire.Request) {
			k.batch(q, func(*fakeConn, *wire.Request) []byte {
				return refusedOp(contract.Clock, wire.Error{Kind: contract.ClockFenced})
			})
		}))
		if r := c.Do(t.Context(), []Op{OpPut(cl.keyAt(1), nil)}); r[0].Err != nil {
			t.Fatal(r[0].Err)
		}
		if !c.clock.heard[cl.node(1).id].fenced || c.clock.heard[cl.node(2).id].fenced {
			t.Errorf("%+v", c.clock.heard)
		}
	})
}

// A BATCH that is answered shows that its node works.
func TestBatchShowsThatANodeWorks(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c := cl.openAll("n1")
		cl.on(refusing(contract.NotReady, wire.Error{}))
		if _, err := c.Get(t.Context(), []byte("k")); !errors.Is(err, ErrNotReady) || !c.Stats().Nodes[0].Failed {
			t.Errorf("%v, %+v", err, c.Stats().Nodes[0])
		}
		cl.on(serve)
		if r := c.Do(t.Context(), []Op{OpGet([]byte("k"))}); r[0].Err != nil || c.Stats().Nodes[0].Failed {
			t.Errorf("%v, %+v", r[0].Err, c.Stats().Nodes[0])
		}
	})
}
