package client

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// frugal is a node that answers without allocating, so that what is counted is
// the client's.
func frugal(nc net.Conn) {
	defer nc.Close()
	buf, out := make([]byte, 64<<10), make([]byte, 0, 64<<10)
	var q wire.Request
	ring := (&cluster{order: []*fake{{address: "n1:7400", name: "n1", id: ring.NodeID{1}}}}).ring()
	r := contract.Receipt{Need: 2, Asked: 3, Acked: 2, Durable: 2, Level: contract.Quorum}
	for first := true; ; first = false {
		if _, err := io.ReadFull(nc, buf[:wire.HeaderBytes]); err != nil {
			return
		}
		body := buf[:int(buf[0])<<24|int(buf[1])<<16|int(buf[2])<<8|int(buf[3])]
		if _, err := io.ReadFull(nc, body); err != nil {
			return
		}
		h := wire.Head{Op: wire.OpHello, ID: helloID, Clock: hlc.Make(1<<40, 0), Epoch: 1}
		if first {
			a := wire.HelloAnswer{Proto: 1, ClusterName: []byte("test"), NodeID: [16]byte{1}}
			out = a.Append(out[:0], h)
		} else {
			if wire.DecodeRequest(body, &q) != nil {
				return
			}
			h.Op, h.ID = q.Op, q.ID
			switch q.Op {
			case wire.OpRing:
				out = ring.Append(out[:0], h)
			case wire.OpGet:
				a := wire.GetAnswer{Found: true, Value: q.Key, Version: hlc.Version{Time: 1, Writer: 7}, Receipt: r}
				out = a.Append(out[:0], h)
			default:
				a := wire.WriteAnswer{Version: q.Version, Receipt: r}
				out = a.Append(out[:0], h)
			}
		}
		if _, err := nc.Write(out); err != nil {
			return
		}
	}
}

func openFrugal(t testing.TB, opts ...Option) *Client {
	opts = append(opts, WithDialer(func(context.Context, string) (net.Conn, error) {
		near, far := net.Pipe()
		go frugal(far)
		return near, nil
	}))
	c, err := Open(t.Context(), "n1", opts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What a request costs is fixed: no hook, trace, session or batch is paid for by
// those who have none.
func TestAllocationsOfARequest(t *testing.T) {
	c := openFrugal(t)
	defer c.Close(context.Background())
	key, value, ctx := []byte("user:42"), []byte("v"), t.Context()
	for name, tc := range map[string]struct {
		most float64
		do   func()
	}{
		"get": {getAllocs, func() { _, _ = c.Get(ctx, key) }},
		"put": {putAllocs, func() { _, _ = c.Put(ctx, key, value) }},
	} {
		if got := testing.AllocsPerRun(500, tc.do); got > tc.most {
			t.Errorf("%s allocates %.1f times, at most %.0f are expected", name, got, tc.most)
		} else {
			t.Logf("%s allocates %.1f times", name, got)
		}
	}
}

const getAllocs, putAllocs = 12, 12

func BenchmarkGet(b *testing.B) {
	c := openFrugal(b)
	defer c.Close(context.Background())
	key, ctx := []byte("user:42"), b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Get(ctx, key); err != nil {
			b.Fatal(err)
		}
	}
}
