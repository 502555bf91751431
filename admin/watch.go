package admin

import (
	"context"
	"time"
)

// watchEvery is how often the node is looked at, however seldom it says that
// something has changed.
const watchEvery = 250 * time.Millisecond

// Changed tells the Server that the Snapshot may have changed. It never blocks.
func (s *Server) Changed() {
	select {
	case s.nudge <- struct{}{}:
	default: // a look is due anyway
	}
}

// watch turns changes of the snapshot into events until ctx ends.
func (s *Server) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		s.observe()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.nudge:
		}
	}
}

// observe looks at the node once.
func (s *Server) observe() {
	s.watched.Lock()
	defer s.watched.Unlock()
	now := s.node.Snapshot()
	s.events.add(differences(s.seen, now))
	s.seen = now
}
