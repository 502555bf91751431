package sim

import (
	"time"

	"github.com/candordb/candor/repair"
	"github.com/candordb/candor/storage"
)

// unleash starts the faults of the plan.
func (s *Sim) unleash() {
	f, p := &s.plan.Faults, s.plan
	s.repeat(f.Cut, f.Regular, s.cutSomewhere)
	s.repeat(f.Swizzle, false, s.swizzle)
	s.repeat(f.Crash, false, s.crashSomeone)
	s.repeat(f.Pause, false, s.pauseSomeone)
	s.repeat(p.Disk.Wreck, false, s.wreckSomeone)
	s.repeat(p.Disk.Copy, false, s.keepCopy)
	s.repeat(p.Disk.Stall, false, func() {
		n := s.anyone()
		n.disk.stalledTill = max(n.disk.stalledTill, s.now+s.faultDice.exponential(p.Disk.StallFor))
		s.fig.Stalls++
	})
	s.repeat(p.Disk.Full, false, s.fillDisk)
	s.repeat(p.Disk.Damage, false, s.damageSomething)
	s.repeat(p.Disk.Silent, false, s.rotSilently)
	s.repeat(p.Clocks.Jump, false, func() {
		n := s.anyone()
		n.clock.offset = s.faultDice.between(-p.Clocks.JumpUpTo, p.Clocks.JumpUpTo)
		s.fig.ClockJumps++
		s.tracef("the clock of %v jumps to %v", n, n.clock.offset)
	})
	if jump := p.Clocks.One; jump != 0 {
		n := s.anyone()
		for i, by := range []time.Duration{jump, -jump} {
			s.at(time.Duration(1+i)*p.Length/3, "jump", nil, func() {
				n.clock.offset += by
				s.fig.ClockJumps++
			})
		}
	}
	if amplitude := p.Clocks.Strobe; amplitude > 0 {
		n, sign := s.anyone(), time.Duration(1)
		s.every(100*time.Millisecond, func() {
			n.clock.offset += sign * amplitude
			sign = -sign
			s.fig.ClockJumps++
		})
	}
	s.repeat(p.Net.Suspect, false, s.suspectSomeone)
	s.repeat(f.Epoch, false, s.nextEpoch)
	s.repeat(p.Healing.Pause, false, s.pauseRepair)
	s.repeat(p.Healing.Pass, false, s.wantRepair)
	s.repeat(p.Load.Resets, false, func() {
		c := s.clients[s.faultDice.IntN(len(s.clients))]
		c.portals[s.faultDice.IntN(len(s.nodes))].reset()
	})
}

// repeat lets something happen at random intervals with that mean, or regularly,
// as long as the run is not calm. An interval of 0 means never.
func (s *Sim) repeat(mean time.Duration, regular bool, do func()) {
	if mean == 0 {
		return
	}
	wait := mean
	if !regular {
		wait = s.faultDice.exponential(mean)
	}
	s.after(wait, "fault", nil, func() {
		if s.calm {
			return
		}
		do()
		s.repeat(mean, regular, do)
	})
}

// every lets something happen at fixed intervals, as long as the run is not
// calm.
func (s *Sim) every(d time.Duration, do func()) { s.repeat(d, true, do) }

func (s *Sim) anyone() *node { return s.nodes[s.faultDice.IntN(len(s.nodes))] }

func (s *Sim) crashSomeone() {
	n := s.anyone()
	if n.process == nil {
		return
	}
	if s.faultDice.chance(s.plan.Faults.Graceful) {
		s.fig.Stops++
		s.stop(n)
		s.startLaterAfterStop(n)
		return
	}
	s.crash(n, s.faultDice.chance(s.plan.Faults.PowerCut))
	s.startLater(n)
}

// startLaterAfterStop starts a node that was asked to stop.
func (s *Sim) startLaterAfterStop(n *node) {
	s.after(250*time.Millisecond, "stopped", nil, func() { s.startLater(n) })
}

func (s *Sim) pauseSomeone() {
	n, long := s.anyone(), s.faultDice.exponential(s.plan.Faults.PauseFor)
	p := n.process
	if p == nil || p.pausedUntil > s.now {
		return
	}
	s.fig.Pauses++
	s.tracef("%v pauses for %v", n, long)
	p.pausedUntil = s.now + long
	p.pausedFor += long
}

// fillDisk takes a disk's room for a while: for values, or for all.
func (s *Sim) fillDisk() {
	n, long := s.anyone(), s.faultDice.exponential(s.plan.Disk.FullFor)
	n.disk.engine.SetRoom(pick(s.faultDice, storage.RoomForDeletes, storage.RoomForNothing))
	s.fig.Full++
	s.tracef("the disk of %v is full for %v", n, long)
	s.after(long, "room", nil, func() { n.disk.engine.SetRoom(storage.RoomForAll) })
}

// pauseRepair stops the comparisons of a node for a while.
func (s *Sim) pauseRepair() {
	if p := s.anyone().process; p != nil && p.heal() != nil {
		p.healing.repair.Pause(s.faultDice.exponential(s.plan.Healing.PauseFor).Milliseconds())
	}
}

// wantRepair has a node compare all that it holds, as an operator may.
func (s *Sim) wantRepair() {
	if p := s.anyone().process; p != nil && p.heal() != nil {
		full, preview := s.faultDice.chance(half), s.faultDice.chance(0.2)
		if p.healing.repair.Pass(repair.PassOptions{Full: full, Preview: preview}) == nil {
			s.mark(markPass)
		}
	}
}

// suspectSomeone makes one node doubt another for a while, which is there.
func (s *Sim) suspectSomeone() {
	from, to := s.anyone(), s.anyone()
	if from == to || from.process == nil {
		return
	}
	l := from.process.links[to.index]
	l.suspect = true
	s.after(s.faultDice.exponential(time.Second), "trust", nil, func() { l.suspect = false })
}

// calmDown ends all faults: the network heals, disks are quick, clocks are set
// right, nobody pauses, and who is down starts.
func (s *Sim) calmDown() {
	s.tracef("calm")
	s.calm = true
	s.net.heal()
	for _, n := range s.nodes {
		n.disk.stalledTill, n.clock.offset = 0, 0
		n.disk.engine.SetRoom(storage.RoomForAll)
		if n.cluster = s.cluster; n.process != nil && !s.plan.agrees() {
			n.process.catchUp()
		}
		if p := n.process; p != nil && p.pausedUntil > s.now {
			s.crash(n, false) // nobody knows when it would wake
		}
		s.start(n)
	}
}
