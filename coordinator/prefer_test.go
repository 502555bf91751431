package coordinator

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/candordb/candor/ring"
)

// Rule 3: this node, then by verdict, pace, region and zone, else in the order of
// the table: as a sort by all of them says it.
func TestOwnersAreAskedByVerdictPaceAndPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 7).Draw(t, "owners")
		all := rapid.Uint64Range(0, 1<<n-1)
		mask := func(name string) Mask { return Mask(all.Draw(t, name)) }
		p := preference{self: rapid.IntRange(-1, n).Draw(t, "self"), suspect: mask("suspect"), slow: mask("slow"), region: mask("region"), zone: mask("zone")}
		p.zone &= p.region
		of := mask("of")
		var want, got []int
		for i := range n {
			if of.has(i) {
				want = append(want, i)
			}
		}
		last := func(m Mask, i int) int {
			if m.has(i) {
				return 1
			}
			return 0
		}
		slices.SortStableFunc(want, func(i, j int) int {
			if i == p.self || j == p.self {
				return last(bit(p.self), j) - last(bit(p.self), i)
			}
			return cmp.Or(
				last(p.suspect, i)-last(p.suspect, j), last(p.slow, i)-last(p.slow, j),
				last(p.region, j)-last(p.region, i), last(p.zone, j)-last(p.zone, i),
			)
		})
		for left := of; left != 0; left.remove(got[len(got)-1]) {
			got = append(got, p.first(left))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%v are asked, want %v, by %+v", got, want, p)
		}
		if i := p.first(0); i != -1 {
			t.Fatalf("of nobody %d is asked", i)
		}
	})
}

// The owners near a node are those of its region, and of them those of its zone;
// all are where nothing is said of places, and none where the node is no member.
func TestNearIsByRegionThenZone(t *testing.T) {
	for _, row := range []struct {
		places       []string
		from         int
		region, zone Mask
	}{
		{[]string{"eu/x", "eu/y", "us/x"}, 0, 0b011, 0b001},
		{[]string{"eu/x", "eu/y", "us/x"}, 2, 0b100, 0b100},
		{[]string{"eu/x", "eu/y", "us/x"}, 24, 0, 0},
		{[]string{"/x", "/y", "/x"}, 0, 0b111, 0b101},
		{[]string{"eu", "eu", "us"}, 1, 0b011, 0b011},
		{nil, 1, 0b111, 0b111},
	} {
		v := newView(1, 3, 3, row.places...)
		if region, zone := near(v, v.Owners(0), nodeID(row.from)); region != row.region || zone != row.zone {
			t.Errorf("%v from %s: region %b, zone %b, want %b, %b", row.places, nodeName(nodeID(row.from)), region, zone, row.region, row.zone)
		}
	}
	v := newView(1, 3, 2) // too few members for all copies
	if region, zone := near(v, v.Owners(0), nodeID(0)); fmt.Sprintf("%b %b", region, zone) != "11 11" || v.Owners(0)[2] != ring.NoOwner {
		t.Errorf("with an owner missing: region %b, zone %b", region, zone)
	}
}
