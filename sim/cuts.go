package sim

import (
	"slices"
	"time"
)

// shapes are the ways to cut a network: each returns the pairs that cannot
// reach each other.
var shapes = []struct {
	name string
	cut  func(s *Sim) [][2]int
}{
	{"isolate one", func(s *Sim) [][2]int { return across(s, func(i int) bool { return i == s.victim() }) }},
	{"halves", func(s *Sim) [][2]int {
		side := s.faultDice.Perm(len(s.nodes))
		return across(s, func(i int) bool { return side[i] < len(side)/2 })
	}},
	{"random sides", func(s *Sim) [][2]int {
		side := s.faultDice.Uint64()
		return across(s, func(i int) bool { return side&(1<<i) != 0 })
	}},
	{"bridge", func(s *Sim) [][2]int {
		// Two halves, and one node that reaches both.
		side := s.faultDice.Perm(len(s.nodes))
		pairs := across(s, func(i int) bool { return side[i] < len(side)/2 })
		return slices.DeleteFunc(pairs, func(p [2]int) bool { return side[p[0]] == 0 || side[p[1]] == 0 })
	}},
	{"ring", func(s *Sim) [][2]int {
		// Every node reaches its neighbours in a circle only, each a different
		// majority where there are five.
		at, n := s.faultDice.Perm(len(s.nodes)), len(s.nodes)
		return pairsWhere(s, func(i, j int) bool {
			d := (at[i] - at[j] + n) % n
			return d > 1 && d < n-1
		})
	}},
}

func shapeNames() []string {
	var all []string
	for _, sh := range shapes {
		all = append(all, sh.name)
	}
	return all
}

// victim is a random node; it is drawn once for each cut.
func (s *Sim) victim() int { return s.victimNow }

// across are the pairs of which one is on that side and the other is not.
func across(s *Sim, side func(i int) bool) [][2]int {
	return pairsWhere(s, func(i, j int) bool { return side(i) != side(j) })
}

func pairsWhere(s *Sim, apart func(i, j int) bool) [][2]int {
	var pairs [][2]int
	for i := range s.nodes {
		for j := range i {
			if apart(i, j) {
				pairs = append(pairs, [2]int{i, j})
			}
		}
	}
	return pairs
}

// cutSomewhere cuts the network in two, for a while.
func (s *Sim) cutSomewhere() {
	f := &s.plan.Faults
	s.victimNow = s.faultDice.IntN(len(s.nodes))
	name := pick(s.faultDice, f.Shapes...)
	shape := shapes[slices.Index(shapeNames(), name)]
	long := f.CutFor
	if !f.Regular {
		long = s.faultDice.exponential(f.CutFor)
	}
	oneWay := s.faultDice.chance(s.plan.Net.AnswersDropped)
	pairs := shape.cut(s)
	s.fig.Cuts++
	if oneWay {
		s.fig.OneWayCuts++
	}
	s.tracef("cut: %s, one way %v, for %v: %v", name, oneWay, long, pairs)
	s.cutPairs(pairs, oneWay, long)
}

// cutPairs cuts pairs of nodes, in one direction or both, for a while.
func (s *Sim) cutPairs(pairs [][2]int, oneWay bool, long time.Duration) {
	for _, p := range pairs {
		s.net.cut[p[0]][p[1]]++
		if !oneWay {
			s.net.cut[p[1]][p[0]]++
		}
		s.silence(p[0], p[1])
		s.silence(p[1], p[0])
	}
	s.after(long, "heal", nil, func() {
		for _, p := range pairs {
			// A calm network has been healed as a whole.
			s.net.cut[p[0]][p[1]] = max(0, s.net.cut[p[0]][p[1]]-1)
			if !oneWay {
				s.net.cut[p[1]][p[0]] = max(0, s.net.cut[p[1]][p[0]]-1)
			}
		}
	})
}

// silence lets a node notice, if the cut lasts, that another does not answer.
func (s *Sim) silence(from, to int) {
	if s.faultDice.chance(s.plan.Net.Unnoticed) {
		return
	}
	s.after(s.faultDice.between(s.plan.Net.Notice/2, s.plan.Net.Notice), "silence", nil, func() {
		p := s.nodes[from].process
		if p == nil || !s.net.isCut(from, to) && !s.net.isCut(to, from) {
			return
		}
		p.links[to].suspect = true
		p.links[to].lostSoon(s.faultDice.between(0, 200*time.Millisecond))
	})
}

// swizzle clogs some nodes one by one and lets them go in another order.
func (s *Sim) swizzle() {
	order := s.faultDice.Perm(len(s.nodes))
	order = order[:1+s.faultDice.IntN(len(order))]
	s.fig.Swizzles++
	last := s.now + time.Duration(len(order))*500*time.Millisecond
	for i, victim := range order {
		s.at(s.now+time.Duration(i)*s.faultDice.between(0, 500*time.Millisecond), "swizzle", nil, func() {
			for other := range s.nodes {
				if other == victim || s.calm {
					continue
				}
				until := s.faultDice.between(0, 2*time.Second) + last - s.now
				s.net.clog(victim, other, until)
				s.net.clog(other, victim, until)
			}
		})
	}
}
