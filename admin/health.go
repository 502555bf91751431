package admin

import (
	"net/http"

	"github.com/candordb/candor/contract"
)

// healthJSON says whether levels are possible now, as this node sees it.
type healthJSON struct {
	kind
	Namespace   string        `json:"ns"`
	Possible    bool          `json:"possible"` // every level, in every partition
	Levels      []levelHealth `json:"levels"`
	Partitions  int           `json:"partitions"`
	Unreachable []string      `json:"unreachable"` // nodes, silent ones too: a level that needs them is not known to be possible
	SeenBy      seenBy        `json:"seen_by"`
}

// levelHealth is one level, and the partitions in which it is not possible.
type levelHealth struct {
	Level    string `json:"level"`
	Possible bool   `json:"possible"`
	Failing  []int  `json:"failing"`
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
	levels := []contract.Level{level}
	if level == contract.Default {
		if levels[0] = ns.Read; ns.Write != ns.Read {
			levels = append(levels, ns.Write)
		}
	}
	j := &healthJSON{
		kind: kindOf("Health"), Namespace: ns.Name, Possible: true, Partitions: seen.View.Q(), Unreachable: []string{}, SeenBy: seenByOf(seen),
	}
	for _, l := range levels {
		failing, ok := seen.impossible(l, true)
		if !ok {
			return levelRefused(l, ns)
		}
		j.Levels = append(j.Levels, levelHealth{l.String(), len(failing) == 0, failing})
		j.Possible = j.Possible && len(failing) == 0
	}
	for i := range seen.Members {
		if m := &seen.Members[i]; !m.Reachable || m.Suspect {
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

// levelRefused says why nothing can be said of a level.
func levelRefused(l contract.Level, ns *Namespace) error {
	switch l {
	case contract.Any:
		return refuse(contract.Unsupported, "level any is not supported by this build")
	case contract.Serial:
		p := refuse(contract.WrongMode, "level serial is for serial namespaces, and %s is of mode %s", ns.Name, ns.Mode)
		p.Mode = ns.Mode
		return p
	}
	return badf("consistency=%v is above the number of copies", l)
}
