package node

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/candordb/candor/gossip/gossiptest"
)

// wires is a network in memory for whole nodes in one bubble: connections between
// hosts, each an address without its port, and gossip beside them. What is sent over
// a link that is cut is kept and arrives when it heals, as TCP would have it, and who
// dials waits until his patience ends.
type wires struct {
	gossip *gossiptest.Network

	mu      sync.Mutex // guards what follows
	doors   map[string]*door
	cuts    map[[2]string]bool
	delays  map[string]time.Duration // of what comes from a host, and goes to it
	changed chan struct{}            // closed, and replaced, when cuts change
}

func newWires() *wires {
	return &wires{gossip: gossiptest.New(), doors: map[string]*door{}, cuts: map[[2]string]bool{}, delays: map[string]time.Duration{}, changed: make(chan struct{})}
}

// machine is what a host finds outside itself.
func (w *wires) machine(host string) Machine {
	return Machine{
		Listen: w.listen, Gossip: w.gossip,
		Dial: func(ctx context.Context, address string) (net.Conn, error) { return w.dial(ctx, host, address) },
	}
}

// split cuts the hosts of one side off from those of the other, or joins them again.
func (w *wires) split(cut bool, one, other []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range one {
		for _, b := range other {
			w.cuts[[2]string{a, b}], w.cuts[[2]string{b, a}] = cut, cut
			w.gossip.Block(gossipOf(a), gossipOf(b), cut)
		}
	}
	close(w.changed)
	w.changed = make(chan struct{})
}

func gossipOf(host string) string { return net.JoinHostPort(host, "7402") }

// slow delays all that comes from a host and all that goes to it, gossip apart.
func (w *wires) slow(host string, by time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.delays[host] = by
}

// healed waits until one host reaches another, or an end.
func (w *wires) healed(from, to string, end <-chan struct{}) bool {
	for {
		w.mu.Lock()
		cut, changed := w.cuts[[2]string{from, to}], w.changed
		w.mu.Unlock()
		if !cut {
			return true
		}
		select {
		case <-changed:
		case <-end:
			return false
		}
	}
}

func (w *wires) listen(address string) (net.Listener, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.doors[address] != nil {
		return nil, fmt.Errorf("listen %s: somebody does", address)
	}
	d := &door{w: w, address: address, come: make(chan net.Conn), shut: make(chan struct{})}
	w.doors[address] = d
	return d, nil
}

func (w *wires) dial(ctx context.Context, from, address string) (net.Conn, error) {
	to, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if !w.healed(from, to, ctx.Done()) {
		return nil, fmt.Errorf("dial %s: %w", address, ctx.Err())
	}
	w.mu.Lock()
	d := w.doors[address]
	w.mu.Unlock()
	if d == nil {
		return nil, fmt.Errorf("dial %s: connection refused", address)
	}
	near, far := w.connection(from, to)
	select {
	case d.come <- far:
		return near, nil
	case <-d.shut:
	case <-ctx.Done():
	}
	near.Close()
	far.Close()
	return nil, fmt.Errorf("dial %s: nobody accepts", address)
}

// door is an address that somebody listens on.
type door struct {
	w       *wires
	address string
	come    chan net.Conn
	shut    chan struct{}
	once    sync.Once
}

func (d *door) Accept() (net.Conn, error) {
	select {
	case c := <-d.come:
		return c, nil
	case <-d.shut:
		return nil, net.ErrClosed
	}
}

func (d *door) Close() error {
	d.once.Do(func() {
		close(d.shut)
		d.w.mu.Lock()
		defer d.w.mu.Unlock()
		delete(d.w.doors, d.address)
	})
	return nil
}

func (d *door) Addr() net.Addr { return memoryAddr(d.address) }

// memoryAddr is an address.
type memoryAddr string

func (memoryAddr) Network() string  { return "memory" }
func (p memoryAddr) String() string { return string(p) }

// strand is one end of a connection: it reads from a pipe, and what is written to it
// is carried into the pipe of the other end.
type strand struct {
	net.Conn
	far string
	out queue
}

// connection makes both ends of one, and what carries between them.
func (w *wires) connection(from, to string) (near, far *strand) {
	ends := [2]*strand{}
	var inlets [2]net.Conn
	for i, other := range []string{to, from} {
		own, inlet := net.Pipe()
		ends[i] = &strand{Conn: own, far: net.JoinHostPort(other, "1"), out: queue{more: make(chan struct{}, 1)}}
		inlets[i] = inlet
	}
	go w.carry(ends[0], inlets[1], from, to)
	go w.carry(ends[1], inlets[0], to, from)
	return ends[0], ends[1]
}

// carry takes what one end writes to the other, in order. When the end is closed it
// takes what is left, and then the end of it.
func (w *wires) carry(c *strand, inlet net.Conn, from, to string) {
	defer inlet.Close()
	for {
		sent, closed := c.out.take()
		if sent == nil && !closed {
			<-c.out.more
			continue
		}
		if sent != nil {
			w.mu.Lock()
			due := sent.at.Add(w.delays[from] + w.delays[to])
			w.mu.Unlock()
			<-time.After(time.Until(due))
		}
		// Nothing ends this wait but the heal: a test heals what it cuts.
		w.healed(from, to, nil)
		if sent == nil {
			return
		}
		if _, err := inlet.Write(sent.bytes); err != nil {
			return
		}
	}
}

func (c *strand) Write(b []byte) (int, error) { return c.out.put(b) }

func (c *strand) Close() error {
	c.out.close()
	return c.Conn.Close()
}

func (c *strand) RemoteAddr() net.Addr { return memoryAddr(c.far) }

// queue is what is on its way.
type queue struct {
	more chan struct{} // one slot: there is something, or the end

	mu     sync.Mutex // guards what follows
	sent   []sent
	closed bool
}

// sent is what was written at a time.
type sent struct {
	at    time.Time
	bytes []byte
}

func (q *queue) put(b []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return 0, io.ErrClosedPipe
	}
	q.sent = append(q.sent, sent{time.Now(), slices.Clone(b)})
	q.nudge()
	return len(b), nil
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.nudge()
}

func (q *queue) nudge() {
	select {
	case q.more <- struct{}{}:
	default:
	}
}

func (q *queue) take() (first *sent, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.sent) > 0 {
		first, q.sent = &q.sent[0], q.sent[1:]
	}
	return first, q.closed
}
