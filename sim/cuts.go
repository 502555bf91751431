package sim

import (
	"slices"
	"time"
)

// pair is two nodes that cannot reach each other. Where a cut is one way, it is
// the first whose messages are lost.
type pair [2]int

// shapes are the ways to cut a network: each draws the pairs that it cuts.
var shapes = []struct {
	name string
	cut  func(s *Sim) []pair
}{
	{"isolate one", func(s *Sim) []pair {
		victim := s.faultDice.IntN(len(s.nodes))
		return s.across(func(i int) bool { return i == victim })
	}},
	{"halves", func(s *Sim) []pair { return s.sides(len(s.nodes) / 2) }},
	{"uniform size", func(s *Sim) []pair { return s.sides(s.faultDice.up(1, len(s.nodes)-1)) }},
	{"uniform membership", func(s *Sim) []pair {
		side := s.faultDice.Uint64()
		return s.across(func(i int) bool { return side&(1<<i) != 0 })
	}},
	{"bridge", func(s *Sim) []pair {
		// Two halves, and one node that reaches both.
		at := s.faultDice.Perm(len(s.nodes))
		pairs := s.across(func(i int) bool { return at[i] < len(at)/2 })
		return slices.DeleteFunc(pairs, func(p pair) bool { return at[p[0]] == 0 || at[p[1]] == 0 })
	}},
	{"ring", func(s *Sim) []pair {
		// In a circle, every node reaches the next ones on both sides, so that it sees
		// a majority, and each another one. Of three or four nodes that would be all:
		// there the first and the last are apart.
		at, n := s.faultDice.Perm(len(s.nodes)), len(s.nodes)
		reach := max(1, majority(n)/2)
		return s.pairs(func(i, j int) bool {
			d := (at[i] - at[j] + n) % n
			if n < 5 {
				return at[i]+at[j] == n-1 && at[i]*at[j] == 0
			}
			return d > reach && d < n-reach
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

// sides are two sides, the first of that many nodes.
func (s *Sim) sides(size int) []pair {
	at := s.faultDice.Perm(len(s.nodes))
	return s.across(func(i int) bool { return at[i] < size })
}

// across are the pairs of a node on a side with one that is not.
func (s *Sim) across(side func(i int) bool) []pair {
	pairs := s.pairs(func(i, j int) bool { return side(i) != side(j) })
	for i, p := range pairs {
		if !side(p[0]) {
			pairs[i] = pair{p[1], p[0]}
		}
	}
	return pairs
}

func (s *Sim) pairs(apart func(i, j int) bool) []pair {
	var all []pair
	for i := range s.nodes {
		for j := range i {
			if apart(i, j) {
				all = append(all, pair{i, j})
			}
		}
	}
	return all
}

// cutSomewhere cuts the network in two, for a while.
func (s *Sim) cutSomewhere() {
	f := &s.plan.Faults
	name := pick(s.faultDice, f.Shapes...)
	shape := shapes[slices.Index(shapeNames(), name)]
	long := f.CutFor
	if !f.Regular {
		long = s.faultDice.exponential(f.CutFor)
	}
	oneWay := s.faultDice.chance(s.plan.Net.AnswersDropped)
	pairs := shape.cut(s)
	if s.faultDice.chance(half) {
		for i, p := range pairs {
			pairs[i] = pair{p[1], p[0]} // the other side is the one that is not heard
		}
	}
	s.fig.Cuts++
	if oneWay {
		s.fig.OneWayCuts++
	}
	s.tracef("cut: %s, one way %v, for %v: %v", name, oneWay, long, pairs)
	s.cutPairs(pairs, oneWay, long)
}

// cutPairs cuts pairs of nodes, in one direction or both, for a while.
func (s *Sim) cutPairs(pairs []pair, oneWay bool, long time.Duration) {
	for _, p := range pairs {
		s.net.cut[p[0]][p[1]]++
		if !oneWay {
			s.net.cut[p[1]][p[0]]++
		}
		s.silence(p[0], p[1])
		s.silence(p[1], p[0])
	}
	s.after(long, "heal", nil, func() {
		if long > 5*time.Second && !s.calm {
			s.mark(markRejoined)
		}
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

// swizzle clogs some nodes one by one, in random order, and lets them go one by
// one, in another.
func (s *Sim) swizzle() {
	order := s.faultDice.Perm(len(s.nodes))
	order = order[:1+s.faultDice.IntN(len(order))]
	s.fig.Swizzles++
	step := s.faultDice.between(50*time.Millisecond, 500*time.Millisecond)
	all := s.now + time.Duration(len(order))*step
	for i, free := range s.faultDice.Perm(len(order)) {
		victim, until := order[i], all+time.Duration(1+free)*step
		s.at(s.now+time.Duration(i)*step, "swizzle", nil, func() {
			for other := range s.nodes {
				if other == victim || s.calm {
					continue
				}
				s.net.clog(victim, other, until-s.now)
				s.net.clog(other, victim, until-s.now)
			}
		})
	}
}
