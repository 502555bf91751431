package rpc

import (
	"context"
	"net"
	"time"
)

// LinkOptions say whom a Link dials and whom it tells. Address, Hello, OnHello
// and Handler are needed; what is nil or 0 otherwise takes its default.
//
// Every func is called on the goroutine of Run, one at a time with the calls of
// Handler: ... Dial, OnHello, Up, (Frame.. Idle)*, Down, Dial, ...
type LinkOptions struct {
	// Options of the connection. What waits for a peer is bounded by Room;
	// OutputBuffer comes on top, for what is sent without a reservation.
	Options

	// Address is asked before each attempt, as peers move. Empty: not known now.
	Address func() string
	// Dial opens a connection. Default: net.Dialer over TCP.
	Dial func(ctx context.Context, address string) (net.Conn, error)
	// Hello is the first frame, whole.
	Hello func() []byte
	// OnHello verifies the body of the answer. An error ends the attempt.
	OnHello func(body []byte) error

	// Up is called when the peer's HELLO was good, and before Begin gives an
	// outbox. Default: nothing.
	Up func()
	// Down follows exactly once: what was not sent is lost, what was sent may
	// never be answered. No frame of that connection reaches the Handler any
	// more, and Begin has given nil since before the call. Default: nothing.
	Down func(err error)
	// Failed is told of each attempt that did not get as far as Up. Default:
	// nothing.
	Failed func(err error)

	// Handler gets the frames behind the HELLO. Its Closed is not called, Down
	// takes its place; after Malformed the connection is broken at once.
	Handler Handler

	// Room is how many bytes may be reserved or wait; it bounds what a slow peer
	// costs. It must hold the largest frame. Default 16 MiB.
	Room int

	// BackoffMin and BackoffMax bound the pause between attempts, which doubles
	// from one to the next. Defaults 50 ms and 2 s.
	BackoffMin, BackoffMax time.Duration
	// Jitter gives numbers in [0, 1); a pause is shortened by up to half, so that
	// many links to one peer do not dial in step. Default: no jitter.
	Jitter func() float64
}

func (o LinkOptions) withDefaults() LinkOptions {
	o.Room = orDefault(o.Room, 16<<20)
	o.Options = o.Options.withDefaults()
	o.OutputBuffer += o.Room
	o.BackoffMin = orDefault(o.BackoffMin, 50*time.Millisecond)
	o.BackoffMax = orDefault(o.BackoffMax, 2*time.Second)
	if o.Dial == nil {
		o.Dial = func(ctx context.Context, address string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", address)
		}
	}
	if o.Up == nil {
		o.Up = func() {}
	}
	if o.Down == nil {
		o.Down = func(error) {}
	}
	if o.Failed == nil {
		o.Failed = func(error) {}
	}
	if o.Jitter == nil {
		o.Jitter = func() float64 { return 0 }
	}
	return o
}
