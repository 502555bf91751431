package sim

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/paxos"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/model"
	"github.com/candordb/candor/topology"
)

// agrees says whether the nodes of the run decide epochs themselves.
func (p *Plan) agrees() bool { return p.Found || p.Agreed }

// saved reads a system value as a start finds it; nil if there is none.
func (d *disk) saved(name string) ([]byte, error) {
	v, _ := d.engine.Synced(storage.SystemKey(name))
	return v, nil
}

// highestName is the system value that holds the highest clock bound of all starts
// before the present one, 8 bytes big-endian: a start whose clock was set back goes on
// below it.
const highestName = "clock.highest"

// highestBound is that of a node that is about to start.
func (n *node) highestBound() hlc.Timestamp {
	highest := boundOn(&n.disk)
	if b, ok := n.disk.engine.Synced(storage.SystemKey(highestName)); ok && len(b) == 8 {
		highest = max(highest, hlc.Timestamp(binary.BigEndian.Uint64(b)))
	}
	return highest
}

// askingName is the system value that holds the bound that a start has found, until
// the others have told how far the node had been before it.
const askingName = "clock.asking"

// foundBound is what that is measured by: the bound that the first of the starts has
// found which have not heard yet.
func (n *node) foundBound() hlc.Timestamp {
	if b, ok := n.disk.engine.Synced(storage.SystemKey(askingName)); ok && len(b) == 8 && binary.BigEndian.Uint64(b) != 0 {
		return hlc.Timestamp(binary.BigEndian.Uint64(b))
	}
	return n.highestBound()
}

// saveHighest goes before each new bound, so that none is lost. It is of use only
// where nodes tell each other what they have heard.
func (p *process) saveHighest() []replica.Write {
	f := p.found
	if f == nil {
		return nil
	}
	if !f.busy && f.core.Trusts() {
		f.asking = 0 // and so for good, in all that follow
	}
	trusts := f.asking == 0
	number := func(name string, t hlc.Timestamp, done func(bool)) replica.Write {
		return replica.Write{Kind: replica.System, Key: []byte(name), Record: binary.BigEndian.AppendUint64(nil, uint64(t)), Origin: replica.Origin{Done: done}}
	}
	return []replica.Write{
		number(highestName, f.bound, func(bool) {}),
		number(askingName, f.asking, func(durable bool) { f.trusted = f.trusted || durable && trusts }),
	}
}

// giveFirst saves epoch 1 on every disk, for runs in which the nodes decide those
// behind it only.
func (s *Sim) giveFirst() {
	r := s.cluster.Ring
	m := &topology.Metadata{
		Epoch: 1, ClusterID: s.cluster.ID[:], ClusterName: clusterName, Replicas: s.plan.Replicas, Partitions: s.plan.Partitions,
		Owners: ring.AppendOwners(nil, r.OwnersTable()), AgeLimitMS: s.cluster.AgeLimit, MaxDriftMS: s.cluster.MaxDrift, FeatureLevel: 1,
	}
	for i, n := range s.nodes {
		row := r.Member(i)
		m.Members = append(m.Members, topology.MemberRow{ID: n.id[:], Name: row.Name, Zone: row.Zone, Region: row.Region, State: uint8(row.State), Peer: peerAddress(i)})
		if odd := len(s.nodes) - 1 + len(s.nodes)%2; i < min(odd, 7) {
			m.Voters = append(m.Voters, n.id[:])
		}
	}
	for i, sp := range s.spaces {
		row := topology.NamespaceRow{Name: sp.Name, Number: sp.number, Mode: "lww"}
		if i > 0 {
			row = s.rows()[i-1]
			row.Number, row.Mode = sp.number, "lww"
		}
		m.Namespaces = append(m.Namespaces, row)
	}
	doc, err := m.Encode()
	if err != nil {
		panic("sim: " + err.Error())
	}
	for _, n := range s.nodes {
		var b storage.Batch
		b.Put(storage.SystemKey(topology.MetadataName), doc)
		if err := n.disk.force(&b); err != nil {
			panic("sim: saving epoch 1: " + err.Error())
		}
	}
	s.epochs[1], s.newest = doc, 1
}

// change is a change that a node was asked to have decided: a namespace of a name
// that nothing else has.
type change string

// proposeChanges lets one node, or two at once, propose a change.
func (s *Sim) proposeChanges() {
	for range s.faultDice.up(1, 2) {
		n := s.anyone()
		p := n.process
		if p == nil || p.found == nil || p.pausedUntil > s.now {
			continue
		}
		s.proposed++
		name := change(fmt.Sprintf("made-%d", s.proposed))
		s.tracef("%v proposes the namespace %s", n, name)
		p.found.post(func(out *topology.Effects) {
			p.found.core.Propose(p.Now().Mono, name, topology.SetNamespace(topology.NamespaceRow{Name: string(name)}), out)
		})
	}
}

// installed checks that there is one value of each epoch, that no node goes back to
// an older one, and that nobody acts in one that is not chosen yet, or that it could
// forget.
func (c *checker) installed(n *node, m *topology.Metadata, view *ring.View) {
	s := c.s
	doc, ok := n.disk.engine.Synced(storage.SystemKey(topology.MetadataName))
	held, err := topology.Decode(doc)
	switch {
	case !ok || err != nil || held.Epoch != m.Epoch:
		s.fail("EPOCH", "%v acts in epoch %d, which its disk does not hold", n, m.Epoch)
		return
	case m.Epoch < n.acted:
		s.fail("EPOCH", "%v goes back from epoch %d to %d", n, n.acted, m.Epoch)
	case s.epochs[m.Epoch] == nil:
		c.chosenNow(n, m, doc)
	case !bytes.Equal(s.epochs[m.Epoch], doc):
		s.fail("EPOCH", "two epochs %d: %v installs one of cluster %x, another has another", m.Epoch, n, m.ClusterID)
	}
	n.acted = m.Epoch
	c.renamed(n, m)
	same := view.N() == s.plan.Replicas && fmt.Sprint(view.OwnersTable()) == fmt.Sprint(s.cluster.Ring.OwnersTable())
	if !same || len(view.Members()) != len(s.nodes) {
		s.fail("EPOCH", "the metadata of epoch %d have other members or owners than those before", m.Epoch)
	}
}

// chosenNow notes the value of an epoch, when the first node acts in it: so many disks
// hold a vote for it that no other can be chosen any more.
func (c *checker) chosenNow(n *node, m *topology.Metadata, doc []byte) {
	s := c.s
	s.epochs[m.Epoch], s.newest = doc, max(s.newest, m.Epoch)
	var voters []ring.NodeID
	need := len(s.nodes)
	if m.Epoch == 1 {
		s.mark(markFounded)
		for _, o := range s.nodes {
			voters = append(voters, o.id)
		}
	} else {
		s.fig.Epochs++
		s.mark(markEpochAgreed)
		before, err := topology.Decode(s.epochs[m.Epoch-1])
		if err != nil {
			s.fail("EPOCH", "%v acts in epoch %d, and nobody has acted in the one before", n, m.Epoch)
			return
		}
		for _, v := range before.Voters {
			voters = append(voters, ring.NodeID(v))
		}
		need = len(voters)/2 + 1
	}
	votes := 0
	for _, o := range s.nodes {
		if slices.Contains(voters, o.id) && o.hasAccepted(m.Epoch, doc) {
			votes++
		}
	}
	if votes < need {
		s.fail("EPOCH", "%v acts in epoch %d, which %d of %d voters have accepted durably: %d are needed", n, m.Epoch, votes, len(voters), need)
	}
}

// hasAccepted says whether a node's disk holds its vote for the value of an epoch,
// or metadata from then on, or did before it was lost.
func (n *node) hasAccepted(epoch uint64, doc []byte) bool {
	return accepts(epoch, doc, func(name string) []byte { v, _ := n.disk.engine.Synced(storage.SystemKey(name)); return v }) ||
		slices.ContainsFunc(n.wreckage, func(w *model.Engine) bool {
			return accepts(epoch, doc, func(name string) []byte { v, _ := w.Synced(storage.SystemKey(name)); return v })
		})
}

// accepts is hasAccepted of system values.
func accepts(epoch uint64, doc []byte, get func(name string) []byte) bool {
	if m, err := topology.Decode(get(topology.MetadataName)); err == nil && m.Epoch >= epoch {
		return true
	}
	if epoch == 1 {
		a, err := paxos.ParseState(get(topology.FirstName))
		return err == nil && bytes.Equal(a.Value, doc)
	}
	decides, a, err := topology.ParseRegister(get(topology.RegisterName))
	return err == nil && decides == epoch && !a.Accepted.IsZero() && bytes.Equal(a.Value, doc)
}

// concluded checks what a proposer is told of its change. That a change which is
// said not to be made never comes is seen at the end.
func (c *checker) concluded(n *node, o *topology.Outcome, name change) {
	s := c.s
	s.tracef("%v is told of %s: epoch %d, %v", n, name, o.Epoch, o.Err)
	switch {
	case o.Err == nil && !has(s.epochs[o.Epoch], name):
		s.fail("EPOCH", "%v is told that epoch %d has the namespace %s, and it has not", n, o.Epoch, name)
	case errors.Is(o.Err, topology.ErrUndecided):
	case errors.Is(o.Err, topology.ErrOutrun):
		s.mark(markEpochOutrun)
		s.unmade = append(s.unmade, name)
	case o.Err != nil:
		s.unmade = append(s.unmade, name)
	}
}

// has says whether metadata have the namespace that a change makes.
func has(doc []byte, name change) bool {
	m, err := topology.Decode(doc)
	return err == nil && slices.ContainsFunc(m.Namespaces, func(r topology.NamespaceRow) bool { return r.Name == string(name) })
}

// unmadeStayUnmade checks at the end that no change came of which its proposer was
// told that it did not, and that no node thinks that it has forgotten something.
func (c *checker) unmadeStayUnmade() {
	s := c.s
	for _, name := range s.unmade {
		if has(s.epochs[s.newest], name) {
			s.fail("EPOCH", "epoch %d has the namespace %s, of which its proposer was told that it was not made", s.newest, name)
		}
	}
	for _, n := range s.nodes {
		if p := n.process; p != nil && p.found != nil && p.found.core.Behind() != "" {
			s.fail("EPOCH", "%v has lost nothing, and says: %s", n, p.found.core.Behind())
		}
	}
}
