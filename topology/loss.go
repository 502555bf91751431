package topology

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/candordb/candor/paxos"
	"github.com/candordb/candor/ring"
)

// LossRow is a copy of some partitions that an operator has given up by name (rule 8):
// what it held counts for nothing any more, and it may be rebuilt from fewer others than
// a quorum. It is open for one rebuild of its node, the first that begins after it, and a
// record for ever after. It is not for one that goes on already: the node has to put what
// is good again into quarantine first, and an epoch has to say so behind that.
type LossRow struct {
	Node       []byte   `msgpack:"node"`       // 16 bytes
	Partitions []uint16 `msgpack:"partitions"` // rising; none: only its votes were given up
	Votes      bool     `msgpack:"votes"`      // the epoch was decided without what it had voted for, which it has forgotten
	Epoch      uint64   `msgpack:"epoch"`      // that accepted it
	AtMS       int64    `msgpack:"at_ms"`      // milliseconds since 1970, by the clock of who proposed it
	Generation uint64   `msgpack:"generation"` // of the rebuild that it is for; 0: that has not begun
	Ended      uint64   `msgpack:"ended"`      // the epoch from which on it is a record only; 0: it is open
}

// GivenUp is a copy that is to be given up.
type GivenUp struct {
	Node       ring.NodeID
	Partitions []uint16 // rising
}

// ErrSilent is returned where a majority of the voters has forgotten what it promised, or
// does not answer, and a member does not say in which epoch it acts: what was decided
// before may be known to it alone. Whoever has lost its machine, but not its id, may come
// back with an empty database: then it has forgotten, and says so.
var ErrSilent = errors.New("a majority of the voters has forgotten what it had voted for or does not answer, so all members have to say in which epoch they are; start those that do not, with an empty db folder if need be")

// ErrTooSoon is returned where it was found out just now that a majority of the voters has
// forgotten its votes: what they sent before may still be on its way, or be counted.
var ErrTooSoon = errors.New("it was found out just now that a majority of the voters has forgotten what it had voted for, or their votes are still being counted; try again in some seconds")

// settleTime is how long, in milliseconds, after that was found out no message is on its
// way any more from before it.
const settleTime = 10_000

// saidFor is for how long, in milliseconds, what a member has said of itself is good
// enough to decide without those that have forgotten.
const saidFor = 5 * statusEvery

// said is the last STATUS of a member.
type said struct {
	id       ring.NodeID
	at       int64
	epoch    uint64
	distrust uint64 // the generation that an epoch has to name before it votes; 0: it may
	deciding bool   // it counts votes on a value
}

// hears notes the last STATUS of a member.
func (c *Core) hears(from ring.NodeID, s *status) {
	row := said{from, c.now, s.Epoch, s.Distrust, s.Deciding}
	if i := slices.IndexFunc(c.said, func(o said) bool { return o.id == from }); i >= 0 {
		c.said[i] = row
	} else {
		c.said = append(c.said, row)
	}
	if lost := c.VotesLost(); !slices.Equal(lost, c.votesLost) {
		c.votesLost, c.lostSince = lost, c.now
	}
}

// deciding says whether this node counts votes on a value.
func (c *Core) deciding() bool { return c.attempt != nil && c.attempt.Phase() == paxos.Accepting }

// distrusted is the generation that an epoch has to name before a member votes again, as
// it has said; known is false if it has not said anything of late.
func (c *Core) distrusted(id ring.NodeID) (generation uint64, known bool) {
	if id == c.o.Self.ID {
		return c.wants(), true
	}
	for _, s := range c.said {
		if s.id == id {
			return s.distrust, c.now-s.at < saidFor
		}
	}
	return 0, false
}

// wants is the generation that an epoch has to name before this node votes; 0: it may.
func (c *Core) wants() uint64 {
	if c.distrust.sworn {
		return 0
	}
	return c.distrust.generation
}

// remembering are the voters that have not said that they have forgotten what they voted
// for. forgotten are the others.
func (c *Core) remembering() (voters, forgotten []ring.NodeID) {
	for _, id := range c.meta.voters() {
		if generation, _ := c.distrusted(id); generation != 0 {
			forgotten = append(forgotten, id)
		} else {
			voters = append(voters, id)
		}
	}
	return voters, forgotten
}

// VotesLost are the voters that have forgotten what they had voted for, if without them
// there is no majority; none: there is one, or nothing is known.
func (c *Core) VotesLost() (forgotten []ring.NodeID) {
	if c.meta == nil {
		return nil
	}
	voters, forgotten := c.remembering()
	if len(voters) > len(c.meta.Voters)/2 {
		return nil
	}
	return forgotten
}

// AcceptLoss has an epoch decided that gives up the copies of some members, from a
// monotonic time on; at is the time by the clock, in milliseconds since 1970. planned is
// the epoch for which it was found what is lost: in another one it is ErrOutrun. The outcome
// is told as that of Propose. It takes the place of a change of this node's that nobody
// was asked to accept yet.
//
// It needs a majority of the voters as any epoch does. Where so many have forgotten what
// they had voted for that there is none, it is decided by all voters that remember, and
// those that do not have to be among the given: their votes before it count for nothing.
// That is safe as long as nobody acts, or will act, on an epoch that was decided by votes
// that are forgotten by now. So all members have to have said since that they do not.
func (c *Core) AcceptLoss(now, at int64, to any, planned uint64, given []GivenUp, out *Effects) {
	if c.meta == nil || c.removed {
		out.tell(to, 0, ErrNotMember)
		return
	}
	if planned != c.meta.Epoch {
		out.tell(to, 0, fmt.Errorf("%w (epoch %d)", ErrOutrun, c.meta.Epoch))
		return
	}
	lost := c.VotesLost()
	if err := c.mayDecideWithout(lost, given); err != nil {
		out.tell(to, 0, err)
		return
	}
	generations := make([]uint64, len(given))
	for i, g := range given {
		if slices.Contains(lost, g.Node) {
			generations[i], _ = c.distrusted(g.Node)
		}
	}
	if p := c.proposal; p != nil && p.to != nil && !p.put {
		out.tell(p.to, 0, fmt.Errorf("%w: a loss is being accepted", ErrOutrun))
		c.raise()
		c.proposal, c.attempt = nil, nil
	}
	c.Propose(now, to, acceptLoss(at, given, generations), out)
	if p := c.proposal; p != nil && len(lost) > 0 && p.to == to {
		p.voters, _ = c.remembering()
	}
}

// mayDecideWithout says why an epoch cannot be decided without voters that have
// forgotten; nil if it can, or if that is not needed.
func (c *Core) mayDecideWithout(lost []ring.NodeID, given []GivenUp) error {
	if len(lost) == 0 {
		return c.mayDecideWith()
	}
	for _, id := range lost {
		if !slices.ContainsFunc(given, func(g GivenUp) bool { return g.Node == id }) {
			return fmt.Errorf("%w: %s has forgotten what it had voted for, and without it there is no majority: name it too", ErrChange, c.meta.nameOf(id))
		}
	}
	if len(lost) == len(c.meta.Voters) {
		return fmt.Errorf("%w: no voter remembers what it has promised, so no epoch can be decided ever again: make a new cluster, and bring into it what can still be read", ErrNoMajority)
	}
	return c.allSay()
}

// allSay says why a value may be known to somebody, or become so, that was decided by
// votes that are forgotten; nil if not. Who forgets votes no more, so what was decided was
// decided before that was heard of; all members have to have said since then, and long
// enough after it, that they neither act on that nor still count votes.
func (c *Core) allSay() error {
	var silent []string
	early := c.deciding() || !slices.Equal(c.VotesLost(), c.votesLost)
	for _, id := range c.members {
		i := slices.IndexFunc(c.said, func(s said) bool { return s.id == id })
		if i < 0 || c.now-c.said[i].at >= saidFor {
			silent = append(silent, c.meta.nameOf(id))
			continue
		}
		if s := c.said[i]; s.epoch > c.meta.Epoch {
			return fmt.Errorf("%w (epoch %d)", ErrOutrun, s.epoch)
		} else if s.deciding || s.at-c.lostSince < settleTime {
			early = true
		}
	}
	switch {
	case len(silent) > 0:
		return fmt.Errorf("%w (no word from %s)", ErrSilent, strings.Join(silent, ", "))
	case early:
		return ErrTooSoon
	}
	return nil
}

// mayDecideWith says why there is no majority, where some voters have forgotten and
// others do not answer; nil if there is one, or nothing of that kind is in the way.
func (c *Core) mayDecideWith() error {
	voters, forgotten := c.remembering()
	present := 0
	var silent []string
	for _, id := range voters {
		if _, known := c.distrusted(id); known {
			present++
		} else {
			silent = append(silent, c.meta.nameOf(id))
		}
	}
	if len(forgotten) == 0 || present > len(c.meta.Voters)/2 {
		return nil
	}
	return fmt.Errorf("%w (no word from %s)", ErrSilent, strings.Join(silent, ", "))
}

// acceptLoss is the change. generations are of the rebuilds that it begins; 0: none.
func acceptLoss(at int64, given []GivenUp, generations []uint64) Change {
	return func(m *Metadata) error {
		for i, g := range given {
			row := LossRow{Node: g.Node[:], Partitions: g.Partitions, Votes: generations[i] != 0, Epoch: m.Epoch, AtMS: at}
			if row.Votes {
				if err := StartRebuild(g.Node, generations[i], nil)(m); err != nil {
					return err
				}
			}
			if len(row.Partitions) == 0 && !row.Votes {
				return fmt.Errorf("%w: %s has no copy that is lost", ErrChange, m.nameOf(g.Node))
			}
			m.Losses = append(m.Losses, row)
		}
		return nil
	}
}

// BehindLosses is a change that a node makes only when all copies of its own that epochs
// have given up are in quarantine: those of the epochs up to paid are. A rebuild that began
// before that would use up the loss, and the one that follows would have none.
func BehindLosses(node ring.NodeID, paid uint64, change Change) Change {
	return func(m *Metadata) error {
		for i := range m.Losses {
			if l := &m.Losses[i]; l.Open() && l.Epoch > paid && bytes.Equal(l.Node, node[:]) {
				return fmt.Errorf("%w: epoch %d gives up copies of %s, which go into quarantine first", ErrChange, l.Epoch, m.nameOf(node))
			}
		}
		return change(m)
	}
}

// beginsRebuild makes the rebuild of a node the one that its losses are open for. One
// that begins anew has lost more since, which nobody has accepted.
func (m *Metadata) beginsRebuild(node ring.NodeID, generation uint64) {
	for i := range m.Losses {
		switch l := &m.Losses[i]; {
		case !l.Open() || !bytes.Equal(l.Node, node[:]):
		case l.Generation == 0:
			l.Generation = generation
		default:
			l.Ended = m.Epoch
		}
	}
}

// endsRebuild makes records of the losses of a node that was rebuilt.
func (m *Metadata) endsRebuild(node ring.NodeID, generation uint64) {
	for i := range m.Losses {
		if l := &m.Losses[i]; l.Open() && l.Generation == generation && bytes.Equal(l.Node, node[:]) {
			l.Ended = m.Epoch
		}
	}
}

// Lost says whether copies of a member are given up, and were not rebuilt since.
func (m *Metadata) Lost(id ring.NodeID) bool {
	return slices.ContainsFunc(m.Losses, func(l LossRow) bool { return l.Open() && ring.NodeID(l.Node) == id })
}

// Open says whether the copy still counts for nothing.
func (l *LossRow) Open() bool { return l.Ended == 0 }

// keepsLosses says why an epoch cannot follow, by what it says of losses; nil if it can.
// What was accepted stays on record.
func (m *Metadata) keepsLosses(next *Metadata) error {
	for i := range m.Losses {
		if i >= len(next.Losses) || !m.Losses[i].leadsTo(&next.Losses[i]) {
			return fmt.Errorf("%w: a loss that was accepted stays on record", ErrChange)
		}
	}
	for i := range next.Losses[len(m.Losses):] {
		if l := &next.Losses[len(m.Losses)+i]; l.Epoch != next.Epoch || !l.Open() {
			return fmt.Errorf("%w: a loss of %s that epoch %d has not accepted", ErrChange, next.nameOf(ring.NodeID(l.Node)), next.Epoch)
		}
	}
	return nil
}

func (l *LossRow) leadsTo(next *LossRow) bool {
	return bytes.Equal(l.Node, next.Node) && slices.Equal(l.Partitions, next.Partitions) && l.Votes == next.Votes && l.Epoch == next.Epoch &&
		l.AtMS == next.AtMS && (l.Generation == 0 || l.Generation == next.Generation) && (l.Ended == 0 || l.Ended == next.Ended)
}

// checkLosses holds the losses to the rules between them and the rest.
func (m *Metadata) checkLosses() error {
	for i := range m.Losses {
		l := &m.Losses[i]
		if len(l.Node) != len(ring.NodeID{}) || !m.names(ring.NodeID(l.Node)) {
			return fmt.Errorf("%w: a loss of %x, which is no member", ErrChange, l.Node)
		}
		if l.Epoch == 0 || l.Epoch > m.Epoch || l.Ended != 0 && (l.Ended < l.Epoch || l.Ended > m.Epoch) {
			return fmt.Errorf("%w: a loss from epoch %d to %d, in epoch %d", ErrChange, l.Epoch, l.Ended, m.Epoch)
		}
		for j, p := range l.Partitions {
			if int(p) >= m.Partitions || j > 0 && p <= l.Partitions[j-1] {
				return fmt.Errorf("%w: a loss of partition %d, which is not there or not in its order", ErrChange, p)
			}
		}
	}
	return nil
}
