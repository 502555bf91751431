package ring

import "fmt"

// unreached is the level of a claimant that no path leads to (any more).
const unreached = -1

// fill brings every claimant to its quota and every partition to its copies.
//
// The slots are a flow: claimant -> (zone, partition) -> partition. A step is "u
// takes x's place in partition p", allowed where u is not there yet and either x
// is of u's zone or that zone has room in p. A path starts at a claimant below
// its quota and ends in a hole, or at a claimant above its quota; each step is
// one moved slot. Shortest paths are taken first, all of one length before the
// next longer, so that almost every move is one that the quotas demand anyway:
// a longer path is only taken where two members block each other.
//
// The claimants take turns, one path each, and each looks through the
// partitions in its own shuffled order. That is what scatters the pairs of
// replicas: when a node fails, all others share its load.
func (c *claim) fill() {
	c.level = make([]int, len(c.claimants))
	c.arc = make([]int, len(c.claimants))
	for c.missing() > 0 {
		if !c.measure() || !c.augment() {
			panic(fmt.Sprintf("ring: claim: quotas cannot be met: q=%d copies=%d zoneCap=%d zones=%v claimants=%+v",
				c.q, c.copies, c.zoneCap, c.zoneSize, c.claimants))
		}
	}
}

// augment takes shortest paths until there are no more of that length. It
// reports whether it found any.
func (c *claim) augment() bool {
	clear(c.arc)
	found := false
	for progress := true; progress; {
		progress = false
		for u := range c.claimants {
			if m := &c.claimants[u]; m.held < m.quota && c.extend(u) {
				found, progress = true, true
			}
		}
	}
	return found
}

// missing is the number of slots that claimants lack to their quotas.
func (c *claim) missing() int {
	missing := 0
	for i := range c.claimants {
		missing += max(0, c.claimants[i].quota-c.claimants[i].held)
	}
	return missing
}

// measure sets the levels: how many steps each claimant is away from the nearest
// one below its quota, as far as the shortest path to an end goes, and last. It
// reports whether there is a path at all.
func (c *claim) measure() bool {
	var frontier []int
	for u := range c.claimants {
		c.level[u] = unreached
		if m := &c.claimants[u]; m.held < m.quota {
			c.level[u] = 0
			frontier = append(frontier, u)
		}
	}
	for c.last = 0; len(frontier) > 0; c.last++ {
		var next []int
		ended := false
		for _, u := range frontier {
			for p := range c.q {
				next, ended = c.reach(u, c.row(p), next, ended)
			}
		}
		if ended {
			return true
		}
		frontier = next
	}
	return false
}

// reach appends to next the owners of one partition whom u could replace and
// whom no shorter path leads to. ended becomes true if a path may end here.
func (c *claim) reach(u int, row []uint16, next []int, ended bool) ([]int, bool) {
	possible, sameZone := c.places(row, u)
	if !possible {
		return next, ended
	}
	for _, x := range row {
		if x == NoOwner {
			ended = ended || !sameZone
			continue
		}
		m := &c.claimants[x]
		if c.level[x] != unreached || sameZone && m.zone != c.claimants[u].zone {
			continue
		}
		c.level[x] = c.last + 1
		next = append(next, int(x))
		ended = ended || m.held > m.quota
	}
	return next, ended
}

// places tells whether u may enter the partition with these owners at all, and
// whether only in the place of an owner of its own zone.
func (c *claim) places(row []uint16, u int) (possible, sameZone bool) {
	for _, x := range row {
		if int(x) == u {
			return false, false
		}
	}
	return true, !c.zoneHasRoom(row, u)
}

// extend moves one slot to u, along a path that goes down the levels. A
// claimant from which no path leads on is not tried again in this round.
//
// Steps are made at once and taken back when the path ends nowhere: each is
// legal by itself, so whatever path is found is legal as a whole.
func (c *claim) extend(u int) bool {
	for ; c.arc[u] < c.q; c.arc[u]++ {
		row := c.row(shuffle(c.claimants[u].seed, c.arc[u], c.q))
		possible, sameZone := c.places(row, u)
		if !possible {
			continue
		}
		for i, x := range row {
			if c.replace(row, i, x, u, sameZone) {
				return true
			}
		}
	}
	c.level[u] = unreached
	return false
}

// replace puts u in place i of a partition, where x is now (NoOwner: a hole), if
// x can be spared or find a slot elsewhere.
func (c *claim) replace(row []uint16, i int, x uint16, u int, sameZone bool) bool {
	taker := &c.claimants[u]
	if x == NoOwner {
		if sameZone {
			return false
		}
		row[i] = uint16(u)
		taker.held++
		return true
	}
	giver := &c.claimants[x]
	if c.level[x] != c.level[u]+1 || sameZone && giver.zone != taker.zone {
		return false
	}
	row[i] = uint16(u)
	taker.held++
	giver.held--
	if giver.held >= giver.quota || c.level[x] <= c.last && c.extend(int(x)) {
		return true
	}
	row[i] = x
	taker.held--
	giver.held++
	return false
}
