package clienttest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/candordb/candor/config"
	"github.com/candordb/candor/gossip/gossiptest"
	"github.com/candordb/candor/node"
)

// network is the sockets of all nodes: it knows whose each connection is, so
// that it can break them and refuse new ones.
type network struct {
	gossip *gossiptest.Network
	keeps  sync.WaitGroup

	mu      sync.Mutex // guards what follows
	doors   map[string]*door
	hosts   []host
	cut     map[[2]int]bool
	between map[[2]int][]net.Conn // dialled by the first of the pair
}

// host is one node's place in the network.
type host struct {
	dead    bool
	gossip  string
	keep    net.Listener // only keeps the number of the gossip address
	clients []net.Conn   // accepted
}

// door is an address that a node listens on. The socket stays bound while the
// node is gone, so that nobody else takes the port; who knocks then is sent
// away.
type door struct {
	owner  int
	serves purpose
	bound  net.Listener
	inside *listener // nil: nobody listens
}

type purpose uint8

const (
	forClients purpose = iota
	forPeers
	forPeople
)

var (
	errCut  = errors.New("connection refused: clienttest has cut these nodes off from each other")
	errBusy = errors.New("address already in use")
)

func newNetwork(n int) *network {
	return &network{
		gossip: gossiptest.New(), doors: make(map[string]*door), hosts: make([]host, n), cut: make(map[[2]int]bool),
		between: make(map[[2]int][]net.Conn),
	}
}

// bind takes the addresses of node i.
func (w *network) bind(i int) (config.Listen, error) {
	var at [4]string
	for k := range at {
		bound, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return config.Listen{}, fmt.Errorf("no port is free: %w", err)
		}
		at[k] = bound.Addr().String()
		w.mu.Lock()
		if k < 3 {
			d := &door{owner: i, serves: purpose(k), bound: bound}
			w.doors[at[k]] = d
			w.keeps.Go(func() { w.keep(d) })
		} else {
			w.hosts[i].gossip, w.hosts[i].keep = at[k], bound
		}
		w.mu.Unlock()
	}
	return config.Listen{Client: at[0], Peer: at[1], HTTP: at[2], Gossip: at[3]}, nil
}

// machine is what node i finds outside itself.
func (w *network) machine(i int) node.Machine {
	return node.Machine{
		Listen: w.listen,
		Dial:   func(ctx context.Context, address string) (net.Conn, error) { return w.dial(ctx, i, address) },
		Gossip: w.gossip,
		Lost:   func() bool { return w.lost(i) },
	}
}

// keep lets in who comes to a door, until it is torn down.
func (w *network) keep(d *door) {
	for {
		conn, err := d.bound.Accept()
		if err != nil {
			return
		}
		w.mu.Lock()
		inside := d.inside
		if w.hosts[d.owner].dead {
			inside = nil
		}
		if inside != nil && d.serves == forClients {
			w.hosts[d.owner].clients = append(w.hosts[d.owner].clients, conn)
		}
		w.mu.Unlock()
		if inside == nil || !inside.admit(conn) {
			sever(conn)
		}
	}
}

func (w *network) listen(address string) (net.Listener, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.doors[address]
	if d == nil || d.inside != nil {
		return nil, fmt.Errorf("listen %s: %w", address, errBusy)
	}
	d.inside = &listener{w: w, d: d, come: make(chan net.Conn), shut: make(chan struct{})}
	return d.inside, nil
}

// dial is the way from node i to another's peer port.
func (w *network) dial(ctx context.Context, i int, address string) (net.Conn, error) {
	w.mu.Lock()
	d := w.doors[address]
	w.mu.Unlock()
	if d == nil || !w.connected(i, d.owner) {
		return nil, fmt.Errorf("dial %s: %w", address, errCut)
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.connectedLocked(i, d.owner) {
		sever(conn)
		return nil, fmt.Errorf("dial %s: %w", address, errCut)
	}
	pair := [2]int{i, d.owner}
	w.between[pair] = append(w.between[pair], conn)
	return conn, nil
}

// lost says whether node i is gone from the network.
func (w *network) lost(i int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.hosts[i].dead
}

// connected says whether nodes i and j can reach each other.
func (w *network) connected(i, j int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.connectedLocked(i, j)
}

func (w *network) connectedLocked(i, j int) bool {
	return !w.hosts[i].dead && !w.hosts[j].dead && !w.cut[[2]int{i, j}]
}

// close tears all doors down.
func (w *network) close() {
	defer w.keeps.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.doors { // each by itself: order does not matter
		d.bound.Close()
	}
	for _, h := range w.hosts {
		if h.keep != nil {
			h.keep.Close()
		}
	}
}

// listener is a door as its node sees it.
type listener struct {
	w    *network
	d    *door
	come chan net.Conn
	shut chan struct{}
	once sync.Once
}

// admit hands a connection to the node; false if that has closed the listener.
func (l *listener) admit(conn net.Conn) bool {
	select {
	case l.come <- conn:
		return true
	case <-l.shut:
		return false
	}
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.come:
		return conn, nil
	case <-l.shut:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.shut)
		l.w.mu.Lock()
		defer l.w.mu.Unlock()
		if l.d.inside == l {
			l.d.inside = nil
		}
	})
	return nil
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return l.d.bound.Addr() }
