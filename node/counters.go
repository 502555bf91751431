package node

import (
	"sync/atomic"

	"github.com/candordb/candor/replica"
)

// applied publishes the committer's counters to those who scrape them.
type applied struct {
	p atomic.Pointer[replica.Counters]
}

func (a *applied) store(c replica.Counters) { a.p.Store(&c) }

func (a *applied) load() replica.Counters {
	if c := a.p.Load(); c != nil {
		return *c
	}
	return replica.Counters{}
}
