package gossip

import (
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func testRejoiner(seed uint64) *rejoiner {
	return newRejoiner(&Options{
		RejoinInterval: 5 * time.Second,
		Rand:           rand.New(rand.NewPCG(seed, 0)).Float64,
		Log:            slog.New(slog.DiscardHandler),
	})
}

var epoch0 = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func TestRejoinChoosesThree(t *testing.T) {
	want := []string{"10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1", "10.0.0.4:1", "10.0.0.5:1"}
	not := map[netip.AddrPort]bool{netip.MustParseAddrPort("10.0.0.2:1"): true}
	seen := make(map[string]int)
	for seed := range uint64(100) {
		got := testRejoiner(seed).choose(epoch0, append(want, want...), not)
		slices.Sort(got)
		if len(got) != 3 || len(slices.Compact(got)) != 3 {
			t.Fatal(got)
		}
		for _, a := range got {
			seen[a]++
		}
	}
	if len(seen) != 4 || seen["10.0.0.2:1"] != 0 {
		t.Fatal(seen)
	}
}

// The pause doubles from 5 s to 60 s, and begins afresh once the member was
// alive.
func TestRejoinBacksOffForEver(t *testing.T) {
	r := testRejoiner(1)
	a := netip.MustParseAddrPort("10.0.0.1:1")
	var dialled []int
	for s := 0; s < 300; s++ {
		if got := r.choose(epoch0.Add(time.Duration(s)*time.Second), []string{a.String()}, nil); len(got) > 0 {
			dialled = append(dialled, s)
		}
	}
	if diff := cmp.Diff([]int{0, 5, 15, 35, 75, 135, 195, 255}, dialled); diff != "" {
		t.Fatal(diff)
	}
	now := epoch0.Add(300 * time.Second)
	r.choose(now, []string{a.String()}, map[netip.AddrPort]bool{a: true})
	if got := r.choose(now, []string{a.String()}, nil); len(got) != 1 {
		t.Fatal("the backoff survived")
	}
}

func TestJoinTakesLiteralsOnly(t *testing.T) {
	got := testRejoiner(1).choose(epoch0, []string{
		"seed.example.com:7402", "localhost:7402", "10.0.0.1", ":7402", "", "0.0.0.0:7402", "[::]:7402", "10.0.0.1:0",
		"node/10.0.0.9:7402", "[fe80::1]:7402", "::ffff:10.0.0.2:7402", "[::ffff:10.0.0.3]:7402",
	}, nil)
	slices.Sort(got)
	if diff := cmp.Diff([]string{"10.0.0.3:7402", "[fe80::1]:7402"}, got); diff != "" {
		t.Fatal(diff)
	}
}
