package report

import (
	"strings"

	"github.com/candordb/candor/bench/trial"
)

// metric is one figure of a round; negative: it could not be had.
type metric func(*trial.Round) float64

// The metrics of tables and goals.
func perSecond(r *trial.Round) float64 { return r.PerSecond }
func cpu(r *trial.Round) float64       { return r.CPU }
func p50(r *trial.Round) float64       { return r.P50 }
func p99(r *trial.Round) float64       { return r.P99 }

// perCPU is how many operations a core does in a second.
func perCPU(r *trial.Round) float64 {
	if r.CPU <= 0 {
		return -1
	}
	return 1e6 / r.CPU
}

// pair is a comparison: what the peer and Candor did in each cell.
type pair struct {
	name  string
	cells []string // in the order in which they came
	// rounds are those of a cell by their numbers: of the peer, and of Candor.
	rounds map[string]map[int][2]*trial.Round
}

// The sides of a pair.
const (
	thePeer = iota
	theCandor
)

// pairs are all comparisons, in the order in which they came.
func (r *Report) pairs() (all []*pair) {
	byName := make(map[string]*pair)
	for _, one := range r.Rounds {
		p := byName[one.Comparison]
		if p == nil {
			p = &pair{name: one.Comparison, rounds: make(map[string]map[int][2]*trial.Round)}
			byName[one.Comparison] = p
			all = append(all, p)
		}
		if one.Cell == "" {
			continue // a round that did not come to that
		}
		if p.rounds[one.Cell] == nil {
			p.rounds[one.Cell] = make(map[int][2]*trial.Round)
			p.cells = append(p.cells, one.Cell)
		}
		both := p.rounds[one.Cell][one.Round]
		if strings.HasSuffix(p.name, "/ "+one.Peer) {
			both[theCandor] = one
		} else {
			both[thePeer] = one
		}
		p.rounds[one.Cell][one.Round] = both
	}
	return all
}

// find is the comparison of a peer with Candor of so many nodes and a class; another
// class of Candor if there is none of that one, and then it says which.
func (r *Report) find(peer, class string, nodes int) (p *pair, other string) {
	prefix, exact := peer+" (", " / candor-"+string(rune('0'+nodes))+"-"
	for _, one := range r.pairs() {
		if !strings.HasPrefix(one.name, prefix) {
			continue
		}
		i := strings.Index(one.name, exact)
		if i < 0 {
			continue
		}
		peerClass, candorClass := one.name[len(prefix):len(prefix)+2], one.name[i+len(exact):]
		switch {
		case candorClass == class:
			return one, ""
		case peerClass == class || peerClass == "D0":
			p, other = one, candorClass
		}
	}
	return p, other
}

// own is a metric of one side of a cell.
func (p *pair) own(cell string, side int, m metric) Spread {
	return spreadOf(p.each(cell, func(both [2]*trial.Round) float64 {
		if r := both[side]; r != nil && r.Good() {
			return m(r)
		}
		return -1
	}))
}

// ratio is a metric of Candor divided by that of the peer, round by round.
func (p *pair) ratio(cell string, m metric) Spread {
	return spreadOf(p.each(cell, func(both [2]*trial.Round) float64 {
		a, b := both[theCandor], both[thePeer]
		if a == nil || b == nil || !a.Good() || !b.Good() || m(a) < 0 || m(b) <= 0 {
			return -1
		}
		return m(a) / m(b)
	}))
}

func (p *pair) each(cell string, f func([2]*trial.Round) float64) (all []float64) {
	for _, both := range p.rounds[cell] { // the order does not matter: they are sorted
		all = append(all, f(both))
	}
	return all
}

// newest is the last round of one side of a cell; nil if there is none.
func (p *pair) newest(cell string, side int) (last *trial.Round) {
	for _, both := range p.rounds[cell] { // the order does not matter: the highest number wins
		if r := both[side]; r != nil && (last == nil || r.Round > last.Round) {
			last = r
		}
	}
	return last
}

// of is a round of one side, for what is the same in all of them; nil if there is none.
func (p *pair) of(side int) *trial.Round {
	for _, cell := range p.cells {
		if one := p.newest(cell, side); one != nil {
			return one
		}
	}
	return nil
}
