package resp

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/candordb/candor/bench/peer"
)

// Endpoint is a store that somebody else has started.
type Endpoint struct {
	Is       string     // its name
	Of       peer.Class // as whoever has started it has set it up
	Variable string     // the environment has host:port,host:port of its nodes in it
	Setup    string     // how it is to be set up, for who reads that it is absent
	Commands Commands

	addresses []string
}

// Name implements peer.Peer.
func (e *Endpoint) Name() string { return e.Is }

// Class implements peer.Peer.
func (e *Endpoint) Class() peer.Class { return e.Of }

// Version implements peer.Peer.
func (e *Endpoint) Version(context.Context) string { return "" }

// Missing implements peer.Peer.
func (e *Endpoint) Missing(ctx context.Context) error {
	value := os.Getenv(e.Variable)
	if value == "" {
		return fmt.Errorf("%s is not set: start %s and set it to its addresses, as host:port,host:port", e.Variable, e.Setup)
	}
	e.addresses = strings.Split(value, ",")
	for _, a := range e.addresses {
		if !peer.Answers(ctx, a) {
			return fmt.Errorf("nobody listens at %s of %s", a, e.Variable)
		}
	}
	return nil
}

// Start implements peer.Peer: it is there already.
func (e *Endpoint) Start(ctx context.Context, _ string) error { return e.Missing(ctx) }

// PIDs implements peer.Peer.
func (*Endpoint) PIDs() []int { return nil }

// Stop implements peer.Peer: it is not ours to end.
func (*Endpoint) Stop() error { return nil }

// Dial implements peer.Peer.
func (e *Endpoint) Dial(ctx context.Context, i int, _ peer.Options) (peer.Link, error) {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", e.addresses[i%len(e.addresses)])
	return peer.Link{Net: nc, Protocol: NewProtocol(e.Commands)}, err
}
