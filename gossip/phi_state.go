package gossip

// State is what this node makes of a peer, for sending to it now. Who owns data
// has nothing to do with it.
type State uint8

const (
	// Down: the connection to it is refused or reset, or it is silent and
	// memberlist holds it for dead. It is not asked.
	Down State = iota
	// Suspect: either silent or dead in memberlist, or back too short a time to
	// be trusted. It is asked last.
	Suspect
	// Up: nothing speaks against it.
	Up
)

// Reachable says whether the peer may be asked at all.
func (s State) Reachable() bool { return s != Down }

// String is "down", "suspect" or "up".
func (s State) String() string {
	switch s {
	case Up:
		return "up"
	case Suspect:
		return "suspect"
	}
	return "down"
}

// Hearsay is what memberlist says of a peer: what others saw, as opposed to what
// this node's own link shows.
type Hearsay uint8

const (
	HearsayNone Hearsay = iota // it has never heard of the peer
	HearsayAlive
	HearsayDead
)

// verdict is the rule of who wins. Direct evidence, where there is any, decides
// where to send now:
//
//	                       memberlist: alive     none      dead
//	refused or reset                   down      down      down
//	silent                             suspect   suspect   down
//	heard, cooling down                suspect   suspect   suspect
//	heard                              up        up        suspect
//	never heard                        up        down      down
//
// A refusal wins over everything, since nothing can be sent however alive the
// peer is. A peer that is heard is never down, however dead others believe it:
// after a cut has healed, memberlist may take half a minute to find out.
func (p *Peer) verdict() State {
	switch {
	case p.cut:
		return Down
	case !p.heard:
		if p.hearsay == HearsayAlive {
			return Up
		}
		return Down
	case p.silent:
		if p.hearsay == HearsayDead {
			return Down
		}
		return Suspect
	case p.cooling || p.hearsay == HearsayDead:
		return Suspect
	}
	return Up
}
