package client

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/wire"
)

func last(list []wire.Request) wire.Request {
	if len(list) == 0 {
		return wire.Request{}
	}
	return list[len(list)-1]
}

// What was seen of a key goes along with reads and writes of that key only.
func TestSessionGoesAlongWithItsKey(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c, err := Open(t.Context(), "n1?session=true", WithDialer(cl.dial))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(t.Context())
		n, a, b := cl.node(1), []byte("a"), []byte("b")
		get := func(key []byte, opts ...CallOption) wire.Request {
			t.Helper()
			if _, err := c.Get(t.Context(), key, opts...); err != nil {
				t.Fatal(err)
			}
			return last(n.requests(wire.OpGet))
		}
		if q := get(a); !q.After.IsZero() || !c.Seen(b).IsZero() {
			t.Errorf("nothing was seen, yet after %v", q.After)
		}
		read := c.Seen(a)
		if read.IsZero() {
			t.Fatal("what was read was not seen")
		}
		if q := get(a); q.After != read {
			t.Errorf("after %v, seen %v", q.After, read)
		}
		if q := get(b); !q.After.IsZero() {
			t.Errorf("another key is asked after %v", q.After)
		}
		r, err := c.Put(t.Context(), a, nil)
		if q := last(n.requests(wire.OpPut)); err != nil || q.Seen.IsZero() || !q.HasSeen {
			t.Errorf("a write of a key that was read: %+v, %v", q, err)
		}
		if c.Seen(a) != r.Version {
			t.Errorf("wrote %v, seen %v", r.Version, c.Seen(a))
		}
		if _, err := c.Delete(t.Context(), []byte("new")); err != nil || last(n.requests(wire.OpDelete)).HasSeen {
			t.Errorf("of a key that was never seen the writer says that it knew it: %v", err)
		}
		mine := hlc.Version{Time: 3, Writer: 4}
		if q := get(a, After(mine)); q.After != mine {
			t.Errorf("the caller's After is %v, sent was %v", mine, q.After)
		}
		if q := get(a, After(Version{})); !q.After.IsZero() {
			t.Errorf("the caller wants none, sent was %v", q.After)
		}
		if _, err := c.Put(t.Context(), a, nil, Seen(Version{})); err != nil || !last(n.requests(wire.OpPut)).Seen.IsZero() {
			t.Errorf("the caller's Seen is not sent: %v", err)
		}
		if !c.In("other").Seen(a).IsZero() {
			t.Error("another namespace has seen the key")
		}
	})
}

// Without WithSession nothing is remembered.
func TestNoSessionByDefault(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c := cl.open("n1")
		for range 2 {
			if _, err := c.Get(t.Context(), []byte("a")); err != nil {
				t.Fatal(err)
			}
		}
		if q := last(cl.node(1).requests(wire.OpGet)); !q.After.IsZero() || !c.Seen([]byte("a")).IsZero() {
			t.Errorf("after %v, seen %v", q.After, c.Seen([]byte("a")))
		}
	})
}

// Seen is what was read or written: not a write in doubt, and of a write that
// was superseded its own version, not the one that won.
func TestWhatIsNotSeen(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c, err := Open(t.Context(), "n1?timeout=100ms", WithDialer(cl.dial), WithSession())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(t.Context())
		cl.on(orRing(silent))
		if _, err := c.Put(t.Context(), []byte("doubt"), nil); !errors.Is(err, ErrInDoubt) || !c.Seen([]byte("doubt")).IsZero() {
			t.Errorf("%v, seen %v", err, c.Seen([]byte("doubt")))
		}
		cl.on(orRing(func(k *fakeConn, q *wire.Request) {
			a := wire.WriteAnswer{Version: q.Version, Outcome: contract.Superseded, Winner: hlc.Version{Time: 1 << 60}}
			k.send(a.Append(nil, k.head(q, contract.OK)))
		}))
		r, err := c.Put(t.Context(), []byte("lost"), nil)
		if err != nil || c.Seen([]byte("lost")) != r.Version {
			t.Errorf("%v, seen %v, wrote %v", err, c.Seen([]byte("lost")), r.Version)
		}
		deleted := hlc.Version{Time: 9, Writer: 9}
		cl.on(orRing(func(k *fakeConn, q *wire.Request) {
			a := wire.GetAnswer{Version: deleted}
			k.send(a.Append(nil, k.head(q, contract.OK)))
		}))
		if _, err := c.Get(t.Context(), []byte("gone")); err != ErrNotFound || c.Seen([]byte("gone")) != deleted {
			t.Errorf("%v, seen %v", err, c.Seen([]byte("gone")))
		}
	})
}

// The memory is bounded, and what was used last stays. A lower version never
// replaces a higher one.
func TestSessionForgetsTheLeastRecentlyUsed(t *testing.T) {
	s := newSession()
	key := func(i int) []byte { return fmt.Appendf(nil, "%d", i) }
	for i := range sessionKeys {
		s.saw("", key(i), hlc.Version{Time: 5})
	}
	s.seen("", key(0))
	s.saw("", key(1), hlc.Version{Time: 4})
	s.saw("", key(sessionKeys), hlc.Version{Time: 6})
	s.saw("", key(sessionKeys+1), hlc.Version{Time: 6})
	for i, want := range map[int]hlc.Timestamp{0: 5, 1: 5, 2: 0, 3: 0, 4: 5, sessionKeys: 6} {
		if got := s.seen("", key(i)).Time; got != want {
			t.Errorf("key %d: %v, want %v", i, got, want)
		}
	}
	if len(s.known) != sessionKeys || s.order.Len() != sessionKeys {
		t.Errorf("%d keys, %d in order", len(s.known), s.order.Len())
	}
}

// A read that is refused because nobody in reach of its coordinator has what the
// session has seen goes on, to nodes too that are no replicas of the key.
func TestSessionReadGoesOnToOtherCoordinators(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, cl *cluster) {
		c := cl.open("n1,n2,n3,n4")
		synctest.Wait()
		key := cl.keyAt(1) // on n1, n2, n3
		for i := 1; i <= 3; i++ {
			cl.node(i).on(refusing(contract.Unavailable, wire.Error{Need: 1, Reachable: 1, N: 3}))
		}
		item, err := c.Get(t.Context(), key, After(hlc.Version{Time: 7}), At(One))
		if err != nil || len(item.Value) == 0 || cl.count(wire.OpGet) != 4 {
			t.Fatalf("%d attempts: %v", cl.count(wire.OpGet), err)
		}
		if s := c.Stats(); s.Nodes[0].Failed {
			t.Error("a node is blamed for not having what another replica has")
		}
		cl.node(4).on(refusing(contract.Unavailable, wire.Error{Need: 1, Reachable: 1, N: 3}))
		if _, err := c.Get(t.Context(), key, After(hlc.Version{Time: 7})); !errors.Is(err, ErrUnavailable) {
			t.Errorf("nobody has it: %v", err)
		}
	})
}
