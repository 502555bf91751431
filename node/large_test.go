package node

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/candordb/candor/client"
)

// Many large values at once slow a connection down; they do not end it.
func TestLargeValuesDoNotCutConnections(t *testing.T) {
	const size = 256 << 10
	c := newCluster(t, 3)
	t.Cleanup(c.stop)
	for i := range c.nodes {
		l := &c.nodes[i].config.Limits
		l.Value, l.Frame, l.OutputBuffer = size, 2*size, 2*size
		c.start(i)
	}
	for i := range c.nodes {
		c.awaitReady(i)
	}
	c.awaitTrust()
	cl, err := client.Open(context.Background(), "candor://"+c.nodes[0].config.Listen.Client+"/default?timeout=60s")
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close(context.Background())
	value := make([]byte, size)
	for i := range 8 {
		if _, err := cl.Put(context.Background(), fmt.Appendf(nil, "large-%d", i), value); err != nil {
			t.Fatal(err)
		}
	}
	var readers sync.WaitGroup
	for r := range 48 {
		readers.Go(func() {
			for i := range 3 {
				item, err := cl.Get(context.Background(), fmt.Appendf(nil, "large-%d", (r+i)%8))
				if err != nil || len(item.Value) != len(value) {
					t.Errorf("%d bytes, %v", len(item.Value), err)
				}
			}
		})
	}
	readers.Wait()
}
