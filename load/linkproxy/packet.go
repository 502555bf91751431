package linkproxy

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

// receive carries the packets that are sent to the public address of a port. They
// arrive as from the public address of their sender, so that an answer to it comes
// through the proxy too.
func (p *Proxy) receive(ctx context.Context, port Port) {
	own, err := netip.ParseAddrPort(port.Real)
	if err != nil {
		return // New has refused it
	}
	in := p.packets[port.Node]
	b := make([]byte, 64<<10)
	for {
		n, sender, err := in.ReadFromUDPAddrPort(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		from, known := p.nodes[netip.AddrPortFrom(sender.Addr().Unmap(), sender.Port())]
		if err != nil || !known {
			continue // only nodes speak here; an error is of a packet that nobody took
		}
		w, _ := p.weather(from, port.Node)
		out := p.packets[from]
		for _, after := range w.packets() {
			data := append([]byte(nil), b[:n]...)
			send := func() { _, _ = out.WriteToUDPAddrPort(data, own) } // UDP promises nothing
			if after == 0 {
				send()
				continue
			}
			p.running.Go(func() {
				timer := time.NewTimer(after)
				defer timer.Stop()
				select {
				case <-timer.C:
					send()
				case <-ctx.Done():
				}
			})
		}
	}
}
