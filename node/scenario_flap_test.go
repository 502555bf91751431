package node

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/candordb/candor/gossip"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/storage/faulty"
)

// echo is a network for gossip that remembers what one address has sent, and can say
// it again.
type echo struct {
	gossip.Network
	of string

	mu    sync.Mutex // guards what follows
	hears map[string]func([]byte, net.Addr)
	said  []packet
}

// packet is what was sent once.
type packet struct {
	bytes []byte
	from  net.Addr
	to    string
}

func (e *echo) Attach(addr netip.AddrPort, hear func([]byte, net.Addr), stream func(net.Conn)) (gossip.Port, error) {
	e.mu.Lock()
	e.hears[addr.String()] = hear
	e.mu.Unlock()
	p, err := e.Network.Attach(addr, hear, stream)
	if err != nil || addr.String() != e.of {
		return p, err
	}
	return &echoPort{p, e, net.UDPAddrFromAddrPort(addr)}, nil
}

// echoPort notes what it sends.
type echoPort struct {
	gossip.Port
	e    *echo
	from net.Addr
}

func (p *echoPort) Send(b []byte, to string) error {
	p.e.mu.Lock()
	p.e.said = append(p.e.said, packet{slices.Clone(b), p.from, to})
	p.e.mu.Unlock()
	return p.Port.Send(b, to)
}

// again delivers what was sent last, at most so many packets, to those who were to hear
// it, and returns how many.
func (e *echo) again(most int) int {
	e.mu.Lock()
	said := slices.Clone(e.said[max(0, len(e.said)-most):])
	e.mu.Unlock()
	for _, p := range said {
		e.mu.Lock()
		hear := e.hears[p.to]
		e.mu.Unlock()
		if p.to != e.of {
			hear(slices.Clone(p.bytes), p.from)
		}
	}
	return len(said)
}

// sentBy is what nodes 1 to 4 have sent by gossip, in packets and bytes.
func (b *bubble) sentBy() (packets, bytes int) {
	for _, m := range b.nodes[:4] {
		s := b.wires.gossip.Sent(gossipOf(m.host))
		packets, bytes = packets+s.Packets, bytes+s.Bytes
	}
	return packets, bytes
}

// crash ends node i as a machine ends that fails: it says no goodbye.
func (b *bubble) crash(i int) {
	m := b.nodes[i]
	m.disk.Cut(faulty.DropAll, nil)
	m.stop()
	<-m.ended // it may say that its disk is gone
	m.ended = nil
}

// H6: a node that starts, stops and crashes over and over, while what it has sent in
// earlier lives is heard again: nobody's ownership changes, the others do not lose each
// other, writes are done, gossip stays bounded, and when it stays the cluster is whole.
func TestAFlappingNodeChangesNoOwnership(t *testing.T) {
	inBubble(t, 5, patientClients, func(b *bubble) {
		said := &answers{map[string]string{}, map[string]string{}}
		before, id := b.node(0).Cluster().Ring, b.node(4).id
		calm := b.traffic(func() { b.pass(2 * time.Minute) })
		e := b.echoing(4)
		alone := b.traffic(func() { b.flap(6, said, before, func() {}) })
		heard, began := 0, time.Now()
		echoed := b.traffic(func() { b.flap(6, said, before, func() { heard += e.again(500) }) })
		echoes := int(float64(heard) / time.Since(began).Minutes())
		b.t.Logf("a minute: calm %+v, flapping %+v, with %d echoes %+v", calm, alone, echoes, echoed)
		if alone.packets > 3*calm.packets || alone.bytes > 6*calm.bytes {
			b.t.Errorf("gossip: %+v a minute in calm, %+v with a node that flaps", calm, alone)
		}
		if echoes < 1000 || echoed.packets > alone.packets+echoes/2 { // probes are answered once, and most packets are none
			b.t.Errorf("gossip: %+v a minute without echoes, %+v with %d", alone, echoed, echoes)
		}
		b.mustWithin(5*time.Minute, "all are one again", b.one)
		e.again(5000) // of all its lives
		b.mustWithin(5*time.Minute, "the replicas are equal", func() bool { return b.one() && len(b.apart()) == 0 })
		b.sameOwners(before)
		if b.node(4).id != id {
			b.t.Error("the node has another id")
		}
		if lost, ghosts := b.compare(said); len(lost) > 0 || len(ghosts) > 0 {
			b.t.Errorf("of %d acknowledged, lost: %q; without effect, and there: %q", len(said.done), lost, ghosts)
		}
	})
}

// flap stops node 5, or crashes it, and starts it again, over and over, while the others
// are written to.
func (b *bubble) flap(rounds int, said *answers, before *ring.View, meanwhile func()) {
	for round := range rounds {
		if round%2 == 0 {
			b.halt(4)
		} else {
			b.crash(4)
		}
		meanwhile()
		b.pass(time.Duration(round%3) * 3 * time.Second)
		b.start(4)
		for i := range 10 {
			meanwhile()
			if key := fmt.Sprintf("flap/%d/%d", len(said.done), i); !b.write(i%4, http.MethodPut, key, "v", said) {
				b.t.Errorf("%s: a quorum is left, and a write fails", key)
			}
			b.pass(time.Second)
		}
		b.sameOwners(before)
	}
}

// rate is gossip of nodes 1 to 4, in a minute.
type rate struct{ packets, bytes int }

// traffic measures gossip while something happens.
func (b *bubble) traffic(during func()) rate {
	began := time.Now()
	packets, bytes := b.sentBy()
	during()
	after, more := b.sentBy()
	minutes := time.Since(began).Minutes()
	return rate{int(float64(after-packets) / minutes), int(float64(more-bytes) / minutes)}
}

// echoing has what node i sends from its next start on remembered, and starts it anew.
func (b *bubble) echoing(i int) *echo {
	e := &echo{of: gossipOf(b.nodes[i].host), hears: make(map[string]func([]byte, net.Addr))}
	for at, m := range b.nodes {
		m.change = func(machine *Machine) {
			if e.Network == nil {
				e.Network = machine.Gossip
			}
			machine.Gossip = e
		}
		b.halt(at)
		b.start(at)
		b.mustWithin(5*time.Minute, "the node is back", func() bool { return b.ready(at) && b.one() })
	}
	return e
}

// sameOwners wants nodes 1 to 4 to have the ring that was, and each other.
func (b *bubble) sameOwners(before *ring.View) {
	b.t.Helper()
	for i := range b.nodes[:4] {
		n := b.node(i)
		if now := n.Cluster().Ring; now.Epoch() != before.Epoch() || !slices.Equal(now.OwnersTable(), before.OwnersTable()) || len(now.Members()) != len(before.Members()) {
			b.t.Errorf("node %d has other owners, of epoch %d", i+1, now.Epoch())
		}
		for id, p := range n.links.all() {
			if m, known := n.gossip.Load().View().Member(id); id != b.node(4).id && (!known || !m.Alive || gossip.State(p.state.Load()) != gossip.Up) {
				b.t.Errorf("node %d has lost another one that has not flapped", i+1)
			}
		}
	}
}
