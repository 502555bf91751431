package gossip

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	rejoinFanOut     = 3
	rejoinBackoffMax = 60 * time.Second
)

// rejoiner dials known members that are not alive, for ever. Without it a
// partition that lasts longer than memberlist remembers the dead never heals:
// both halves have forgotten whom to look for.
type rejoiner struct {
	interval time.Duration
	rand     func() float64
	log      *slog.Logger

	retries map[netip.AddrPort]retry
	refused map[string]bool // known addresses that are no literals and were logged
}

// retry is when an address may be dialled again, and how long to wait then.
type retry struct {
	due   time.Time
	delay time.Duration
}

func newRejoiner(o *Options) *rejoiner {
	return &rejoiner{
		interval: o.RejoinInterval,
		rand:     o.Rand,
		log:      o.Log,
		retries:  make(map[netip.AddrPort]retry),
		refused:  make(map[string]bool),
	}
}

// run makes a round at once and then every interval. join dials one address.
func (r *rejoiner) run(ctx context.Context, candidates func(now time.Time) (want []string, not map[netip.AddrPort]bool), join func(string)) {
	for {
		now := time.Now()
		want, not := candidates(now)
		var dials sync.WaitGroup
		for _, a := range r.choose(now, want, not) {
			// Side by side: each may wait for its time limit, and one that hangs
			// must not keep the others from healing the cluster.
			dials.Go(func() { join(a) })
		}
		dials.Wait()

		t := time.NewTimer(time.Duration(float64(r.interval) * (0.75 + r.rand()/2)))
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
	}
}

// choose picks up to rejoinFanOut of the addresses wanted, at random among those
// that are due. Addresses in not are left out, and start afresh when they are
// wanted again.
func (r *rejoiner) choose(now time.Time, want []string, not map[netip.AddrPort]bool) []string {
	wanted := make(map[netip.AddrPort]bool)
	var due []netip.AddrPort
	for _, a := range r.literals(want) {
		if not[a] || wanted[a] {
			continue
		}
		wanted[a] = true
		if !now.Before(r.retries[a].due) {
			due = append(due, a)
		}
	}
	for a := range r.retries { // in no order: each is kept or dropped by itself
		if !wanted[a] {
			delete(r.retries, a)
		}
	}
	var chosen []string
	for len(due) > 0 && len(chosen) < rejoinFanOut {
		i := int(r.rand() * float64(len(due)))
		a := due[i]
		due = slices.Delete(due, i, i+1)
		chosen = append(chosen, a.String())
		delay := min(max(r.interval, 2*r.retries[a].delay), rejoinBackoffMax)
		r.retries[a] = retry{due: now.Add(delay), delay: delay}
	}
	return chosen
}

// literals are the addresses that are IP:port. A name would make memberlist ask
// the first server of resolv.conf, over TCP, for everything it has.
func (r *rejoiner) literals(want []string) []netip.AddrPort {
	var out []netip.AddrPort
	for _, s := range want {
		a, err := netip.ParseAddrPort(s)
		if err == nil && a.Port() != 0 && !a.Addr().IsUnspecified() {
			out = append(out, plain(a))
		} else if !r.refused[s] {
			r.refused[s] = true
			r.log.Warn("cannot gossip with an address that is not IP:port", "address", s)
		}
	}
	return out
}
