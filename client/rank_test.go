package client

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// operations.md: "replica in the same zone, then lowest latency times
// in-flight"; those that failed come last, not never.
func TestRanking(t *testing.T) {
	ms := time.Millisecond
	for name, tc := range map[string]struct {
		given []standing
		want  []int
	}{
		"equals keep the order of preference": {[]standing{{}, {}, {}}, []int{0, 1, 2}},
		"the own zone":                        {[]standing{{latency: ms}, {near: true, latency: 9 * ms}}, []int{1, 0}},
		"the lowest latency":                  {[]standing{{latency: 3 * ms}, {latency: ms}, {latency: 2 * ms}}, []int{1, 2, 0}},
		"times what is in flight": {
			[]standing{{latency: ms, inFlight: 5}, {latency: 4 * ms}, {latency: 2 * ms, inFlight: 2}}, []int{1, 0, 2},
		},
		"one that is not known is tried": {[]standing{{latency: ms}, {}}, []int{1, 0}},
		"a replica before any other":     {[]standing{{other: true, near: true}, {latency: 9 * ms}}, []int{1, 0}},
		"failed ones last, even in the own zone": {
			[]standing{{failed: true, near: true}, {other: true, latency: 9 * ms}, {latency: 9 * ms}}, []int{2, 1, 0},
		},
		"among failed ones the rest counts": {[]standing{{failed: true, latency: 2 * ms}, {failed: true, latency: ms}}, []int{1, 0}},
	} {
		order := []int{}
		for i := range tc.given {
			order = append(order, i)
		}
		slices.SortStableFunc(order, func(a, b int) int {
			switch {
			case tc.given[a].before(tc.given[b]):
				return -1
			case tc.given[b].before(tc.given[a]):
				return 1
			}
			return 0
		})
		if !slices.Equal(order, tc.want) {
			t.Errorf("%s: %v, want %v", name, order, tc.want)
		}
	}
}

// It is an order: never both before each other, and transitive.
func TestRankingIsAnOrder(t *testing.T) {
	one := rapid.Custom(func(t *rapid.T) standing {
		return standing{
			rapid.Bool().Draw(t, "failed"), rapid.Bool().Draw(t, "other"), rapid.Bool().Draw(t, "near"),
			time.Duration(rapid.IntRange(0, 3).Draw(t, "latency")), rapid.IntRange(0, 2).Draw(t, "inFlight"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := one.Draw(t, "a"), one.Draw(t, "b"), one.Draw(t, "c")
		if a.before(b) && b.before(a) || a.before(a) {
			t.Fatalf("%+v and %+v", a, b)
		}
		if a.before(b) && b.before(c) && !a.before(c) {
			t.Fatalf("%+v, %+v, %+v", a, b, c)
		}
	})
}

func TestLatencyFades(t *testing.T) {
	for since, want := range map[time.Duration]time.Duration{0: 800, latencyHalves: 400, 3 * latencyHalves: 100, time.Hour: 0} {
		if got := faded(800, since); got != want {
			t.Errorf("after %v: %d, want %d", since, got, want)
		}
	}
	if got := faded(time.Hour, latencyHalves/2); got < 2500*time.Second || got > 2600*time.Second {
		t.Errorf("an hour after half of the time: %v", got)
	}
	if smoothed(0, 80) != 80 || smoothed(80, 160) != 90 || smoothed(80, 0) != 70 {
		t.Error("smoothing")
	}
}

// A replica in the client's zone is asked, whatever the order of preference.
func TestOwnZoneFirst(t *testing.T) {
	for name, opts := range map[string][]Option{"n1,n2,n3?zone=b": nil, "n1,n2,n3?zone=a": {WithZone("b")}} {
		inBubble(t, 3, func(t *testing.T, cl *cluster) {
			for i, zone := range []string{"a", "b", "c"} {
				cl.order[i].zone = zone
			}
			c, err := Open(t.Context(), name, append(opts, WithDialer(cl.dial))...)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close(t.Context())
			for _, n := range c.table.Load().all {
				n.start()
			}
			synctest.Wait()
			for range 5 {
				if _, err := c.Get(t.Context(), cl.keyAt(1)); err != nil {
					t.Fatal(err)
				}
			}
			if n := len(cl.node(2).requests(wire.OpGet)); n != 5 {
				t.Errorf("%s: the node in the client's zone got %d of 5", name, n)
			}
		})
	}
}

// The faster replica is asked, until the slow one is forgotten to be slow.
func TestFasterReplicaFirst(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, cl *cluster) {
		c := cl.open(dsn)
		for _, n := range c.table.Load().all {
			n.start()
		}
		synctest.Wait()
		slow := func(by time.Duration) func(*fakeConn, *wire.Request) {
			return orRing(func(k *fakeConn, q *wire.Request) {
				pass(by)
				serve(k, q)
			})
		}
		cl.node(1).on(slow(20 * time.Millisecond))
		cl.node(2).on(slow(2 * time.Millisecond))
		cl.node(3).on(slow(10 * time.Millisecond))
		key := cl.keyAt(1)
		get := func() {
			if _, err := c.Get(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		for range 20 {
			get()
		}
		if n := len(cl.node(2).requests(wire.OpGet)); n < 17 {
			t.Errorf("the fastest got %d of 20", n)
		}
		stats := c.Stats().Nodes
		for i, want := range []time.Duration{20, 2, 10} {
			want *= time.Millisecond
			if p50 := stats[i].P50; p50 < want || p50 > want+want/8 {
				t.Errorf("%s: p50 is %v, want %v", stats[i].Name, p50, want)
			}
		}
		before := len(cl.node(1).requests(wire.OpGet))
		cl.node(1).on(slow(time.Millisecond))
		for range 30 { // one request every two seconds: n2 is measured, n1 is not
			pass(2 * time.Second)
			get()
		}
		if len(cl.node(1).requests(wire.OpGet)) == before {
			t.Error("a node that was slow once is never asked again")
		}
	})
}

// A node that fails is asked last for a while, then by one request at a time
// until it works.
func TestFailedNodeComesLastNotNever(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, cl *cluster) {
		c := cl.open(dsn)
		for _, n := range c.table.Load().all {
			n.start()
		}
		synctest.Wait()
		cl.node(1).on(refusing(contract.NotReady, wire.Error{}))
		key := cl.keyAt(1)
		get := func(times int) int {
			for range times {
				if _, err := c.Get(t.Context(), key); err != nil {
					t.Fatal(err)
				}
			}
			return len(cl.node(1).requests(wire.OpGet))
		}
		if n := get(5); n != 1 || !c.Stats().Nodes[0].Failed {
			t.Errorf("asked %d times, %+v", n, c.Stats().Nodes[0])
		}
		pass(failedFor)
		if n := get(5); n != 2 {
			t.Errorf("after a while it was asked %d times in all, want 2", n)
		}
		for _, f := range cl.order[1:] {
			f.kill()
		}
		cl.node(1).on(serve)
		synctest.Wait()
		if n := get(1); n != 3 || c.Stats().Nodes[0].Failed {
			t.Errorf("the last one left was asked %d times in all, %+v", n, c.Stats().Nodes[0])
		}
	})
}

// While one request tries a node that had failed, the others do not.
func TestOneRequestTriesAFailedNode(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, cl *cluster) {
		c := cl.openAll(dsn)
		key := cl.keyAt(1)
		cl.node(1).on(refusing(contract.NotReady, wire.Error{}))
		if _, err := c.Get(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		pass(failedFor)
		release := make(chan struct{})
		cl.node(1).on(func(k *fakeConn, q *wire.Request) {
			go func() {
				<-release
				serve(k, q)
			}()
		})
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if _, err := c.Get(t.Context(), key); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if n := len(cl.node(1).requests(wire.OpGet)); n != 2 {
			t.Errorf("%d requests try it at once", n-1)
		}
		close(release)
		wg.Wait()
	})
}

// In each round the replicas of the key come before all others, whatever else
// speaks for those.
func TestReplicasBeforeOthersInEachRound(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, cl *cluster) {
		cl.node(4).zone = "mine"
		c := cl.openAll("n1,n2,n3,n4?zone=mine&timeout=20s")
		var asked []string
		cl.on(orRing(func(k *fakeConn, q *wire.Request) {
			asked = append(asked, k.n.name)
			if len(asked) == 6 {
				serve(k, q)
				return
			}
			k.refuse(q, contract.Timeout, wire.Error{Receipt: &contract.Receipt{Need: 2, Acked: 1}})
		}))
		if _, err := c.Put(t.Context(), cl.keyAt(1), nil); err != nil {
			t.Fatal(err)
		}
		if want := []string{"n1", "n2", "n3", "n4", "n1", "n2"}; !slices.Equal(asked, want) {
			t.Errorf("%v, want %v", asked, want)
		}
	})
}
