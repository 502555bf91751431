package node

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/candordb/candor/repair"
	"github.com/candordb/candor/storage"
)

// scrub reads all that is stored anew, over and over (storage.scrub_cycle), so that
// what rots is found before the other copies are gone. A record that is damaged is
// healed; a place where nobody knows what was there has this node's database renewed.
type scrub struct {
	asOf  atomic.Int64 // when the last pass that ended began, milliseconds since 1970; 0: none
	wants chan struct{}
	found atomic.Uint64
	said  atomic.Int64 // monotonic milliseconds of the last line about a damaged record
}

// scrubSay is how often, in milliseconds, damaged records are logged.
const scrubSay = 1000

// engineEvery is how often it is looked whether the engine has stopped for damage.
const engineEvery = time.Second

// run scrubs until ctx ends.
func (s *scrub) run(n *Node) func(context.Context) error {
	s.wants = make(chan struct{}, 1)
	return func(ctx context.Context) error {
		work, err := storage.NewScrub(n.engine, n.config.Storage.ScrubCycle)
		if err != nil {
			n.log.Error("stored data cannot be read anew to look for damage", "error", err)
			return nil
		}
		defer work.Close()
		s.asOf.Store(work.AsOf())
		next := time.NewTimer(0)
		defer next.Stop()
		look := time.NewTicker(engineEvery)
		defer look.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-s.wants:
				work.Hurry()
			case <-next.C:
			case <-look.C:
				if err := n.engine.Err(); errors.Is(err, storage.ErrCorrupt) && n.mayRenew() {
					return errors.Join(errDamaged, err)
				}
				continue
			}
			wait, broken := s.step(n, work)
			if broken != nil {
				return errors.Join(errDamaged, broken)
			}
			next.Reset(wait)
		}
	}
}

// step reads on. broken is damage that only a renewal ends.
func (s *scrub) step(n *Node, work *storage.Scrub) (wait time.Duration, broken error) {
	wait, err := work.Step(n.clock.now().Physical, func(d storage.Damage) {
		s.found.Add(1)
		token, namespace, key, err := storage.ParseRecordKey(d.Key)
		if d.Part == storage.Records && d.Key != nil && err == nil {
			n.damaged(token, namespace, key)
			return
		}
		n.log.Error("a part of the database cannot be read", "damage", d.String())
		if n.mayRenew() {
			broken = d.Err
		}
	})
	s.asOf.Store(work.AsOf())
	if err != nil && broken == nil && n.engine.Err() == nil {
		n.log.Warn("reading stored data anew was interrupted", "error", err)
	}
	return max(wait, time.Millisecond), broken
}

// mayRenew says whether what is missing of this database may come back from others.
func (n *Node) mayRenew() bool {
	c := n.Cluster()
	return c != nil && len(c.Ring.Members()) > 1
}

// broken takes in that a part of the database cannot be read, which no write mends: the
// next compaction that meets it would stop the engine. The node starts again.
func (n *Node) broken(err error) {
	if n.mayRenew() {
		n.fail(errors.Join(errDamaged, err))
	}
}

// hurry begins the next pass at once.
func (s *scrub) hurry() {
	select {
	case s.wants <- struct{}{}:
	default:
	}
}

// damaged takes in that a stored record does not pass its checksum, or with a nil key
// that something behind a token cannot be read. Whoever met it counts it as no answer.
func (n *Node) damaged(token uint64, namespace uint32, key []byte) {
	if now := n.clock.mono(); now-n.scrub.said.Load() >= scrubSay {
		n.scrub.said.Store(now)
		n.log.Error("a stored record is damaged: it is answered by other replicas, and healed from them", "token", token, "key", string(key))
	}
	if key == nil {
		n.scrub.hurry()
		return
	}
	n.engine.Forget(storage.AppendRecordKey(nil, token, namespace, key)) // healing looks at what is stored
	at := repair.Place{Token: token, Namespace: namespace, Key: key}
	n.repair.post(func(*repair.Effects) { n.repair.core.Heal(at) })
}
