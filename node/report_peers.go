package node

import (
	"math"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/verdict"
)

// peers are the other members as this node sees them.
func (r *reporter) peers() (o verdict.Opt[[]verdict.Peer]) {
	n := r.node
	c := n.Cluster()
	if c == nil {
		return o
	}
	offsets := n.clock.peerOffsets()
	all := []verdict.Peer{}
	for _, m := range c.Ring.Members() {
		if m.ID != n.id {
			all = append(all, r.peer(m.ID, offsets))
		}
	}
	return verdict.Known(all)
}

func (r *reporter) peer(id ring.NodeID, offsets map[ring.NodeID]int64) verdict.Peer {
	row := verdict.Peer{ID: id.String(), State: verdict.Down, RTTUS: r.node.evidence.roundTrip(id)}
	if ahead, ok := offsets[id]; ok {
		row.OffsetMS = verdict.Known(ahead)
	}
	p := r.node.links.peer(id)
	if p == nil {
		return row
	}
	switch up, suspect := p.Up(); {
	case up && suspect:
		row.State = verdict.Suspect
	case up:
		row.State = verdict.Up
	}
	s := r.node.watch.sight(p)
	row.Cooling = row.State == verdict.Suspect && s.Cooling && !s.Silent
	if s.Heard {
		row.Phi = verdict.Known(uint64(math.Round(s.Phi * 1000)))
		row.HeardAgeMS = verdict.Known(max(r.node.watch.now()-s.HeardAt, 0))
	}
	return row
}

// peerOffsets are how far the clocks of those that were heard of late are ahead of this
// node's, in milliseconds.
func (c *clock) peerOffsets() map[ring.NodeID]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[ring.NodeID]int64, len(c.peers))
	for id, h := range c.peers { // each by itself: order does not matter
		if c.mono()-h.at <= heardFor {
			all[id] = h.offset
		}
	}
	return all
}

// off is how far the wall clock is ahead of the median of all members' clocks, in
// milliseconds. It is the wall clock that counts, even while a jump of it is not
// followed; not known while nobody was heard, though there are others.
func (c *clock) off() (o verdict.Opt[int64]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var offsets []int64
	for _, h := range c.peers { // sorted by Median
		if c.mono()-h.at <= heardFor {
			offsets = append(offsets, h.offset)
		}
	}
	if len(offsets) == 0 && c.others > 0 {
		return o
	}
	return verdict.Known(c.wall() - c.now().Physical - hlc.Median(offsets, c.wrong))
}

// voters are those of the metadata that this node reaches.
func (r *reporter) voters() (o verdict.Opt[verdict.Voters]) {
	st := r.node.state.Load()
	if st == nil {
		return o
	}
	v := verdict.Voters{Of: len(st.meta.Voters)}
	for _, raw := range st.meta.Voters {
		id := ring.NodeID(raw)
		if id == r.node.id {
			v.Reachable++
		} else if p := r.node.links.peer(id); p != nil {
			if up, _ := p.Up(); up {
				v.Reachable++
			}
		}
	}
	return verdict.Known(v)
}

// gossip is how well this node keeps up with the gossip.
func (r *reporter) gossip(mono int64) (o verdict.Opt[verdict.Health]) {
	g := r.node.gossip.Load()
	if g == nil {
		return o
	}
	score := g.HealthScore()
	switch {
	case score == 0:
		r.unwell = 0
	case r.unwell == 0:
		r.unwell = max(mono, 1)
	}
	h := verdict.Health{Score: score}
	if r.unwell > 0 {
		h.SinceMS = mono - r.unwell
	}
	return verdict.Known(h)
}
