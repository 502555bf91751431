package gossip

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/candordb/candor/ring"
)

// Options of a Gossip. Self, ClusterID, Incarnation, Listen and Log are needed.
type Options struct {
	// Self and ClusterID are the node's identity, Incarnation the number of this
	// start of it, higher than that of any earlier one.
	Self        ring.NodeID
	ClusterID   [16]byte
	Incarnation uint64

	// Listen is the IP:port to listen on, UDP and TCP. Advertise is what others
	// dial; empty means Listen, which then must name one address.
	Listen, Advertise string

	// Ports where this node, at the advertised host, serves clients, peers and
	// HTTP; 0: it does not.
	ClientPort, PeerPort, HTTPPort uint16
	// Zone is the failure domain, at most ZoneMax bytes.
	Zone string

	// Known gives the gossip addresses of the members and seeds that are known
	// from elsewhere, as IP:port; anything else is skipped. It is asked in every
	// round of the rejoin loop, on gossip's goroutine, and may give the same
	// slice each time, which is not written to. Nil: none.
	Known func() []string

	// RejoinInterval is the time between two rounds; 0: 5 s. Lower heals sooner
	// and dials the dead more often.
	RejoinInterval time.Duration
	// ProbeInterval and ProbeTimeout: every interval one member is probed, and
	// has the timeout to answer; 0: 1 s, 500 ms. Lower finds the dead sooner and
	// suspects the slow.
	ProbeInterval, ProbeTimeout time.Duration

	Sink   Sink   // nil: nobody is told
	Shared Shared // nil: no epochs
	Log    *slog.Logger

	// Network carries the packets; nil: UDP and TCP.
	Network Network
	// Rand gives numbers in [0, 1) for jitter and choice; nil: the runtime's.
	Rand func() float64
}

// Sink is told of changes.
type Sink interface {
	// Changed is called after View has changed, once for all that changed
	// meanwhile, by one goroutine of gossip's and never under a lock. It may
	// block; then later changes wait and are merged.
	Changed()
}

// Shared is where the newest epoch's number comes from and goes to.
type Shared interface {
	// Epoch is the newest epoch that this node has. It is called by many
	// goroutines, for every packet: an atomic load, no more.
	Epoch() uint64
	// Offer is called, as Changed is, when some node has a newer one. It is
	// called again while that is so, and must not wait for the fetch.
	Offer(epoch uint64)
}

type nobody struct{}

func (nobody) Changed()      {}
func (nobody) Epoch() uint64 { return 0 }
func (nobody) Offer(uint64)  {}

// checked gives options with their defaults, and the two addresses.
func (o Options) checked() (Options, netip.AddrPort, netip.AddrPort, error) {
	none := netip.AddrPort{}
	listen, err := netip.ParseAddrPort(o.Listen)
	if err != nil {
		return o, none, none, fmt.Errorf("gossip: listen address must be IP:port: %w", err)
	}
	advertise := listen
	if o.Advertise != "" {
		if advertise, err = netip.ParseAddrPort(o.Advertise); err != nil {
			return o, none, none, fmt.Errorf("gossip: advertised address must be IP:port: %w", err)
		}
	}
	if advertise.Addr().IsUnspecified() || advertise.Port() == 0 {
		return o, none, none, fmt.Errorf("gossip: nobody can dial %s; set the address that others shall dial", advertise)
	}
	if len(o.Zone) > ZoneMax {
		return o, none, none, fmt.Errorf("gossip: zone %q has %d bytes, at most %d fit", o.Zone, len(o.Zone), ZoneMax)
	}
	if o.Known == nil {
		o.Known = func() []string { return nil }
	}
	for d, def := range map[*time.Duration]time.Duration{ // in no order: each is set by itself
		&o.RejoinInterval: 5 * time.Second,
		&o.ProbeInterval:  time.Second,
		&o.ProbeTimeout:   500 * time.Millisecond,
	} {
		if *d == 0 {
			*d = def
		}
	}
	if o.Sink == nil {
		o.Sink = nobody{}
	}
	if o.Shared == nil {
		o.Shared = nobody{}
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	return o, plain(listen), plain(advertise), nil
}

// plain gives an address its one spelling: no IPv4 in IPv6 form, no zone.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}
