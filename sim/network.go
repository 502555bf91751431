package sim

import (
	"math"
	"time"

	"github.com/candordb/candor/wire"
)

// network carries frames between nodes, badly. A path is one direction between
// two nodes; clients use the paths of the node they stand beside.
type network struct {
	s       *Sim
	dice    dice
	cut     [][]int           // by sender and receiver: how many faults cut this path
	clogged [][]time.Duration // by sender and receiver: nothing arrives before
}

func newNetwork(s *Sim) *network {
	n := &network{s: s, dice: s.stream("network")}
	for range s.plan.Nodes {
		n.cut = append(n.cut, make([]int, s.plan.Nodes))
		n.clogged = append(n.clogged, make([]time.Duration, s.plan.Nodes))
	}
	return n
}

// isCut says whether nothing gets from one node to another now.
func (n *network) isCut(from, to int) bool { return from != to && n.cut[from][to] > 0 }

// route is one direction of one connection.
type route struct {
	from, to int
	// reliable routes neither lose nor double nor reorder what they carry, as
	// TCP does not. Those of clients are, and so is a connection until its HELLO
	// is answered; what nodes send each other behind that travels on a worse
	// network than any that they will meet.
	reliable bool
	last     time.Duration // of arrival
}

// send carries one frame; arrive happens at its arrival, if there is one. It
// may happen twice.
func (n *network) send(r *route, what string, frame []byte, arrive func()) {
	n.s.fig.Frames++
	if n.lost(r) {
		n.s.fig.Dropped++
		return
	}
	n.carry(r, what, frame, arrive)
	if !r.reliable && !n.s.calm && n.dice.chance(n.s.plan.Net.Double) {
		n.s.fig.Doubled++
		n.s.check.doubled(frame)
		n.carry(r, what, frame, arrive)
	}
}

func (n *network) lost(r *route) bool {
	return n.isCut(r.from, r.to) || !r.reliable && !n.s.calm && n.dice.chance(n.s.plan.Net.Loss)
}

func (n *network) carry(r *route, what string, frame []byte, arrive func()) {
	at := n.s.now + n.delay(r)
	if !r.reliable && !n.s.calm && n.dice.chance(n.s.plan.Net.Straggle) {
		n.straggle(r, what, frame, arrive)
		return
	}
	if r.from != r.to && !n.s.calm {
		if !r.reliable && n.dice.chance(n.s.plan.Net.Clog) {
			n.clog(r.from, r.to, n.dice.exponential(n.s.plan.Net.ClogMean))
		}
		at = max(at, n.clogged[r.from][r.to]+time.Duration(n.dice.IntN(1000)))
	}
	if r.reliable || !n.s.plan.Net.Reorder {
		at = max(at, r.last)
		r.last = at
	}
	n.s.at(at, what, nil, func() {
		if n.isCut(r.from, r.to) {
			n.s.fig.Dropped++
			return
		}
		n.s.mixFrame(frame)
		arrive()
	})
}

// straggle lets a frame arrive after a very long time, most after the end of the
// run's first phase: those come when all is calm, which is as good.
func (n *network) straggle(r *route, what string, frame []byte, arrive func()) {
	most := n.s.plan.Net.StraggleFor.Seconds()
	long := time.Duration(math.Pow(most, n.dice.Float64()) * float64(time.Second)) // as often above a minute as below
	at := min(n.s.now+long, n.s.plan.Length+n.dice.between(0, time.Second))
	n.s.fig.Stragglers++
	n.s.at(at, what, nil, func() {
		if n.isCut(r.from, r.to) {
			return
		}
		n.s.mark(markStraggler)
		n.s.mixFrame(frame)
		arrive()
	})
}

func (n *network) delay(r *route) time.Duration {
	switch net := &n.s.plan.Net; {
	case r.from == r.to:
		return 20*time.Microsecond + n.dice.exponential(20*time.Microsecond)
	case n.s.calm:
		return 100*time.Microsecond + n.dice.exponential(100*time.Microsecond)
	default:
		return net.Least + n.dice.exponential(net.Mean)
	}
}

// clog holds a path up for a while.
func (n *network) clog(from, to int, d time.Duration) {
	n.s.fig.Clogs++
	n.clogged[from][to] = max(n.clogged[from][to], n.s.now+d)
}

// heal undoes all cuts and clogs.
func (n *network) heal() {
	for from := range n.cut {
		clear(n.cut[from])
		clear(n.clogged[from])
	}
}

// frames takes what was gathered for a connection apart.
func frames(b []byte, each func(frame []byte)) {
	for len(b) > 0 {
		_, n, err := wire.NextFrame(b, len(b))
		if err != nil || n == 0 {
			panic("sim: a node sends what is no frame")
		}
		each(b[:n:n])
		b = b[n:]
	}
}
