package router

import (
	"slices"

	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/ring"
)

// reach notes the owners of the key and who of them can be reached. For a
// write room is reserved on each link; a link that is full counts as down.
func (r *Router) reach(t *Turn, o *coordinator.Request, cl *Cluster) {
	o.Owners, o.Self = cl.Ring.Owners(cl.Ring.PartitionOf(o.Place.Token)), -1
	for i, m := range o.Owners {
		if m == ring.NoOwner {
			continue
		}
		up, suspect := r.reachable(cl.Ring.Member(int(m)).ID)
		if r.periodic(cl.Ring.Member(int(m)).ID) {
			o.Periodic |= 1 << i
		}
		if cl.Ring.Member(int(m)).ID == r.o.Self {
			o.Self = i
		} else if up && o.Op.Writes() {
			// An ordered write has no record yet. It finds room now or not at all.
			up = t.reserved(r.world.Peer(cl.Ring.Member(int(m)).ID), len(o.Record)+len(o.Value)+len(o.Place.Key)+itemBytes)
		}
		if up {
			o.Up |= 1 << i
		}
		if suspect {
			o.Suspect |= 1 << i
		}
	}
}

// standIns notes the members that own no copy of the key: for a write those that
// can keep it, in the order in which they come after its owners on the ring,
// suspects last; for an OUTCOME all, as any may have kept it.
func (r *Router) standIns(t *Turn, o *coordinator.Request, cl *Cluster) {
	t.stands = t.stands[:0]
	if !o.Op.Writes() {
		for m := range cl.Ring.Members() {
			if !slices.Contains(o.Owners, uint16(m)) {
				t.stands = append(t.stands, uint16(m))
			}
		}
		o.Stands = t.stands
		return
	}
	t.passed = append(t.passed[:0], o.Owners...)
	most := standInsPerOwner * len(o.Owners)
	for _, suspects := range [...]bool{false, true} {
		t.passed = t.passed[:len(o.Owners)]
		p := cl.Ring.PartitionOf(o.Place.Token)
		for step := 1; step < cl.Ring.Q() && len(t.passed) < len(cl.Ring.Members()) && len(t.stands) < most; step++ {
			for _, m := range cl.Ring.Owners((p + step) % cl.Ring.Q()) {
				if m == ring.NoOwner || slices.Contains(t.passed, m) {
					continue
				}
				t.passed = append(t.passed, m)
				if r.canStandIn(t, o, cl.Ring.Member(int(m)).ID, suspects) {
					t.stands = append(t.stands, m)
				}
			}
		}
	}
	o.Stands = t.stands
}

// standInsPerOwner is how many members are looked up that can stand in for a
// replica: one keeps the write, the others are there should that refuse.
const standInsPerOwner = 2

// canStandIn says whether a member, a suspect or none, can be asked now to keep a
// write.
func (r *Router) canStandIn(t *Turn, o *coordinator.Request, id ring.NodeID, suspects bool) bool {
	up, suspect := r.reachable(id)
	if !up || suspect != suspects {
		return false
	}
	return id == r.o.Self || t.reserved(r.world.Peer(id), len(o.Record)+len(o.Value)+len(o.Place.Key)+itemBytes)
}

// itemBytes is more than an item takes beside its key and record.
const itemBytes = 64

func (t *Turn) reserved(p Peer, n int) bool {
	if !p.Reserve(n) {
		return false
	}
	t.reserve = append(t.reserve, reservation{p, n})
	return true
}

// reachable says whether a member can be asked now.
func (r *Router) reachable(id ring.NodeID) (up, suspect bool) {
	if id == r.o.Self {
		return r.world.Serving(), false
	}
	p := r.world.Peer(id)
	if p == nil {
		return false, false
	}
	return p.Up()
}

// periodic says whether a member answers for records before it has synced them.
func (r *Router) periodic(id ring.NodeID) bool {
	if id == r.o.Self {
		return r.o.Periodic
	}
	p := r.world.Peer(id)
	return p != nil && p.Periodic()
}

// reaches looks up who can be reached of all members now, so that the World
// need not be asked while a Core is locked.
func (r *Router) reaches(v *ring.View) func(ring.NodeID) (up, suspect bool) {
	type reach struct{ up, suspect bool }
	all := make([]reach, len(v.Members()))
	for i := range all {
		all[i].up, all[i].suspect = r.reachable(v.Member(i).ID)
	}
	return func(id ring.NodeID) (up, suspect bool) {
		i, member := v.Index(id)
		return member && all[i].up, member && all[i].suspect
	}
}
