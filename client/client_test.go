package client

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/wire"
)

const dsn = "candor://n1,n2,n3"

// protocol.md: "Requests on one connection may be answered in any order; the id
// ties them together."
func TestAnswersInAnyOrder(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c := cl.open("n1")
		var held []*wire.Request
		cl.on(orRing(func(k *fakeConn, q *wire.Request) {
			if held = append(held, q); len(held) < 3 {
				return
			}
			for i := range held {
				serve(k, held[len(held)-1-i])
			}
		}))
		var wg sync.WaitGroup
		for _, key := range []string{"a", "b", "c"} {
			wg.Go(func() {
				item, err := c.Get(t.Context(), []byte(key))
				if err != nil || string(item.Value) != "value of "+key {
					t.Errorf("%s: %q, %v", key, item.Value, err)
				}
			})
		}
		wg.Wait()
	})
}

// A key's request goes to a natural replica of it.
func TestCoordinatorIsANaturalReplica(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, cl *cluster) {
		c := cl.open("n1,n2,n3,n4")
		for _, f := range cl.order { // connect to all
			c.nodes[f.address].start()
		}
		synctest.Wait()
		for i := 1; i <= 4; i++ {
			key := cl.keyAt(i)
			if _, err := c.Get(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			if got := cl.node(i).requests(wire.OpGet); len(got) != 1 || !sameKey(got[0], key) {
				t.Errorf("n%d, the first replica of %s, got %v", i, key, got)
			}
		}
	})
}

// With all natural replicas down any other node coordinates.
func TestAnyOtherNodeIsTheFallback(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, cl *cluster) {
		c := cl.open("n1,n2,n3,n4")
		key := cl.keyAt(1) // on n1, n2, n3
		for i := 1; i <= 3; i++ {
			cl.node(i).kill()
		}
		if _, err := c.Get(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		if n := len(cl.node(4).requests(wire.OpGet)); n != 1 {
			t.Errorf("n4 got %d requests", n)
		}
	})
}

// Contract 3: "A writer that stamps its writes can repeat an in-doubt one with
// the same version: the repetition is the same write."
func TestLostConnectionRepeatsTheSameStamp(t *testing.T) {
	for name, fail := range map[string]func(*fakeConn, *wire.Request){
		"connection lost": losing,
		"timeout":         refusing(contract.Timeout, wire.Error{Receipt: &contract.Receipt{Need: 2, Acked: 1}}),
		"in doubt":        refusing(contract.InDoubt, wire.Error{Receipt: &contract.Receipt{Need: 2, Acked: 1}}),
		"internal":        refusing(contract.Internal, wire.Error{}),
		"silence":         silent,
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 3, func(t *testing.T, cl *cluster) {
				c := cl.open(dsn)
				synctest.Wait()
				key := cl.keyAt(1)
				cl.node(1).on(fail)
				receipt, err := c.Put(t.Context(), key, []byte("v"))
				if err != nil {
					t.Fatal(err)
				}
				first, second := cl.node(1).requests(wire.OpPut), cl.node(2).requests(wire.OpPut)
				if len(first) != 1 || len(second) != 1 {
					t.Fatalf("n1 got %d, n2 %d", len(first), len(second))
				}
				if first[0].Version != second[0].Version || receipt.Version != first[0].Version || !first[0].HasVersion {
					t.Errorf("stamps %v and %v, receipt %v", first[0].Version, second[0].Version, receipt.Version)
				}
			})
		})
	}
}

// "A refusal of a repeat does not turn the earlier attempt into not applied."
func TestRefusalAfterDoubtStaysInDoubt(t *testing.T) {
	for name, e := range map[contract.Code]wire.Error{
		contract.Unavailable: {Need: 2, Reachable: 1, N: 3},
		contract.Clock:       {Kind: contract.StampOld},
		contract.DiskFull:    {Message: "full"},
		contract.NotReady:    {},
	} {
		t.Run(name.String(), func(t *testing.T) {
			inBubble(t, 3, func(t *testing.T, cl *cluster) {
				c := cl.open(dsn)
				synctest.Wait()
				cl.on(refusing(name, e))
				cl.node(1).on(losing)
				receipt, err := c.Put(t.Context(), cl.keyAt(1), nil)
				if !errors.Is(err, ErrInDoubt) {
					t.Fatalf("%v", err)
				}
				if errors.Is(err, codeError(name)) || !strings.Contains(errors.Unwrap(err).Error(), words(name)) {
					t.Errorf("%v is said to be %v, as if nothing were written; behind it is %v", err, name, errors.Unwrap(err))
				}
				var fault *Error
				errors.As(err, &fault)
				if fault.Outcome() != InDoubt || fault.ExitCode() != 6 || !strings.Contains(err.Error(), "in doubt") {
					t.Errorf("%v: %v, exit %d", err, fault.Outcome(), fault.ExitCode())
				}
				stamp := cl.node(1).requests(wire.OpPut)[0].Version
				if receipt.Version != stamp || fault.Receipt.Version != stamp || stamp.IsZero() {
					t.Errorf("the stamp was %v, and %v was told", stamp, receipt.Version)
				}
			})
		})
	}
}

// A write that is in doubt is repeated until the deadline, and succeeds when a
// node comes back.
func TestWriteIsRepeatedUntilTheDeadline(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c := cl.open("n1?timeout=5s")
		cl.node(1).on(func(k *fakeConn, q *wire.Request) { k.n.kill() })
		go func() {
			pass(2 * time.Second)
			cl.on(serve)
			cl.node(1).revive()
		}()
		if _, err := c.Put(t.Context(), []byte("k"), nil); err != nil {
			t.Fatal(err)
		}
		puts := cl.node(1).requests(wire.OpPut)
		if len(puts) != 2 || puts[0].Version != puts[1].Version {
			t.Errorf("%v", puts)
		}
	})
}

func TestRetriesOfRefusalsGoElsewhere(t *testing.T) {
	for code, e := range map[contract.Code]wire.Error{
		contract.NotReady:     {},
		contract.ShuttingDown: {},
		contract.Overloaded:   {RetryAfterMS: 100},
		contract.Clock:        {Kind: contract.ClockFenced},
		contract.Unavailable:  {Need: 2, Reachable: 1, N: 3},
	} {
		t.Run(code.String(), func(t *testing.T) {
			inBubble(t, 3, func(t *testing.T, cl *cluster) {
				c := cl.open(dsn)
				synctest.Wait()
				cl.node(1).on(refusing(code, e))
				began := time.Now()
				if _, err := c.Put(t.Context(), cl.keyAt(1), nil); err != nil {
					t.Fatal(err)
				}
				if n := len(cl.node(2).requests(wire.OpPut)); n != 1 {
					t.Errorf("n2 got %d", n)
				}
				if took := time.Since(began); took < time.Duration(e.RetryAfterMS)*time.Millisecond {
					t.Errorf("retried after %v although %d ms were asked for", took, e.RetryAfterMS)
				}
			})
		})
	}
}

func TestFinalRefusalsAreNotRetried(t *testing.T) {
	for code, e := range map[contract.Code]wire.Error{
		contract.BadRequest:  {},
		contract.Unsupported: {},
		contract.DiskFull:    {},
		contract.Clock:       {Kind: contract.StampGivenUp},
		contract.Corrupt:     {},
	} {
		inBubble(t, 3, func(t *testing.T, cl *cluster) {
			c := cl.open(dsn)
			cl.on(refusing(code, e))
			_, err := c.Put(t.Context(), cl.keyAt(1), nil)
			if !errors.Is(err, codeError(code)) || errors.Is(err, ErrInDoubt) || cl.count(wire.OpPut) != 1 {
				t.Errorf("%v after %d attempts: %v", code, cl.count(wire.OpPut), err)
			}
		})
	}
}

// UNAVAILABLE is asked for once at each natural replica, and not elsewhere.
func TestUnavailableOncePerNaturalReplica(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, cl *cluster) {
		c := cl.open("n1,n2,n3,n4?consistency=quorum")
		down := [][16]byte{cl.node(2).id, cl.node(3).id}
		cl.on(refusing(contract.Unavailable, wire.Error{Need: 2, Reachable: 1, N: 3, Down: down}))
		key := cl.keyAt(1)
		_, err := c.Put(t.Context(), key, nil)
		want := `put "` + string(key) + `": unavailable: quorum needs 2 of 3 replicas, 1 answers (n2, n3 down); nothing was written`
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		var got []int
		for _, f := range cl.order {
			got = append(got, len(f.requests(wire.OpPut)))
		}
		if diff := cmp.Diff([]int{1, 1, 1, 0}, got); diff != "" {
			t.Error(diff)
		}
	})
}

// "A write whose context ends after sending returns ErrInDoubt, never a bare
// context error"; the place is free, the connection stays.
func TestContextEndsAfterSending(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c := cl.open("n1")
		held := make(chan func(), 1)
		cl.on(orRing(func(k *fakeConn, q *wire.Request) { held <- func() { serve(k, q) } }))
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			pass(100 * time.Millisecond)
			cancel()
		}()
		_, err := c.Put(ctx, []byte("k"), nil)
		if !errors.Is(err, ErrInDoubt) || !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if n := c.Stats().Nodes[0].InFlight; n != 0 {
			t.Errorf("%d in flight", n)
		}
		(<-held)() // the late answer is nobody's
		cl.on(serve)
		if _, err := c.Get(t.Context(), []byte("k")); err != nil || len(cl.dialled()) != 1 {
			t.Errorf("%v, dialled %v", err, cl.dialled())
		}
	})
}

// What was not sent has no effect.
func TestContextEndedBeforeSending(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c := cl.open("n1")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := c.Put(ctx, []byte("k"), nil)
		if errors.Is(err, ErrInDoubt) || !errors.Is(err, context.Canceled) || cl.count(wire.OpPut) != 0 {
			t.Errorf("%v", err)
		}
		want := `put "k": unavailable: it was cancelled before it could be sent; nothing was written`
		if err == nil || err.Error() != want {
			t.Errorf("%v", err)
		}
	})
}

// A refusal as UNAVAILABLE is told at once, also where the machines of the other
// replicas swallow every packet.
func TestUnavailableDoesNotWaitForTheDead(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, cl *cluster) {
		c, err := Open(t.Context(), dsn, WithDialer(func(ctx context.Context, address string) (net.Conn, error) {
			if address != "n1:7400" {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return cl.dial(ctx, address)
		}))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(context.Background())
		cl.node(1).on(refusing(contract.Unavailable, wire.Error{Need: 2, Reachable: 1, N: 3}))
		began := time.Now()
		if _, err := c.Put(t.Context(), cl.keyAt(1), nil); !errors.Is(err, ErrUnavailable) || time.Since(began) > 50*time.Millisecond {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

// A read never has an effect, so its deadline is not doubt.
func TestDeadlineOfARead(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, cl *cluster) {
		c := cl.open(dsn)
		cl.on(orRing(silent))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := c.Get(ctx, []byte("k"))
		if !errors.Is(err, ErrTimeout) || errors.Is(err, ErrInDoubt) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took > time.Second+time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

// "The context travels as remaining time": a node is told less than is left.
func TestDeadlineTravels(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c := cl.open("n1?timeout=700ms")
		for _, tc := range []struct{ timeout, least, most time.Duration }{
			{0, 600, 700}, {time.Second, 900, 1000}, {10 * time.Millisecond, 5, 10},
		} {
			ctx, cancel := t.Context(), func() {}
			if tc.timeout > 0 {
				ctx, cancel = context.WithTimeout(ctx, tc.timeout)
			}
			if _, err := c.Get(ctx, []byte("k")); err != nil {
				t.Fatal(err)
			}
			cancel()
			gets := cl.node(1).requests(wire.OpGet)
			if ms := time.Duration(gets[len(gets)-1].DeadlineMS); ms < tc.least || ms >= tc.most {
				t.Errorf("%v: the node was told %d ms", tc.timeout, ms)
			}
		}
	})
}

func TestNewerEpochFetchesTheRingOnce(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, cl *cluster) {
		c := cl.open(dsn)
		before := cl.count(wire.OpRing)
		cl.mu.Lock()
		cl.epoch = 5
		cl.mu.Unlock()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, err := c.Get(t.Context(), []byte("k")); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		synctest.Wait()
		if n := cl.count(wire.OpRing) - before; n < 1 || n > 2 || c.Ring().Epoch() != 5 {
			t.Errorf("%d fetches, epoch %d", n, c.Ring().Epoch())
		}
	})
}

func TestGoodbyeEndsNewRequests(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, cl *cluster) {
		c := cl.open(dsn)
		synctest.Wait()
		key := cl.keyAt(1)
		held := make(chan func(), 1)
		cl.node(1).on(func(k *fakeConn, q *wire.Request) {
			held <- func() { serve(k, q) }
			k.refuse(&wire.Request{}, contract.ShuttingDown, wire.Error{})
		})
		first := make(chan error, 1)
		go func() {
			_, err := c.Get(t.Context(), key)
			first <- err
		}()
		synctest.Wait()
		if _, err := c.Get(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		(<-held)() // what is in flight is answered
		if err := <-first; err != nil {
			t.Error(err)
		}
		if n1, n2 := len(cl.node(1).requests(wire.OpGet)), len(cl.node(2).requests(wire.OpGet)); n1 != 1 || n2 != 1 {
			t.Errorf("n1 got %d requests, n2 %d", n1, n2)
		}
	})
}

// At the limit the error is at once, not a longer queue.
func TestOverloadedAtTheInFlightLimit(t *testing.T) {
	for _, told := range []uint64{1024, 100} {
		inBubble(t, 1, func(t *testing.T, cl *cluster) {
			cl.node(1).limits.InFlight = told
			c := cl.open("n1?timeout=1h")
			cl.on(orRing(silent))
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			room := int(min(told, inFlightMax))
			for range room {
				wg.Go(func() { c.Get(ctx, []byte("k")) })
			}
			synctest.Wait()
			began := time.Now()
			_, err := c.Put(ctx, []byte("k"), nil)
			if !errors.Is(err, ErrOverloaded) || errors.Is(err, ErrInDoubt) || time.Since(began) > time.Millisecond {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
			if n := cl.count(wire.OpGet); n != room {
				t.Errorf("%d were sent", n)
			}
			cancel()
			wg.Wait()
		})
	}
}

func TestTooLargeIsNotSent(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		cl.node(1).limits.ValueBytes = 10
		c := cl.open("n1")
		_, err := c.Put(t.Context(), []byte("k"), make([]byte, 11))
		if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "10 bytes") || cl.count(wire.OpPut) != 0 {
			t.Errorf("%v", err)
		}
	})
}

func TestOpenTriesEverySeed(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, cl *cluster) {
		cl.node(1).kill()
		cl.node(2).on(func(k *fakeConn, q *wire.Request) { k.refuse(q, contract.NotReady, wire.Error{}) })
		c := cl.open("nowhere:1,n1,n2,n3")
		if c.Ring().Epoch() != 1 {
			t.Error("no ring")
		}
	})
}

func TestOpenSaysWhy(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		cl.on(func(k *fakeConn, q *wire.Request) {
			k.refuse(q, contract.NotReady, wire.Error{Message: "waiting for n2"})
		})
		if _, err := Open(t.Context(), "n1", WithDialer(cl.dial)); !errors.Is(err, ErrNotReady) || !strings.Contains(err.Error(), "waiting for n2") {
			t.Errorf("%v", err)
		}
		cl.node(1).kill()
		_, err := Open(t.Context(), "n1", WithDialer(cl.dial))
		if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "n1:7400: ") || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("%v", err)
		}
	})
}

func TestClosed(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c := cl.open("n1?timeout=1h")
		cl.on(silent)
		first := make(chan error, 1)
		go func() {
			_, err := c.Put(t.Context(), []byte("k"), nil)
			first <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Close(ctx); err != nil {
			t.Error(err)
		}
		if err := <-first; !errors.Is(err, ErrInDoubt) {
			t.Errorf("a write that Close cut off: %v", err)
		}
		if _, err := c.Get(t.Context(), []byte("k")); err != ErrClosed {
			t.Errorf("%v", err)
		}
		if err := c.Close(t.Context()); err != ErrClosed {
			t.Errorf("%v", err)
		}
	})
}

// A node that is cut off without a word is asked last from the first missing
// answer on, and its connection is given up.
func TestSilentNode(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, cl *cluster) {
		c := cl.open(dsn)
		synctest.Wait()
		key := cl.keyAt(1)
		cl.node(1).on(silent)
		for range 3 {
			if _, err := c.Get(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(cl.node(1).requests(wire.OpGet)); n != 1 {
			t.Errorf("the silent node was asked %d times", n)
		}
		dials := len(cl.dialled())
		pass(3 * keepEvery)
		synctest.Wait()
		if len(cl.node(1).requests(wire.OpPing)) == 0 || len(cl.dialled()) == dials {
			t.Errorf("%d PINGs, dialled %v", len(cl.node(1).requests(wire.OpPing)), cl.dialled()[dials:])
		}
		for _, f := range cl.order[1:] {
			if f.connections() != 1 {
				t.Errorf("%s, which answers, was dialled %d times", f.name, f.connections())
			}
		}
	})
}

func TestNotFoundHasAReceipt(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c := cl.open("n1")
		v := hlc.Version{Time: 5, Writer: 6}
		cl.on(func(k *fakeConn, q *wire.Request) {
			a := wire.GetAnswer{Version: v, Receipt: contract.Receipt{Need: 2, Acked: 3}}
			k.send(a.Append(nil, k.head(q, contract.OK)))
		})
		item, err := c.Get(t.Context(), []byte("k"))
		if err != ErrNotFound || item.Version != v || item.Receipt.Acked != 3 {
			t.Errorf("%+v, %v", item, err)
		}
	})
}

// Contract 2: a write that meets a higher version is answered superseded, with
// the version that won.
func TestSupersededIsDoneAndTold(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c := cl.open("n1")
		winner := hlc.Version{Time: 1 << 60, Writer: 1}
		cl.on(func(k *fakeConn, q *wire.Request) {
			a := wire.WriteAnswer{Version: q.Version, Outcome: contract.Superseded, Winner: winner}
			k.send(a.Append(nil, k.head(q, contract.OK)))
		})
		r, err := c.Put(t.Context(), []byte("k"), nil)
		if err != nil || !r.Superseded() || r.SupersededBy != winner {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestScanPagesThroughTheCursor(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, cl *cluster) {
		c := cl.open(dsn)
		cl.on(orRing(func(k *fakeConn, q *wire.Request) {
			page := int(append(q.Cursor, 0)[0])
			a := wire.ScanAnswer{Coverage: wire.Coverage{Done: uint64(page + 1), MetLevel: uint64(page + 1), Asked: 3}}
			if page != 1 { // an empty page with a cursor is normal
				a.Items = []wire.ScanItem{{Key: []byte{'a' + byte(page)}, Version: hlc.Version{Time: 1}}}
			}
			if page < 2 {
				a.Cursor = []byte{byte(page + 1)}
			}
			k.send(a.Append(nil, k.head(q, contract.OK)))
		}))
		var keys []string
		for item, err := range c.Scan(t.Context(), []byte("p"), KeysOnly(), At(One)) {
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, string(item.Key))
		}
		if diff := cmp.Diff([]string{"a", "c"}, keys); diff != "" {
			t.Error(diff)
		}
		for _, f := range cl.order {
			for _, q := range f.requests(wire.OpScan) {
				if q.Level != contract.One || !q.KeysOnly || string(q.Prefix) != "p" {
					t.Errorf("%+v", q)
				}
			}
		}
	})
}

// A caller may still hold an id of the connection before, so none is used again:
// the answer to one request is never taken for another's.
func TestIDsAreNotReusedAfterAReconnect(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c := cl.open("n1?timeout=1m")
		get := func() {
			if _, err := c.Get(t.Context(), []byte("k")); err != nil && err != ErrNotFound {
				t.Fatal(err)
			}
		}
		for range 3 {
			get()
		}
		cl.node(1).kill()
		synctest.Wait()
		cl.node(1).revive()
		pass(5 * time.Second) // it is dialled again
		for range 5 {
			get()
		}
		seen := map[uint64]bool{}
		for _, q := range cl.node(1).requests(wire.OpGet) {
			if seen[q.ID] {
				t.Errorf("id %d was used twice", q.ID)
			}
			seen[q.ID] = true
		}
		if len(seen) < 8 {
			t.Errorf("%d requests came", len(seen))
		}
	})
}

// Close ends calls that still look for a node.
func TestCloseEndsCallsThatFindNobody(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c := cl.open("n1?timeout=10m")
		cl.on(losing) // in doubt from the first attempt on, so that it is repeated
		ended := make(chan error, 1)
		go func() {
			_, err := c.Put(t.Context(), []byte("k"), nil)
			ended <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_ = c.Close(ctx) // it may say that the call had to be cut off
		closed := time.Now()
		if err := <-ended; err == nil {
			t.Error("the call succeeded")
		}
		if late := time.Since(closed); late > time.Second {
			t.Errorf("the call ended %v after Close", late)
		}
	})
}
