package router

import (
	"strings"
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// What waits for a peer travels in one frame, as far as it fits one: values of
// any size, written in one turn, arrive.
func TestWritesOfOneTurnFitTheirFrames(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	for _, size := range []int{200_000, 1 << 20, 10, 250_000, 1 << 20, 1 << 20} {
		k.open(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte(strings.Repeat("x", size)), Level: contract.All})
	}
	c.pump() // which fails at a frame above the limit
	for _, a := range k.answers() {
		if a.Code != contract.OK {
			t.Errorf("%d: %v", a.ID, a.Code)
		}
	}
}
