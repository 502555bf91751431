package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// ErrClosed is returned by every call after Close.
var ErrClosed = errors.New("client: closed")

// Client is a connection to a cluster. Open makes one. It embeds the namespace
// that the DSN names.
type Client struct {
	*Namespace

	t      target
	o      options
	began  time.Time
	ctx    context.Context // ends with Close; of everything that no caller waits for
	cancel context.CancelFunc
	gate   *gate
	clock  *clock
	budget *budget
	// session is nil without WithSession.
	session *session
	change  broadcast // the state of some link
	stale   chan struct{}

	retries   atomic.Uint64
	table     atomic.Pointer[table]
	exchanges sync.Pool

	mu    sync.Mutex // guards what follows, and the making of tables
	nodes map[string]*node

	spawning sync.Mutex // held while a goroutine is added, and while ctx is ended
	running  sync.WaitGroup
}

// Open connects to any of the nodes that the DSN names, and learns the ring from
// it. All of them are tried. The DSN is
//
//	candor://HOST:PORT,HOST:PORT/NAMESPACE?consistency=LEVEL&timeout=DURATION&zone=NAME&session=BOOL
//
// of which everything but one host may be left out, the scheme too. timeout (2s)
// bounds a call whose context has no deadline; zone and session are WithZone and
// WithSession. An unknown parameter is an error.
//
// The error is an *Error if a node refuses (ErrNotReady where the cluster is
// still being made) or none can be reached.
func Open(ctx context.Context, dsn string, opts ...Option) (*Client, error) {
	t, err := parseDSN(dsn)
	if err != nil {
		return nil, err
	}
	o := options{name: "candor-go", budget: budgetPercent, zone: t.zone, session: t.session}
	for _, change := range opts {
		change(&o)
	}
	c := &Client{
		t: t, o: o, began: time.Now(), gate: newGate(), budget: newBudget(o.budget), stale: make(chan struct{}, 1), nodes: make(map[string]*node),
	}
	c.clock = newClock(rand.Uint64(), func() int64 { return c.elapsed().Milliseconds() })
	if o.session {
		c.session = newSession()
	}
	c.exchanges.New = newExchange
	c.Namespace = c.In(t.namespace)
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.install(nil, nil)
	for _, n := range c.table.Load().all {
		n.start()
	}
	c.spawn(c.keep)
	if err := c.fetchRing(ctx); err != nil {
		c.Close(ctx)
		return nil, err
	}
	return c, nil
}

// Close waits until the calls under way have ended, at most until ctx ends, and
// closes all connections. Calls that are then still under way are ended: writes
// among them are in doubt. A second call returns ErrClosed.
func (c *Client) Close(ctx context.Context) error {
	first := c.gate.close(ctx)
	c.spawning.Lock()
	c.cancel()
	c.spawning.Unlock()
	c.running.Wait()
	if !first {
		return ErrClosed
	}
	return nil
}

// elapsed is monotonic time since Open.
func (c *Client) elapsed() time.Duration { return time.Since(c.began) }

// spawn runs f on a goroutine that Close waits for; false if that is too late.
func (c *Client) spawn(f func()) bool {
	c.spawning.Lock()
	defer c.spawning.Unlock()
	if c.ctx.Err() != nil {
		return false
	}
	c.running.Go(f)
	return true
}

// In is a namespace of the cluster; "" is default.
func (c *Client) In(namespace string) *Namespace { return &Namespace{c: c, name: namespace} }

// install makes a new table of a ring's members (nil: none) and closes the
// connections to nodes that are in it no more.
func (c *Client) install(a *wire.Answer, members []wire.RingMember) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := new(table)
	if a != nil {
		view, err := viewOf(a)
		if err != nil {
			return err
		}
		if old := c.table.Load(); old != nil && old.epoch() > view.Epoch() {
			return nil // a slower answer than one that came meanwhile
		}
		next.view = view
	}
	nodes := make(map[string]*node)
	take := func(address string) *node {
		if nodes[address] == nil {
			if nodes[address] = c.nodes[address]; nodes[address] == nil {
				nodes[address] = newNode(c, address)
			}
			next.all = append(next.all, nodes[address])
		}
		return nodes[address]
	}
	for _, m := range members {
		n := take(m.Client)
		n.mu.Lock()
		n.near = c.o.zone != "" && m.Zone == c.o.zone
		n.mu.Unlock()
		next.members = append(next.members, n)
	}
	for _, seed := range c.t.seeds {
		take(seed)
	}
	for address, n := range c.nodes { // each is stopped: order does not matter
		if nodes[address] == nil {
			n.stop()
		}
	}
	c.nodes = nodes
	c.table.Store(next)
	return nil
}

// fetchRing asks any node for the ring of the present epoch.
func (c *Client) fetchRing(ctx context.Context) error {
	q := wire.Request{Op: wire.OpRing}
	a, fault := c.do(ctx, &q, nil, "ring", false)
	if fault != nil {
		return fault
	}
	if err := c.install(&a, a.Ring.Members); err != nil {
		return fmt.Errorf("client: the ring that a node sent: %w", err)
	}
	return nil
}

// heard notes what the head of an answer tells: the node's clock, and whether
// there is a newer ring.
func (c *Client) heard(n *node, h *wire.Head, kind contract.ClockKind) {
	c.clock.observe(n.identity(), h.Clock, h.Code, kind, h.Code == contract.OK && h.Op >= wire.OpGet)
	if h.Epoch > uint64(c.table.Load().epoch()) && h.Op != wire.OpRing {
		select {
		case c.stale <- struct{}{}:
		default: // it is being seen to
		}
	}
}

const (
	// keepEvery is how often connections are looked at. A connection on which
	// nothing came for that long is asked for a sign of life; after another such
	// time without one it is given up. It is far below the five minutes after which
	// nodes close a silent connection.
	keepEvery = 15 * time.Second
	// ringTimeout bounds the fetching of a ring that no caller waits for.
	ringTimeout = 5 * time.Second
)

// keep does what no caller waits for: it fetches the ring once when an answer
// names a newer epoch, however many do, and keeps connections alive.
func (c *Client) keep() {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-c.stale:
			ctx, cancel := context.WithTimeout(c.ctx, ringTimeout)
			// If it fails, the next answer with a newer epoch has it tried again.
			_ = c.fetchRing(ctx)
			cancel()
		case <-tick.C:
			for _, n := range c.table.Load().all {
				n.keepAlive()
				n.bulk.keepAlive()
			}
		}
	}
}

// keepAlive pings a node that has been silent, and gives the connection up if
// it has not even answered that.
func (n *node) keepAlive() {
	silent := time.Duration(n.c.clock.mono()-n.lastSeen.Load()) * time.Millisecond
	switch {
	case !n.link.Up() || silent < keepEvery:
	case n.pinged.Swap(true):
		n.link.CloseNow()
	default:
		n.ping()
	}
}

// ping sends a PING whose answer nobody waits for: that it comes is enough.
func (n *node) ping() {
	n.mu.Lock()
	n.lastID++
	q := wire.Request{Op: wire.OpPing, ID: n.lastID}
	n.mu.Unlock()
	if n.put(&q) == nil {
		n.link.Flush()
	}
}
