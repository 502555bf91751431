package admin

import (
	"net/http"
	"strconv"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// Hinter is the part of Node that keeps writes for nodes that may lack them. None
// of its methods but CountedHints blocks.
type Hinter interface {
	// Hints is one row for each node that there were hints for, since the start or
	// from before, in the order of their ids.
	Hints() []HintTarget
	// RefusedHints lists the hints that their target refuses for good and that are
	// kept; more is how many others there are.
	RefusedHints() (list []RefusedHint, more int64)
	// ReplayHints has the hints for a node tried at once, those that it has refused
	// too. It is false if there are none.
	ReplayHints(id ring.NodeID) bool
	// CountedHints is how many of the hints for a node stand for it in writes that were
	// acknowledged. It reads them all.
	CountedHints(id ring.NodeID) (int64, error)
	// DropHints has all hints for a node erased, after everything that it replicates
	// was marked for repair. It is false if there are none.
	DropHints(id ring.NodeID) bool
}

// HintTarget is what is kept for one node. Counters rise from 0 with the process.
type HintTarget struct {
	Target          ring.NodeID
	Count, Bytes    int64
	BytesMax        int64
	Oldest          hlc.Timestamp // 0: there is none
	Refused         int64         // of Count: those that the target refuses
	DirtyPartitions int           // that are marked for repair
	Dropping        bool
	Counters        []Counter
}

// RefusedHint is a hint that its target refuses for good.
type RefusedHint struct {
	Target    ring.NodeID
	Namespace uint32
	Key       []byte
	Version   hlc.Version
	Counted   bool // it stands for the target in an acknowledged write
	Code      contract.Code
	Late      bool  // at or below the target's watermark, which cannot be
	At        int64 // milliseconds since 1970
}

// hintListJSON is the answer to GET /v1/hints.
type hintListJSON struct {
	kind
	SeenBy  seenBy            `json:"seen_by"`
	Targets []hintTargetJSON  `json:"targets"`
	Refused []refusedHintJSON `json:"refused"`
	More    int64             `json:"refused_more"` // that are not listed
}

type hintTargetJSON struct {
	Node     string            `json:"node"` // its name, its id where that would not tell which one
	ID       string            `json:"id"`
	Member   bool              `json:"member"`
	Hints    int64             `json:"hints"`
	Bytes    int64             `json:"bytes"`
	BytesMax int64             `json:"max_bytes"`
	Oldest   string            `json:"oldest"`  // "": there is none
	Refused  int64             `json:"refused"` // of hints
	Dirty    int               `json:"dirty_partitions"`
	Dropping bool              `json:"dropping"`
	Counters map[string]uint64 `json:"counters"`
}

type refusedHintJSON struct {
	Node      string  `json:"node"`
	ID        string  `json:"id"`
	Namespace string  `json:"ns"` // its name; #number where there is none of that number
	Key       *string `json:"key,omitempty"`
	KeyB64    *string `json:"key_b64,omitempty"`
	Version   string  `json:"version"`
	Counted   bool    `json:"counted"`
	Code      string  `json:"code"`
	Late      bool    `json:"late"` // below the watermark, which cannot be: something is broken
	Time      string  `json:"time"`
}

func (s *Server) serveHints(c *call) error {
	seen, err := s.snapshot()
	if err != nil {
		return err
	}
	writeJSON(c.w, http.StatusOK, s.hintsJSON(seen))
	return nil
}

func (s *Server) hintsJSON(seen *Snapshot) *hintListJSON {
	j := &hintListJSON{kind: kindOf("HintList"), SeenBy: seenByOf(seen), Targets: []hintTargetJSON{}, Refused: []refusedHintJSON{}}
	for _, t := range s.node.Hints() {
		_, member := seen.View.Index(t.Target)
		row := hintTargetJSON{
			seen.label(t.Target), t.Target.String(), member, t.Count, t.Bytes, t.BytesMax, milliText(t.Oldest.Millis()), t.Refused,
			t.DirtyPartitions, t.Dropping, map[string]uint64{},
		}
		for _, n := range t.Counters {
			row.Counters[n.Name] = n.Count
		}
		j.Targets = append(j.Targets, row)
	}
	var list []RefusedHint
	list, j.More = s.node.RefusedHints()
	for i := range list {
		h := &list[i]
		row := refusedHintJSON{
			Node: seen.label(h.Target), ID: h.Target.String(), Namespace: s.namespaceName(h.Namespace), Version: h.Version.String(),
			Counted: h.Counted, Code: h.Code.String(), Late: h.Late, Time: milliText(h.At),
		}
		row.Key, row.KeyB64 = textOf(h.Key)
		j.Refused = append(j.Refused, row)
	}
	return j
}

// namespaceName is the name of a namespace by its number.
func (s *Server) namespaceName(number uint32) string {
	for _, ns := range s.node.Namespaces() {
		if ns.Number == number {
			return ns.Name
		}
	}
	return "#" + strconv.FormatUint(uint64(number), 10)
}

// hintsOf finds the hints for the node that a call names, by name or id, and whether it
// only asks what would be done with them.
func (s *Server) hintsOf(c *call) (seen *Snapshot, found *HintTarget, dry bool, err error) {
	if seen, err = s.snapshot(); err != nil {
		return nil, nil, false, err
	}
	for _, t := range s.node.Hints() {
		if c.rest == t.Target.String() || c.rest == seen.label(t.Target) {
			found = &t
		}
	}
	if found == nil || found.Count == 0 {
		return nil, nil, false, refuse(contract.BadRequest, "this node keeps no hints for %q: name a node of GET /v1/hints, by its name or id", c.rest)
	}
	dry = c.query.flag("dry_run")
	return seen, found, dry, c.query.err
}

func (s *Server) serveReplayHints(c *call) error {
	seen, t, dry, err := s.hintsOf(c)
	if err != nil {
		return err
	}
	if !dry {
		s.node.ReplayHints(t.Target)
	}
	writeJSON(c.w, http.StatusOK, s.hintsJSON(seen))
	return nil
}

// hintDropJSON says what a drop erases, or would.
type hintDropJSON struct {
	kind
	SeenBy     seenBy `json:"seen_by"`
	Node       string `json:"node"`
	ID         string `json:"id"`
	Hints      int64  `json:"hints"`
	Bytes      int64  `json:"bytes"`
	Oldest     string `json:"oldest"`
	Partitions int    `json:"partitions"` // that repair then has to compare with that node
	Counted    *int64 `json:"counted"`    // of hints: those that stand for the node in writes that were acknowledged (sloppy, any); null: not known
	Applied    bool   `json:"applied"`    // else it is a plan
}

func (s *Server) serveDropHints(c *call) error {
	seen, t, dry, err := s.hintsOf(c)
	if err != nil {
		return err
	}
	j := &hintDropJSON{
		kindOf("HintDrop"), seenByOf(seen), seen.label(t.Target), t.Target.String(), t.Count, t.Bytes, milliText(t.Oldest.Millis()),
		seen.View.Partitions(t.Target), nil, !dry,
	}
	if counted, err := s.node.CountedHints(t.Target); err == nil {
		j.Counted = &counted
	}
	if !dry {
		s.node.DropHints(t.Target)
	}
	writeJSON(c.w, http.StatusOK, j)
	return nil
}
