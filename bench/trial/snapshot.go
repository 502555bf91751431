package trial

import (
	"context"
	"time"

	"github.com/candordb/candor/bench/account"
	"github.com/candordb/candor/bench/driver/candor"
	"github.com/candordb/candor/bench/peer"
)

// snapshot is what had been used at one moment.
type snapshot struct {
	at      time.Time
	servers account.Usage
	seen    bool // servers could be accounted
	client  time.Duration
	machine account.Times
	figures *candor.Figures // of Candor only
}

// figured is a peer that counts something itself.
type figured interface {
	Figures(ctx context.Context) (candor.Figures, error)
}

// look takes a snapshot of a peer. What cannot be had is left out. first says
// that the measured part begins with it, so that what asking costs is not in it;
// with the last one it is asked afterwards, for the same reason.
func look(ctx context.Context, p peer.Peer, first bool) *snapshot {
	s := new(snapshot)
	if first {
		s.ask(ctx, p)
	}
	s.at = time.Now()
	if ids := p.PIDs(); len(ids) > 0 {
		u, err := account.Of(ids)
		s.servers, s.seen = u, err == nil
	}
	s.client = account.Self()
	s.machine, _ = account.Machine() // without /proc it is zero, and no steal is seen
	if !first {
		s.ask(ctx, p)
	}
	return s
}

func (s *snapshot) ask(ctx context.Context, p peer.Peer) {
	if f, ok := p.(figured); ok {
		if figures, err := f.Figures(ctx); err == nil {
			s.figures = &figures
		}
	}
}
