package router

import (
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/wire"
)

// send carries out one message to a replica.
func (r *Router) send(t *Turn, m *coordinator.Send) {
	if m.To == r.o.Self {
		r.here(t, m)
		return
	}
	p := r.world.Peer(m.To)
	c := r.world.Cluster()
	if p == nil || c == nil || !r.post(t, p, c, m) {
		r.unsent(t, m)
	}
}

// post adds the message to what waits for the peer; false if its link is down.
func (r *Router) post(t *Turn, p Peer, c *Cluster, m *coordinator.Send) bool {
	box := p.Begin()
	if box == nil {
		return false
	}
	epoch, clock := uint64(m.Epoch), r.world.Clock()
	if epoch == 0 { // it matters to nobody in which it was begun
		epoch = uint64(c.Ring.Epoch())
	}
	left := uint64(max(m.Deadline-t.now.Mono, 1))
	place := wire.Place{Token: uint64(m.Place.Token), Namespace: m.Place.Namespace, Key: m.Place.Key}
	switch m.Ask {
	case coordinator.AskWrite, coordinator.AskRepair, coordinator.AskStand, coordinator.AskDeliver:
		t.write = wire.WriteItem{
			Call: m.Call, Kind: wire.WriteKind(writeKind(m.Ask)), DeadlineMS: left, Place: place, Record: m.Record,
			Seen: m.Seen, HasSeen: m.HasSeen, Target: m.Target,
		}
		if len(m.Record) > largeRecordBytes {
			postAlone(box, epoch, clock, &t.write)
		} else {
			box.Write(epoch, clock, &t.write)
		}
	case coordinator.AskRead, coordinator.AskDigest, coordinator.AskHint:
		op := wire.OpRead
		if m.Ask == coordinator.AskDigest {
			op = wire.OpDigest
		}
		t.read = wire.ReadItem{Call: m.Call, DeadlineMS: left, Place: place, Version: m.Version}
		switch {
		case m.Ask == coordinator.AskHint:
			t.read.Want = wire.WantHint
		case m.WantMark:
			t.read.Want = wire.WantMark
		}
		box.Read(op, epoch, clock, &t.read)
	case coordinator.AskVoid:
		t.void = wire.VoidItem{Call: m.Call, DeadlineMS: left, Place: place, Version: m.Version}
		frames := box.Ready()
		start := len(frames)
		frames = wire.BeginItems(frames, wire.PeerHead{Op: wire.OpVoid, ID: box.NextID(), Epoch: epoch, Clock: clock})
		items := len(frames)
		box.SetReady(wire.EndItems(t.void.Append(frames), start, items, 1))
	case coordinator.AskRange:
		q := wire.RangeRequest{
			Call: m.Call, DeadlineMS: left, Namespace: m.Range.Namespace, From: uint64(m.Range.From), After: m.Range.After,
			Last: uint64(m.Range.Last), Prefix: m.Range.Prefix, Limit: uint64(m.Range.Limit), Bytes: uint64(m.Range.Bytes), KeysOnly: m.Range.KeysOnly, All: m.Range.All,
		}
		box.SetReady(q.Append(box.Ready(), wire.PeerHead{Op: wire.OpRange, ID: box.NextID(), Epoch: epoch, Clock: clock}))
	}
	p.End()
	t.touchPeer(p)
	return true
}

// writeKind is what a replica is told that a record is.
func writeKind(ask coordinator.Ask) replica.Kind {
	switch ask {
	case coordinator.AskRepair:
		return replica.Repair
	case coordinator.AskStand:
		return replica.Stand
	case coordinator.AskDeliver:
		return replica.Deliver
	}
	return replica.Fresh
}

// largeRecordBytes is how large a record may be to share a frame. A larger one
// added to a frame that others have begun could push it past the limit of a
// frame, and the peer would cut the link.
const largeRecordBytes = 64 << 10

// postAlone adds a write in a frame of its own.
func postAlone(box *wire.Outbox, epoch uint64, clock hlc.Timestamp, w *wire.WriteItem) {
	frames := box.Ready()
	start := len(frames)
	frames = wire.BeginItems(frames, wire.PeerHead{Op: wire.OpWrite, ID: box.NextID(), Epoch: epoch, Clock: clock})
	items := len(frames)
	box.SetReady(wire.EndItems(w.Append(frames), start, items, 1))
}

// unsent tells the Core that a message never left.
func (r *Router) unsent(t *Turn, m *coordinator.Send) {
	if m.Call == 0 {
		return
	}
	s := &r.shards[coordinator.ShardOf(m.Call)]
	s.lock.Lock()
	s.core.Unsent(t.now.Mono, m.Call, m.To, &t.fx)
	s.lock.Unlock()
}
