package verdict

import (
	"slices"
	"strings"

	"github.com/candordb/candor/contract"
)

// Possibility says in which partitions a level is possible now.
type Possibility struct {
	Level  string `json:"level"`
	Reads  bool   `json:"reads"`  // it is about reads
	Writes bool   `json:"writes"` // and about writes
	// Namespaces have the level as their default for that.
	Namespaces []string `json:"namespaces"`

	Possible int        `json:"possible"` // partitions in which it is not certain that it is not possible
	Certain  int        `json:"certain"`  // in which it is certain that it is
	Of       int        `json:"of"`       // partitions in all; 0: nothing is known
	Failing  Partitions `json:"failing"`  // in which it is not possible
	Unknown  Partitions `json:"unknown"`  // in which that is not known
	Because  string     `json:"because"`  // who does not serve the failing ones; else what is missing

	level  contract.Level
	causes []*cause
	words  []string
}

// state says whether the level is possible in all partitions.
func (p *Possibility) state() truth {
	switch {
	case len(p.Failing) > 0:
		return no
	case p.Of == 0 || len(p.Unknown) > 0:
		return unknown
	}
	return yes
}

// isDefault says whether requests get this level that do not name one.
func (p *Possibility) isDefault() bool { return len(p.Namespaces) > 0 }

// possibility asks where a level is possible. What is missing to tell is in words.
func (e *evidence) possibility(level contract.Level, services []service) *Possibility {
	p := &Possibility{Level: level.String(), level: level}
	owners, ok := e.owners(p)
	if !ok {
		return p
	}
	region := e.region()
	missing := make([]bool, len(e.Members))    // who is in the way of knowing
	guilty := make([][]*cause, len(e.Members)) // who does not serve a failing partition, and why
	for at, row := range owners {
		parts, ok := e.parts(level, row, region)
		if !ok {
			p.missing("level " + p.Level + " is not known here")
			return p
		}
		up, maybe := masks(row, at, services)
		switch {
		case !meets(parts, up|maybe):
			p.Failing = append(p.Failing, at)
			for _, o := range row {
				if serves, why := services[o].in(at); serves == no && !slices.Contains(guilty[o], why) {
					guilty[o] = append(guilty[o], why)
				}
			}
		case !meets(parts, up):
			p.Unknown = append(p.Unknown, at)
			for _, o := range row {
				serves, _ := services[o].in(at)
				missing[o] = missing[o] || serves == unknown
			}
		}
	}
	p.Of = len(owners)
	p.Possible, p.Certain = p.Of-len(p.Failing), p.Of-len(p.Failing)-len(p.Unknown)
	for i, is := range missing {
		if is {
			p.words = append(p.words, services[i].words...)
		}
	}
	p.blame(e, guilty)
	return p
}

// missing implements reporter.
func (p *Possibility) missing(words string) { p.words = append(p.words, words) }

// masks are which owners of a partition serve it, and of which that is not known.
func masks(row []uint16, at int, services []service) (up, maybe uint64) {
	for i, o := range row {
		switch serves, _ := services[o].in(at); serves {
		case yes:
			up |= 1 << i
		case unknown:
			maybe |= 1 << i
		}
	}
	return up, maybe
}

// blame says why the failing partitions fail.
func (p *Possibility) blame(e *evidence, guilty [][]*cause) {
	var clauses []string
	for _, c := range causes {
		var names []string
		for i, of := range guilty {
			if slices.Contains(of, c) {
				names = append(names, e.name(i))
			}
		}
		if len(names) > 0 {
			p.causes = append(p.causes, c)
			clauses = append(clauses, strings.Join(names, ", ")+" "+verb(len(names), c.one, c.more))
		}
	}
	switch {
	case len(p.Failing) > 0 && len(clauses) == 0:
		clauses = []string{"there are too few replicas"}
	case len(p.Failing) == 0:
		clauses = p.words
	}
	p.Because = strings.Join(clauses, "; ")
}

// sameAs says whether two answers, for reads and for writes, may be told in one.
func (p *Possibility) sameAs(o *Possibility) bool {
	return p.level == o.level && p.Of == o.Of && p.Because == o.Because && slices.Equal(p.Failing, o.Failing) && slices.Equal(p.Unknown, o.Unknown)
}

// possibilities are those of the levels that matter: quorum, every default level, one
// and all; reads and writes in one where they are the same. What is missing to know
// the defaults goes to the reporter.
func (e *evidence) possibilities(to reporter) []*Possibility {
	namespaces, ok := e.Namespaces.Get()
	if !ok {
		to.missing("the default levels of the namespaces are not known")
	}
	levels := []contract.Level{contract.Quorum}
	add := func(l contract.Level) {
		if !slices.Contains(levels, l) {
			levels = append(levels, l)
		}
	}
	users := make(map[contract.Level][2][]string)
	for _, ns := range namespaces {
		for i, text := range []string{ns.ReadLevel, ns.WriteLevel} {
			level, ok := contract.ParseLevel(text)
			if !ok || level == contract.Default {
				to.missing("the level " + text + " of namespace " + ns.Name + " is not known here")
				continue
			}
			add(level)
			of := users[level]
			of[i] = append(of[i], ns.Name)
			users[level] = of
		}
	}
	add(contract.One)
	add(contract.All)
	var all []*Possibility
	reading, writing := e.services(false), e.services(true)
	for _, level := range levels {
		r, w := e.possibility(level, reading), e.possibility(level, writing)
		r.Reads, r.Namespaces, w.Writes, w.Namespaces = true, listOf(users[level][0]), true, listOf(users[level][1])
		if r.sameAs(w) {
			r.Writes, r.Namespaces = true, concat(r.Namespaces, w.Namespaces)
			all = append(all, r)
			continue
		}
		all = append(all, r, w)
	}
	return all
}
