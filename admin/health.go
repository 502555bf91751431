package admin

import (
	"net/http"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/verdict"
)

// healthJSON says whether levels are possible now, by the evidence of this node.
type healthJSON struct {
	kind
	Namespace   string        `json:"ns"`
	Possible    bool          `json:"possible"` // every level, in every partition, and that is known
	Levels      []levelHealth `json:"levels"`
	Partitions  int           `json:"partitions"`
	Unreachable []string      `json:"unreachable"` // nodes, silent ones too: a level that needs them is not known to be possible
	SeenBy      seenBy        `json:"seen_by"`
}

// levelHealth is one level, and the partitions in which it is not possible, or not
// known to be.
type levelHealth struct {
	Level    string `json:"level"`
	Possible bool   `json:"possible"`
	Failing  []int  `json:"failing"`
	// Unknown are those of Failing in which it is only not known.
	Unknown []int  `json:"unknown"`
	Because string `json:"because"` // who does not serve, or what is not known; "": it is possible
}

// serveHealth answers with 200 if requests at the level are possible in every
// partition. Without a level those are asked about that the namespace has for
// its reads and writes.
func (s *Server) serveHealth(c *call) error {
	level := c.query.level("consistency")
	if c.query.err != nil {
		return c.query.err
	}
	seen, err := s.snapshot()
	if err != nil {
		return err
	}
	ns, err := s.namespace(c.query.text("ns"))
	if err != nil {
		return err
	}
	asked := verdict.Namespace{Name: ns.Name, Mode: ns.Mode, ReadLevel: ns.Read.String(), WriteLevel: ns.Write.String()}
	if level != contract.Default {
		if _, ok := seen.impossible(level, true); !ok {
			return levelRefused(level, ns)
		}
		asked.ReadLevel, asked.WriteLevel = level.String(), level.String()
	}
	e := *s.node.Evidence()
	e.Namespaces = verdict.Known([]verdict.Namespace{asked})
	j := &healthJSON{
		kind: kindOf("Health"), Namespace: ns.Name, Possible: true, Levels: []levelHealth{}, Partitions: seen.View.Q(), Unreachable: []string{}, SeenBy: seenByOf(seen),
	}
	for _, p := range verdict.Verdict(&e).Levels {
		if len(p.Namespaces) > 0 {
			j.add(p)
		}
	}
	for i := range seen.Members {
		if m := &seen.Members[i]; !m.Reachable || m.Suspect || silent(&e, m.ID.String()) {
			j.Unreachable = append(j.Unreachable, seen.label(m.ID))
		}
	}
	status := http.StatusOK
	if !j.Possible {
		status = http.StatusServiceUnavailable
	}
	writeJSON(c.w, status, j)
	return nil
}

// add adds a level: reads and writes of one level are told together, at the worse of
// the two.
func (j *healthJSON) add(p *verdict.Possibility) {
	possible := p.Of > 0 && p.Certain == p.Of
	j.Possible = j.Possible && possible
	row := levelHealth{Level: p.Level, Possible: possible, Failing: verdict.PartitionsOf(append(append([]int{}, p.Failing...), p.Unknown...)...), Unknown: append([]int{}, p.Unknown...), Because: p.Because}
	for i := range j.Levels {
		if at := &j.Levels[i]; at.Level == p.Level {
			if len(row.Failing) > len(at.Failing) {
				*at = row
			}
			at.Possible = at.Possible && possible
			return
		}
	}
	j.Levels = append(j.Levels, row)
}

// silent says whether a member does not answer.
func silent(e *verdict.Snapshot, id string) bool {
	for i := range e.Members {
		if m := &e.Members[i]; m.ID == id {
			return m.Answer == verdict.Silent
		}
	}
	return false
}

// levelRefused says why nothing can be said of a level.
func levelRefused(l contract.Level, ns *Namespace) error {
	if l == contract.Serial {
		p := refuse(contract.WrongMode, "level serial is for serial namespaces, and %s is of mode %s", ns.Name, ns.Mode)
		p.Mode = ns.Mode
		return p
	}
	return badf("consistency=%v is above the number of copies", l)
}
