package ring

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func mustClaim(t failer, q, n int, prev *View, members []Member) *View {
	t.Helper()
	owners, err := Claim(q, n, prev, members)
	if err != nil {
		t.Fatal(err)
	}
	return mustView(t, n, members, owners)
}

// moved counts the slots of next whose owner did not own the partition before.
func moved(prev, next *View) int {
	moves := 0
	for p := range next.Q() {
		for _, o := range next.Owners(p) {
			if o != NoOwner && !prev.Owns(p, next.Member(int(o)).ID) {
				moves++
			}
		}
	}
	return moves
}

// demanded is the number of moves that no table with next's shares could avoid.
func demanded(prev, next *View) int {
	moves := 0
	for i := range next.Members() {
		id := next.Member(i).ID
		moves += max(0, next.Partitions(id)-prev.Partitions(id))
	}
	return moves
}

// shares is each claimant's number of partitions.
func shares(v *View) []int {
	var shares []int
	for i := range v.Members() {
		if m := v.Member(i); m.State != Leaving {
			shares = append(shares, v.Partitions(m.ID))
		}
	}
	return shares
}

// maxToMean is the largest share over the mean.
func maxToMean(v *View) float64 {
	s, sum := shares(v), 0
	for _, x := range s {
		sum += x
	}
	return float64(slices.Max(s)) * float64(len(s)) / float64(sum)
}

// checkClaim asserts what holds for every claim: as many owners as there can be,
// none of them leaving, and no more of them in one zone than the zones' sizes
// demand.
func checkClaim(t failer, v *View) {
	t.Helper()
	size, claimants := map[string]int{}, 0
	for i := range v.Members() {
		if m := v.Member(i); m.State != Leaving {
			size[m.Zone]++
			claimants++
		} else if v.Partitions(m.ID) != 0 {
			t.Fatalf("leaving member %d owns %d partitions", i, v.Partitions(m.ID))
		}
	}
	copies := min(v.N(), claimants)
	limit := leastCap(size, copies)
	for p := range v.Q() {
		in, owners := map[string]int{}, 0
		for _, o := range v.Owners(p) {
			if o != NoOwner {
				in[v.Member(int(o)).Zone]++
				owners++
			}
		}
		if owners != copies {
			t.Fatalf("partition %d has %d owners, want %d", p, owners, copies)
		}
		for zone, owners := range in { // order does not matter: any violation fails
			if owners > limit {
				t.Fatalf("partition %d has %d owners in zone %q, want at most %d", p, owners, zone, limit)
			}
		}
	}
}

// leastCap is the dumb form of claim.leastZoneCap.
func leastCap(size map[string]int, copies int) int {
	for limit := 1; ; limit++ {
		room := 0
		for _, s := range size { // a sum: order does not matter
			room += min(s, limit)
		}
		if room >= copies {
			return limit
		}
	}
}

func TestSharesAreWithinOne(t *testing.T) {
	for _, c := range []struct {
		name    string
		q, n    int
		members []Member
		worst   float64 // max/mean
	}{
		{"1 member", 1024, 3, zoneless(1), 1},
		{"2 members", 1024, 3, zoneless(2), 1},
		{"3 members", 1024, 3, zoneless(3), 1},
		{"5 members", 1024, 3, zoneless(5), 1.001},
		{"10 members", 1024, 3, zoneless(10), 1.003},
		{"50 members", 1024, 3, zoneless(50), 1.0092},
		{"more members than slots", 4, 3, zoneless(20), 1.67},
		{"one partition", 1, 3, zoneless(5), 1.67},
		{"7 of 9 replicas", 64, 7, zoneless(9), 1.005},
		{"3 even zones", 1024, 3, testMembers("a", "a", "a", "b", "b", "b", "c", "c", "c"), 1.002},
		{"4 even zones", 1024, 3, testMembers("a", "a", "b", "b", "c", "c", "d", "d"), 1},
		{"2 even zones", 1024, 3, testMembers("a", "a", "a", "b", "b", "b"), 1},
		{"4 uneven zones that balance", 1024, 3, testMembers("a", "a", "a", "b", "b", "c", "c", "d", "d"), 1.002},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := mustClaim(t, c.q, c.n, nil, c.members)
			checkClaim(t, v)
			s := shares(v)
			if slices.Max(s)-slices.Min(s) > 1 {
				t.Errorf("shares %v", s)
			}
			if got := maxToMean(v); got > c.worst {
				t.Errorf("max/mean %.4f, want at most %.4f", got, c.worst)
			}
		})
	}
}

// Where zones are uneven, placement over zones comes first; within that the
// shares are as even as can be.
func TestUnevenZonesReachTheOptimum(t *testing.T) {
	for _, c := range []struct {
		name  string
		zones []string
		best  float64
	}{
		{"4/3/3", []string{"a", "a", "a", "a", "b", "b", "b", "c", "c", "c"}, 1.1134},
		{"4/2/2/2, four of one zone in every partition", []string{"a", "a", "a", "a", "b", "b", "c", "c", "d", "d"}, 1.1134},
		{"1/1/8", []string{"a", "b", "c", "c", "c", "c", "c", "c", "c", "c"}, 3.334},
		{"1/9 needs two in the large zone", []string{"a", "b", "b", "b", "b", "b", "b", "b", "b", "b"}, 3.334},
		{"some without a zone", []string{"", "", "", "b", "b", "b", "c", "c", "c", "c"}, 1.1134},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := mustClaim(t, 1024, 3, nil, testMembers(c.zones...))
			checkClaim(t, v)
			if got := maxToMean(v); got > c.best {
				t.Errorf("max/mean %.4f, want %.4f: %v", got, c.best, shares(v))
			}
		})
	}
}

func TestMovesOnlyWhatMustMove(t *testing.T) {
	leaving := func(members []Member, who ...int) []Member {
		members = slices.Clone(members)
		for _, i := range who {
			members[i].State = Leaving
		}
		return members
	}
	joined := func(members []Member, zones ...string) []Member {
		members = slices.Clone(members)
		for _, zone := range zones {
			m := testMember(len(members), zone)
			m.State = Joining
			members = append(members, m)
		}
		return members
	}
	abc := testMembers("a", "a", "a", "b", "b", "b", "c", "c", "c")
	for _, c := range []struct {
		name          string
		before, after []Member
		worst         float64 // moves over those that the shares demand
	}{
		{"nothing changes", zoneless(5), zoneless(5), 1},
		{"the 4th joins", zoneless(3), joined(zoneless(3), ""), 1},
		{"the 6th joins", zoneless(5), joined(zoneless(5), ""), 1},
		{"the 51st joins", zoneless(50), joined(zoneless(50), ""), 1},
		{"five join ten", zoneless(10), joined(zoneless(10), "", "", "", "", ""), 1.01},
		{"the first leaves four", zoneless(4), leaving(zoneless(4), 0), 1},
		{"one leaves ten", zoneless(10), leaving(zoneless(10), 3), 1.02},
		{"one of ten is gone from the list", zoneless(10), zoneless(10)[:9], 1.02},
		{"three leave ten", zoneless(10), leaving(zoneless(10), 3, 5, 7), 1.02},
		{"one leaves fifty", zoneless(50), leaving(zoneless(50), 17), 1.02},
		{"one joins a zone", abc, joined(abc, "b"), 1},
		{"one leaves a zone", abc, leaving(abc, 4), 1.02},
		{"a whole zone joins", abc, joined(abc, "d", "d", "d"), 1.02},
		{"a replacement", abc, leaving(joined(abc, "b"), 4), 1.02},
	} {
		t.Run(c.name, func(t *testing.T) {
			prev := mustClaim(t, 1024, 3, nil, c.before)
			next := mustClaim(t, 1024, 3, prev, c.after)
			checkClaim(t, next)
			got, ideal := moved(prev, next), demanded(prev, next)
			if float64(got) > float64(ideal)*c.worst {
				t.Errorf("%d moves, the shares demand %d", got, ideal)
			}
			t.Logf("%d moves of %d slots, %d demanded", got, 3*1024, ideal)
		})
	}
}

// About 1/S of the slots move when the S-th member joins.
func TestJoinMovesOneShare(t *testing.T) {
	members := zoneless(1)
	prev := mustClaim(t, 1024, 3, nil, members)
	for s := 2; s <= 20; s++ {
		members = zoneless(s)
		next := mustClaim(t, 1024, 3, prev, members)
		if got, share := moved(prev, next), next.Partitions(members[s-1].ID); got != share {
			t.Errorf("member %d joins: %d moves, its share is %d", s, got, share)
		}
		prev = next
	}
}

func TestReplicasOfAFailedMemberAreSpread(t *testing.T) {
	v := mustClaim(t, 1024, 3, nil, zoneless(10))
	for failed := range 10 {
		load := make([]int, 10)
		for p := range v.Q() {
			if owners := v.Owners(p); slices.Contains(owners, uint16(failed)) {
				for _, o := range owners {
					load[o]++
				}
			}
		}
		load = slices.Delete(load, failed, failed+1)
		if lo, hi := slices.Min(load), slices.Max(load); lo < 40 || hi > 100 { // mean 68
			t.Errorf("member %d shares its partitions unevenly: %v", failed, load)
		}
	}
}

func TestFirstPlacesAreSpreadAndStable(t *testing.T) {
	prev := mustClaim(t, 1024, 3, nil, zoneless(5))
	first := make([]int, 5)
	for p := range prev.Q() {
		first[prev.Owners(p)[0]]++
	}
	if slices.Max(first) > 1024/5*125/100 {
		t.Errorf("first places %v", first)
	}
	next := mustClaim(t, 1024, 3, prev, zoneless(6))
	for p := range next.Q() {
		isNew := func(o uint16) bool { return !prev.Owns(p, next.Member(int(o)).ID) }
		isGone := func(o uint16) bool { return !slices.Contains(next.Owners(p), o) }
		was := slices.DeleteFunc(slices.Clone(prev.Owners(p)), isGone)
		stay := slices.DeleteFunc(slices.Clone(next.Owners(p)), isNew)
		if !slices.Equal(was, stay) {
			t.Fatalf("partition %d: those who stay changed places: %v, %v", p, prev.Owners(p), next.Owners(p))
		}
	}
}

func TestNumberOfReplicasMayChange(t *testing.T) {
	three := mustClaim(t, 256, 3, nil, zoneless(7))
	five := mustClaim(t, 256, 5, three, zoneless(7))
	if got, want := moved(three, five), 2*256; float64(got) > 1.02*float64(want) {
		t.Errorf("from 3 to 5 replicas: %d moves, want %d", got, want)
	}
	checkClaim(t, five)
	back := mustClaim(t, 256, 3, five, zoneless(7))
	if got := moved(five, back); got > 40 {
		t.Errorf("from 5 to 3 replicas: %d moves", got)
	}
	checkClaim(t, back)
}

func TestClaimRefuses(t *testing.T) {
	members := zoneless(3)
	prev := mustClaim(t, 8, 3, nil, members)
	allLeave := slices.Clone(members)
	for i := range allLeave {
		allLeave[i].State = Leaving
	}
	for name, c := range map[string]struct {
		q, n    int
		prev    *View
		members []Member
		want    error
	}{
		"odd q":        {7, 3, nil, members, ErrTable},
		"no replicas":  {8, 0, nil, members, ErrTable},
		"another q":    {16, 3, prev, members, ErrTable},
		"nobody":       {8, 3, nil, nil, ErrMembers},
		"all leave":    {8, 3, prev, allLeave, ErrMembers},
		"member twice": {8, 3, nil, append(members[:2:2], members[0]), ErrMembers},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Claim(c.q, c.n, c.prev, c.members); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
}

// A random history of joins, leaves and zone changes: after every step the table
// is legal, repeatable, settled, independent of the list's order, and as even
// as the quotas.
func TestClaimHistories(t *testing.T) {
	zone := rapid.SampledFrom([]string{"", "a", "b", "c", "d"})
	rapid.Check(t, func(t *rapid.T) {
		q := 1 << rapid.IntRange(0, 7).Draw(t, "bits")
		n := rapid.IntRange(1, 6).Draw(t, "n")
		zoned := rapid.Bool().Draw(t, "zoned")
		var members []Member
		var prev *View
		for id := range rapid.IntRange(1, 12).Draw(t, "steps") {
			m := testMember(id, "")
			if zoned {
				m.Zone = zone.Draw(t, "zone")
			}
			if len(members) > 1 && rapid.IntRange(0, 2).Draw(t, "what") == 0 {
				members = slices.Clone(members)
				members[rapid.IntRange(0, len(members)-1).Draw(t, "who")] = m
			} else {
				members = append(slices.Clone(members), m)
			}
			next := mustClaim(t, q, n, prev, members)
			checkSettled(t, q, n, prev, next)
			if s := shares(next); !zoned && slices.Max(s)-slices.Min(s) > 1 {
				t.Fatalf("shares %v", s)
			}
			prev = next
		}
	})
}

func checkSettled(t failer, q, n int, prev, next *View) {
	checkClaim(t, next)
	again := mustClaim(t, q, n, prev, next.Members())
	if !slices.Equal(again.OwnersTable(), next.OwnersTable()) {
		t.Fatal("the same claim twice gave two tables")
	}
	settled := mustClaim(t, q, n, next, next.Members())
	if !slices.Equal(settled.OwnersTable(), next.OwnersTable()) {
		t.Fatal("a claim with nothing to do moved something")
	}
	reversed := slices.Clone(next.Members())
	slices.Reverse(reversed)
	mirrored := mustClaim(t, q, n, prev, reversed)
	for p := range q {
		for place, o := range next.Owners(p) {
			if r := mirrored.Owners(p)[place]; o != NoOwner && mirrored.Member(int(r)).ID != next.Member(int(o)).ID {
				t.Fatalf("partition %d, place %d: the order of the member list decided", p, place)
			}
		}
	}
}

func TestShuffleIsAPermutation(t *testing.T) {
	for bits := range 17 {
		q := 1 << bits
		for seed := range uint64(8) {
			seen := make([]bool, q)
			for i := range q {
				seen[shuffle(mix(seed+1), i, q)] = true
			}
			if slices.Contains(seen, false) {
				t.Fatalf("q %d, seed %d: not every partition comes up", q, seed)
			}
		}
	}
}

func BenchmarkClaim(b *testing.B) {
	for _, size := range []struct{ members, q int }{{3, 1024}, {50, 1024}, {1000, 16384}} {
		members := zoneless(size.members)
		prev := mustClaim(b, size.q, 3, nil, members[:size.members-1])
		b.Run(fmt.Sprintf("first/%dx%d", size.members, size.q), func(b *testing.B) {
			for b.Loop() {
				mustClaim(b, size.q, 3, nil, members)
			}
		})
		b.Run(fmt.Sprintf("join/%dx%d", size.members, size.q), func(b *testing.B) {
			for b.Loop() {
				mustClaim(b, size.q, 3, prev, members)
			}
		})
	}
}
