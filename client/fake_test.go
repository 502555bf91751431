package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// The examples run real nodes.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"))
}

// cluster is a set of nodes that speak the protocol over pipes and do what the
// test says. It has N = 3 copies on up to 4 nodes, and 8 partitions.
type cluster struct {
	t     *testing.T
	mu    sync.Mutex // guards what follows
	nodes map[string]*fake
	order []*fake
	epoch uint64
	dials []string
}

// fake is one node.
type fake struct {
	cl      *cluster
	name    string
	address string
	zone    string
	id      ring.NodeID

	mu     sync.Mutex // guards what follows
	handle func(*fakeConn, *wire.Request)
	dead   bool
	limits wire.Limits
	ahead  time.Duration // of its clock
	got    []wire.Request
	conns  []*fakeConn
}

type fakeConn struct {
	n  *fake
	nc net.Conn
}

// inBubble runs a test with n nodes n1, n2... under virtual time.
func inBubble(t *testing.T, n int, test func(t *testing.T, cl *cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cl := &cluster{t: t, nodes: make(map[string]*fake), epoch: 1}
		for i := range n {
			f := &fake{cl: cl, name: fmt.Sprintf("n%d", i+1), address: fmt.Sprintf("n%d:7400", i+1), handle: serve}
			f.id[0], f.id[15] = byte(i+1), 0xaa
			f.limits = wire.Limits{FrameBytes: 2 << 20, KeyBytes: 4096, ValueBytes: 1 << 20, InFlight: 1024, BatchOps: 1000}
			cl.nodes[f.address] = f
			cl.order = append(cl.order, f)
		}
		defer cl.stop()
		test(t, cl)
	})
}

// open opens a client of the cluster, and closes it after the test.
func (cl *cluster) open(dsn string) *Client {
	cl.t.Helper()
	c, err := Open(cl.t.Context(), dsn, WithDialer(cl.dial))
	if err != nil {
		cl.t.Fatal(err)
	}
	cl.t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func (cl *cluster) dial(_ context.Context, address string) (net.Conn, error) {
	cl.mu.Lock()
	cl.dials = append(cl.dials, address)
	f := cl.nodes[address]
	cl.mu.Unlock()
	if f == nil {
		return nil, errors.New("no such host")
	}
	near, far := net.Pipe()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return nil, errors.New("connection refused")
	}
	k := &fakeConn{f, far}
	f.conns = append(f.conns, k)
	go k.serve()
	return near, nil
}

func (cl *cluster) stop() {
	for _, f := range cl.order {
		f.kill()
	}
}

// node is that of a number from 1.
func (cl *cluster) node(i int) *fake { return cl.order[i-1] }

// on has all nodes handle requests so.
func (cl *cluster) on(handle func(*fakeConn, *wire.Request)) {
	for _, f := range cl.order {
		f.on(handle)
	}
}

func (f *fake) on(handle func(*fakeConn, *wire.Request)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handle = handle
}

// kill closes all connections and refuses new ones.
func (f *fake) kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead = true
	for _, k := range f.conns {
		k.nc.Close()
	}
	f.conns = nil
}

func (f *fake) setAhead(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ahead = d
}

// connections is how many there were since the node was last alive.
func (f *fake) connections() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.conns)
}

// dialled lists the addresses that were, in order.
func (cl *cluster) dialled() []string {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	return append([]string(nil), cl.dials...)
}

func (f *fake) revive() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead = false
}

// requests are those of that op that have come so far.
func (f *fake) requests(op wire.Op) (list []wire.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, q := range f.got {
		if q.Op == op {
			list = append(list, q)
		}
	}
	return list
}

// count is how many requests of that op have come to all nodes.
func (cl *cluster) count(op wire.Op) (n int) {
	for _, f := range cl.order {
		n += len(f.requests(op))
	}
	return n
}

func (f *fake) clock() hlc.Timestamp {
	f.mu.Lock()
	defer f.mu.Unlock()
	return hlc.Make(time.Now().Add(f.ahead).UnixMilli(), 0)
}

func (k *fakeConn) serve() {
	defer k.nc.Close()
	for first := true; ; first = false {
		header := make([]byte, wire.HeaderBytes)
		if _, err := io.ReadFull(k.nc, header); err != nil {
			return
		}
		body := make([]byte, int(header[0])<<24|int(header[1])<<16|int(header[2])<<8|int(header[3]))
		if _, err := io.ReadFull(k.nc, body); err != nil {
			return
		}
		if first {
			k.hello(body)
			continue
		}
		var q wire.Request
		if err := wire.DecodeRequest(body, &q); err != nil {
			k.n.cl.t.Errorf("%s got a request that it must refuse: %v", k.n.name, err)
			return
		}
		k.n.mu.Lock()
		k.n.got = append(k.n.got, q)
		handle := k.n.handle
		k.n.mu.Unlock()
		handle(k, &q)
	}
}

func (k *fakeConn) hello(body []byte) {
	var h wire.Hello
	if err := wire.DecodeHello(body, &h); err != nil {
		k.n.cl.t.Error(err)
	}
	a := wire.HelloAnswer{Proto: 1, ClusterName: []byte("test"), NodeID: k.n.id, Limits: k.n.limits}
	k.send(a.Append(nil, k.head(&wire.Request{Op: wire.OpHello, ID: h.ID}, contract.OK)))
}

func (k *fakeConn) head(q *wire.Request, code contract.Code) wire.Head {
	k.n.cl.mu.Lock()
	defer k.n.cl.mu.Unlock()
	return wire.Head{Op: q.Op, ID: q.ID, Code: code, Clock: k.n.clock(), Epoch: k.n.cl.epoch}
}

func (k *fakeConn) send(frame []byte) { k.nc.Write(frame) }

// refuse answers with an error.
func (k *fakeConn) refuse(q *wire.Request, code contract.Code, e wire.Error) {
	k.send(e.Append(nil, k.head(q, code)))
}

// serve is what a healthy node does, without storing anything.
func serve(k *fakeConn, q *wire.Request) {
	h := k.head(q, contract.OK)
	r := contract.Receipt{Need: 2, Asked: 3, Acked: 2, Durable: 2, Level: contract.Quorum}
	switch q.Op {
	case wire.OpRing:
		k.send(k.n.cl.ring().Append(nil, h))
	case wire.OpGet:
		a := wire.GetAnswer{Found: true, Value: append([]byte("value of "), q.Key...), Version: hlc.Version{Time: h.Clock, Writer: 7}, Receipt: r}
		k.send(a.Append(nil, h))
	case wire.OpPut, wire.OpDelete:
		a := wire.WriteAnswer{Version: q.Version, Receipt: r}
		k.send(a.Append(nil, h))
	case wire.OpBatch:
		k.batch(q, answered)
	default:
		k.send(wire.AppendOK(nil, h))
	}
}

// answered is the result of one operation of a BATCH at a healthy node.
func answered(k *fakeConn, op *wire.Request) []byte {
	r := contract.Receipt{Need: 2, Asked: 3, Acked: 2, Durable: 2, Level: contract.Quorum}
	if op.Op == wire.OpGet {
		a := wire.GetAnswer{Found: true, Value: append([]byte("value of "), op.Key...), Version: hlc.Version{Time: k.n.clock(), Writer: 7}, Receipt: r}
		return a.AppendResult(nil)
	}
	a := wire.WriteAnswer{Version: op.Version, Receipt: r}
	return a.AppendResult(nil)
}

// batch answers a BATCH, each operation by itself.
func (k *fakeConn) batch(q *wire.Request, each func(*fakeConn, *wire.Request) []byte) {
	var results [][]byte
	for _, op := range opsOf(k.n.cl.t, q) {
		results = append(results, each(k, &op))
	}
	k.send(wire.BatchAnswer(nil, k.head(q, contract.OK), results))
}

// opsOf are the operations of a BATCH.
func opsOf(t *testing.T, q *wire.Request) (ops []wire.Request) {
	at := 0
	for range q.Ops {
		var op wire.Request
		next, err := q.BatchOp(at, &op)
		if err != nil {
			t.Errorf("an operation that a node must refuse: %v", err)
		}
		ops, at = append(ops, op), next
	}
	return ops
}

// refusedOp is a result that is a refusal.
func refusedOp(code contract.Code, e wire.Error) []byte { return e.AppendResult(nil, code) }

// orRing serves RING, and hands all else to handle.
func orRing(handle func(*fakeConn, *wire.Request)) func(*fakeConn, *wire.Request) {
	return func(k *fakeConn, q *wire.Request) {
		if q.Op == wire.OpRing || q.Op == wire.OpPing {
			serve(k, q)
			return
		}
		handle(k, q)
	}
}

// refusing refuses all but RING.
func refusing(code contract.Code, e wire.Error) func(*fakeConn, *wire.Request) {
	return orRing(func(k *fakeConn, q *wire.Request) { k.refuse(q, code, e) })
}

// losing takes a request and breaks the connection.
func losing(k *fakeConn, q *wire.Request) { k.nc.Close() }

// silent takes a request and says nothing.
func silent(*fakeConn, *wire.Request) {}

const fakeQ, fakeN = 8, 3

func (cl *cluster) ring() *wire.RingAnswer {
	a := &wire.RingAnswer{Q: fakeQ, N: fakeN}
	for _, f := range cl.order {
		a.Members = append(a.Members, wire.RingMember{
			ID: f.id, Name: f.name, Client: f.address, Peer: f.name + ":7401", HTTP: f.name + ":7480", Zone: f.zone, State: uint64(ring.Normal),
		})
	}
	var owners []uint16
	for p := range fakeQ {
		for i := range fakeN {
			if i < len(cl.order) {
				owners = append(owners, uint16((p+i)%len(cl.order)))
			} else {
				owners = append(owners, ring.NoOwner)
			}
		}
	}
	a.Owners = ring.AppendOwners(nil, owners)
	return a
}

// keyAt is a key whose first natural replica is that node.
func (cl *cluster) keyAt(i int) []byte {
	for k := 0; ; k++ {
		key := fmt.Appendf(nil, "key-%d", k)
		token, _ := ring.TokenOf(nil, "", key)
		if token.Partition(3)%len(cl.order) == i-1 {
			return key
		}
	}
}

func sameKey(q wire.Request, key []byte) bool { return bytes.Equal(q.Key, key) }

// pass lets virtual time pass.
func pass(d time.Duration) { <-time.After(d) }
