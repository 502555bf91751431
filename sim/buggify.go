package sim

import (
	"time"

	"github.com/candordb/candor/wire"
)

// Buggify points: places of the simulator's shell where it may do what a real
// one seldom does and always may: end a wait early, write a batch of one, find a
// queue full. Each is enabled in one run of four, as a swarm option, and then
// fires one time in four. None is in the code that decides, which cannot tell.
type bug uint8

const (
	bugEarlyTimeout bug = iota
	bugTinyBatch
	bugForcedFlush
	bugLateFlush
	bugSlowPath
	bugFullLink
	bugFullQueue
	bugLostOptional
	bugLateStatus
	bugFullCounter
	bugLateExchange
	bugBusy

	bugCount
)

var bugNames = [bugCount]string{
	bugEarlyTimeout: "early timeout",         // a sweep of deadlines is ahead of time
	bugTinyBatch:    "tiny batch",            // the committer takes one write only
	bugForcedFlush:  "forced flush",          // a message leaves before the end of its turn
	bugLateFlush:    "late flush",            // messages of several turns leave together
	bugSlowPath:     "slow path",             // the committer is late to wake up
	bugFullLink:     "full link",             // a link has no room
	bugFullQueue:    "full queue",            // the committer has no room
	bugLostOptional: "lost optional message", // a repair for which nobody waits is lost
	bugLateStatus:   "late status",           // a message about the metadata is handled late
	bugFullCounter:  "full counter",          // the logical counter is about to overflow
	bugLateExchange: "late exchange",         // a message of anti-entropy is handled late
	bugBusy:         "busy",                  // clients need what healing would take
}

// bugChance is the chance that a point is enabled, and that it then fires.
const bugChance = 0.25

// bugOptions are the swarm options of the points.
func bugOptions() []option {
	all := make([]option, bugCount)
	for b := range bugCount {
		all[b] = option{"buggify " + bugNames[b], bugChance, func(_ dice, p *Plan) { p.Bugs[b] = true }}
	}
	return all
}

// bug says whether a point fires now. Each has a stream of its own.
func (s *Sim) bug(b bug) bool {
	if s.calm || !s.plan.Bugs[b] || !s.bugDice[b].chance(bugChance) {
		return false
	}
	s.fig.Bugs++
	return true
}

// late is how long something is put off if a point fires; else 0.
func (s *Sim) late(b bug, most time.Duration) time.Duration {
	if !s.bug(b) {
		return 0
	}
	return s.bugDice[b].between(0, most)
}

// optional says whether all that a frame carries are write-backs for whose reply
// nobody waits.
func optional(frame []byte) bool {
	var q wire.PeerRequest
	if wire.DecodePeerRequest(frame[wire.HeaderBytes:], &q) != nil || q.Op != wire.OpWrite {
		return false
	}
	var w wire.WriteItem
	for more, err := q.NextWrite(&w); more && err == nil; more, err = q.NextWrite(&w) {
		if w.Call != 0 || w.Kind != wire.Repair {
			return false
		}
	}
	return true
}
