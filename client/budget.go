package client

import "sync/atomic"

// budget bounds retries to a share of the requests, so that a cluster in
// trouble is not buried by its clients. Each request earns the share, each
// retry costs a whole one. What is earned may be saved up for a burst: the loss
// of a node costs a retry for each request that was in flight there. So n
// requests make at most budgetBurst + n * share retries.
type budget struct {
	percent int64        // what a request earns, in hundredths of a retry
	saved   atomic.Int64 // likewise; 0 <= saved <= max
	max     int64
}

const (
	// budgetPercent is the default share.
	budgetPercent = 10
	// budgetBurst is how many retries may be saved up; so many there are at first.
	budgetBurst = inFlightMax
)

// newBudget with 0 percent is one without any retry.
func newBudget(percent int) *budget {
	b := &budget{percent: int64(min(max(percent, 0), 100))}
	if b.percent > 0 {
		b.max = 100 * budgetBurst
	}
	b.saved.Store(b.max)
	return b
}

// earn counts a request.
func (b *budget) earn() {
	for {
		have := b.saved.Load()
		if have == b.max || b.saved.CompareAndSwap(have, min(have+b.percent, b.max)) {
			return
		}
	}
}

// spend takes a retry from the budget; false if there is none.
func (b *budget) spend() bool {
	for {
		have := b.saved.Load()
		if have < 100 {
			return false
		}
		if b.saved.CompareAndSwap(have, have-100) {
			return true
		}
	}
}
