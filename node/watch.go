package node

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"github.com/candordb/candor/gossip"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// watchEvery is how often silence is looked for and heartbeats are sent.
const watchEvery = 100 * time.Millisecond

// measureEvery is how often, in milliseconds, a peer is sent a heartbeat though other
// messages go to it: only the answer shows its physical clock.
const measureEvery = 2000

// watch is this node's own view of its peers. What their links and connections
// show, and what gossip says, is evidence for a gossip.Detector; its verdicts are
// published where requests read them without a lock (peer.state).
//
// Two streams speak of a peer: the answers on the link to it, and its own requests
// on the connection that it has made. Either is kept alive by heartbeats where there
// is no traffic, since they are answered. Nothing is done for each frame: when the
// last one came is looked up each watchEvery.
type watch struct {
	node *Node

	mu       sync.Mutex // guards what follows, and peer.watched
	detector *gossip.Detector
	inbound  map[*conn]struct{} // of nodes that have dialled this one
}

// watched is what the watch keeps of a peer. It is guarded by watch.mu.
type watched struct {
	seen   *gossip.Peer
	taken  int64 // the last time of a frame on the link that the detector was told
	silent bool  // as it was logged
	beaten int64 // when it was last sent a heartbeat
	dialed int64 // when it was last dialled for being heard while it is cut off
}

func newWatch(n *Node) *watch {
	g := n.config.Gossip
	return &watch{node: n, inbound: make(map[*conn]struct{}), detector: gossip.NewDetector(gossip.DetectorOptions{
		Threshold: float64(g.Phi), BeatMillis: time.Duration(g.Heartbeat).Milliseconds(), TickMillis: watchEvery.Milliseconds(),
	})}
}

// now is the detector's time, at that of a moment. 0 is before all of them.
func (w *watch) now() int64 { return w.at(time.Now()) }

func (w *watch) at(t time.Time) int64 { return t.Sub(w.node.clock.start).Milliseconds() + 1 }

// follow names the peers: the members but this node.
func (w *watch) follow(view *ring.View) {
	var ids []ring.NodeID
	for _, m := range view.Members() {
		if m.ID != w.node.id {
			ids = append(ids, m.ID)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.detector.SetPeers(ids)
}

// begin prepares a peer that follow has named.
func (w *watch) begin(p *peer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p.seen = w.detector.Peer(p.id)
	w.publish(p)
}

// publish makes the verdict on a peer what requests see; true if it is another one.
func (w *watch) publish(p *peer) bool {
	s := uint32(p.seen.State())
	return p.state.Swap(s) != s
}

// connected notes that the link to a peer is up. Whoever answers now is its newest
// process, for that one has the data directory to itself; the answer to a heartbeat
// says which number that has.
func (w *watch) connected(p *peer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p.incarnation.Store(0)
	p.introduced.Store(false)
	p.seen.Connected(w.now(), p.seen.Incarnation())
	w.publish(p)
}

// cut notes that the link to a peer ended, to a process of this incarnation; 0: it is
// not known, or a new connection was refused.
func (w *watch) cut(p *peer, incarnation uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p.seen.Cut(w.now(), incarnation)
	w.publish(p)
}

// told notes what gossip says of a peer.
func (w *watch) told(p *peer, said gossip.Hearsay) {
	w.mu.Lock()
	p.seen.Told(said)
	changed := w.publish(p)
	w.mu.Unlock()
	if changed {
		w.node.admin.Changed()
	}
}

// sight is all that is known of a peer.
func (w *watch) sight(p *peer) gossip.Sight {
	w.mu.Lock()
	defer w.mu.Unlock()
	return p.seen.Sight(w.now())
}

// add and remove take note of a connection that a node has made to this one.
func (w *watch) add(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inbound[c] = struct{}{}
}

func (w *watch) remove(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.inbound, c)
}

// run watches until ctx ends.
func (w *watch) run(ctx context.Context) error {
	return every(ctx, watchEvery, w.look)
}

// look takes in what was heard since the last look, and does what follows.
func (w *watch) look() {
	members := w.node.links.members.Load()
	if members == nil {
		return // there is no epoch yet
	}
	f := w.take(*members)
	for _, p := range f.beats {
		p.beat()
	}
	for _, p := range f.silent {
		w.node.log.Warn("peer is silent, though its connection stands: it is asked last", "peer", p.name, "id", p.id)
	}
	for _, p := range f.heard {
		w.node.log.Info("peer is heard again", "peer", p.name, "id", p.id)
	}
	if f.paused {
		w.node.log.Warn("this node stood still for a while: nobody is suspected for what it did not hear meanwhile")
	}
	if f.changed {
		w.node.admin.Changed()
	}
}

// findings are what a look leads to.
type findings struct {
	beats         []*peer // who is owed a heartbeat
	silent, heard []*peer // who has fallen silent, or speaks again
	paused        bool    // this node itself stood still
	changed       bool    // a verdict is another one
}

// take hands all evidence to the detector, and publishes its verdicts.
func (w *watch) take(members map[ring.NodeID]*peer) (f findings) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, pauses := w.now(), w.detector.Pauses()
	w.listen(members, now)
	w.detector.Tick(now)
	f.paused = w.detector.Pauses() > pauses
	for _, p := range members { // each by itself: order does not matter
		f.changed = w.publish(p) || f.changed
		up := p.Link.Up()
		if up && (!p.introduced.Load() || w.detector.BeatDue(now, w.at(p.Link.Sent())) || now-p.beaten >= measureEvery) {
			p.beaten = now
			f.beats = append(f.beats, p)
		}
		was := p.silent
		p.silent = p.seen.Sight(now).Silent
		switch {
		case p.silent && !was && up:
			f.silent = append(f.silent, p)
		case was && !p.silent && up:
			f.heard = append(f.heard, p)
		}
	}
	return f
}

// listen hands the detector the times of the latest frames, each once: what was
// heard before a conviction must not lift it.
func (w *watch) listen(members map[ring.NodeID]*peer, now int64) {
	for c := range w.inbound { // in no order: the latest counts
		p, at := members[c.from], w.at(c.Heard())
		if p == nil || at <= c.taken {
			continue
		}
		c.taken = at
		p.seen.Heard(at, c.incarnation)
		// It is there, and the link to it is not: wait for no backoff.
		if !p.Link.Up() && now-p.dialed >= w.detector.Interval() {
			p.dialed = now
			p.Nudge()
		}
	}
	for _, p := range members { // each by itself: order does not matter
		heard := p.Link.Heard()
		if at := w.at(heard); !heard.IsZero() && at > p.taken {
			p.taken = at
			if i := p.incarnation.Load(); i != 0 {
				p.seen.Named(at, i)
			} else {
				p.seen.Heard(at, p.seen.Incarnation())
			}
		}
	}
}

// beat sends a heartbeat.
func (p *peer) beat() {
	box := p.Begin()
	if box == nil {
		return
	}
	var asked [8]byte
	binary.BigEndian.PutUint64(asked[:], uint64(p.node.clock.mono()))
	box.SetReady(wire.AppendHeartbeat(box.Ready(), wire.PeerHead{ID: box.NextID(), Epoch: p.node.Epoch(), Clock: p.node.clock.read()}, asked[:]))
	p.End()
	p.Flush()
	p.introduced.Store(true)
}
