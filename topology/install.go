package topology

import (
	"bytes"
	"fmt"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/paxos"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/traitor"
	"github.com/candordb/candor/wire"
)

// fetchEvery is how often, in milliseconds, a newer epoch is asked for.
const fetchEvery = 300

// Newer tells at a monotonic time that a message of a node, or gossip (then from
// is zero), named an epoch. If it is above this node's own, its metadata are
// fetched.
func (c *Core) Newer(now int64, epoch uint64, from ring.NodeID, out *Effects) {
	if c.meta == nil || epoch <= c.meta.Epoch || c.removed {
		return
	}
	if epoch > c.newest {
		c.newest, c.source, c.fetched = epoch, from, now-fetchEvery
	}
	c.fetch(now, out)
}

// fetch asks for the newest metadata: first who told of them, then each member in
// turn.
func (c *Core) fetch(now int64, out *Effects) {
	if c.newest <= c.meta.Epoch || now-c.fetched < fetchEvery || len(c.members) == 0 {
		return
	}
	from := c.source
	if c.source = (ring.NodeID{}); from.IsZero() {
		from = c.members[c.turn%len(c.members)]
		c.turn++
	}
	c.fetched = now
	out.Sends = append(out.Sends, Send{To: from, Op: wire.OpMetadata})
}

// consider installs metadata that somebody else says is chosen; otherwise it
// says why not.
func (c *Core) consider(from ring.NodeID, doc []byte, out *Effects) (refused string) {
	m, err := Decode(doc)
	switch {
	case err != nil:
		return err.Error()
	case m.ClusterName != c.o.ClusterName:
		return fmt.Sprintf("this node belongs to cluster %q, not to %q", c.o.ClusterName, m.ClusterName)
	case c.meta == nil && !m.names(c.o.Self.ID):
		c.notNamed = fmt.Sprintf("cluster %q (id %x) exists and does not name this node (%v)", m.ClusterName, m.ClusterID, c.o.Self.ID)
		return c.notNamed
	case c.meta == nil:
	case !bytes.Equal(c.meta.ClusterID, m.ClusterID):
		return fmt.Sprintf("this node belongs to cluster id %x, not to %x, of the same name", c.meta.ClusterID, m.ClusterID)
	case m.Epoch == c.meta.Epoch && !bytes.Equal(doc, c.doc):
		c.alarm = fmt.Sprintf("there are two different epochs %d: that of %v and this node's; a vote was forgotten", m.Epoch, from)
		return c.alarm
	case m.Epoch <= c.meta.Epoch || c.removed:
		return ""
	case !m.names(from) && !c.meta.names(from):
		return "metadata are taken from members only"
	}
	c.adopt(m, bytes.Clone(doc), out)
	return ""
}

// adopt makes this node act on chosen metadata, once they are saved. One that they
// no longer name passes them on, and stops.
func (c *Core) adopt(m *Metadata, doc []byte, out *Effects) {
	if !traitor.Is(traitor.EpochUnsaved) {
		out.Saves = append(out.Saves, Save{[]byte(MetadataName), doc})
	}
	c.conclude(m, doc, out)
	c.install(m, doc)
	if c.removed = !m.names(c.o.Self.ID); c.removed {
		c.spreadAtOnce(out)
		out.Removed = gone(m, c.o.Self.ID)
		return
	}
	c.swear(out)
	out.Installed = m
}

// gone says that a node is no member.
func gone(m *Metadata, id ring.NodeID) string {
	return fmt.Sprintf("epoch %d of cluster %q does not name this node (%v): it was removed, and its id is never taken again; to use this machine again, start with an empty data folder", m.Epoch, m.ClusterName, id)
}

// install makes m this node's metadata. It is saved, or came from there.
func (c *Core) install(m *Metadata, doc []byte) {
	c.meta, c.doc, c.attempt, c.notNamed = m, doc, nil, ""
	// The register of the next epoch is another one: nobody can have voted in it
	// without these metadata.
	c.acceptor, c.highest = paxos.Acceptor{}, hlc.Version{}
	c.spread, c.members = make(map[ring.NodeID]int64), nil
	for i := range m.Members {
		if id := ring.NodeID(m.Members[i].ID); id != c.o.Self.ID {
			// Who has decided it spreads it at once. The others begin a little later:
			// until then most have shown that they have it.
			c.spread[id] = c.now + installEvery
			c.members = append(c.members, id)
		}
	}
	c.forgetOthers()
}

// spreadAtOnce sends the metadata to all other members.
func (c *Core) spreadAtOnce(out *Effects) {
	for _, id := range c.members {
		c.spread[id] = c.now - installEvery
	}
	c.spreadMetadata(c.now, out)
}

// spreadMetadata sends the metadata to the members that may lack it.
func (c *Core) spreadMetadata(now int64, out *Effects) {
	for _, id := range c.members {
		if last, missing := c.spread[id]; missing && now-last >= installEvery {
			c.spread[id] = now
			out.Sends = append(out.Sends, Send{To: id, Op: wire.OpInstall, Document: c.doc})
		}
	}
}

// confirmed notes that a member acts in an epoch, as its message says.
func (c *Core) confirmed(id ring.NodeID, epoch uint64) {
	if c.meta != nil && epoch >= c.meta.Epoch {
		delete(c.spread, id)
	}
}
