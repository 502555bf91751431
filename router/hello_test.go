package router

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

func clientHello() wire.Hello {
	return wire.Hello{ID: 7, ProtoMin: 1, ProtoMax: 1, ClientName: []byte("test")}
}

func nodeHello() wire.Hello {
	id := nodeID(1)
	return wire.Hello{
		ID: 7, ProtoMin: 1, ProtoMax: 9, ClientName: []byte("node"), Role: wire.RoleNode, ClusterName: []byte(clusterName), ClusterID: clusterID[:],
		NodeID: id, Incarnation: 3,
	}
}

// protocol.md: who may say HELLO at which port, and what it is answered.
func TestHello(t *testing.T) {
	const client, peer = false, true
	for _, tc := range []struct {
		name   string
		port   bool
		hello  wire.Hello
		change func(*wire.Hello)
		code   contract.Code
	}{
		{"a client", client, clientHello(), nil, contract.OK},
		{"a range of versions that has 1", client, clientHello(), func(h *wire.Hello) { h.ProtoMin, h.ProtoMax = 0, 5 }, contract.OK},
		{"only newer versions", client, clientHello(), func(h *wire.Hello) { h.ProtoMin, h.ProtoMax = 2, 5 }, contract.Unsupported},
		{"only older versions", client, clientHello(), func(h *wire.Hello) { h.ProtoMin, h.ProtoMax = 0, 0 }, contract.Unsupported},
		{"credentials", client, clientHello(), func(h *wire.Hello) { h.HasAuth, h.Auth.Kind = true, []byte("token") }, contract.Unsupported},
		{"an unknown role", client, clientHello(), func(h *wire.Hello) { h.Role = 2 }, contract.BadRequest},
		{"a node at the client port", client, nodeHello(), nil, contract.Forbidden},
		{"a client at the peer port", peer, clientHello(), nil, contract.Forbidden},
		{"a node", peer, nodeHello(), nil, contract.OK},
		{"a node before epoch 1", peer, nodeHello(), func(h *wire.Hello) { h.ClusterID = nil }, contract.OK},
		{"a node of another cluster", peer, nodeHello(), func(h *wire.Hello) { h.ClusterName = []byte("prod") }, contract.Forbidden},
		{"a node of another cluster of this name", peer, nodeHello(), func(h *wire.Hello) { h.ClusterID = bytes.Repeat([]byte{9}, 16) }, contract.Forbidden},
		{"a node without an id", peer, nodeHello(), func(h *wire.Hello) { h.NodeID = [16]byte{} }, contract.BadRequest},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCluster(t, 3)
			if tc.change != nil {
				tc.change(&tc.hello)
			}
			k := c.dial(c.nodes[0], tc.port)
			k.send(tc.hello.Append(nil))
			a := k.one()
			if a.Op != wire.OpHello || a.ID != 7 || a.Code != tc.code {
				t.Fatalf("%v %d %v: %s", a.Op, a.ID, a.Code, a.Error.Message)
			}
			if good := tc.code == contract.OK; k.established != good || k.closed == good {
				t.Errorf("established %v, closed %v", k.established, k.closed)
			}
		})
	}
}

func TestHelloTellsWhoThisIsAndItsLimits(t *testing.T) {
	c := newCluster(t, 3)
	k := c.dial(c.nodes[2], false)
	h := clientHello()
	k.send(h.Append(nil))
	a := k.one()
	want := wire.HelloAnswer{
		Proto: 1, ClusterName: []byte(clusterName), ClusterID: clusterID[:], NodeID: nodeID(2), ServerVersion: []byte("v-test"),
		Limits: testLimits().Limits, Features: [][]byte{},
	}
	if diff := cmp.Diff(want, a.Hello); diff != "" {
		t.Error(diff)
	}
	if a.Epoch != 1 || a.Clock.Millis() != physical {
		t.Errorf("epoch %d, clock %v", a.Epoch, a.Clock)
	}
}

// protocol.md: before HELLO whatever is no HELLO closes the connection without
// an answer.
func TestBeforeHelloNothingIsAnswered(t *testing.T) {
	put := wire.Request{Op: wire.OpPut, ID: 5, Key: []byte("k"), Value: []byte("v")}
	ping := wire.Request{Op: wire.OpPing, ID: 5}
	magic, noID := clientHello(), clientHello()
	noID.ID = 0
	wrongMagic := bytes.Replace(magic.Append(nil), []byte("CNDR"), []byte("CMDR"), 1)
	for name, frame := range map[string][]byte{
		"PUT": put.Append(nil), "PING": ping.Append(nil), "wrong magic": wrongMagic, "id 0": noID.Append(nil),
		"no msgpack": {0, 0, 0, 2, 0xc1, 0xc1}, "a map": {0, 0, 0, 1, 0x80}, "length 0": {0, 0, 0, 0}, "length 2^31": {0x80, 0, 0, 0},
		"HTTP": []byte("GET / HTTP/1.1\r\n\r\n"),
	} {
		for _, port := range []bool{false, true} {
			c := newCluster(t, 3)
			k := c.dial(c.nodes[0], port)
			if k.send(frame); len(k.out) != 0 || !k.closed || k.established {
				t.Errorf("%s, peer port %v: answered %x, closed %v", name, port, k.out, k.closed)
			}
		}
	}
}

func TestHelloComesOnce(t *testing.T) {
	k := newCluster(t, 3).client(0)
	h := clientHello()
	k.send(h.Append(nil))
	if a := k.one(); a.Code != contract.BadRequest || a.ID != 7 || k.closed {
		t.Errorf("%v %d, closed %v", a.Code, a.ID, k.closed)
	}
}

// I3, I4 of testing.md and protocol.md: after HELLO, bytes that are no frame are
// answered with [0x80, 0, ...], and the connection is closed.
func TestMalformedFramesEndTheConnection(t *testing.T) {
	deep := append(bytes.Repeat([]byte{0x91}, 100), 0xc0)
	for _, tc := range []struct {
		name  string
		frame []byte
		code  contract.Code
	}{
		{"length 0", []byte{0, 0, 0, 0}, contract.BadRequest},
		{"length 2^31", []byte{0x80, 0, 0, 0}, contract.TooLarge},
		{"length -1", []byte{0xff, 0xff, 0xff, 0xff}, contract.TooLarge},
		{"just above the limit", []byte{0, 0x11, 0, 1}, contract.TooLarge},
		{"no msgpack", []byte{0, 0, 0, 2, 0xc1, 0xc1}, contract.BadRequest},
		{"no array", []byte{0, 0, 0, 1, 0x05}, contract.BadRequest},
		{"an array of 2^32 claimed in 5 bytes", []byte{0, 0, 0, 5, 0xdd, 0xff, 0xff, 0xff, 0xff}, contract.BadRequest},
		{"bytes behind the array", []byte{0, 0, 0, 4, 0x92, 3, 5, 0}, contract.BadRequest},
		{"no id", []byte{0, 0, 0, 2, 0x91, 3}, contract.BadRequest},
		{"too deep", append([]byte{0, 0, 0, byte(len(deep))}, deep...), contract.BadRequest},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k := newCluster(t, 3).client(0)
			k.send(tc.frame)
			a := k.one()
			if a.Op != 0 || a.ID != 0 || a.Code != tc.code || !k.closed {
				t.Errorf("op %v, id %d, %v, closed %v", a.Op, a.ID, a.Code, k.closed)
			}
			if limit := testLimits().FrameBytes; tc.code == contract.TooLarge && a.Error.Limit != limit {
				t.Errorf("the limit is %d, told was %d", limit, a.Error.Limit)
			}
		})
	}
}

// protocol.md: a readable op and id with a wrong field is BAD_REQUEST, an unknown
// op UNSUPPORTED, and the connection stays.
func TestBadRequestsLeaveTheConnection(t *testing.T) {
	k := newCluster(t, 3).client(0)
	for _, tc := range []struct {
		body string
		code contract.Code
	}{
		{"\x96\x10\x05\x00\xa0\xa1k\x01", contract.BadRequest}, // GET, the key is a str
		{"\x93\x10\x05\x00", contract.BadRequest},              // GET without a key
		{"\x93\x10\x05\xff", contract.BadRequest},              // a deadline of -1
		{"\x92\x77\x05", contract.Unsupported},                 // op 0x77
	} {
		k.send(append([]byte{0, 0, 0, byte(len(tc.body))}, tc.body...))
		if a := k.one(); a.ID != 5 || a.Op != wire.Op(tc.body[1]) || a.Code != tc.code || k.closed {
			t.Errorf("%x: %v %d %v, closed %v", tc.body, a.Op, a.ID, a.Code, k.closed)
		}
	}
	if a := k.do(wire.Request{Op: wire.OpPing}); a.Code != contract.OK {
		t.Errorf("the id is in flight still: %v", a.Code)
	}
}

// protocol.md: id 0, or one still in flight: BAD_REQUEST, then close.
func TestIDsAreUnique(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	ping := wire.Request{Op: wire.OpPing, ID: 0}
	k.send(ping.Append(nil))
	if a := k.one(); a.Code != contract.BadRequest || a.ID != 0 || a.Op != wire.OpPing || !k.closed {
		t.Errorf("id 0: %v, closed %v", a.Code, k.closed)
	}
	k = c.client(0)
	put := wire.Request{Op: wire.OpPut, ID: 9, Key: []byte("k"), Value: []byte("v")}
	k.send(put.Append(nil))
	ping.ID = 9
	k.send(ping.Append(nil))
	if a := k.one(); a.Code != contract.BadRequest || a.ID != 9 || a.Op != wire.OpPing || !k.closed {
		t.Errorf("id in flight: %v, closed %v", a.Code, k.closed)
	}
	k = c.client(0)
	for range 3 {
		put.ID = 9
		k.send(put.Append(nil))
		c.pump()
		if a := k.one(); a.Code != contract.OK || k.closed {
			t.Errorf("an id that is free again: %v", a.Code)
		}
	}
}

// protocol.md: before epoch 1 HELLO and PING work; everything else is NOT_READY.
func TestBeforeEpochOne(t *testing.T) {
	c := newCluster(t, 3)
	c.nodes[0].cluster = nil
	k := c.dial(c.nodes[0], false)
	h := clientHello()
	k.send(h.Append(nil))
	if a := k.one(); a.Code != contract.OK || a.Hello.ClusterID != nil || a.Epoch != 0 {
		t.Errorf("HELLO: %v, cluster %x, epoch %d", a.Code, a.Hello.ClusterID, a.Epoch)
	}
	one := &client{conn: k}
	if a := one.do(wire.Request{Op: wire.OpPing}); a.Code != contract.OK {
		t.Errorf("PING: %v", a.Code)
	}
	key := []byte("k")
	for _, q := range []wire.Request{
		{Op: wire.OpGet, Key: key}, {Op: wire.OpPut, Key: key, Value: key}, {Op: wire.OpDelete, Key: key}, {Op: wire.OpAdd, Key: key},
		{Op: wire.OpBatch}, {Op: wire.OpScan}, {Op: wire.OpOutcome, Key: key, Version: c.version(0)}, {Op: wire.OpExplain, Key: key},
		{Op: wire.OpRing}, {Op: wire.OpAuth}, {Op: wire.OpWatch},
	} {
		if a := one.do(q); a.Code != contract.NotReady {
			t.Errorf("%v: %v", q.Op, a.Code)
		}
	}
}

// protocol.md: an unasked SHUTTING_DOWN is a goodbye. What is in flight will be
// answered, what is new is refused.
func TestGoodbye(t *testing.T) {
	c := newCluster(t, 3)
	k, strange := c.client(0), c.dial(c.nodes[0], false)
	before := k.open(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v")})
	n := c.nodes[0]
	n.router.Begin(&n.turn)
	n.router.Goodbye(&n.turn, k)
	n.router.Goodbye(&n.turn, k)
	n.router.Goodbye(&n.turn, strange)
	n.router.Finish(&n.turn)
	if a := k.one(); a.Op != 0 || a.ID != 0 || a.Code != contract.ShuttingDown || k.closed {
		t.Errorf("goodbye: %v %d %v", a.Op, a.ID, a.Code)
	}
	if len(strange.out) != 0 {
		t.Errorf("before HELLO: %x", strange.out)
	}
	after := k.open(wire.Request{Op: wire.OpPut, Key: []byte("l"), Value: []byte("v")})
	if a := k.one(); a.ID != after || a.Code != contract.ShuttingDown || k.session.InFlight() != 1 {
		t.Errorf("new: %d %v, %d in flight", a.ID, a.Code, k.session.InFlight())
	}
	c.pump()
	if a := k.one(); a.ID != before || a.Code != contract.OK || k.session.InFlight() != 0 {
		t.Errorf("in flight: %d %v", a.ID, a.Code)
	}
}

// What stands behind the role of a client is not looked at: who is no node cannot
// speak for one.
func TestAClientIsNoNode(t *testing.T) {
	h := nodeHello()
	role := append([]byte{byte(wire.RoleNode), 0xa0 | byte(len(clusterName))}, clusterName...)
	client := append([]byte{byte(wire.RoleClient)}, role[1:]...)
	frame := h.Append(nil)
	if bytes.Count(frame, role) != 1 {
		t.Fatalf("no role in %x", frame)
	}
	c := newCluster(t, 3)
	k := c.dial(c.nodes[0], false)
	k.send(bytes.Replace(frame, role, client, 1))
	if a := k.one(); a.Code != contract.OK || k.session.Node() != [16]byte{} || k.session.Incarnation() != 0 {
		t.Errorf("%v, node %v with incarnation %d", a.Code, k.session.Node(), k.session.Incarnation())
	}
}
