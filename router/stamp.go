package router

import (
	"bytes"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/wire"
)

// stampAbove makes the version and the record of the i-th ordered write of the
// turn, when a quorum has told what it has to stand above. Those of one key are
// stamped above one another, so that those of a BATCH are in its order also where
// the versions are no ticks of the clock.
func (r *Router) stampAbove(t *Turn, i int) {
	m := t.fx.Stampings[i]
	for j := range t.stamped {
		if o := &t.fx.Stampings[j].Place; m.Above.Less(t.stamped[j]) && o.Token == m.Place.Token && o.Namespace == m.Place.Namespace && bytes.Equal(o.Key, m.Place.Key) {
			m.Above = t.stamped[j]
		}
	}
	s := &r.shards[coordinator.ShardOf(m.Call)]
	v, clock := r.world.StampAbove(m.Above)
	t.stamped = append(t.stamped, v)
	expires, inTime := record.ExpiresAt(v, m.TTL)
	t.rec = record.Append(t.rec[:0], m.Place.Namespace, m.Place.Key, record.Record{Version: v, ExpiresAt: expires, Value: m.Value, Tombstone: m.Tombstone})
	s.lock.Lock()
	switch {
	case !clock:
		s.core.Unstamped(m.Call, contract.Clock, contract.ClockFenced, clockFenced, &t.fx)
	case !inTime:
		s.core.Unstamped(m.Call, contract.BadRequest, 0, ttlTooLarge, &t.fx)
	default:
		s.core.Stamped(m.Call, v, t.rec, &t.fx)
	}
	s.lock.Unlock()
}

// stamp is the version of a write: the client's, within its bounds, or a new
// one of this node's clock.
func (r *Router) stamp(cl *Cluster, q *wire.Request) (hlc.Version, *failure) {
	if !q.HasVersion {
		v, ok := r.world.Stamp()
		if !ok {
			return v, r.fenced()
		}
		return v, nil
	}
	now, at := r.world.Clock().Millis(), q.Version.Time.Millis()
	switch {
	case at > now+2*cl.MaxDrift:
		return q.Version, r.clockFailure(contract.StampAhead, "the version is stamped too far in the future: stamp by the clocks that nodes send")
	case at < now-cl.AgeLimit:
		return q.Version, r.clockFailure(contract.StampOld, "the version was stamped longer ago than the request age limit: ask OUTCOME what became of it, or write with a new version")
	}
	return q.Version, nil
}

// fenced refuses what this node may not coordinate: by a clock that is off it
// would stamp and judge the stamps of others wrongly, and hold for expired what
// is not.
func (r *Router) fenced() *failure {
	return r.clockFailure(contract.ClockFenced, clockFenced)
}

const clockFenced = "this node's clock may not be used now: use another node"

func (r *Router) clockFailure(kind contract.ClockKind, message string) *failure {
	f := fail(contract.Clock, message)
	f.Clock, f.Kind = r.world.Clock(), kind
	return f
}
