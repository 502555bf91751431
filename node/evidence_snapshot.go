package node

import (
	"encoding/hex"
	"time"

	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/verdict"
)

// Evidence implements admin.Node: all that is known of the cluster now.
func (n *Node) Evidence() *verdict.Snapshot {
	s := &verdict.Snapshot{
		Time: verdict.Known(verdict.Time(n.clock.now().Physical)), Cluster: verdict.Cluster{Name: n.config.Cluster.Name},
		SeenBy: verdict.SeenBy{Name: n.config.Node.Name, ID: n.id.String()},
	}
	st := n.state.Load()
	if st == nil {
		if why := n.control.waiting.Load(); why != nil {
			s.Waiting = *why
		}
		return s
	}
	view := st.cluster.Ring
	s.Cluster = verdict.Cluster{
		Name: n.config.Cluster.Name, ID: hex.EncodeToString(st.cluster.ID[:]), Replicas: view.N(), Partitions: view.Q(), Epoch: uint64(view.Epoch()),
	}
	for _, m := range view.Members() {
		s.Members = append(s.Members, n.evidence.member(n.address(m)))
	}
	s.Owners = verdict.Known(n.evidence.ownersOf(view))
	namespaces := []verdict.Namespace{}
	for _, ns := range n.Namespaces() {
		namespaces = append(namespaces, verdict.Namespace{
			Name: ns.Name, Mode: ns.Mode, ReadLevel: ns.Read.String(), WriteLevel: ns.Write.String(), AllowStale: ns.AllowStale,
		})
	}
	s.Namespaces = verdict.Known(namespaces)
	s.Losses = verdict.Known(lossesOnRecord(st.meta))
	return s
}

// looksFor is for how long after its start a node looks for a member that it has never
// heard before that counts as silent: nodes are started together, one after the other.
const looksFor = 5 * time.Second

// member is what is known of a member.
func (e *evidence) member(m ring.Member) verdict.Member {
	row := verdict.Member{
		Name: m.Name, ID: m.ID.String(), Zone: m.Zone, Region: m.Region, State: m.State.String(),
		Client: m.Client, Peer: m.Peer, GossipAddr: m.Gossip, HTTP: m.HTTP, Answer: verdict.NotAsked,
	}
	if m.ID == e.node.id {
		if own := e.node.reporter.kept.Load(); own != nil {
			now := *own.Report
			// What is seen at once, so that nothing contradicts itself.
			now.Peers, now.Voters = e.node.reporter.peers(), e.node.reporter.voters()
			now.Quarantine, now.Fenced = e.node.reporter.quarantine(), verdict.Known(e.node.clock.fenced.Load())
			now.Waiting = verdict.Known(e.node.lost.waits())
			row.Answer, row.Report, row.AgeMS = verdict.Answered, &now, verdict.Known(time.Since(own.at).Milliseconds())
		}
		return row
	}
	p := e.node.links.peer(m.ID)
	if p == nil {
		return row
	}
	sight := e.node.watch.sight(p)
	if sight.Heard {
		row.Since = verdict.Known(verdict.Time(e.node.clock.now().Physical - max(e.node.watch.now()-sight.HeardAt, 0)))
	}
	if !p.Link.Up() && !sight.Heard && (p.failure.Load() == nil || time.Since(e.node.started) < looksFor) {
		row.Error = p.whyDown() // it is looked for still: nobody was asked yet, and that is no silence
		return row
	}
	if !p.Link.Up() {
		row.Answer, row.AgeMS, row.Error = verdict.Silent, verdict.Known(int64(0)), p.whyDown()
		if other := p.other.Load(); other != nil {
			row.AnswersAs = other.String()
		}
		return row
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if r := e.rows[m.ID]; r != nil && r.answer != "" {
		row.Answer, row.Report, row.Error = r.answer, r.report, r.why
		row.AgeMS = verdict.Known((time.Since(r.at) + r.aged).Milliseconds())
	}
	return row
}

// whyDown is why the link is down.
func (p *peer) whyDown() string {
	if why := p.failure.Load(); why != nil {
		return *why
	}
	return "not reached yet"
}

// ownersOf is the owner table of a view, without places that nobody has.
func (e *evidence) ownersOf(view *ring.View) [][]uint16 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.of == view {
		return e.owners
	}
	owners := make([][]uint16, view.Q())
	for p := range owners {
		owners[p] = make([]uint16, 0, view.N())
		for _, o := range view.Owners(p) {
			if o != ring.NoOwner {
				owners[p] = append(owners[p], o)
			}
		}
	}
	e.of, e.owners = view, owners
	return owners
}
