package ring

import (
	"cmp"
	"slices"
)

// setQuotas gives each claimant the number of slots that it shall have.
//
// All quotas add up to q * copies. They are as equal as the zones allow: water
// is poured into all zones alike, and a zone that is full (it may hold at most
// zoneCap slots of each partition, and one per member) keeps what it has while
// the rest rises. Where the division leaves a remainder, those get it that hold
// it already, so that rounding alone moves nothing.
//
// Such quotas can always be met. Spread evenly, claimant m has quota/q of a slot
// in each partition: at most one, per zone at most zoneCap, all together copies.
// That is a fractional flow, and a flow network with whole capacities that has
// one has a whole one too.
func (c *claim) setQuotas() {
	total, people := c.q*c.copies, len(c.claimants)
	open := make([]bool, len(c.zoneSize))
	for z := range open {
		open[z] = true
	}
	for again := true; again; {
		again = false
		pour, over := total, people // the level is pour/over for all zones of this round
		for z, size := range c.zoneSize {
			if open[z] && size*pour > c.zoneRoom(z)*over {
				open[z], again = false, true
				total -= c.zoneRoom(z)
				people -= size
			}
		}
	}
	c.share(total, func(zone int) bool { return open[zone] })
	for z := range c.zoneSize {
		if !open[z] {
			c.share(c.zoneRoom(z), func(zone int) bool { return zone == z })
		}
	}
}

// zoneRoom is how many slots a zone can hold in all.
func (c *claim) zoneRoom(z int) int {
	return c.q * min(c.zoneCap, c.zoneSize[z])
}

// share divides total among the claimants of the zones that in selects: equally,
// the remainder one by one to those that hold it already, then by hash, as far
// as each zone has room.
func (c *claim) share(total int, in func(zone int) bool) {
	var group []*claimant
	for i := range c.claimants {
		if in(c.claimants[i].zone) {
			group = append(group, &c.claimants[i])
		}
	}
	if len(group) == 0 {
		return
	}
	each, rest := total/len(group), total%len(group)
	spare := make([]int, len(c.zoneSize))
	for z, size := range c.zoneSize {
		spare[z] = c.zoneRoom(z) - size*each
	}
	holdsMore := func(m *claimant) int {
		if m.held > each {
			return 0
		}
		return 1
	}
	slices.SortFunc(group, func(a, b *claimant) int {
		return cmp.Or(cmp.Compare(holdsMore(a), holdsMore(b)), cmp.Compare(a.seed, b.seed), a.id.Compare(b.id))
	})
	for _, m := range group {
		m.quota = each
		if rest > 0 && spare[m.zone] > 0 {
			m.quota++
			rest--
			spare[m.zone]--
		}
	}
}
