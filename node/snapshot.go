package node

import (
	"time"

	"github.com/candordb/candor/admin"
	"github.com/candordb/candor/gossip"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/router"
)

// Snapshot implements admin.Node.
func (n *Node) Snapshot() *admin.Snapshot {
	s := &admin.Snapshot{
		Time: time.Now(), Self: n.id, Name: n.config.Node.Name, Region: n.config.Node.Region, Version: n.version, Incarnation: n.incarnation,
		Cluster: n.config.Cluster.Name, Draining: n.draining.Load(), Fenced: n.clock.fenced.Load(),
	}
	if j := n.evidence.judged.Load(); j != nil {
		s.Verdict, s.Sentence, _ = n.evidence.verdictNow()
	}
	if err := n.engine.Err(); err != nil {
		s.Stopped = err.Error()
	}
	st := n.state.Load()
	if st == nil {
		if why := n.control.waiting.Load(); why != nil {
			s.Waiting = *why
		}
		return s
	}
	s.ClusterID, s.View = st.cluster.ID, st.cluster.Ring
	for _, m := range s.View.Members() {
		s.Members = append(s.Members, n.member(m))
	}
	return s
}

// member is what this node sees of a member.
func (n *Node) member(m ring.Member) admin.Member {
	row := admin.Member{Member: n.address(m), Gossip: n.gossiped(m.ID)}
	if m.ID == n.id {
		row.Reachable, row.Linked, row.Why = n.Serving(), true, n.lost.waits()
		if err := n.engine.Err(); err != nil {
			row.Why = err.Error()
		}
		return row
	}
	p := n.links.peer(m.ID)
	if p == nil {
		return row
	}
	row.Reachable, row.Suspect = p.Up()
	row.Linked = p.Link.Up()
	sight := n.watch.sight(p)
	row.Phi, row.HasPhi = sight.Phi, sight.Heard
	switch why := p.failure.Load(); {
	case row.Linked && p.leaving.Load():
		row.Why = "it is shutting down"
	case row.Linked:
		row.Why = suspicion(&sight)
	case why != nil:
		row.Why = *why
	default:
		row.Why = "not reached yet"
	}
	return row
}

// suspicion is why a peer whose connection stands is not trusted; "" if it is. It
// has no figures, so that it says the same while nothing changes.
func suspicion(s *gossip.Sight) string {
	switch {
	case s.Silent:
		return "it is silent, though its connection stands"
	case s.Cooling:
		return "it is back, and was not heard for long enough yet to be trusted"
	case s.Hearsay == gossip.HearsayDead:
		return "gossip holds it for dead, though it is heard"
	}
	return ""
}

// gossiped is what gossip says of a member.
func (n *Node) gossiped(id ring.NodeID) string {
	g := n.gossip.Load()
	if g == nil {
		return "unknown"
	}
	switch seen, ok := g.View().Member(id); {
	case !ok:
		return "unknown"
	case seen.Alive:
		return "alive"
	}
	return "dead"
}

var _ router.World = (*Node)(nil)
