package node

import (
	"context"
	"time"

	"github.com/candordb/candor/admin"
	"github.com/candordb/candor/hinted"
	"github.com/candordb/candor/router"
)

const (
	// leaveTimeout bounds the goodbye of gossip.
	leaveTimeout = 2 * time.Second
	// adminTimeout bounds the wait for admin requests.
	adminTimeout = 2 * time.Second
	// idleCheck is how often the wait for requests in flight looks.
	idleCheck = 2 * time.Millisecond
)

// stop takes nothing new, finishes what is in flight, says goodbye and ends the
// workers; see the package comment for the order.
func (n *Node) stop(api *admin.Server) {
	n.draining.Store(true)
	n.admin.Changed()
	n.clients.StopAccepting()
	n.peers.StopAccepting()
	var turn router.Turn
	n.router.Begin(&turn)
	for _, c := range n.conns.list() {
		n.router.Goodbye(&turn, c)
	}
	n.router.Finish(&turn)
	if g := n.gossip.Load(); g != nil && !n.machine.Lost() {
		if err := g.Leave(leaveTimeout); err != nil {
			n.log.Debug("gossip could not say goodbye", "error", err)
		}
	}
	n.awaitIdle()
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	if err := api.Stop(ctx); err != nil {
		n.log.Debug("admin requests were cut off", "error", err)
	}
	n.cancel()
	n.workers.Wait()
	n.keepMarks()
}

// keepMarks stores what the end of the links has left to be remembered. Writes that
// were answered and still waited for a late replica have left it a hint then
// (linkHandler.down), or, where there was no room for that, a mark, which nobody writes
// any more as all workers have ended.
func (n *Node) keepMarks() {
	h := n.hints
	if n.Cluster() == nil || !n.lost.admitted.Load() {
		return // its hints may be those of an older copy: see run
	}
	h.in.Now = h.now()
	h.out.Reset()
	h.with(func(c *hinted.Core) { c.Tick(&h.in, &h.out) })
	h.commit()
}

// awaitIdle waits until no request is in flight here, or drain.timeout.
func (n *Node) awaitIdle() {
	end := time.NewTimer(n.config.Drain.Timeout)
	defer end.Stop()
	tick := time.NewTicker(idleCheck)
	defer tick.Stop()
	for n.router.Open() > 0 || n.conns.inFlight() > 0 {
		select {
		case <-tick.C:
		case <-end.C:
			n.log.Warn("requests are still in flight; they are in doubt", "open", n.router.Open())
			return
		}
	}
}
