package load

import "time"

// Glance is how a run stands while it goes on: for a line that somebody looks at.
type Glance struct {
	At      time.Duration // since the start
	Offered uint64        // so far, as are Refused, InDoubt and Failed
	Open    uint64        // not answered at this moment
	Refused uint64
	InDoubt uint64
	Failed  uint64
	// Rate is how many were answered OK per second, P50 and P99 how fast, since the
	// Glance before.
	Rate     float64
	P50, P99 time.Duration
}

// glance is what a run keeps for the next one.
type glance struct {
	at     time.Duration
	lately Histogram // since the last one
}

// watch calls Watch until the function is called that it returns.
func (r *run) watch() (stop func()) {
	if r.o.Watch == nil {
		return func() {}
	}
	ended := make(chan struct{})
	r.watching.Go(func() {
		tick := time.NewTicker(r.o.WatchEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				r.o.Watch(r.look())
			case <-ended:
				return
			}
		}
	})
	return func() {
		close(ended)
		r.watching.Wait()
	}
}

func (r *run) look() Glance {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, s, lately := time.Since(r.start), &r.result, &r.glance.lately
	g := Glance{
		At: now, Offered: s.Offered, Open: r.open, Refused: s.Refused, InDoubt: s.InDoubt, Failed: s.Failed,
		Rate: perSecond(lately.Count(), now-r.glance.at), P50: lately.Quantile(0.5), P99: lately.Quantile(0.99),
	}
	r.glance.at = now
	lately.Reset()
	return g
}
