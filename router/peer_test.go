package router

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// peerConn is a connection to the peer port of node 0, by a node with this id.
func (c *cluster) peerConn(id ring.NodeID) *conn {
	k := c.dial(c.nodes[0], true)
	h := nodeHello()
	h.NodeID = id
	k.send(h.Append(nil))
	if a := k.one(); a.Code != contract.OK {
		c.t.Fatalf("HELLO: %v", a.Code)
	}
	return k
}

func placeOf(key string) wire.Place {
	token, _ := ring.TokenOf(nil, "default", []byte(key))
	return wire.Place{Token: uint64(token), Namespace: 1, Key: []byte(key)}
}

func ringToken(p wire.Place) ring.Token { return ring.Token(p.Token) }

// writes is a WRITE frame of records with the given texts, one key each; reads
// is a READ or DIGEST of keys. The call of the i-th item is i + 1.
func writes(epoch uint64, items ...wire.WriteItem) []byte {
	var box wire.Outbox
	for i := range items {
		items[i].Call = uint64(i + 1)
		items[i].DeadlineMS = 1000
		box.Write(epoch, hlc.Make(physical+3, 0), &items[i])
	}
	return box.Take(nil)
}

func reads(op wire.Op, epoch uint64, keys ...string) []byte {
	var box wire.Outbox
	for i, key := range keys {
		box.Read(op, epoch, hlc.Make(physical+3, 0), &wire.ReadItem{Call: uint64(i + 1), DeadlineMS: 1000, Place: placeOf(key)})
	}
	return box.Take(nil)
}

// voids is a VOID frame of the keys, of version v.
func voids(epoch uint64, v hlc.Version, keys ...string) []byte {
	frame := wire.BeginItems(nil, wire.PeerHead{Op: wire.OpVoid, ID: 6, Epoch: epoch, Clock: hlc.Make(physical+3, 0)})
	items := len(frame)
	for i, key := range keys {
		item := wire.VoidItem{Call: uint64(i + 1), DeadlineMS: 1000, Place: placeOf(key), Version: v}
		frame = item.Append(frame)
	}
	return wire.EndItems(frame, 0, items, len(keys))
}

func (c *cluster) item(key, value string) wire.WriteItem {
	p := placeOf(key)
	return wire.WriteItem{Place: p, Record: record.Append(nil, 1, p.Key, record.Record{Version: c.version(0), Value: []byte(value)})}
}

// results takes what a node has answered to WRITE, READ, DIGEST and RANGE: call,
// code, and what else there is, in words; and the size of the largest frame.
func (k *conn) results() (words []string, largest int) {
	out := k.out
	for k.out = nil; len(out) > 0; {
		body, n, err := wire.NextFrame(out, int(testLimits().FrameBytes))
		if err != nil || n == 0 {
			k.n.c.t.Fatalf("no frame of at most %d bytes: %v", testLimits().FrameBytes, err)
		}
		var a wire.PeerAnswer
		if err := wire.DecodePeerAnswer(body, &a); err != nil {
			k.n.c.t.Fatal(err)
		}
		words, out, largest = append(words, itemWords(&a)...), out[n:], max(largest, n)
	}
	return words, largest
}

func itemWords(a *wire.PeerAnswer) (words []string) {
	var w wire.WriteResult
	var r wire.ReadResult
	switch {
	case a.Code != contract.OK:
		return []string{a.Op.String() + " " + a.Code.String()}
	case a.Op == wire.OpVoid:
		for more, _ := a.NextWrite(&w); more; more, _ = a.NextWrite(&w) {
			words = append(words, fmt.Sprint(w.Call, " ", w.Code, " ", !w.Winner.IsZero()))
		}
	case a.Op == wire.OpWrite:
		for more, _ := a.NextWrite(&w); more; more, _ = a.NextWrite(&w) {
			words = append(words, fmt.Sprint(w.Call, " ", w.Code))
		}
	case a.Op == wire.OpRead, a.Op == wire.OpDigest:
		for more, _ := a.NextRead(&r); more; more, _ = a.NextRead(&r) {
			words = append(words, fmt.Sprint(r.Call, " ", r.Code, " ", len(r.Record)))
		}
	case a.Op == wire.OpRange:
		return []string{fmt.Sprint(a.Range.Call, " ", a.Range.Code, " ", len(a.Range.Items))}
	default:
		return []string{a.Op.String()}
	}
	return words
}

// Every item of a frame has its own answer, in one frame where they came in one.
func TestReplicaAnswersEachItem(t *testing.T) {
	c := newCluster(t, 3)
	k := c.peerConn(nodeID(1))
	bad := c.item("bad", "v")
	bad.Record[len(bad.Record)-1] ^= 1
	old := c.item("old", "")
	old.Record = record.Append(nil, 1, []byte("old"), record.Record{Version: c.version(-40_000)})
	repaired := old
	repaired.Kind = wire.Repair
	k.send(writes(1, c.item("a", "value"), bad, old, repaired))
	if len(k.out) != 0 {
		t.Fatal("acknowledged before it was durable")
	}
	c.pump()
	if words, _ := k.results(); strings.Join(words, ", ") != "1 OK, 2 CORRUPT, 3 CLOCK, 4 OK" {
		t.Errorf("WRITE: %v", words)
	}
	c.nodes[0].set("damaged", record.Record{Version: c.version(0), Value: []byte("v")})
	c.nodes[0].damage("damaged")
	k.send(reads(wire.OpRead, 1, "a", "nothing", "damaged"))
	whole := record.Bytes(record.Record{Value: []byte("value")})
	if words, _ := k.results(); strings.Join(words, ", ") != fmt.Sprintf("1 OK %d, 2 OK 0, 3 CORRUPT 0", whole) {
		t.Errorf("READ: %v", words)
	}
	k.send(reads(wire.OpDigest, 1, "a", "nothing", "damaged"))
	if words, _ := k.results(); strings.Join(words, ", ") != fmt.Sprintf("1 OK %d, 2 OK 0, 3 CORRUPT 0", whole-len("value")) {
		t.Errorf("DIGEST: %v", words)
	}
	k.send(voids(1, c.version(0), "a", "nothing", "damaged"))
	if len(k.out) != 0 {
		t.Fatal("a void was acknowledged before it was durable")
	}
	c.pump()
	if words, _ := k.results(); strings.Join(words, ", ") != "1 OK true, 2 OK false, 3 CORRUPT false" {
		t.Errorf("VOID: %v", words)
	}
	if got := c.nodes[0].observed[nodeID(1)]; got != hlc.Make(physical+3, 0) {
		t.Errorf("the clock of the message was not observed: %v", got)
	}
}

// algorithms.md, rule 9: every request carries the epoch, and only members may
// ask. What is refused is refused item by item, and has no effect.
func TestReplicaServesMembersOfItsEpochOnly(t *testing.T) {
	for _, tc := range []struct {
		name   string
		from   int
		epoch  uint64
		change func(*node)
		code   contract.Code
	}{
		{"a member", 1, 1, func(*node) {}, contract.OK},
		{"a stranger", 9, 1, func(*node) {}, contract.Forbidden},
		{"an older epoch", 1, 0, func(*node) {}, contract.StaleEpoch},
		{"a newer epoch", 1, 2, func(*node) {}, contract.NotReady},
		{"its storage has stopped", 1, 1, func(n *node) { n.serving = false }, contract.NotReady},
		{"before epoch 1", 1, 1, func(n *node) { n.cluster = nil }, contract.NotReady},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCluster(t, 3)
			k := c.peerConn(nodeID(tc.from))
			tc.change(c.nodes[0])
			q := wire.RangeRequest{Call: 1, Namespace: 1, Last: ^uint64(0), Limit: 10, Bytes: 1000}
			for _, frame := range [][]byte{
				writes(tc.epoch, c.item("a", "v")), voids(tc.epoch, c.version(0), "c"), reads(wire.OpRead, tc.epoch, "b"), reads(wire.OpDigest, tc.epoch, "b"),
				q.Append(nil, wire.PeerHead{Op: wire.OpRange, ID: 5, Epoch: tc.epoch}),
			} {
				k.send(frame)
				c.pump()
				words, _ := k.results()
				if len(words) != 1 || !strings.HasPrefix(words[0], "1 "+tc.code.String()) {
					t.Errorf("%v, want %v", words, tc.code)
				}
			}
			stored, noted := c.nodes[0].holds("a") == "v", len(c.nodes[0].store.voids) == 1
			if stored != (tc.code == contract.OK) || noted != stored || k.closed {
				t.Errorf("stored %v, noted %v, closed %v", stored, noted, k.closed)
			}
		})
	}
}

// What a node answers to one frame of many items can be more than one frame may
// hold: then it is several.
func TestAnswersToReadsFitAFrame(t *testing.T) {
	c := newCluster(t, 3)
	k := c.peerConn(nodeID(1))
	var keys []string
	for i, size := range []int{200_000, 1 << 20, 10, 1 << 20, 200_000, 100_000, 0} {
		key := fmt.Sprint("k", i)
		keys = append(keys, key)
		c.nodes[0].set(key, record.Record{Version: c.version(0), Value: make([]byte, size)})
	}
	k.send(reads(wire.OpRead, 1, keys...))
	words, largest := k.results()
	if len(words) != len(keys) || !slices.IsSorted(words) {
		t.Errorf("%v", words)
	}
	if limit := record.Bytes(record.Record{Value: make([]byte, 1<<20)}) + 256; largest > limit {
		t.Errorf("a frame of %d bytes; one record takes %d", largest, limit)
	}
}

func TestReplicaBoundsARange(t *testing.T) {
	c := newCluster(t, 3)
	for i := range 600 {
		c.nodes[0].set(fmt.Sprint("k", i), record.Record{Version: c.version(0), Value: make([]byte, 1000)})
	}
	k := c.peerConn(nodeID(1))
	q := wire.RangeRequest{Call: 1, Namespace: 1, Last: ^uint64(0), Limit: 1 << 60, Bytes: 1 << 60}
	k.send(q.Append(nil, wire.PeerHead{Op: wire.OpRange, ID: 5, Epoch: 1}))
	if words, largest := k.results(); largest > answerBytesMax+headBytes || len(words) != 1 || words[0] == "1 OK 0" {
		t.Errorf("%v in %d bytes", words, largest)
	}
}

func TestControlMessagesGoToTheWorld(t *testing.T) {
	c := newCluster(t, 3)
	k, n := c.peerConn(nodeID(1)), c.nodes[0]
	n.cluster = nil // they are how a node gets one
	for id, op := range []wire.Op{wire.OpStatus, wire.OpMetadata, wire.OpInstall, wire.OpPrepare, wire.OpAccept, wire.OpReport} {
		h := wire.PeerHead{Op: op, ID: uint64(id + 1)}
		if op == wire.OpPrepare || op == wire.OpAccept {
			b := wire.Ballot{Ballot: c.version(0)}
			k.send(b.Append(nil, h))
		} else {
			k.send(wire.AppendDocument(nil, h, []byte("d")))
		}
	}
	want := []string{"02 asks STATUS", "02 asks METADATA", "02 asks INSTALL", "02 asks PREPARE", "02 asks ACCEPT", "02 asks REPORT"}
	if !slices.Equal(n.heard, want) {
		t.Errorf("%v", n.heard)
	}
	n.heard = nil
	n.router.Begin(&n.turn)
	head := wire.Head{Op: wire.OpStatus, ID: 3, Clock: hlc.Make(physical+9, 0)}
	if !n.router.Answer(&n.turn, nodeID(2), body(wire.AppendDocumentAnswer(nil, head, nil))) {
		t.Error("an answer to STATUS is not taken")
	}
	n.router.Finish(&n.turn)
	if !slices.Equal(n.heard, []string{"03 answers STATUS"}) || n.observed[nodeID(2)] != head.Clock {
		t.Errorf("%v, clock %v", n.heard, n.observed[nodeID(2)])
	}
}

func body(frame []byte) []byte { return frame[wire.HeaderBytes:] }

// A peer says goodbye as a server, by an unasked error, or as a client, by
// GOODBYE. Both mean that it takes nothing new.
func TestGoodbyesOfPeers(t *testing.T) {
	c := newCluster(t, 3)
	n, k := c.nodes[0], c.peerConn(nodeID(1))
	k.send(wire.AppendDocument(nil, wire.PeerHead{Op: wire.OpGoodbye, ID: 5}, nil))
	if words, _ := k.results(); fmt.Sprint(words) != "[GOODBYE]" || k.closed {
		t.Errorf("%v, closed %v", words, k.closed)
	}
	n.router.Begin(&n.turn)
	e := wire.Error{Message: "bye"}
	if !n.router.Answer(&n.turn, nodeID(2), body(e.Append(nil, wire.Head{Code: contract.ShuttingDown}))) {
		t.Error("a goodbye gives the link up")
	}
	n.router.Finish(&n.turn)
	if !slices.Equal(n.heard, []string{"02 goodbye", "03 goodbye"}) {
		t.Errorf("%v", n.heard)
	}
}

func TestUnknownRequestsOfPeers(t *testing.T) {
	c := newCluster(t, 3)
	k := c.peerConn(nodeID(1))
	for _, op := range []wire.Op{0x5f, wire.OpGet} {
		k.send(wire.AppendDocument(nil, wire.PeerHead{Op: op, ID: 5, Epoch: 1}, nil))
		if words, _ := k.results(); len(words) != 1 || !strings.HasSuffix(words[0], " UNSUPPORTED") || k.closed {
			t.Errorf("%v: %v, closed %v", op, words, k.closed)
		}
	}
}

// What cannot be read ends the connection, and no answer of a peer can make a
// node panic.
func TestMalformedPeers(t *testing.T) {
	c := newCluster(t, 3)
	whole := body(writes(1, c.item("a", "v"), c.item("b", "v")))
	for n := range whole {
		k := c.peerConn(nodeID(1))
		frame := append([]byte{0, 0, byte(n >> 8), byte(n)}, whole[:n]...)
		if k.send(frame); !k.closed {
			t.Fatalf("%d bytes of a WRITE were taken", n)
		}
	}
	whole = body(voids(1, c.version(0), "a", "b"))
	for n := range whole {
		k := c.peerConn(nodeID(1))
		if k.send(append([]byte{0, 0, byte(n >> 8), byte(n)}, whole[:n]...)); !k.closed {
			t.Fatalf("%d bytes of a VOID were taken", n)
		}
	}
	n := c.nodes[0]
	answer := body(wire.EndItems(append(wire.BeginResults(nil, wire.Head{Op: wire.OpWrite, ID: 1}), 0x94, 1, 0, 0xc0, 0), 0, itemsAt(), 1))
	for i := range answer {
		n.router.Begin(&n.turn)
		if n.router.Answer(&n.turn, nodeID(1), answer[:i]) {
			t.Errorf("%d bytes of an answer were taken", i)
		}
		n.router.Finish(&n.turn)
	}
	n.router.Begin(&n.turn)
	if !n.router.Answer(&n.turn, nodeID(1), answer) {
		t.Error("the whole of it was not taken")
	}
	e := wire.Error{Message: "cannot read you"}
	if n.router.Answer(&n.turn, nodeID(1), body(e.Append(nil, wire.Head{Code: contract.BadRequest}))) {
		t.Error("the link stays, though the peer could not read what it was sent")
	}
	n.router.Finish(&n.turn)
}

// itemsAt is where the items of an answer begin.
func itemsAt() int { return len(wire.BeginResults(nil, wire.Head{Op: wire.OpWrite, ID: 1})) }

// Answers can come for requests that wait no longer, or that were never made, or
// for shards that do not exist.
func TestStrayAnswersAreDropped(t *testing.T) {
	c := newCluster(t, 3)
	k, n := c.client(0), c.nodes[0]
	k.open(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), Level: contract.All})
	n.router.Begin(&n.turn)
	for _, call := range []uint64{0, 1, 7 << 56, ^uint64(0), 200 << 56} {
		w := wire.WriteResult{Call: call}
		frame := w.Append(wire.BeginResults(nil, wire.Head{Op: wire.OpWrite, ID: 1}))
		n.router.Answer(&n.turn, nodeID(1), body(wire.EndItems(frame, 0, itemsAt(), 1)))
		n.router.Answer(&n.turn, nodeID(2), body(wire.EndItems(frame, 0, itemsAt(), 1)))
	}
	n.router.Finish(&n.turn)
	if len(k.out) != 0 {
		t.Errorf("answered: %+v", k.answers())
	}
	c.pump()
	if a := k.one(); a.Code != contract.OK || a.Write.Receipt.Acked != 3 {
		t.Errorf("%v %+v", a.Code, a.Write.Receipt)
	}
}

// What waits for a peer travels in one frame.
func TestOneTurnIsOneFramePerPeer(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	var frames []byte
	for i := range 10 {
		q := putOp(fmt.Sprint("k", i), "v")
		q.ID = uint64(i + 1)
		frames = q.Append(frames)
	}
	k.send(frames)
	for _, p := range c.nodes[0].peers {
		sent := bytes.Clone(p.box.Take(nil))
		if _, n, err := wire.NextFrame(sent, 1<<20); err != nil || n != len(sent) {
			t.Errorf("%d of %d bytes are the first frame: %v", n, len(sent), err)
		}
	}
}

// protocol.md, 0x48: a HEARTBEAT is answered, and the answer names the start of
// who gives it.
func TestHeartbeatsAreAnswered(t *testing.T) {
	c := newCluster(t, 2)
	from, to := c.nodes[0], c.nodes[1]
	to.router.o.Incarnation = 7
	p := from.peers[to.id]
	box := p.Begin()
	box.SetReady(wire.AppendHeartbeat(box.Ready(), wire.PeerHead{ID: box.NextID(), Clock: from.clock}, []byte("now")))
	p.End()
	c.pump()
	if physical := uint64(to.Now().Physical); p.incarnation != 7 || p.physical != physical || physical == 0 || p.echo != "now" {
		t.Errorf("the answer names incarnation %d and the time %d, of a node at %d, and repeats %q", p.incarnation, p.physical, physical, p.echo)
	}
}
