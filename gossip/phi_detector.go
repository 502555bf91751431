package gossip

import (
	"slices"

	"github.com/candordb/candor/ring"
)

// The beat interval is N/200 s, within these limits, in milliseconds: a second
// of a node's time holds at most 200 beats from peers, until there are so many
// that it is 5 s.
const (
	beatMin     = 500
	beatMax     = 5000
	beatPerNode = 5
)

// PhiDefault is the threshold for a network as one finds it.
const PhiDefault = 8

// BeatInterval is how often, in milliseconds, each of n nodes lets its peers
// hear from it: clamp(n/200 s, 0.5 s, 5 s).
func BeatInterval(n int) int64 {
	return min(max(beatPerNode*int64(n), beatMin), beatMax)
}

// DetectorOptions are fixed for the life of a Detector.
type DetectorOptions struct {
	// Threshold is the phi at which a peer counts as silent; 0: PhiDefault.
	// Higher convicts later and errs more rarely. Below 1, where a beat that is
	// in time might convict, it is taken for 1.
	Threshold float64
	// BeatMillis is the beat interval; 0: BeatInterval of the number of nodes.
	// It must be the same on all nodes.
	BeatMillis int64
	// TickMillis is the time between two calls of Tick; 0: 100. It should be a
	// fraction of the beat interval: that is how late a conviction comes.
	TickMillis int64
}

// Detector is this node's own view of its peers. It takes evidence as it comes
// (see Peer) and looks at the clock in Tick only. It is not safe for concurrent
// use. None of its methods allocates but SetPeers.
type Detector struct {
	fixed, tick int64   // options
	deviations  float64 // by so many the mean silence is exceeded at the threshold
	interval    int64
	tickedAt    int64   // 0: not yet
	peers       []*Peer // sorted by id
	pauses      uint64
}

// NewDetector is a detector without peers.
func NewDetector(o DetectorOptions) *Detector {
	if o.Threshold == 0 {
		o.Threshold = PhiDefault
	}
	if o.TickMillis == 0 {
		o.TickMillis = 100
	}
	d := &Detector{fixed: o.BeatMillis, tick: o.TickMillis, deviations: deviationsFor(max(o.Threshold, 1))}
	d.SetPeers(nil)
	return d
}

// SetPeers names the peers, this node not among them. What is known of those
// that stay is kept; the beat interval follows their number.
func (d *Detector) SetPeers(ids []ring.NodeID) {
	d.interval = d.fixed
	if d.interval == 0 {
		d.interval = BeatInterval(len(ids) + 1)
	}
	peers := make([]*Peer, 0, len(ids))
	for _, id := range ids {
		p := d.Peer(id)
		if p == nil {
			p = &Peer{id: id, d: d}
			p.settle()
		}
		peers = append(peers, p)
	}
	slices.SortFunc(peers, func(a, b *Peer) int { return a.id.Compare(b.id) })
	d.peers = slices.CompactFunc(peers, func(a, b *Peer) bool { return a.id == b.id })
}

// Peer finds a peer; nil if there is no such. It stays the same one while SetPeers
// names it, so links may keep it.
func (d *Detector) Peer(id ring.NodeID) *Peer {
	i, ok := slices.BinarySearchFunc(d.peers, id, func(p *Peer, id ring.NodeID) int { return p.id.Compare(id) })
	if !ok {
		return nil
	}
	return d.peers[i]
}

// Peers are all peers, sorted by id: to be read, and only until SetPeers.
func (d *Detector) Peers() []*Peer { return d.peers }

// Interval is the present beat interval in milliseconds.
func (d *Detector) Interval() int64 { return d.interval }

// BeatDue says whether a peer to which something was last sent at sentAt is owed
// a heartbeat: traffic is as good as a beat, so a busy link carries none.
func (d *Detector) BeatDue(now, sentAt int64) bool { return now-sentAt >= d.interval }

// Tick looks at the clock, and says whether any peer's State changed by that. It
// alone finds silence.
//
// A tick that comes two intervals late means that this node itself stood still:
// stopped, swapped out, its machine suspended. What it took for silence of the
// others was its own deafness, so all silences start afresh. That convicts nobody
// for a slot, and longer, since a conviction takes more than an interval. Who was
// convicted before stays so.
//
// A node that has more to do than it can is late all the time, by less than that:
// what has come waits to be read as its ticks wait for the processor. By as much
// as a tick is late, silences count as shorter, so that a busy node does not
// suspect those that keep it busy. It goes on finding who is dead, only later.
func (d *Detector) Tick(now int64) (changed bool) {
	late := int64(0)
	if d.tickedAt != 0 {
		late = now - d.tickedAt - d.tick
	}
	if late >= 2*d.interval {
		d.pauses++
		late = now // all of it
	}
	if late > d.tick {
		for _, p := range d.peers {
			p.excuse(now, late)
		}
	}
	d.tickedAt = now
	for _, p := range d.peers {
		if p.tick(now) {
			changed = true
		}
	}
	return changed
}

// Pauses is how many times this node has found that it stood still.
func (d *Detector) Pauses() uint64 { return d.pauses }
