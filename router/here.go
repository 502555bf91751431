package router

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/traitor"
)

// here carries out a message to this node's own replica.
func (r *Router) here(t *Turn, m *coordinator.Send) {
	if c := r.world.Cluster(); c != nil && m.Epoch != 0 && m.Epoch < c.Ring.Epoch() && !traitor.Is(traitor.EpochUnchecked) {
		t.reply = coordinator.Reply{Ask: m.Ask, Code: contract.StaleEpoch, Epoch: uint64(c.Ring.Epoch())}
		r.deliver(t, m.Call, m.To, &t.reply)
		return
	}
	switch m.Ask {
	case coordinator.AskWrite, coordinator.AskRepair, coordinator.AskStand, coordinator.AskDeliver:
		w := replica.Write{
			Kind: writeKind(m.Ask), Deadline: m.Deadline, Token: uint64(m.Place.Token), Namespace: m.Place.Namespace, Key: m.Place.Key,
			Record: m.Record, Origin: replica.Origin{Call: m.Call}, Seen: m.Seen, HasSeen: m.HasSeen, Target: m.Target, Counted: true,
		}
		if m.Ask == coordinator.AskStand && !r.world.StandsIn(m.Target, w.Cost()) {
			t.reply = coordinator.Reply{Ask: m.Ask, Code: contract.Overloaded}
			r.deliver(t, m.Call, m.To, &t.reply)
			return
		}
		t.writes = append(t.writes, w)
	case coordinator.AskVoid:
		t.writes = append(t.writes, replica.Write{
			Kind: replica.Void, Deadline: m.Deadline, Token: uint64(m.Place.Token), Namespace: m.Place.Namespace, Key: m.Place.Key,
			Version: m.Version, Origin: replica.Origin{Call: m.Call},
		})
	case coordinator.AskHint:
		rec, err := r.world.Kept(uint64(m.Place.Token), m.Place.Namespace, m.Place.Key, m.Version)
		t.reply = coordinator.Reply{Ask: m.Ask, Record: rec, Shared: true}
		if err != nil {
			t.reply.Code = contract.NotReady
		}
		r.deliver(t, m.Call, m.To, &t.reply)
	case coordinator.AskRead, coordinator.AskDigest:
		var mark hlc.Timestamp
		if m.WantMark { // before the record, which then shows all that was taken below it
			mark = r.world.Marks().Of(uint64(m.Place.Token)).Fence
		}
		rec, code := r.stored(uint64(m.Place.Token), m.Place.Namespace, m.Place.Key)
		t.reply = coordinator.Reply{Ask: m.Ask, Code: code, Record: rec, Mark: mark, Shared: true}
		if m.Ask == coordinator.AskDigest {
			t.reply.Record = header(rec)
		}
		r.deliver(t, m.Call, m.To, &t.reply)
	case coordinator.AskRange:
		reply := r.rangeHere(t, m)
		// A page of many steps may all be walked here, within one turn. Only the
		// clock tells when it has worked long enough.
		r.read(t)
		r.deliver(t, m.Call, m.To, &reply)
	}
}

// stored is what this node's replica holds of a key.
func (r *Router) stored(token uint64, namespace uint32, key []byte) ([]byte, contract.Code) {
	if r.quarantined(token) {
		return nil, contract.NotReady
	}
	return replica.Read(r.world.Store(), token, namespace, key)
}

// header is the header of a stored record that has been verified.
func header(rec []byte) []byte {
	if rec == nil {
		return nil
	}
	h, err := record.Header(rec)
	if err != nil {
		panic("router: a verified record has no header: " + err.Error())
	}
	return h
}

func (r *Router) rangeHere(t *Turn, m *coordinator.Send) coordinator.Reply {
	q := replica.RangeRequest{
		Namespace: m.Range.Namespace, From: uint64(m.Range.From), After: m.Range.After, Last: uint64(m.Range.Last),
		Prefix: m.Range.Prefix, Limit: m.Range.Limit, Bytes: m.Range.Bytes, KeysOnly: m.Range.KeysOnly, All: m.Range.All,
	}
	var part coordinator.RangeReply
	end, code := r.walk(t, &q, func(token uint64, key, rec []byte) {
		part.Items = append(part.Items, coordinator.RangeItem{Token: ring.Token(token), Key: clone(key), Record: clone(rec)})
	})
	part.Done, part.Token, part.Key = end.Done, ring.Token(end.Token), end.Key
	return coordinator.Reply{Ask: coordinator.AskRange, Code: code, Range: &part, Shared: true}
}

func clone(b []byte) []byte { return append([]byte{}, b...) }

// walk is replica.Range over what may be served: a range that begins in a
// partition in quarantine is not ready, another one ends in front of it.
func (r *Router) walk(t *Turn, q *replica.RangeRequest, emit func(token uint64, key, rec []byte)) (replica.RangeEnd, contract.Code) {
	cl := r.world.Cluster()
	marks, last := r.world.Marks(), q.Last
	if marks == nil || cl == nil {
		return replica.Range(t.now, r.world.Store(), q, emit)
	}
	for p := cl.Ring.PartitionOf(ring.Token(q.From)); p <= cl.Ring.PartitionOf(ring.Token(last)); p++ {
		if !marks.Partition(p).Quarantined {
			continue
		}
		first := uint64(p) << (64 - cl.Ring.Bits())
		if first <= q.From {
			return replica.RangeEnd{}, contract.NotReady
		}
		q.Last = first - 1
		break
	}
	end, code := replica.Range(t.now, r.world.Store(), q, emit)
	if end.Done && q.Last != last {
		end = replica.RangeEnd{Token: q.Last + 1}
	}
	return end, code
}
