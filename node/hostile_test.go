package node

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

func hello(id uint64) []byte {
	h := wire.Hello{ID: id, ProtoMin: 1, ProtoMax: 1, ClientName: []byte("test")}
	return h.Append(nil)
}

// readAnswer reads one frame.
func readAnswer(t *testing.T, c net.Conn) wire.Answer {
	t.Helper()
	var head [wire.HeaderBytes]byte
	var a wire.Answer
	if _, err := io.ReadFull(c, head[:]); err != nil {
		t.Fatalf("no answer: %v", err)
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(c, body); err != nil {
		t.Fatal(err)
	}
	if err := wire.DecodeAnswer(body, &a); err != nil {
		t.Fatalf("%x: %v", body, err)
	}
	return a
}

// closedSilently says whether the node ends the connection without an answer.
func closedSilently(c net.Conn) (got []byte, closed bool) {
	got, err := io.ReadAll(c)
	return got, err == nil || strings.Contains(err.Error(), "reset")
}

// protocol.md: before HELLO, any other op, a wrong magic, a frame over 4 KiB or
// no whole HELLO in time closes the connection without an answer.
func TestBeforeHelloTheConnectionIsClosedSilently(t *testing.T) {
	c := newCluster(t, 1)
	c.nodes[0].config.Timeouts.Handshake = 300 * time.Millisecond
	c.start(0)
	t.Cleanup(c.stop)
	c.awaitReady(0)
	ping := wire.Request{Op: wire.OpPing, ID: 1}
	wrongMagic := bytes.Replace(hello(1), []byte("CNDR"), []byte("CNDX"), 1)
	for name, sent := range map[string][]byte{
		"another op":        ping.Append(nil),
		"wrong magic":       wrongMagic,
		"HTTP":              []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"claimed 2^31":      {0x80, 0, 0, 0},
		"length 0":          {0, 0, 0, 0},
		"over 4 KiB":        {0, 0, 0x10, 1, 0x9c},
		"5-byte bomb":       {0, 0, 0, 5, 0xdd, 0xff, 0xff, 0xff, 0xff},
		"half a frame":      hello(1)[:7],
		"nothing":           nil,
		"id 0":              hello(0),
		"depth of the moon": append([]byte{0, 0, 0x0f, 0xff}, bytes.Repeat([]byte{0x91}, 0x0fff)...),
	} {
		conn := dial(t, c.nodes[0].config.Listen.Client)
		if _, err := conn.Write(sent); err != nil {
			t.Fatal(err)
		}
		if got, closed := closedSilently(conn); !closed || len(got) > 0 {
			t.Errorf("%s: answered %x, closed %v", name, got, closed)
		}
	}
}

// protocol.md: what cannot be read after HELLO is answered and ends the
// connection; a wrong field is answered and does not.
func TestAfterHelloBadFramesAreAnswered(t *testing.T) {
	c := startCluster(t, 1)
	frame := func(body ...byte) []byte { return append([]byte{0, 0, 0, byte(len(body))}, body...) }
	for _, tc := range []struct {
		name   string
		sent   []byte
		op     wire.Op
		id     uint64
		code   contract.Code
		closes bool
	}{
		{"length 0", []byte{0, 0, 0, 0}, 0, 0, contract.BadRequest, true},
		{"claimed 2^31", []byte{0x80, 0, 0, 0}, 0, 0, contract.TooLarge, true},
		{"bomb", frame(0xdd, 0xff, 0xff, 0xff, 0xff), 0, 0, contract.BadRequest, true},
		{"trailing byte", frame(0x92, 3, 7, 0xc0), 0, 0, contract.BadRequest, true},
		{"no id", frame(0x91, 3), 0, 0, contract.BadRequest, true},
		{"depth 9", frame(0x93, 3, 7, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 1), 0, 0, contract.BadRequest, true},
		{"id 0", frame(0x93, 3, 0, 0), wire.OpPing, 0, contract.BadRequest, true},
		{"str for bin", frame(0x95, 0x10, 7, 0, 0xc0, 0xa1, 'k'), wire.OpGet, 7, contract.BadRequest, false},
		{"a map in a field", frame(0x94, 0x03, 7, 0x80, 1), wire.OpPing, 7, contract.BadRequest, false},
		{"unknown op", frame(0x93, 0x3f, 7, 0), 0x3f, 7, contract.Unsupported, false},
		{"reserved op", frame(0x92, 0x18, 7), wire.OpWatch, 7, contract.Unsupported, false},
	} {
		conn := dial(t, c.nodes[0].config.Listen.Client)
		if _, err := conn.Write(append(hello(1), tc.sent...)); err != nil {
			t.Fatal(err)
		}
		if a := readAnswer(t, conn); a.Op != wire.OpHello || a.Code != contract.OK {
			t.Fatalf("HELLO: %+v", a.Head)
		}
		if a := readAnswer(t, conn); a.Op != tc.op || a.ID != tc.id || a.Code != tc.code || a.Epoch != 1 {
			t.Errorf("%s: %+v", tc.name, a.Head)
		}
		if tc.closes {
			if got, closed := closedSilently(conn); !closed || len(got) > 0 {
				t.Errorf("%s: the connection stays, %x", tc.name, got)
			}
			continue
		}
		ping := wire.Request{Op: wire.OpPing, ID: 8}
		if _, err := conn.Write(ping.Append(nil)); err != nil {
			t.Fatal(err)
		}
		if a := readAnswer(t, conn); a.ID != 8 || a.Code != contract.OK {
			t.Errorf("%s: the connection does not stay: %+v", tc.name, a.Head)
		}
	}
}

// Nothing is allocated for a claimed length: hundreds of half-open connections
// that claim the largest frame cost next to nothing, and others are served.
func TestClaimedLengthsCostNothing(t *testing.T) {
	c := startCluster(t, 1)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const conns = 200
	for i := range conns {
		conn := dial(t, c.nodes[0].config.Listen.Client)
		sent := []byte{0, 0, 0x0f, 0xff, 0x98} // 4095 bytes to come
		if i%2 == 0 {
			sent = append(hello(1), 0, 0x10, 0, 0, 0x98) // 1 MiB to come
		}
		if _, err := conn.Write(sent); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			readAnswer(t, conn)
		}
	}
	if status, _, body := c.do("PUT", 0, "/v1/keys/k", "v"); status != 200 {
		t.Errorf("others are not served: %d %s", status, body)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > conns*64<<10 {
		t.Errorf("%d connections cost %d KiB each", conns, grown/conns>>10)
	}
}

// protocol.md: role 1 only on the peer port, with the cluster's name.
func TestRolesAndPorts(t *testing.T) {
	c := startCluster(t, 1)
	node := func(cluster string, id []byte) []byte {
		h := wire.Hello{ID: 1, ProtoMin: 1, ProtoMax: 1, Role: wire.RoleNode, ClusterName: []byte(cluster), ClusterID: id, NodeID: [16]byte{1}}
		return h.Append(nil)
	}
	future := wire.Hello{ID: 1, ProtoMin: 2, ProtoMax: 3}
	l := c.nodes[0].config.Listen
	for _, tc := range []struct {
		name, addr string
		sent       []byte
		code       contract.Code
	}{
		{"node on the client port", l.Client, node("test", nil), contract.Forbidden},
		{"client on the peer port", l.Peer, hello(1), contract.Forbidden},
		{"another cluster", l.Peer, node("other", nil), contract.Forbidden},
		{"another cluster of the same name", l.Peer, node("test", make([]byte, 16)), contract.Forbidden},
		{"newer protocol", l.Client, future.Append(nil), contract.Unsupported},
		{"node before epoch 1", l.Peer, node("test", nil), contract.OK},
		{"client", l.Client, hello(1), contract.OK},
	} {
		conn := dial(t, tc.addr)
		if _, err := conn.Write(tc.sent); err != nil {
			t.Fatal(err)
		}
		if a := readAnswer(t, conn); a.Code != tc.code {
			t.Errorf("%s: %v %s", tc.name, a.Code, a.Error.Message)
		}
		if tc.code == contract.OK {
			continue
		}
		if _, closed := closedSilently(conn); !closed {
			t.Errorf("%s: the connection stays", tc.name)
		}
	}
}
