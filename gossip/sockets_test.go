package gossip_test

import (
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/candordb/candor/gossip"
)

// The same over UDP and TCP on loopback.
func TestOverRealSockets(t *testing.T) {
	c := &cluster{t: t}
	t.Cleanup(func() { // a probe under way outlives Shutdown by up to a probe interval
		c.within(time.Minute, "memberlist's goroutines have ended", func() bool { return goleak.Find() == nil })
	})
	listen := make([]string, 2)
	for i := range listen {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listen[i] = l.Addr().String()
		l.Close()
	}
	c.know(listen...)
	var nodes []*node
	for i := range listen {
		nodes = append(nodes, c.start(i+1, 1, func(o *gossip.Options) {
			o.Network = nil
			o.Listen = listen[i]
			o.RejoinInterval = 100 * time.Millisecond
		}))
	}
	c.within(time.Minute, "both alive", func() bool { return agree(nodes, nodes) })
	nodes[0].epoch.Store(3)
	nodes[0].Announce()
	c.within(time.Minute, "epoch", func() bool { return nodes[1].epoch.Load() == 3 })
	if err := nodes[0].Leave(time.Minute); err != nil {
		t.Fatal(err)
	}
	c.within(time.Minute, "left", func() bool {
		m, _ := nodes[1].View().Member(nodes[0].id)
		return !m.Alive && m.Leaving
	})
}
