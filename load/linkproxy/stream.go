package linkproxy

import (
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// piece is a part of a stream that is under way.
type piece struct {
	due  time.Time
	data []byte
}

const (
	// pieceBytesMax is how much is read of a stream at once.
	pieceBytesMax = 32 << 10
	// piecesMost is how many are under way; then the sender has to wait.
	piecesMost = 256
)

// connect carries one connection, both ways, until one end closes it.
func (p *Proxy) connect(ctx context.Context, in net.Conn, port Port) {
	defer in.Close()
	from := Nobody
	if a, err := netip.ParseAddrPort(in.RemoteAddr().String()); err == nil {
		from = p.whose(a)
	}
	out, err := (&net.Dialer{}).DialContext(ctx, "tcp", port.Real)
	if err != nil {
		return
	}
	defer out.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { in.Close(); out.Close() })()
	var both sync.WaitGroup
	both.Go(func() { defer cancel(); p.carry(ctx, in, out, from, port.Node) })
	both.Go(func() { defer cancel(); p.carry(ctx, out, in, port.Node, from) })
	both.Wait()
}

// carry carries one direction of a connection. The end of the stream travels as
// its bytes do, so behind a cut nobody learns that the other end is gone.
func (p *Proxy) carry(ctx context.Context, in io.Reader, out io.Writer, from, to int) {
	under := make(chan piece, piecesMost)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(under)
		for {
			b := make([]byte, pieceBytesMax)
			n, err := in.Read(b)
			w, _ := p.weather(from, to)
			select {
			case under <- piece{time.Now().Add(w.stream()), b[:n]}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	})
	for one := range under {
		if !p.pass(ctx, one.due, from, to) {
			break
		}
		if _, err := out.Write(one.data); err != nil {
			break
		}
	}
	if c, ok := in.(io.Closer); ok {
		c.Close() // so that the reader ends; the other direction is of no use alone
	}
	for range under { // until the reader has ended
	}
	reading.Wait()
}

// pass waits until what is due then may pass; false if the connection has ended.
func (p *Proxy) pass(ctx context.Context, due time.Time, from, to int) bool {
	if wait := time.Until(due); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return false
		}
	}
	for {
		w, changed := p.weather(from, to)
		if !w.Cut {
			return ctx.Err() == nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}
