package gossip

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/memberlist"
	"pgregory.net/rapid"

	"github.com/candordb/candor/ring"
)

// shelf is a Shared whose epoch does not move.
type shelf struct {
	epoch   uint64
	offered []uint64
}

func (s *shelf) Epoch() uint64  { return s.epoch }
func (s *shelf) Offer(e uint64) { s.offered = append(s.offered, e) }
func (s *shelf) newest() (e uint64) {
	for _, o := range s.offered {
		e = max(e, o)
	}
	return e
}

func testGossip(t interface{ Fatal(...any) }, shared Shared) *Gossip {
	g, err := New(Options{
		Self:      ring.NodeID{1},
		ClusterID: [16]byte{42},
		Listen:    "10.0.0.1:7402",
		Shared:    shared,
		Log:       slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// deliverAll is what the pump's goroutine does after a nudge.
func (p *pump) deliverAll() {
	n := p.notes
	p.notes = emptyNotes()
	p.deliver(n)
}

// All that is gossiped may come in any order, any number of times, and delivered
// at any moment: what is believed in the end is the same.
func TestGossipAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		messages := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []byte {
			if rapid.Bool().Draw(t, "epoch") {
				return appendEpoch(nil, rapid.Uint64Range(0, 9).Draw(t, "e"))
			}
			id := ring.NodeID{rapid.ByteRange(1, 3).Draw(t, "id")}
			return appendLeaving(nil, id, rapid.Uint64Range(0, 4).Draw(t, "incarnation"))
		}), 1, 12).Draw(t, "messages")
		believe := func(order [][]byte) ([]Member, uint64) {
			shared := &shelf{epoch: 3}
			g := testGossip(t, shared)
			for i := range byte(3) {
				m := exampleMeta
				m.incarnation = 2
				g.pump.noteFact(ring.NodeID{i + 1}, fact{alive: true, addr: netip.MustParseAddrPort("10.0.0.1:1"), meta: m})
			}
			for _, m := range order {
				g.delegate.NotifyMsg(m)
				if rapid.Bool().Draw(t, "deliver") {
					g.pump.deliverAll()
				}
			}
			g.pump.deliverAll()
			members := slices.Clone(g.View().Members)
			for i := range members {
				members[i].Since = time.Time{}
			}
			return members, shared.newest()
		}
		again := rapid.Permutation(append(slices.Clone(messages), messages...)).Draw(t, "again")
		wantMembers, wantEpoch := believe(messages)
		members, epoch := believe(again)
		if diff := cmp.Diff(wantMembers, members); diff != "" || epoch != wantEpoch {
			t.Fatalf("epoch %d, want %d\n%s", epoch, wantEpoch, diff)
		}
	})
}

func TestStrangeMessagesAreSkipped(t *testing.T) {
	shared := &shelf{}
	g := testGossip(t, shared)
	for _, b := range [][]byte{nil, {}, {0}, {99, 1, 2}, {kindEpoch}, {kindEpoch, 1}, {kindLeaving, 1, 2}} {
		g.delegate.NotifyMsg(b)
		g.delegate.MergeRemoteState(b, true)
		g.delegate.NotifyPingComplete(nil, 0, b)
	}
	g.pump.deliverAll()
	if len(shared.offered) != 0 || len(g.View().Members) != 0 {
		t.Fatal(shared.offered, g.View())
	}
}

// An epoch that is not newer is no news; one that is, is offered until it is
// taken.
func TestOnlyNewerEpochsAreOffered(t *testing.T) {
	shared := &shelf{epoch: 5}
	g := testGossip(t, shared)
	for _, e := range []uint64{4, 5, 7, 6, 7} {
		g.delegate.NotifyMsg(appendEpoch(nil, e))
		g.pump.deliverAll()
	}
	if diff := cmp.Diff([]uint64{7, 6, 7}, shared.offered); diff != "" {
		t.Fatal(diff)
	}
	if n := g.delegate.queue.NumQueued(); n != 1 {
		t.Errorf("%d broadcasts wait, one replaces the other", n)
	}
}

// The epoch travels beside the metadata: a change of it must not make every node
// broadcast a new self.
func TestEpochDoesNotTouchMeta(t *testing.T) {
	shared := &shelf{epoch: 1}
	g := testGossip(t, shared)
	before := bytes.Clone(g.delegate.NodeMeta(512))
	shared.epoch = 1 << 40
	g.Announce()
	g.pump.deliverAll()
	if !bytes.Equal(before, g.delegate.NodeMeta(512)) {
		t.Fatal("the metadata changed")
	}
	for _, b := range [][]byte{g.delegate.AckPayload(), g.delegate.LocalState(false)[1:]} {
		if e, ok := parseEpoch(b); !ok || e != 1<<40 {
			t.Fatalf("%x", b)
		}
	}
}

func TestOversizeBroadcastRefused(t *testing.T) {
	g := testGossip(t, nil)
	if err := g.delegate.enqueue(&broadcast{name: "big", message: make([]byte, broadcastMax+1)}); !errors.Is(err, errBroadcastTooLarge) {
		t.Fatal(err)
	}
	if err := g.delegate.enqueue(&broadcast{name: "fits", message: make([]byte, broadcastMax)}); err != nil {
		t.Fatal(err)
	}
	// What is taken is really sent.
	if got := g.delegate.GetBroadcasts(3, 1300); len(got) != 1 {
		t.Fatalf("%d messages", len(got))
	}
}

func node(id byte, cluster byte) *memberlist.Node {
	m := exampleMeta
	m.cluster = [16]byte{cluster}
	return &memberlist.Node{Name: ring.NodeID{id}.String(), Addr: net.IPv4(10, 0, 0, id), Port: 7402, Meta: m.append(nil)}
}

// Even where the label would not keep a foreign node out.
func TestForeignNodesAreRefused(t *testing.T) {
	g := testGossip(t, nil)
	d := g.delegate
	if err := d.NotifyAlive(node(2, 42)); err != nil {
		t.Error(err)
	}
	if err := d.NotifyAlive(node(2, 43)); !errors.Is(err, ErrForeignCluster) {
		t.Error(err)
	}
	if err := d.NotifyAlive(&memberlist.Node{Name: ring.NodeID{2}.String()}); !errors.Is(err, ErrMeta) {
		t.Error(err)
	}
	if err := d.NotifyAlive(&memberlist.Node{Name: "host-7", Meta: node(2, 42).Meta}); !errors.Is(err, ring.ErrNodeID) {
		t.Error(err)
	}
	if err := d.NotifyAlive(node(1, 43)); err != nil {
		t.Error("refused itself, on which memberlist panics:", err)
	}
	if err := d.NotifyMerge([]*memberlist.Node{node(2, 42), {Name: "odd"}}); err != nil {
		t.Error(err)
	}
	if err := d.NotifyMerge([]*memberlist.Node{node(2, 42), node(3, 43)}); !errors.Is(err, ErrForeignCluster) {
		t.Error(err)
	}
}

// memberlist's timers outlive its Shutdown.
func TestLateEventsAfterClose(t *testing.T) {
	g := testGossip(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g.pump.run(ctx)
	for range 1000 {
		g.delegate.NotifyLeave(node(2, 42))
		g.delegate.NotifyMsg(appendEpoch(nil, 1))
		g.delegate.NotifyConflict(node(2, 42), node(3, 42))
	}
}

// memberlist changes a Node after the callback: nothing of it may be kept.
func TestNodesAreCopied(t *testing.T) {
	g := testGossip(t, nil)
	n := node(2, 42)
	g.delegate.NotifyJoin(n)
	n.Addr[len(n.Addr)-1], n.Port = 99, 1
	clear(n.Meta)
	g.pump.deliverAll()
	want := Member{
		ID: ring.NodeID{2}, Alive: true,
		Addr: "10.0.0.2:7402", Client: "10.0.0.2:7400", Peer: "10.0.0.2:7401", HTTP: "10.0.0.2:7480",
		Zone: "berlin-a", Incarnation: 7,
	}
	got, _ := g.View().Member(ring.NodeID{2})
	got.Since = time.Time{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

func TestSinceIsWhenAliveChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGossip(t, nil)
		step := func(note func(*memberlist.Node), cluster byte) time.Time {
			<-time.After(time.Second)
			note(node(2, cluster))
			g.pump.deliverAll()
			m, _ := g.View().Member(ring.NodeID{2})
			return m.Since
		}
		began := time.Now()
		for i, s := range []struct {
			note func(*memberlist.Node)
			want int
		}{{g.delegate.NotifyJoin, 1}, {g.delegate.NotifyUpdate, 1}, {g.delegate.NotifyLeave, 3}, {g.delegate.NotifyLeave, 3}, {g.delegate.NotifyJoin, 5}} {
			if got := step(s.note, 42).Sub(began); got != time.Duration(s.want)*time.Second {
				t.Errorf("step %d: since %v, want %d s", i, got, s.want)
			}
		}
	})
}

func TestDisputesAreBoundedAndForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGossip(t, nil)
		for i := range 200 {
			other := node(2, 42)
			other.Port = uint16(i + 1)
			g.delegate.NotifyConflict(node(2, 42), other)
		}
		if n := len(g.pump.disputes(time.Now())); n != disputeMax {
			t.Fatalf("%d remembered", n)
		}
		if want, _ := g.candidates(time.Now()); !slices.Contains(want, "10.0.0.2:1") {
			t.Fatalf("a disputed address is not dialled: %v", want)
		}
		<-time.After(disputeAge + time.Second)
		if n := len(g.pump.disputes(time.Now())); n != 0 {
			t.Fatalf("%d left", n)
		}
	})
}

func TestOptionsThatCannotWork(t *testing.T) {
	for _, o := range []Options{
		{Listen: ""},
		{Listen: "host:7402"},
		{Listen: "0.0.0.0:7402"},
		{Listen: "[::]:7402"},
		{Listen: "10.0.0.1:0"},
		{Listen: "10.0.0.1:1", Advertise: "host:1"},
		{Listen: "10.0.0.1:1", Advertise: "0.0.0.0:1"},
		{Listen: "10.0.0.1:1", Zone: string(make([]byte, ZoneMax+1))},
	} {
		o.Log = slog.New(slog.DiscardHandler)
		if _, err := New(o); err == nil {
			t.Errorf("accepted %+v", o)
		}
	}
	if _, err := New(Options{Listen: "0.0.0.0:7402", Advertise: "10.0.0.1:7402", Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Error(err)
	}
}
