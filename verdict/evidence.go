package verdict

import "fmt"

// freshMS is the age, in milliseconds, at which evidence is none any more.
const freshMS = 10_000

// evidence is a snapshot, prepared to be asked.
type evidence struct {
	*Snapshot
	index map[string]int // where a member stands, by id
	nodes []*node        // as Members; nil where there is no fresh report
}

// node is a member that has answered of late.
type node struct {
	*Report
	at   int // index into Members
	name string
	age  int64 // of the report
}

func evidenceOf(s *Snapshot) *evidence {
	e := &evidence{Snapshot: s, index: make(map[string]int, len(s.Members)), nodes: make([]*node, len(s.Members))}
	for i := range s.Members {
		if _, twice := e.index[s.Members[i].ID]; !twice {
			e.index[s.Members[i].ID] = i
		}
	}
	for i := range s.Members {
		m := &s.Members[i]
		if age, ok := m.AgeMS.Get(); m.Answer == Answered && m.Report != nil && ok && isFresh(age) {
			e.nodes[i] = &node{m.Report, i, e.name(i), age}
		}
	}
	return e
}

func isFresh(age int64) bool { return age >= 0 && age < freshMS }

// name is a member's name; its id where the name would not tell which one is meant.
func (e *evidence) name(i int) string {
	m := &e.Members[i]
	if m.Name == "" {
		return m.ID
	}
	for j := range e.Members {
		if j != i && e.Members[j].Name == m.Name {
			return m.ID
		}
	}
	return m.Name
}

// collector is the name of the node that collected.
func (e *evidence) collector() string {
	if i, ok := e.index[e.SeenBy.ID]; ok {
		return e.name(i)
	}
	return e.SeenBy.Name
}

// whom names some members, or says that it is all of them, where that is shorter.
func (e *evidence) whom(names []string) string {
	if len(names) > 2 && len(names) == len(e.Members) {
		return fmt.Sprintf("all %d nodes", len(names))
	}
	return listed(names)
}

// named is the name of whoever has an id.
func (e *evidence) named(id string) string {
	if i, ok := e.index[id]; ok {
		return e.name(i)
	}
	return id
}

// silent says whether it is known that a member does not answer.
func (e *evidence) silent(i int) bool {
	age, ok := e.Members[i].AgeMS.Get()
	return e.Members[i].Answer == Silent && ok && isFresh(age)
}

// absent is why a member has no fresh report, in words; "" if it has one.
func (e *evidence) absent(i int) string {
	if e.nodes[i] != nil {
		return ""
	}
	m, name := &e.Members[i], e.name(i)
	age, aged := m.AgeMS.Get()
	aged = aged && age >= 0
	switch {
	case m.Answer == Silent && !aged:
		return "it is not known how long ago " + name + " did not answer"
	case m.Answer == Silent && !isFresh(age):
		return fmt.Sprintf("that %s does not answer was found %s ago", name, span(age))
	case m.Answer == Silent:
		return name + " does not answer"
	case m.Answer == Answered && m.Report == nil:
		return name + " has reported nothing"
	case m.Answer == Answered && !aged:
		return "it is not known how old the report of " + name + " is"
	case m.Answer == Answered || m.Answer == TooOld && aged:
		return fmt.Sprintf("what %s has reported is %s old", name, span(age))
	case m.Answer == TooOld:
		return "what " + name + " has reported is too old"
	}
	return name + " was not asked"
}

// reporter takes what is missing, in words.
type reporter interface{ missing(words string) }

// told is a figure of a node; if it is not known, that is missing.
func told[T any](to reporter, n *node, figure Opt[T], what string) (T, bool) {
	v, ok := figure.Get()
	if !ok {
		to.missing(n.name + " has not reported " + what)
	}
	return v, ok
}

// each hands over the members that have answered of late.
func (e *evidence) each(f func(*node)) {
	for _, n := range e.nodes {
		if n != nil {
			f(n)
		}
	}
}

// owners is the owner table; false, and that is missing, if it is not known or
// does not fit the members.
func (e *evidence) owners(to reporter) ([][]uint16, bool) {
	owners, ok := e.Owners.Get()
	switch {
	case e.Cluster.Epoch == 0:
		to.missing(e.waits())
		return nil, false
	case !ok:
		to.missing("the owner table is not known")
		return nil, false
	case len(owners) == 0 || len(owners) != e.Cluster.Partitions || e.Cluster.Replicas < 1 || !e.fits(owners):
		to.missing("the owner table does not fit the members")
		return nil, false
	}
	return owners, true
}

// replicasMax is how many owners a partition can have.
const replicasMax = 63

func (e *evidence) fits(owners [][]uint16) bool {
	for _, row := range owners {
		if len(row) > replicasMax {
			return false
		}
		for at, o := range row {
			if int(o) >= len(e.Members) {
				return false
			}
			for _, before := range row[:at] {
				if before == o {
					return false
				}
			}
		}
	}
	return true
}

// waits is for what a collector waits that has no metadata.
func (e *evidence) waits() string {
	if e.Waiting != "" {
		return e.Waiting
	}
	return "the node that was asked is not part of a cluster yet"
}
