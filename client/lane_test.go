package client

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// A large value has a connection of its own, so that no small one waits behind
// it; the first, if that is not made yet, goes with the others.
func TestLargeValuesTravelApart(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c := cl.open("n1")
		var mu sync.Mutex
		lanes := map[*fakeConn][]int{}
		cl.on(orRing(func(k *fakeConn, q *wire.Request) {
			mu.Lock()
			lanes[k] = append(lanes[k], len(q.Value))
			mu.Unlock()
			serve(k, q)
		}))
		for _, size := range []int{0, largeBytes + 1, largeBytes, largeBytes + 1, largeBytes, largeBytes + 2} {
			if _, err := c.Put(t.Context(), []byte("k"), make([]byte, size)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		var got []string
		for _, k := range cl.node(1).conns {
			got = append(got, fmt.Sprint(lanes[k]))
		}
		first, later := fmt.Sprint([]int{0, largeBytes + 1, largeBytes, largeBytes}), fmt.Sprint([]int{largeBytes + 1, largeBytes + 2})
		quick, all := fmt.Sprint([]int{0, largeBytes, largeBytes}), fmt.Sprint([]int{largeBytes + 1, largeBytes + 1, largeBytes + 2})
		if g := fmt.Sprint(got); g != fmt.Sprint([]string{first, later}) && g != fmt.Sprint([]string{quick, all}) { // the other may be made at once
			t.Errorf("%v, want %v, or %v", got, []string{first, later}, []string{quick, all})
		}
		if n := c.Stats().Nodes[0].Requests; n != 7 { // and RING
			t.Errorf("%d requests", n)
		}
	})
}

// "512 in flight, then ErrOverloaded instead of a queue", on both connections
// together.
func TestInFlightIsBoundedPerNode(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c := cl.open("n1?timeout=1m")
		if _, err := c.Put(t.Context(), []byte("k"), make([]byte, largeBytes+1)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		release := make(chan struct{})
		cl.on(func(k *fakeConn, q *wire.Request) {
			go func() {
				<-release
				serve(k, q)
			}()
		})
		var wg sync.WaitGroup
		for i := range inFlightMax {
			wg.Go(func() {
				if _, err := c.Put(t.Context(), []byte("k"), make([]byte, (largeBytes+1)*(i%2))); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if n := c.Stats().Nodes[0].InFlight; n != inFlightMax {
			t.Errorf("%d in flight", n)
		}
		if _, err := c.Get(t.Context(), []byte("k")); !errors.Is(err, ErrOverloaded) {
			t.Errorf("one more: %v", err)
		}
		if r := c.Do(t.Context(), []Op{OpGet([]byte("a")), OpPut([]byte("b"), nil)}); !errors.Is(r[0].Err, ErrOverloaded) || !errors.Is(r[1].Err, ErrOverloaded) {
			t.Errorf("a Do: %v, %v", r[0].Err, r[1].Err)
		}
		close(release)
		wg.Wait()
		if n := c.Stats().Nodes[0].InFlight; n != 0 {
			t.Errorf("%d in flight after all were answered", n)
		}
	})
}

// An ordered write is stamped by the node, so a repeat would be another write:
// without an answer it is in doubt at once. What was certainly not done goes
// elsewhere like any other.
func TestOrderedWriteIsNeverSentTwice(t *testing.T) {
	stamped := Version{Time: 77, Writer: 7}
	for name, tc := range map[string]struct {
		fail  func(*fakeConn, *wire.Request)
		doubt bool
	}{
		"connection lost": {losing, true},
		"timeout":         {refusing(contract.Timeout, wire.Error{Version: stamped, Receipt: &contract.Receipt{Need: 2, Acked: 1}}), true},
		"not ready":       {refusing(contract.NotReady, wire.Error{}), false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 3, func(t *testing.T, cl *cluster) {
				c := cl.openAll(dsn)
				cl.node(1).on(tc.fail)
				r, err := c.Put(t.Context(), cl.keyAt(1), nil, Ordered())
				if errors.Is(err, ErrInDoubt) != tc.doubt || (err == nil) == tc.doubt {
					t.Errorf("%v", err)
				}
				if q := cl.node(1).requests(wire.OpPut); len(q) != 1 || q[0].HasVersion || q[0].Flags&contract.Ordered == 0 {
					t.Errorf("%+v", q)
				}
				if n := cl.count(wire.OpPut); n != map[bool]int{true: 1, false: 2}[tc.doubt] {
					t.Errorf("sent %d times", n)
				}
				if name == "timeout" && r.Version != stamped {
					t.Errorf("the node's stamp is %v, told was %v", stamped, r.Version)
				}
			})
		})
	}
}

// What no node would take is not sent.
func TestImpossibleCallsAreRefusedHere(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c := cl.open("n1")
		for name, opts := range map[string][]CallOption{
			"a level of 0": {At(Exactly(0))}, "of 64": {At(Exactly(64))}, "ordered and stamped": {Ordered(), Stamp(Version{Time: 1})},
		} {
			if _, err := c.Put(t.Context(), []byte("k"), nil, opts...); !errors.Is(err, ErrBadRequest) || errors.Is(err, ErrInDoubt) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if r := c.Do(t.Context(), []Op{OpPut([]byte("k"), nil, At(Exactly(-1)))}); !errors.Is(r[0].Err, ErrBadRequest) {
			t.Errorf("in a Do: %v", r[0].Err)
		}
		if n := cl.count(wire.OpPut) + cl.count(wire.OpBatch); n != 0 {
			t.Errorf("%d were sent", n)
		}
		if Exactly(3) != Three || Exactly(63) != 63 {
			t.Error("Exactly")
		}
	})
}

// The receipt tells what a write has buried, and CONDITION_FAILED what stands.
func TestBuriedAndCurrent(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c := cl.open("n1")
		v := Version{Time: 8, Writer: 8}
		cl.on(orRing(func(k *fakeConn, q *wire.Request) {
			if q.Op == wire.OpDelete {
				k.refuse(q, contract.ConditionFailed, wire.Error{Version: v, Value: []byte("now")})
				return
			}
			a := wire.WriteAnswer{Version: q.Version, Buried: v}
			k.send(a.Append(nil, k.head(q, contract.OK)))
		}))
		if r, err := c.Put(t.Context(), []byte("k"), nil, Seen(Version{})); err != nil || r.Buried != v {
			t.Errorf("%+v, %v", r, err)
		}
		_, err := c.Delete(t.Context(), []byte("k"))
		var e *Error
		if !errors.Is(err, ErrConditionFailed) || !errors.As(err, &e) || e.Current.Version != v || string(e.Current.Value) != "now" || e.Receipt.Version == v {
			t.Errorf("%+v, %v", e, err)
		}
	})
}
