package topology

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// findOthers asks the nodes of the bootstrap list who they are, and those that
// have metadata for these.
func (c *Core) findOthers(now int64, out *Effects) {
	for _, p := range c.peers {
		if p.id == c.o.Self.ID || now-p.asked < askEvery {
			continue
		}
		p.asked = now
		out.Sends = append(out.Sends, Send{Addr: p.addr, To: p.id, Op: wire.OpStatus, Document: c.status(p.id)})
		if p.wanted {
			out.Sends = append(out.Sends, Send{Addr: p.addr, To: p.id, Op: wire.OpMetadata})
		}
	}
}

// found begins or goes on with the decision on epoch 1, if this node is the
// first-listed and nothing is missing. All of the list vote, and all are needed.
func (c *Core) found(now int64, clock hlc.Timestamp, draw func() uint64, out *Effects) {
	if len(c.peers) == 0 || c.peers[0].id != c.o.Self.ID || c.missing() != "" || c.o.Forgotten != "" {
		return
	}
	if c.attempt.open(now) {
		if now-c.attempt.sent >= askEvery {
			c.ask(now, out)
		}
		return
	}
	var voters []ring.NodeID
	for _, p := range c.peers {
		voters = append(voters, p.id)
	}
	c.conflict = ""
	value, err := c.firstValue(draw)
	if err == nil {
		err = c.begin(now, voters, len(voters), value, clock, draw, out)
	}
	if err != nil {
		c.conflict = err.Error()
	}
}

// firstValue makes the metadata that this node would have chosen, anew for each
// attempt: a node of the list may be another one by now, or have moved. That is
// safe because an earlier attempt's value, if anybody has accepted it, is found
// among the promises.
func (c *Core) firstValue(draw func() uint64) ([]byte, error) {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], draw())
	binary.BigEndian.PutUint64(id[8:], draw())
	var members []MemberRow
	for _, p := range c.peers {
		if p.id == c.o.Self.ID {
			members = append(members, rowOf(c.o.Self))
		} else {
			members = append(members, p.status.Member)
		}
	}
	m, err := first(&c.o, members, id, draw())
	if err != nil {
		return nil, err
	}
	return m.Encode()
}

// Waiting says for whom or what this node waits, in one sentence; "" once it
// has metadata.
func (c *Core) Waiting() string {
	switch {
	case c.meta != nil:
		return ""
	case c.notNamed != "":
		return c.notNamed
	case c.conflict != "":
		return c.conflict
	case c.o.Forgotten != "":
		return c.o.Forgotten + "; waiting for a member that has the metadata of the cluster"
	case len(c.peers) == 0:
		return "cluster.bootstrap is empty and the data folder has no metadata: list the peer addresses of the first members there, the same list on all of them"
	}
	if why := c.missing(); why != "" {
		return why
	}
	if c.peers[0].id == c.o.Self.ID {
		return "all nodes of cluster.bootstrap agree; epoch 1 is being decided"
	}
	return "waiting for " + c.peers[0].addr + ", the first of cluster.bootstrap, to decide epoch 1"
}

// missing says what of the bootstrap list is missing or in the way; "" if
// nothing is.
func (c *Core) missing() string {
	self := false
	var silent []string
	for i, p := range c.peers {
		switch {
		case p.id == c.o.Self.ID && !p.id.IsZero():
			self = true
		case p.refused != "":
			silent = append(silent, p.addr+" ("+p.refused+")")
		case p.status == nil:
			silent = append(silent, p.addr)
		case p.status.Epoch > 0:
			return fmt.Sprintf("%s (%s) already belongs to a cluster (id %x); waiting for its metadata", p.addr, p.status.Member.Name, p.status.ClusterID)
		case c.differs(p.status) != "":
			return fmt.Sprintf("%s (%s) has another configuration: %s", p.addr, p.status.Member.Name, c.differs(p.status))
		}
		for _, o := range c.peers[:i] {
			if o.id == p.id && !p.id.IsZero() {
				return fmt.Sprintf("%s and %s of cluster.bootstrap are the same node: list each node once", o.addr, p.addr)
			}
		}
	}
	switch {
	case len(silent) > 0:
		return "waiting for " + strings.Join(silent, ", ") + " of cluster.bootstrap"
	case !self:
		return "this node's own peer address is not in cluster.bootstrap: add it, on all nodes"
	}
	return ""
}
