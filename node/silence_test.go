package node

import (
	"context"
	"net"
	"sync"
	"testing"
)

// quiet carries the connections between nodes over relays, so that a node can fall
// silent: what it and others say to each other does not arrive, and nothing breaks.
// Once it is heard again, all of that arrives, as TCP would have it.
type quiet struct {
	t     *testing.T
	c     *cluster
	relay net.Listener

	dialling sync.Mutex // held from dialling the relay to accepting that

	mu     sync.Mutex // guards what follows
	change *sync.Cond
	silent map[int]bool
	dials  map[[2]int]int  // attempts, by who dialled whom
	refuse map[[2]int]bool // whose attempts fail
}

// newQuiet makes all nodes of a cluster that has not been started dial by it.
func newQuiet(t *testing.T, c *cluster) *quiet {
	t.Helper()
	relay, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { relay.Close() })
	q := &quiet{t: t, c: c, relay: relay, silent: make(map[int]bool), dials: make(map[[2]int]int), refuse: make(map[[2]int]bool)}
	q.change = sync.NewCond(&q.mu)
	for i, r := range c.nodes {
		r.machine.Dial = func(ctx context.Context, address string) (net.Conn, error) { return q.dial(ctx, i, address) }
	}
	return q
}

// silence makes node i silent, or lets it be heard again.
func (q *quiet) silence(i int, silent bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.silent[i] = silent
	q.change.Broadcast()
}

// refusing makes attempts of one node to dial another fail, or not.
func (q *quiet) refusing(from, to int, refuse bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.refuse[[2]int{from, to}] = refuse
}

// dialled is how often a node has dialled another.
func (q *quiet) dialled(from, to int) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dials[[2]int{from, to}]
}

func (q *quiet) dial(ctx context.Context, from int, address string) (net.Conn, error) {
	to := -1
	for i, r := range q.c.nodes {
		if r.config.Listen.Peer == address {
			to = i
		}
	}
	q.mu.Lock()
	q.dials[[2]int{from, to}]++
	refuse := q.refuse[[2]int{from, to}]
	q.mu.Unlock()
	if refuse {
		return nil, &net.OpError{Op: "dial", Err: errRefused}
	}
	var dialer net.Dialer
	far, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	q.dialling.Lock()
	defer q.dialling.Unlock()
	near, err := dialer.DialContext(ctx, "tcp", q.relay.Addr().String())
	if err != nil {
		far.Close()
		return nil, err
	}
	middle, err := q.relay.Accept()
	if err != nil {
		far.Close()
		near.Close()
		return nil, err
	}
	go q.carry(middle, far, from, to)
	go q.carry(far, middle, from, to)
	return near, nil
}

// carry carries one direction of a connection between two nodes.
func (q *quiet) carry(from, to net.Conn, a, b int) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		q.mu.Lock()
		for q.silent[a] || q.silent[b] {
			q.change.Wait()
		}
		q.mu.Unlock()
		if _, failed := to.Write(buf[:n]); err != nil || failed != nil {
			return
		}
	}
}
