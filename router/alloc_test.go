package router

import (
	"fmt"
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// exchange makes a function that hands a client's frame to a node, lets
// everything happen until it is answered, and takes the answer. It allocates
// nothing itself.
func exchange(tb testing.TB, c *cluster, k *client, q wire.Request) func() {
	k.id++
	q.ID = k.id
	frame := q.Append(nil)
	return func() {
		k.send(frame)
		c.pump()
		body, n, err := wire.NextFrame(k.out, 1<<20)
		// The code stands behind array, op and id; 0 is OK.
		if err != nil || n != len(k.out) || body[1] != 0xcc || body[2] != byte(q.Op)|0x80 || body[4] != 0 {
			tb.Fatalf("answered %x", k.out)
		}
		k.out = k.out[:0]
	}
}

// operations are the requests that are measured, at QUORUM of three.
func operations() map[string]wire.Request {
	value := make([]byte, 100)
	return map[string]wire.Request{
		"Put":    {Op: wire.OpPut, Key: []byte("user:42"), Value: value},
		"Get":    {Op: wire.OpGet, Key: []byte("user:42")},
		"Delete": {Op: wire.OpDelete, Key: []byte("user:42")},
	}
}

// From the client's frame over router, coordinator, peers, replicas, their trees
// and the committers to the answer: no allocation, on all nodes together, on a map
// store.
func TestAllocations(t *testing.T) {
	for name, q := range operations() {
		for _, from := range []int{0, 3} { // an owner of the key, and a node that is none
			c := newCluster(t, 4)
			c.heals()
			k := c.client(c.place(t, "user:42", from == 0))
			k.put("user:42", "value")
			run := exchange(t, c, k, q)
			for range 100 {
				run() // until all buffers have their size
			}
			if n := testing.AllocsPerRun(1000, run); n > 0 {
				t.Errorf("%s, owner %v: %v allocations", name, from == 0, n)
			} else {
				t.Logf("%s, owner %v: %v allocations", name, from == 0, n)
			}
		}
	}
}

// What is refused by the gate costs nothing on the heap: a node that refuses most
// of what it is asked has its hands full.
func TestRefusalsDoNotAllocate(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	k.put("user:42", "value")
	c.gate(0)
	for name, q := range operations() {
		k.id++
		q.ID = k.id
		frame := q.Append(nil)
		if n := testing.AllocsPerRun(1000, func() {
			k.out = k.out[:0]
			k.send(frame)
		}); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
		if a := k.one(); a.Code != contract.Overloaded || a.ID != q.ID {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// place is a node that owns the key, or that does not.
func (c *cluster) place(tb testing.TB, key string, owner bool) int {
	p := placeOf(key)
	for i, n := range c.nodes {
		if c.epoch.Ring.Owns(int(p.Token>>60), n.id) == owner {
			return i
		}
	}
	tb.Fatalf("no node with owner = %v", owner)
	return 0
}

func BenchmarkPut(b *testing.B) { benchmark(b, "Put") }

func BenchmarkGet(b *testing.B) { benchmark(b, "Get") }

// benchmark measures one request after the other through the cluster in memory:
// the cost of all that is decided, at all nodes, without sockets and disks.
func benchmark(b *testing.B, op string) {
	for _, size := range []int{100, 4096} {
		for _, trees := range []bool{false, true} {
			b.Run(fmt.Sprintf("%dB/trees=%v", size, trees), func(b *testing.B) {
				c := newCluster(b, 3)
				if trees {
					c.heals()
				}
				k := c.client(0)
				k.do(wire.Request{Op: wire.OpPut, Key: []byte("user:42"), Value: make([]byte, size), Level: contract.All})
				q := operations()[op]
				if q.Op == wire.OpPut {
					q.Value = make([]byte, size)
				}
				run := exchange(b, c, k, q)
				b.ReportAllocs()
				for b.Loop() {
					run()
				}
			})
		}
	}
}
