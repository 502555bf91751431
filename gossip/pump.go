package gossip

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/candordb/candor/ring"
)

// disputeMax bounds how many disputed addresses are remembered, disputeAge how
// long: a node that moved is found long before.
const (
	disputeMax = 64
	disputeAge = 10 * time.Minute
)

// pump stands between memberlist's callbacks, which come under its locks and
// must not block, and everything that is done about them. Callbacks note;
// the goroutine of run delivers. Nothing is queued: of each node only the latest
// fact is kept, so that a slow Sink costs no memory.
type pump struct {
	o     *Options
	log   func(msg string, args ...any)
	view  atomic.Pointer[View]
	nudge chan struct{}

	mu sync.Mutex // guards notes and disputed
	notes
	disputed map[netip.AddrPort]time.Time // claimed by a node known elsewhere; when

	// Owned by the goroutine of run.
	leaving   map[ring.NodeID]uint64 // highest incarnation that said it leaves
	announced uint64                 // highest epoch that was broadcast from here
	spread    func(name string, message []byte)
}

// notes are what came in since the last delivery.
type notes struct {
	facts   map[ring.NodeID]fact
	leaving map[ring.NodeID]uint64
	claims  []claim
	epoch   uint64
}

// claim is a second address for a node.
type claim struct {
	id            ring.NodeID
	known, claims netip.AddrPort
}

func newPump(o *Options) *pump {
	p := &pump{
		o:        o,
		log:      o.Log.Warn,
		nudge:    make(chan struct{}, 1),
		disputed: make(map[netip.AddrPort]time.Time),
		leaving:  make(map[ring.NodeID]uint64),
	}
	p.view.Store(&View{})
	p.notes = emptyNotes()
	return p
}

func emptyNotes() notes {
	return notes{facts: make(map[ring.NodeID]fact), leaving: make(map[ring.NodeID]uint64)}
}

// wake makes run deliver what has been noted.
func (p *pump) wake() {
	select {
	case p.nudge <- struct{}{}:
	default:
	}
}

func (p *pump) noteFact(id ring.NodeID, f fact) {
	p.mu.Lock()
	p.facts[id] = f
	p.mu.Unlock()
	p.wake()
}

func (p *pump) noteLeaving(id ring.NodeID, incarnation uint64) {
	p.mu.Lock()
	p.notes.leaving[id] = max(p.notes.leaving[id], incarnation)
	p.mu.Unlock()
	p.wake()
}

// noteEpoch notes an epoch that some node has. Most often it is no news.
func (p *pump) noteEpoch(epoch uint64) {
	if epoch <= p.o.Shared.Epoch() {
		return
	}
	p.mu.Lock()
	p.epoch = max(p.epoch, epoch)
	p.mu.Unlock()
	p.wake()
}

func (p *pump) noteDispute(c claim) {
	p.mu.Lock()
	if _, again := p.disputed[c.claims]; !again && len(p.disputed) < disputeMax {
		p.disputed[c.claims] = time.Now()
		p.claims = append(p.claims, c)
	}
	p.mu.Unlock()
	p.wake()
}

// disputes are the addresses at which a node was heard that is known elsewhere.
func (p *pump) disputes(now time.Time) []netip.AddrPort {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []netip.AddrPort
	for a, since := range p.disputed { // sorted below
		if now.Sub(since) > disputeAge {
			delete(p.disputed, a)
			continue
		}
		all = append(all, a)
	}
	slices.SortFunc(all, netip.AddrPort.Compare)
	return all
}

// run delivers until ctx ends. What is noted later stays noted.
func (p *pump) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.nudge:
		}
		p.mu.Lock()
		n := p.notes
		p.notes = emptyNotes()
		p.mu.Unlock()
		p.deliver(n)
	}
}

func (p *pump) deliver(n notes) {
	for _, c := range n.claims {
		p.log("a node is heard at a second address; it moved, or its data directory was copied",
			"node", c.id, "known", c.known, "claims", c.claims)
	}
	for id, incarnation := range n.leaving { // in no order: each has a name of its own in the queue
		if incarnation > p.leaving[id] {
			p.leaving[id] = incarnation
			p.spread("leaving "+id.String(), appendLeaving(nil, id, incarnation))
		}
	}
	before := p.view.Load()
	if after := before.with(n.facts, p.leaving, time.Now()); after != before {
		p.view.Store(after)
		p.o.Sink.Changed()
	}
	p.deliverEpoch(n.epoch)
}

// deliverEpoch offers what others have and passes on whatever is news. A user
// message reaches only whom its sender picked, so each who hears it repeats it
// once.
func (p *pump) deliverEpoch(heard uint64) {
	own := p.o.Shared.Epoch()
	if newest := max(heard, own); newest > p.announced {
		p.announced = newest
		p.spread("epoch", appendEpoch(nil, newest))
	}
	if heard > own {
		p.o.Shared.Offer(heard)
	}
}
