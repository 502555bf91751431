package coordinator

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/candordb/candor/contract"
)

// Tick looks at the requests only when one may be due. Yet each ends in the first
// Tick at its deadline, and is hurried in the first one at half time, whatever was
// opened and answered before.
func TestTickMissesNothingThatIsDue(t *testing.T) {
	v := newView(1, 3, 3)
	rapid.Check(t, func(t *rapid.T) {
		c := New(0, 100, Hedging{})
		now := int64(1)
		t.Repeat(map[string]func(*rapid.T){
			"open": func(t *rapid.T) {
				r := newRequest(OpGet, v, contract.All)
				r.Weaken, r.Deadline = rapid.Bool().Draw(t, "weaken"), now+rapid.Int64Range(1, 50).Draw(t, "time")
				c.Get(now, r, new(Effects))
			},
			"answer": func(t *rapid.T) {
				if len(c.slots) == 0 {
					t.Skip("nothing was opened yet")
				}
				at := rapid.IntRange(0, len(c.slots)-1).Draw(t, "slot")
				for i := range rapid.IntRange(1, 3).Draw(t, "replicas") {
					for _, ask := range []Ask{AskRead, AskDigest} {
						c.Reply(now, c.call(uint32(at), c.slots[at]), nodeID(i), &Reply{Ask: ask}, new(Effects))
					}
				}
			},
			"tick": func(t *rapid.T) {
				now += rapid.Int64Range(1, 20).Draw(t, "passes")
				c.Tick(now, new(Effects))
				for _, s := range c.slots {
					switch {
					case !s.open:
					case s.Deadline <= now:
						t.Fatalf("at %d one is open whose deadline was %d", now, s.Deadline)
					case s.Weaken && !s.hurried && now-s.now >= s.Deadline-now:
						t.Fatalf("at %d one is not hurried that began at %d and ends at %d", now, s.now, s.Deadline)
					}
				}
			},
		})
	})
}

// What is answered long before its deadline costs Tick nothing: it looks at all
// requests about as often as one is really due.
func TestTickLooksOnlyWhenSomethingMayBeDue(t *testing.T) {
	c := New(0, 10, Hedging{})
	for _, deadline := range []int64{3000, 1000, 2000} {
		r := newRequest(OpGet, newView(1, 3, 3), contract.All)
		r.Deadline = deadline
		c.Get(1, r, new(Effects))
	}
	for _, tc := range []struct{ now, due int64 }{{999, 1000}, {1000, 2000}, {1999, 2000}, {2500, 3000}, {3000, never}} {
		if c.Tick(tc.now, new(Effects)); c.due != tc.due {
			t.Errorf("after a Tick at %d the next one is due at %d, want %d", tc.now, c.due, tc.due)
		}
	}
}

// Contract, section 1: a request ends at its deadline. A node that stood still finds
// the replies and the deadline at once: what lay until then comes too late, whoever
// looks at the clock first.
func TestAReplyThatIsTakenUpAfterTheDeadlineIsTooLate(t *testing.T) {
	for _, late := range []bool{false, true} {
		c, v := New(0, 10, Hedging{}), newView(1, 3, 3)
		r := newRequest(OpGet, v, contract.Quorum)
		r.Deadline = 100
		var out Effects
		c.Get(1, r, &out)
		now, want := int64(99), contract.OK
		if late {
			now, want = 5000, contract.Timeout
		}
		call := c.call(0, c.slots[0])
		for i := range 3 {
			for _, ask := range []Ask{AskRead, AskDigest} {
				c.Reply(now, call, nodeID(i), &Reply{Ask: ask}, &out)
			}
		}
		if len(out.Answers) != 1 || out.Answers[0].Code != want {
			t.Errorf("replies at %d to what ends at 100: %+v, want %v", now, out.Answers, want)
		}
	}
}
