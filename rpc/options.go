package rpc

import (
	"sync/atomic"
	"time"

	"github.com/candordb/candor/wire"
)

// Options are the limits of a connection. A field of 0 takes the default that
// its comment names.
type Options struct {
	// FrameBytes is the largest body of a frame once HELLO is done. Default
	// 1 MiB + 64 KiB.
	FrameBytes int
	// PreauthFrameBytes is the largest body before that. It is also all the
	// memory an unknown peer gets. Default wire.HelloBytesMax.
	PreauthFrameBytes int
	// OutputBuffer is how many bytes may wait for a peer before a Server stops
	// reading from it; it goes on when the peer has taken some. What was read before
	// may still be answered, up to slowFactor (32) times as much; then the connection
	// is closed. Raising it lets pipelines of large answers run on and costs that
	// much memory for each. Default 4 MiB.
	OutputBuffer int
	// Connections is how many a Server keeps; further ones are closed as they
	// come. Default 4096. A Link does not use it.
	Connections int
	// PerIP is how many a Server keeps from one address (of IPv6, from one /64
	// network, which one machine may have for itself). 0: as many as Connections.
	PerIP int
	// PreauthPerIP is how many of these may be without a good HELLO. 0: as many as
	// PerIP.
	PreauthPerIP int
	// Waiting, if set, is kept at how many bytes wait for the peers of all
	// connections that share it.
	Waiting *atomic.Int64
	// Handshake is the time from connecting to Establish. Default 5 s.
	Handshake time.Duration
	// Idle is how long a connection may go without a whole frame from its peer.
	// Default 5 min.
	Idle time.Duration
	// WriteStall is how long a peer may take nothing while something waits for
	// it. Default 10 s.
	WriteStall time.Duration
}

func (o Options) withDefaults() Options {
	o.FrameBytes = orDefault(o.FrameBytes, 1<<20+64<<10)
	o.PreauthFrameBytes = orDefault(o.PreauthFrameBytes, wire.HelloBytesMax)
	o.OutputBuffer = orDefault(o.OutputBuffer, 4<<20)
	o.Connections = orDefault(o.Connections, 4096)
	o.Handshake = orDefault(o.Handshake, 5*time.Second)
	o.Idle = orDefault(o.Idle, 5*time.Minute)
	o.WriteStall = orDefault(o.WriteStall, 10*time.Second)
	return o
}

func orDefault[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}
