package topology

import (
	"fmt"
	"slices"

	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// status is what a node tells of itself in STATUS: who it is, what its
// configuration says of the first epoch, and whether it has metadata.
type status struct {
	Member      MemberRow `msgpack:"member"`
	ClusterName string    `msgpack:"cluster_name"`
	Bootstrap   []string  `msgpack:"bootstrap"`
	Replicas    int       `msgpack:"replicas"`
	Partitions  int       `msgpack:"partitions"`
	Epoch       uint64    `msgpack:"epoch"` // 0: none
	ClusterID   []byte    `msgpack:"cluster_id"`
	Shared      shared    `msgpack:"shared"`
	Namespaces  string    `msgpack:"namespaces"` // of epoch 1, in words

	Incarnation uint64    `msgpack:"incarnation"`
	Life        uint64    `msgpack:"life"`     // of this start; 0: an older program
	Clock       uint64    `msgpack:"clock"`    // hlc.Timestamp, below its persisted bound
	Heard       []hearing `msgpack:"heard"`    // of the node that this goes to: one row, or none
	Distrust    uint64    `msgpack:"distrust"` // the generation that an epoch has to name before it votes; 0: it may
	Deciding    bool      `msgpack:"deciding"` // it counts votes on a value
}

func parseStatus(b []byte) (*status, error) {
	s := new(status)
	if err := wire.SafeUnmarshal(b, documentLimits, s); err != nil {
		return nil, err
	}
	if len(s.Member.ID) != 16 {
		return nil, fmt.Errorf("%w: a node id of %d bytes", ErrMetadata, len(s.Member.ID))
	}
	return s, nil
}

// status is this node's own, for another one; to is zero if that is not known.
func (c *Core) status(to ring.NodeID) []byte {
	s := status{
		Incarnation: c.o.Incarnation, Life: c.o.Life, Clock: uint64(max(c.o.Bound, c.bound)), Distrust: c.wants(), Deciding: c.deciding(),
		Member: rowOf(c.o.Self), ClusterName: c.o.ClusterName, Bootstrap: c.o.Bootstrap,
		Replicas: c.o.Replicas, Partitions: c.o.Partitions, Shared: c.shared(),
		Namespaces: namespaceWords(c.o.Namespaces),
	}
	if c.meta != nil {
		s.Epoch, s.ClusterID = c.meta.Epoch, c.meta.ClusterID
	}
	if r := c.row(to); r != nil {
		s.Heard = []hearing{*r}
	}
	b, err := wire.Marshal(&s)
	if err != nil {
		panic("topology: a status cannot be encoded: " + err.Error())
	}
	return b
}

// differs says in which setting of the first epoch a node differs from this
// one; "" if in none.
func (c *Core) differs(s *status) string {
	switch {
	case s.ClusterName != c.o.ClusterName:
		return fmt.Sprintf("cluster.name is %q there and %q here", s.ClusterName, c.o.ClusterName)
	case !slices.Equal(s.Bootstrap, c.o.Bootstrap):
		return fmt.Sprintf("cluster.bootstrap is %q there and %q here: make the lists the same, in the same order", s.Bootstrap, c.o.Bootstrap)
	case s.Replicas != c.o.Replicas:
		return fmt.Sprintf("cluster.replicas is %d there and %d here", s.Replicas, c.o.Replicas)
	case s.Partitions != c.o.Partitions:
		return fmt.Sprintf("cluster.partitions is %d there and %d here", s.Partitions, c.o.Partitions)
	case s.Namespaces != namespaceWords(c.o.Namespaces):
		return fmt.Sprintf("cluster.namespaces is [%s] there and [%s] here", s.Namespaces, namespaceWords(c.o.Namespaces))
	}
	return ""
}

// peer is what is known of one address of the bootstrap list.
type peer struct {
	addr    string
	id      ring.NodeID // zero until its HELLO was read
	status  *status     // nil until heard
	refused string      // why it would not talk to this node, or cannot be reached
	asked   int64       // when STATUS was last sent
	wanted  bool        // it has metadata, which was asked for
}
