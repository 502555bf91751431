package verdict

import (
	"slices"
	"strings"
)

// lostCopies are those copies of which more are lost than the others make up for: their
// rebuilds wait for ever, unless one of them is brought back, or an operator gives them up.
type lostCopies struct {
	waits []bool // by member: a partition that it rebuilds has too few other copies
	lost  []bool // by member: its copy of such a partition is in quarantine, or it is away
	away  []bool // by member: of these, those that do not answer
}

// beyondRebuild finds them. A copy that was given up already needs no quorum of the others.
func (e *evidence) beyondRebuild() lostCopies {
	n := len(e.Members)
	l := lostCopies{make([]bool, n), make([]bool, n), make([]bool, n)}
	owners, ok := e.owners(&check{})
	if !ok {
		return l
	}
	for p, row := range owners {
		var lost []uint16
		for _, o := range row {
			if e.rebuilds(int(o), p) || e.silent(int(o)) {
				lost = append(lost, o)
			}
		}
		if len(row)-len(lost) >= (len(row)-1)/2+1 {
			continue
		}
		found := false
		for _, o := range lost {
			if e.rebuilds(int(o), p) && !e.gaveUp(int(o), p) {
				l.waits[o], found = true, true
			}
		}
		for _, o := range lost {
			if found {
				l.lost[o], l.away[o] = true, e.silent(int(o))
			}
		}
	}
	return l
}

// rebuilds says whether it is known that a member has a partition in quarantine.
func (e *evidence) rebuilds(member, partition int) bool {
	if e.nodes[member] == nil {
		return false
	}
	q, _ := e.nodes[member].Quarantine.Get()
	return q.Partitions.Has(partition)
}

// gaveUp says whether an operator has given up the copy of a member, and it is rebuilt for
// that now.
func (e *evidence) gaveUp(member, partition int) bool {
	losses, _ := e.Losses.Get()
	return slices.ContainsFunc(losses, func(l Loss) bool {
		return l.Open && l.Node == e.Members[member].ID && l.Partitions.Has(partition)
	})
}

// action is what has to be done about them; "": nothing is beyond a rebuild.
func (l *lostCopies) action(e *evidence) string {
	var lost, away []string
	for i := range e.Members {
		if l.lost[i] {
			lost = append(lost, e.name(i))
		}
		if l.away[i] {
			away = append(away, e.name(i))
		}
	}
	switch {
	case len(lost) == 0:
		return ""
	case len(away) > 0:
		return "start " + listed(away) + ", or bring back what else there is of these copies; what is left does not make up for them. If that is lost for good, candor repair --accept-loss " + strings.Join(lost, ",") + " gives them up."
	}
	return listed(lost) + " " + verb(len(lost), "has", "have") + " lost copies that what is left does not make up for. Bring back what there is of them, else candor repair --accept-loss " + strings.Join(lost, ",") + " gives them up."
}

// wayOut is what has to be done so that a level becomes possible again.
func (p *Possibility) wayOut(e *evidence) string {
	l := e.beyondRebuild()
	lost := l.action(e)
	switch {
	case len(p.causes) == 0 || slices.Contains(p.causes, isSilent):
		if lost != "" {
			lost = " What is lost for good has its way out in D126."
		}
		return "start one of the missing nodes: each partition needs a majority of its replicas." + lost
	case lost != "":
		return lost
	case len(p.causes) == 1 && p.causes[0] == isRebuilding:
		return "nothing: they are rebuilt from the others, and that goes on by itself unless D126 says for what it waits."
	}
	return "have these nodes serve again: each partition needs a majority of its replicas."
}
