package router

import (
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/wire"
)

// Turn is the scratch memory of one goroutine that calls the Router. Begin
// starts a turn, any number of calls follow, Finish ends it.
type Turn struct {
	// Late is how many milliseconds ago the frames of this turn were read, if they
	// had to wait for their turn: deadlines count from then. Finish sets it to 0.
	Late int64

	now     replica.Now
	fx      coordinator.Effects
	writes  []replica.Write // for this node's own committer
	reserve []reservation
	stamped []hlc.Version // what was made of the effects' stampings so far
	conns   []Conn        // to be flushed
	peers   []Peer

	req, op wire.Request
	peerReq wire.PeerRequest
	peerAns wire.PeerAnswer
	write   wire.WriteItem
	read    wire.ReadItem
	wres    wire.WriteResult
	rres    wire.ReadResult
	get     wire.GetAnswer
	put     wire.WriteAnswer
	open    coordinator.Request
	parts   []coordinator.Part // scratch of a level
	stands  []uint16           // that can stand in
	passed  []uint16           // members that were looked at for that
	void    wire.VoidItem
	shed    failure // the last refusal
	reply   coordinator.Reply
	token   []byte // scratch of ring.TokenOf
	rec     []byte // scratch for an encoded record
	frame   []byte // scratch for a frame
	result  []byte // scratch for a result of a BATCH
}

// reservation is room on a link, held until the end of the turn.
type reservation struct {
	peer  Peer
	bytes int
}

// Begin starts a turn.
func (r *Router) Begin(t *Turn) { r.read(t) }

// read reads the clocks for the turn.
func (r *Router) read(t *Turn) {
	t.now = r.world.Now()
	t.fx.Micros = t.now.Micros
}

// Finish carries out all effects of the turn, and those that they cause, and
// flushes every link and connection that was touched.
func (r *Router) Finish(t *Turn) {
	sends, answers, stampings, hints := 0, 0, 0, 0
	for sends < len(t.fx.Sends) || answers < len(t.fx.Answers) || stampings < len(t.fx.Stampings) || hints < len(t.fx.Hints) || len(t.writes) > 0 {
		for ; stampings < len(t.fx.Stampings); stampings++ {
			r.stampAbove(t, stampings)
		}
		for ; sends < len(t.fx.Sends); sends++ {
			send := t.fx.Sends[sends]
			r.send(t, &send)
		}
		for ; answers < len(t.fx.Answers); answers++ {
			r.answer(t, &t.fx.Answers[answers])
		}
		for ; hints < len(t.fx.Hints); hints++ {
			r.world.KeepHint(&t.fx.Hints[hints])
		}
		if sends == len(t.fx.Sends) && len(t.writes) > 0 {
			r.commit(t)
		}
	}
	t.fx.Reset()
	t.stamped, t.Late = t.stamped[:0], 0
	for i := range t.reserve {
		t.reserve[i].peer.Release(t.reserve[i].bytes)
		t.reserve[i].peer = nil
	}
	t.reserve = t.reserve[:0]
	for i, p := range t.peers {
		p.Flush()
		t.peers[i] = nil
	}
	t.peers = t.peers[:0]
	for i, c := range t.conns {
		c.Flush()
		t.conns[i] = nil
	}
	t.conns = t.conns[:0]
	if cap(t.rec)+cap(t.frame)+cap(t.result) > turnKept {
		t.rec, t.frame, t.result = nil, nil, nil
	}
}

// turnKept is how much scratch memory a turn keeps.
const turnKept = 4 << 20

// touchConn notes that a connection has to be flushed.
func (t *Turn) touchConn(c Conn) {
	for i := len(t.conns) - 1; i >= 0; i-- {
		if t.conns[i] == c {
			return
		}
	}
	t.conns = append(t.conns, c)
}

// touchPeer notes that a link has to be flushed.
func (t *Turn) touchPeer(p Peer) {
	for _, o := range t.peers {
		if o == p {
			return
		}
	}
	t.peers = append(t.peers, p)
}
