package sim

import (
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

func aVersion(n int) hlc.Version { return hlc.Version{Time: hlc.Timestamp(n)} }

// aKey is a key with so many replicas, of all and by region.
func aKey(has sizes) *key {
	k := &key{sizes: has}
	for domain, size := range has {
		k.acked[domain] = make([]hlc.Version, size+1)
	}
	return k
}

// REG: levels that overlap bind each other, W + R > N; others do not.
func TestFloorBindsLevelsThatOverlap(t *testing.T) {
	k := aKey(sizes{3, 3})
	for _, w := range []struct{ level, version int }{{1, 30}, {2, 20}, {3, 10}, {3, 5}} {
		q := needsOf(contract.Level(w.level), &k.sizes, 0)
		k.told(&q, aVersion(w.version), 0)
	}
	for need, want := range []int{0, 10, 20, 30} {
		q := needsOf(contract.Level(need), &k.sizes, 0)
		if got := k.floor(&q); need > 0 && got != aVersion(want) {
			t.Errorf("need %d: %v, want %v", need, got, aVersion(want))
		}
	}
}

// What was told at one level binds another if every set of replicas that meets
// the first has one in common with every set that meets the second.
func TestFloorOfRegions(t *testing.T) {
	has := sizes{5, 3, 2} // 3 replicas in region 0, 2 in region 1
	const q, all, one, localOne, localQuorum, each = contract.Quorum, contract.All, contract.One, contract.LocalOne, contract.LocalQuorum, contract.EachQuorum
	type at struct {
		level  contract.Level
		region int
	}
	for _, tc := range []struct {
		told, asked at
		bound       bool
	}{
		{at{q, 0}, at{q, 1}, true},
		{at{localQuorum, 0}, at{localQuorum, 0}, true},
		{at{localQuorum, 0}, at{localQuorum, 1}, false},
		{at{localQuorum, 0}, at{q, 0}, false},
		{at{localQuorum, 0}, at{4, 0}, true},
		{at{localQuorum, 0}, at{each, 1}, true},
		{at{each, 0}, at{localQuorum, 1}, true},
		{at{each, 0}, at{localOne, 1}, true},
		{at{each, 0}, at{localOne, 0}, false},
		{at{q, 0}, at{localQuorum, 0}, false},
		{at{4, 0}, at{localQuorum, 0}, true},
		{at{4, 0}, at{localOne, 0}, false},
		{at{all, 0}, at{localOne, 1}, true},
		{at{all, 0}, at{one, 1}, true},
		{at{localOne, 1}, at{localQuorum, 1}, true},
	} {
		k := aKey(has)
		told, asked := needsOf(tc.told.level, &has, tc.told.region), needsOf(tc.asked.level, &has, tc.asked.region)
		k.told(&told, aVersion(7), 0)
		if got := k.floor(&asked) == aVersion(7); got != tc.bound {
			t.Errorf("told %v in region %d, asked %v in region %d: bound %v, want %v", tc.told.level, tc.told.region, tc.asked.level, tc.asked.region, got, tc.bound)
		}
		if dumb := overlap(&has, &told, &asked); dumb != tc.bound {
			t.Errorf("told %v in region %d, asked %v in region %d: counted out, overlap is %v", tc.told.level, tc.told.region, tc.asked.level, tc.asked.region, dumb)
		}
	}
}

// overlap tries all sets of replicas.
func overlap(has *sizes, a, b *needs) bool {
	meets := func(set uint, q *needs) bool {
		var have needs
		i := 0
		for region, size := range has[1:] {
			for range size {
				if set&(1<<i) != 0 {
					have[0]++
					have[1+region]++
				}
				i++
			}
		}
		return have.enough(q)
	}
	for x := range uint(1) << has[0] {
		for y := range uint(1) << has[0] {
			if x&y == 0 && meets(x, a) && meets(y, b) {
				return false
			}
		}
	}
	return true
}

// A level that a key's replicas cannot meet has no needs.
func TestNeedsOfLevelsThatCannotBeMet(t *testing.T) {
	has := sizes{3, 3, 0}
	for _, l := range []contract.Level{4, contract.Serial, contract.LocalOne, contract.LocalQuorum} {
		if q := needsOf(l, &has, 1); q.total() != 0 {
			t.Errorf("%v: %v", l, q)
		}
	}
}
