package client

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// At most share * requests + burst retries, whatever the order; and no retry
// that is within that is refused while some are saved up.
func TestBudgetHoldsItsShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		percent := rapid.IntRange(0, 100).Draw(t, "percent")
		b := newBudget(percent)
		saved, most := 0, 100*budgetBurst
		if percent == 0 {
			most = 0
		}
		saved = most
		requests, retries := 0, 0
		for range rapid.IntRange(1, 4000).Draw(t, "steps") {
			if rapid.IntRange(0, 2).Draw(t, "what") == 0 {
				requests++
				b.earn()
				saved = min(saved+percent, most)
				continue
			}
			ok := b.spend()
			if ok != (saved >= 100) {
				t.Fatalf("with %d hundredths saved up a retry is allowed: %v", saved, ok)
			}
			if ok {
				saved -= 100
				retries++
			}
		}
		if 100*retries > percent*requests+most {
			t.Fatalf("%d retries for %d requests at %d %%", retries, requests, percent)
		}
	})
}

// A cluster in trouble gets no more than the budget's share on top.
func TestRetriesStayWithinTheBudget(t *testing.T) {
	for percent, most := range map[int]int{0: 0, 10: budgetBurst + 200} {
		inBubble(t, 3, func(t *testing.T, cl *cluster) {
			c, err := Open(t.Context(), dsn, WithDialer(cl.dial), WithRetryBudget(percent))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close(t.Context())
			cl.on(refusing(contract.Overloaded, wire.Error{}))
			const requests = 2000
			for range requests {
				if _, err := c.Put(t.Context(), []byte("k"), nil); !errors.Is(err, ErrOverloaded) {
					t.Fatal(err)
				}
			}
			sent := cl.count(wire.OpPut)
			if extra := sent - requests; extra > most || percent > 0 && extra < most-10 {
				t.Errorf("%d %%: %d retries for %d requests, want about %d", percent, extra, requests, most)
			}
			if s := c.Stats(); int(s.Retries) != sent-requests {
				t.Errorf("Stats tell %d retries of %d", s.Retries, sent-requests)
			}
		})
	}
}
