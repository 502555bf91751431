package gossip

import "github.com/candordb/candor/ring"

const (
	// cooldownBeats is how many beat intervals a peer that is back is only a
	// suspect, after a first conviction. Each further one doubles it.
	cooldownBeats = 4
	// cooldownMax is the longest such time, in milliseconds, and
	// convictionMemory how long after a conviction the next one counts as
	// flapping.
	cooldownMax      = 60_000
	convictionMemory = 10 * 60_000
)

// Peer is the evidence that this node has about one peer, and the state that
// follows from it. Each method that takes evidence says whether State has
// changed by it. None allocates.
type Peer struct {
	id ring.NodeID
	d  *Detector

	heard       bool   // ever, in any incarnation
	incarnation uint64 // the highest that was heard, or the last that was Named
	heardAt     int64  // latest frame
	silences    window
	// quietSince is when the present silence began: heardAt, or later by the time
	// for which we were late ourselves.
	quietSince int64
	// slot numbers the beat interval in which the latest frame came, and longest
	// is the longest silence that has ended in it: its one sample, when it is over.
	slot, longest int64

	cut     bool // the connection was refused, reset or ended, and none was made since
	silent  bool // phi reached the threshold, and nothing was heard since
	cooling bool // back from cut or silent, until trustedAt
	// convictedAt is when cut or silent last came over a trusted peer, flaps how
	// many times in a row it did so soon after the time before.
	trustedAt, convictedAt int64
	flaps                  uint8
	hearsay                Hearsay

	state State // verdict of the above
}

// ID is the peer's node id.
func (p *Peer) ID() ring.NodeID { return p.id }

// Incarnation is the number of the process that counts; 0 before any was heard.
func (p *Peer) Incarnation() uint64 { return p.incarnation }

// State is what to make of the peer now.
func (p *Peer) State() State { return p.state }

func (p *Peer) settle() (changed bool) {
	before := p.state
	p.state = p.verdict()
	return p.state != before
}

// Heard notes that a frame came from the peer at a time, on any connection: a
// heartbeat, its answer, or traffic. It may be told late, but then only the
// latest frame counts. The incarnation is the one that the connection's greeting
// named: a higher one than before is a new process, with which the history of
// silences starts afresh; a lower one is an echo of an old process, and no
// evidence.
//
// Each beat interval gives one sample, however much was heard in it: the
// longest silence that ended there, and at least the interval. Short silences of
// a busy link say nothing, since when the traffic ends the next word is due only
// after an interval; if they counted, that would look like death.
func (p *Peer) Heard(now int64, incarnation uint64) (changed bool) {
	if incarnation < p.incarnation {
		return false
	}
	if !p.heard || incarnation > p.incarnation {
		p.begin(now, incarnation)
	}
	if now < p.heardAt {
		return false
	}
	p.sample(now)
	p.heardAt, p.quietSince = now, max(p.quietSince, now)
	if p.silent {
		p.silent = false
		p.coolDown(now)
	}
	return p.settle()
}

// Named notes that the process at the other end of the connection that we have made,
// and that stands now, has told its number. It has the peer's data directory to
// itself, so it is the newest process, also with a lower number than was heard
// before: its database, where the number is counted, was lost or is an older one.
func (p *Peer) Named(now int64, incarnation uint64) (changed bool) {
	if incarnation >= p.incarnation {
		return p.Heard(now, incarnation)
	}
	p.begin(now, incarnation)
	if p.silent {
		p.silent = false
		p.coolDown(now)
	}
	return p.settle()
}

// begin starts the history of a process, seeded with the interval at which its
// beats are expected.
func (p *Peer) begin(now int64, incarnation uint64) {
	p.heard, p.incarnation = true, incarnation
	p.silences.clear(p.d.interval)
	p.heardAt, p.quietSince = now, now
	p.slot, p.longest = now/p.d.interval, 0
}

// sample takes in the silence that ends now.
//
// A silence counts as no longer than the one that convicts. A cut of an hour
// would otherwise make the next one unnoticeable for a thousand beats. But it
// does count: a peer that beats more slowly than we thought is convicted a few
// times, each of which raises the mean, and then no more.
func (p *Peer) sample(now int64) {
	silence := min(now-p.quietSince, p.patience())
	if slot := now / p.d.interval; slot != p.slot {
		p.silences.add(max(p.longest, p.d.interval))
		p.slot, p.longest = slot, silence
		return
	}
	p.longest = max(p.longest, silence)
}

// patience is the silence, in milliseconds, at which phi reaches the threshold.
// It is more than a beat interval.
func (p *Peer) patience() int64 {
	mean, deviation := p.silences.normal(p.d.interval)
	return int64(mean + p.d.deviations*deviation)
}

// Cut notes that the connection to the peer was refused, reset, or ended by it:
// phi is infinite at once, until Connected. The incarnation is that of the
// connection which ended, 0 for one that was refused: the end of an old process's
// connection says nothing about the new one. A dial that nobody answers is no
// evidence; silence is judged by phi.
func (p *Peer) Cut(now int64, incarnation uint64) (changed bool) {
	if incarnation != 0 && incarnation < p.incarnation {
		return false
	}
	if !p.cut && !p.silent {
		p.convict(now)
	}
	p.cut = true
	return p.settle()
}

// Connected notes that a connection to the peer was made, by us, and greeted. It
// alone ends a Cut: that the peer can be heard, on a connection of its own, does
// not mean that it can be sent to. Whoever hears a peer that is cut off should
// dial it at once.
func (p *Peer) Connected(now int64, incarnation uint64) (changed bool) {
	if incarnation < p.incarnation {
		return false
	}
	if p.cut {
		p.cut = false
		if p.convictedAt != 0 { // one that is met for the first time was never trusted
			p.coolDown(now)
		}
	}
	before := p.state
	p.Heard(now, incarnation)
	p.settle()
	return p.state != before
}

// Told notes what memberlist says.
func (p *Peer) Told(h Hearsay) (changed bool) {
	p.hearsay = h
	return p.settle()
}

// tick looks at the clock.
func (p *Peer) tick(now int64) (changed bool) {
	if p.heard && !p.cut && !p.silent && now-p.quietSince >= p.patience() {
		p.convict(now)
		p.silent = true
	}
	if p.cooling && now >= p.trustedAt {
		p.cooling = false
	}
	return p.settle()
}

// excuse takes a time of which this node cannot know off the present silence.
func (p *Peer) excuse(now, millis int64) {
	if !p.silent {
		p.quietSince = max(p.quietSince, min(p.quietSince+millis, now))
	}
}

// convict notes that trust is lost, and whether that has become a habit.
func (p *Peer) convict(now int64) {
	if !p.heard {
		return // there was no trust
	}
	if p.convictedAt != 0 && now-p.convictedAt < convictionMemory {
		p.flaps = min(p.flaps+1, 16)
	} else {
		p.flaps = 0
	}
	p.convictedAt = now
}

// coolDown begins the time in which a peer that is back is still a suspect.
func (p *Peer) coolDown(now int64) {
	p.cooling = true
	p.trustedAt = now + min(cooldownBeats*p.d.interval<<p.flaps, cooldownMax)
}

// Phi is how surprising the present silence is: 0 for a peer that was never
// heard, PhiMax for one whose connection was refused or reset.
func (p *Peer) Phi(now int64) float64 {
	switch {
	case p.cut:
		return PhiMax
	case !p.heard:
		return 0
	}
	mean, deviation := p.silences.normal(p.d.interval)
	return phiOf((float64(now-p.quietSince) - mean) / deviation)
}

// Sight is a peer as it is shown to people.
type Sight struct {
	State       State
	Phi         float64 // see Peer.Phi
	Heard       bool    // ever; if not, phi was not measured
	HeardAt     int64   // milliseconds
	Incarnation uint64
	Hearsay     Hearsay
	// Why it is not up, though its connection is not refused: phi is above the
	// threshold; it is back, and not trusted yet.
	Silent, Cooling bool
}

// Sight tells all that is known of the peer.
func (p *Peer) Sight(now int64) Sight {
	return Sight{
		State: p.state, Phi: p.Phi(now), Heard: p.heard, HeardAt: p.heardAt, Incarnation: p.incarnation, Hearsay: p.hearsay,
		Silent: p.silent, Cooling: p.cooling,
	}
}
