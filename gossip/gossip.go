package gossip

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
)

// ErrNotRunning is returned by Leave when Run has not begun, or has ended.
var ErrNotRunning = errors.New("gossip: not running")

// Gossip is one node's part in the group, for one membership.
type Gossip struct {
	o                 Options
	listen, advertise netip.AddrPort
	pump              *pump
	delegate          *delegate
	list              atomic.Pointer[memberlist.Memberlist] // nil before Run
	leave             chan departure
	ended             chan struct{}
}

// departure is a call of Leave, on its way to Run.
type departure struct {
	timeout time.Duration
	done    chan error
}

// New builds a node's part; Run works. It fails on addresses that nobody could
// dial and on a zone that is too long.
func New(o Options) (*Gossip, error) {
	o, listen, advertise, err := o.checked()
	if err != nil {
		return nil, err
	}
	g := &Gossip{
		o:         o,
		listen:    listen,
		advertise: advertise,
		leave:     make(chan departure),
		ended:     make(chan struct{}),
	}
	g.pump = newPump(&g.o)
	own := meta{
		cluster:     o.ClusterID,
		incarnation: o.Incarnation,
		peerPort:    o.PeerPort,
		clientPort:  o.ClientPort,
		httpPort:    o.HTTPPort,
		protoMin:    1,
		protoMax:    1,
		zone:        o.Zone,
	}
	g.delegate = &delegate{
		self:    o.Self.String(),
		cluster: o.ClusterID,
		meta:    own.append(nil),
		shared:  o.Shared,
		pump:    g.pump,
		queue: &memberlist.TransmitLimitedQueue{
			NumNodes:       func() int { return g.View().alive() },
			RetransmitMult: retransmitMult,
		},
	}
	g.pump.spread = func(name string, message []byte) {
		if err := g.delegate.enqueue(&broadcast{name: name, message: message}); err != nil {
			panic(err) // the messages of this package have fixed sizes
		}
	}
	return g, nil
}

// View is what this node believes now. It never blocks.
func (g *Gossip) View() *View { return g.pump.view.Load() }

// Announce spreads Shared's epoch, which has risen. Without it the number still
// travels with probes, a few nodes per second.
func (g *Gossip) Announce() { g.pump.wake() }

// HealthScore is how far memberlist doubts this node itself: 0 is healthy, and
// each step makes it slower to suspect others.
func (g *Gossip) HealthScore() int {
	if l := g.list.Load(); l != nil {
		return l.GetHealthScore()
	}
	return 0
}

// Run takes part until ctx ends, when it stops without a word, as a crash does,
// or until Leave. It fails if the address cannot be listened on. It is called
// once.
func (g *Gossip) Run(ctx context.Context) error {
	defer close(g.ended)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	list, err := g.create(ctx)
	if err != nil {
		return fmt.Errorf("gossip: listen on %s: %w", g.listen, err)
	}
	g.list.Store(list)

	var workers sync.WaitGroup
	workers.Go(func() { g.pump.run(ctx) })
	workers.Go(func() { newRejoiner(&g.o).run(ctx, g.candidates, func(a string) { g.join(list, a) }) })

	select {
	case <-ctx.Done():
	case d := <-g.leave:
		d.done <- g.depart(ctx, list, d.timeout)
	}
	cancel()
	workers.Wait()
	return list.Shutdown()
}

// retransmitMult times the logarithm of the group's size is how often a message
// is sent.
const retransmitMult = 4

func (g *Gossip) create(ctx context.Context) (*memberlist.Memberlist, error) {
	c := memberlist.DefaultLANConfig()
	c.Logger = newBridge(g.o.Log)
	transport, err := newTransport(ctx, g.o.Network, g.listen, c.Logger)
	if err != nil {
		return nil, err
	}
	c.Transport = transport
	c.Name = g.delegate.self
	c.Label = "candor/" + hex.EncodeToString(g.o.ClusterID[:])
	c.BindAddr, c.BindPort = g.listen.Addr().String(), int(g.listen.Port())
	c.AdvertiseAddr, c.AdvertisePort = g.advertise.Addr().String(), int(g.advertise.Port())
	c.ProbeInterval, c.ProbeTimeout = g.o.ProbeInterval, g.o.ProbeTimeout
	c.RetransmitMult = retransmitMult
	c.TCPTimeout = 5 * time.Second
	c.HandoffQueueDepth = 4096
	// A node that returns with a new address is accepted once the old entry has
	// been dead for this long; identity is proven elsewhere.
	c.DeadNodeReclaimTime = time.Second
	c.EnableCompression = false // 23 us and 78 KB of garbage a message, for messages of 100 bytes
	c.Delegate, c.Events, c.Conflict, c.Merge, c.Ping, c.Alive =
		g.delegate, g.delegate, g.delegate, g.delegate, g.delegate, g.delegate
	list, err := memberlist.Create(c)
	if err != nil {
		transport.Shutdown()
	}
	return list, err
}

// candidates are the addresses that a member might be at, and those not to dial:
// our own and those of members that are alive.
func (g *Gossip) candidates(now time.Time) (want []string, not map[netip.AddrPort]bool) {
	want = slices.Clone(g.o.Known()) // the slice is the caller's
	for _, a := range g.pump.disputes(now) {
		want = append(want, a.String())
	}
	not = map[netip.AddrPort]bool{g.advertise: true, g.listen: true}
	for _, m := range g.View().Members {
		if m.Alive {
			if a, err := netip.ParseAddrPort(m.Addr); err == nil {
				not[a] = true
			}
		}
	}
	return want, not
}

func (g *Gossip) join(list *memberlist.Memberlist, address string) {
	if _, err := list.Join([]string{address}); err != nil {
		g.o.Log.Debug("cannot join", "address", address, "err", err)
	}
}

// Leave tells the others that this node goes, on purpose, and ends Run. It waits
// for the word to get around, but not longer than timeout. A node that comes
// back does so with a new Gossip and a higher incarnation.
func (g *Gossip) Leave(timeout time.Duration) error {
	d := departure{timeout: timeout, done: make(chan error, 1)}
	late := time.NewTimer(timeout)
	defer late.Stop()
	select {
	case g.leave <- d:
	case <-g.ended:
		return ErrNotRunning
	case <-late.C:
		return ErrNotRunning
	}
	err := <-d.done
	<-g.ended
	return err
}

// depart announces the departure, for memberlist's own word for it looks like
// death to those who hear it, and then leaves. After that the list is good for
// nothing but Shutdown; leaving after Shutdown would panic.
func (g *Gossip) depart(ctx context.Context, list *memberlist.Memberlist, timeout time.Duration) error {
	began := time.Now()
	if g.View().alive() > 1 {
		sent := make(chan struct{})
		var once sync.Once
		err := g.delegate.enqueue(&broadcast{
			name:    "leaving " + g.delegate.self,
			message: appendLeaving(nil, g.o.Self, g.o.Incarnation),
			sent:    func() { once.Do(func() { close(sent) }) },
		})
		if err != nil {
			return err
		}
		half := time.NewTimer(timeout / 2)
		defer half.Stop()
		select {
		case <-sent:
		case <-half.C:
		case <-ctx.Done():
		}
	}
	left := max(timeout-time.Since(began), time.Millisecond) // 0 would be for ever
	if err := list.Leave(left); err != nil {
		return fmt.Errorf("gossip: leave: %w; the others will take it for a crash until they compare notes", err)
	}
	return nil
}
