package client

import "sync/atomic"

// budget bounds retries to a tenth of the requests, so that a cluster in
// trouble is not buried by its clients. A burst is allowed for: the loss of a
// node costs a retry for each request that was in flight there.
type budget struct{ tenths atomic.Int64 }

const budgetTenthsMax = 10 * inFlightMax

func newBudget() *budget {
	b := new(budget)
	b.tenths.Store(budgetTenthsMax)
	return b
}

// earn counts a request.
func (b *budget) earn() {
	if b.tenths.Load() < budgetTenthsMax {
		b.tenths.Add(1)
	}
}

// spend takes a retry from the budget; false if there is none.
func (b *budget) spend() bool {
	for {
		have := b.tenths.Load()
		if have < 10 {
			return false
		}
		if b.tenths.CompareAndSwap(have, have-10) {
			return true
		}
	}
}
