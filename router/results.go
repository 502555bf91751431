package router

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// Answer handles one frame that came in on the link to a node: answers to this
// node's requests. False: it cannot be read, and the link has to be given up.
func (r *Router) Answer(t *Turn, from ring.NodeID, body []byte) bool {
	a := &t.peerAns
	if err := wire.DecodePeerAnswer(body, a); err != nil {
		return false
	}
	r.world.Observe(from, a.Clock)
	r.world.Newer(from, a.Epoch)
	switch {
	case a.ID == 0 && a.Code == contract.ShuttingDown:
		r.world.Goodbye(from)
	case a.ID == 0:
		return false // it could not read us, and ends the connection
	case (a.Op == wire.OpWrite || a.Op == wire.OpVoid) && a.Code == contract.OK:
		return r.writeResults(t, from, a)
	case (a.Op == wire.OpRead || a.Op == wire.OpDigest) && a.Code == contract.OK:
		return r.readResults(t, from, a)
	case a.Op == wire.OpRange && a.Code == contract.OK:
		r.rangeResult(t, from, &a.Range)
	case a.Op == wire.OpHeartbeat && a.Code == contract.OK:
		if p := r.world.Peer(from); p != nil {
			p.Beat(a.Incarnation, a.Time, a.Document)
		}
	case a.Op == wire.OpExchange:
		r.world.ExchangeAnswer(from, a)
	default:
		r.world.ControlAnswer(from, a)
	}
	return true
}

func (r *Router) writeResults(t *Turn, from ring.NodeID, a *wire.PeerAnswer) bool {
	ask := coordinator.AskWrite
	if a.Op == wire.OpVoid {
		ask = coordinator.AskVoid
	}
	for {
		more, err := a.NextWrite(&t.wres)
		if err != nil || !more {
			return err == nil
		}
		t.reply = coordinator.Reply{Ask: ask, Epoch: a.Epoch, Code: t.wres.Code, Kind: t.wres.Kind, Winner: t.wres.Winner, Buried: t.wres.Buried}
		r.deliver(t, t.wres.Call, from, &t.reply)
	}
}

func (r *Router) readResults(t *Turn, from ring.NodeID, a *wire.PeerAnswer) bool {
	ask := coordinator.AskRead
	if a.Op == wire.OpDigest {
		ask = coordinator.AskDigest
	}
	for {
		more, err := a.NextRead(&t.rres)
		if err != nil || !more {
			return err == nil
		}
		t.reply = coordinator.Reply{Ask: ask, Epoch: a.Epoch, Code: t.rres.Code, Record: t.rres.Record, Mark: t.rres.Mark}
		r.deliver(t, t.rres.Call, from, &t.reply)
	}
}

func (r *Router) rangeResult(t *Turn, from ring.NodeID, w *wire.RangeResult) {
	part := coordinator.RangeReply{Done: w.Done, Token: ring.Token(w.NextToken), Key: w.NextKey}
	for _, it := range w.Items {
		part.Items = append(part.Items, coordinator.RangeItem{Token: ring.Token(it.Token), Key: it.Key, Record: it.Record})
	}
	reply := coordinator.Reply{Ask: coordinator.AskRange, Code: w.Code, Range: &part}
	r.deliver(t, w.Call, from, &reply)
}
