package gossip

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/candordb/candor/ring"
)

// delegate is what memberlist calls. Rules, read in its source:
//
//   - NotifyJoin, NotifyLeave, NotifyUpdate, NotifyConflict and NotifyAlive come
//     with the node lock held for writing: calling memberlist would deadlock;
//     *Node is live and must be copied before they return.
//   - NotifyMsg pins a 64 KiB buffer and holds up suspicion while it runs.
//   - GetBroadcasts and AckPayload are called for every packet.
//   - All may be called before Create returns and, by timers, after Shutdown.
type delegate struct {
	self    string
	cluster [16]byte
	meta    []byte
	shared  Shared
	pump    *pump
	queue   *memberlist.TransmitLimitedQueue
}

// NodeMeta is asked at the start.
func (d *delegate) NodeMeta(int) []byte { return d.meta }

func (d *delegate) NotifyMsg(b []byte) {
	if len(b) == 0 {
		return
	}
	switch b[0] {
	case kindEpoch:
		if epoch, ok := parseEpoch(b[1:]); ok {
			d.pump.noteEpoch(epoch)
		}
	case kindLeaving:
		if id, incarnation, ok := parseLeaving(b[1:]); ok {
			d.pump.noteLeaving(id, incarnation)
		}
	}
}

func (d *delegate) GetBroadcasts(overhead, limit int) [][]byte {
	return d.queue.GetBroadcasts(overhead, limit)
}

func (d *delegate) LocalState(bool) []byte {
	return binary.BigEndian.AppendUint64([]byte{stateVersion}, d.shared.Epoch())
}

func (d *delegate) MergeRemoteState(b []byte, _ bool) {
	if len(b) == 0 {
		return
	}
	if epoch, ok := parseEpoch(b[1:]); ok {
		d.pump.noteEpoch(epoch)
	}
}

func (d *delegate) AckPayload() []byte {
	return binary.BigEndian.AppendUint64(nil, d.shared.Epoch())
}

func (d *delegate) NotifyPingComplete(_ *memberlist.Node, _ time.Duration, payload []byte) {
	if epoch, ok := parseEpoch(payload); ok {
		d.pump.noteEpoch(epoch)
	}
}

func (d *delegate) NotifyJoin(n *memberlist.Node)   { d.note(n, true) }
func (d *delegate) NotifyUpdate(n *memberlist.Node) { d.note(n, true) }
func (d *delegate) NotifyLeave(n *memberlist.Node)  { d.note(n, false) }

func (d *delegate) note(n *memberlist.Node, alive bool) {
	id, m, err := read(n)
	if err != nil {
		return // NotifyAlive has refused it; there is nothing to believe
	}
	d.pump.noteFact(id, fact{alive: alive, addr: address(n), meta: m})
}

// NotifyConflict: a node is heard at other than its known address. memberlist
// keeps the known one until it is dead for a while and never comes back to the
// other; the rejoin loop does.
func (d *delegate) NotifyConflict(existing, other *memberlist.Node) {
	if id, err := ring.ParseNodeID(other.Name); err == nil {
		d.pump.noteDispute(claim{id: id, known: address(existing), claims: address(other)})
	}
}

// NotifyAlive refuses whoever is no node of this cluster. It is asked about
// this node too, and saying no to that would be fatal inside memberlist.
func (d *delegate) NotifyAlive(n *memberlist.Node) error {
	if n.Name == d.self {
		return nil
	}
	return d.admit(n)
}

// NotifyMerge refuses, as a whole, the state of a node that knows members of
// another cluster. Members that cannot be read are left to NotifyAlive.
func (d *delegate) NotifyMerge(nodes []*memberlist.Node) error {
	for _, n := range nodes {
		if m, err := parseMeta(n.Meta); err == nil && m.cluster != d.cluster {
			d.pump.log("refused to join nodes of another cluster; check the seeds of both", "node", n.Name, "address", address(n))
			return ErrForeignCluster
		}
	}
	return nil
}

func (d *delegate) admit(n *memberlist.Node) error {
	_, m, err := read(n)
	if err == nil && m.cluster != d.cluster {
		err = ErrForeignCluster
	}
	return err
}

func read(n *memberlist.Node) (ring.NodeID, meta, error) {
	id, err := ring.ParseNodeID(n.Name)
	if err != nil {
		return id, meta{}, err
	}
	m, err := parseMeta(n.Meta)
	return id, m, err
}

func address(n *memberlist.Node) netip.AddrPort {
	ip, _ := netip.AddrFromSlice(n.Addr)
	return netip.AddrPortFrom(ip.Unmap(), n.Port)
}
