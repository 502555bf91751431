package ring

import (
	"cmp"
	"fmt"
	"slices"
)

// Claim computes an owner table of q partitions with n replicas for members,
// moving as little as it can from prev (nil for the first table). Members that
// are Leaving get nothing; the table's indices are into members as given. The
// result depends on the arguments alone, and on the order of members only in
// how they are numbered.
//
// The number of partitions is fixed for life: a prev with another q is an error
// that wraps ErrTable. A prev with another n is how the number of replicas
// changes. No member that can own anything is an error that wraps ErrMembers.
//
// It runs in four steps: keep what may stay, give each member a quota, fill and
// transfer along shortest augmenting paths, put each partition's owners in order.
func Claim(q, n int, prev *View, members []Member) ([]uint16, error) {
	if err := checkShape(q, n); err != nil {
		return nil, fmt.Errorf("ring: claim: %w", err)
	}
	if prev != nil && prev.q != q {
		return nil, fmt.Errorf("ring: claim: %w: %d partitions, but the cluster was made with %d", ErrTable, q, prev.q)
	}
	if _, err := indexMembers(members); err != nil {
		return nil, fmt.Errorf("ring: claim: %w", err)
	}
	c := newClaim(q, n, members)
	if len(c.claimants) == 0 {
		return nil, fmt.Errorf("ring: claim: %w: all %d members are leaving", ErrMembers, len(members))
	}
	if prev != nil {
		c.keep(prev)
	}
	c.setQuotas()
	c.fill()
	return c.table(n), nil
}

// claimant is a member that may own partitions.
type claimant struct {
	id     NodeID
	member uint16 // index in the caller's list
	zone   int    // index of its zone
	seed   uint64 // hash of its id: its private shuffle of the partitions, and its rank in each
	held   int    // slots that it has now
	quota  int    // slots that it shall have
}

// claim is the work in progress. Claimants are sorted by id, so that the order
// of the caller's list decides nothing.
type claim struct {
	q       int
	copies  int // owners that each partition shall have: n, or the number of claimants if that is less
	zoneCap int // owners that a partition may have in one zone
	// zoneSize counts the claimants of each zone. Zones are numbered as they
	// first occur among the sorted claimants.
	zoneSize  []int
	claimants []claimant
	slots     []uint16 // q rows of copies entries: indices into claimants, or NoOwner for a hole

	level []int // of fill: distance from a claimant below its quota, or unreached
	last  int   // of fill: the level at which the shortest paths end
	arc   []int // of fill: how far each claimant has searched its shuffled partitions
}

func newClaim(q, n int, members []Member) *claim {
	c := &claim{q: q}
	for i := range members {
		if m := &members[i]; m.State != Leaving {
			c.claimants = append(c.claimants, claimant{id: m.ID, member: uint16(i), seed: seedOf(m.ID)})
		}
	}
	slices.SortFunc(c.claimants, func(a, b claimant) int { return a.id.Compare(b.id) })
	zones := map[string]int{}
	for i := range c.claimants {
		name := members[c.claimants[i].member].Zone
		zone, known := zones[name]
		if !known {
			zone = len(c.zoneSize)
			zones[name] = zone
			c.zoneSize = append(c.zoneSize, 0)
		}
		c.claimants[i].zone = zone
		c.zoneSize[zone]++
	}
	c.copies = min(n, len(c.claimants))
	c.zoneCap = c.leastZoneCap()
	c.slots = make([]uint16, q*c.copies)
	for i := range c.slots {
		c.slots[i] = NoOwner
	}
	return c
}

// leastZoneCap is the smallest bound on a partition's owners in one zone that
// leaves room for all of them: copies / zones rounded up when the zones are
// large enough, more when small zones run out of members.
func (c *claim) leastZoneCap() int {
	for limit := 1; ; limit++ {
		room := 0
		for _, size := range c.zoneSize {
			room += min(size, limit)
		}
		if room >= c.copies {
			return limit
		}
	}
}

// row is partition p's part of slots.
func (c *claim) row(p int) []uint16 {
	return c.slots[p*c.copies : (p+1)*c.copies]
}

// keep takes over from prev every owner that still may own: one that is still a
// claimant, in a zone that is not over its bound. Preferred owners come first,
// so they are the ones that stay when zones or the number of replicas changed.
func (c *claim) keep(prev *View) {
	now := make([]int, len(prev.members)) // claimant of each former member, or -1
	for i := range prev.members {
		at, found := slices.BinarySearchFunc(c.claimants, prev.members[i].ID,
			func(m claimant, id NodeID) int { return m.id.Compare(id) })
		if !found {
			at = -1
		}
		now[i] = at
	}
	for p := range c.q {
		row, taken := c.row(p), 0
		for _, former := range prev.Owners(p) {
			if former == NoOwner || taken == len(row) {
				break
			}
			u := now[former]
			if u < 0 || !c.zoneHasRoom(row, u) {
				continue
			}
			row[taken] = uint16(u)
			taken++
			c.claimants[u].held++
		}
	}
}

// zoneHasRoom tells whether a partition with these owners may take u without
// pushing out an owner of u's zone.
func (c *claim) zoneHasRoom(row []uint16, u int) bool {
	in := 0
	for _, x := range row {
		if x != NoOwner && c.claimants[x].zone == c.claimants[u].zone {
			in++
		}
	}
	return in < c.zoneCap
}

// table turns slots into the caller's form: indices into its list, n places per
// partition, each partition's owners ranked by rendezvous hashing. So who comes
// first is spread evenly and changes only where an owner changes.
func (c *claim) table(n int) []uint16 {
	owners := make([]uint16, 0, c.q*n)
	for p := range c.q {
		row := c.row(p)
		slices.SortFunc(row, func(a, b uint16) int {
			return cmp.Or(
				cmp.Compare(rank(c.claimants[b].seed, p), rank(c.claimants[a].seed, p)),
				cmp.Compare(a, b))
		})
		for _, u := range row {
			owners = append(owners, c.claimants[u].member)
		}
		for range n - c.copies {
			owners = append(owners, NoOwner)
		}
	}
	return owners
}
