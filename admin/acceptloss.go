package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/verdict"
)

// Accepter is the part of Node that gives up copies that are lost.
type Accepter interface {
	// AcceptLoss has an epoch decided that gives up the copies of some members that are
	// in quarantine or away, and so lets what waits for them be rebuilt from what is
	// left. With dry it only says what that would be. Its error is a *LossError.
	AcceptLoss(ctx context.Context, nodes []ring.NodeID, dry bool) (*AcceptedLoss, error)
}

// AcceptedLoss is what is given up, or would be.
type AcceptedLoss struct {
	Epoch      uint64 // that says so; 0: it is a plan
	Copies     []LostCopy
	Partitions int // in which copies are given up
	Bare       int // of these, those of which no intact copy is left
}

// LostCopy is what one member gives up.
type LostCopy struct {
	Node       ring.NodeID
	Partitions verdict.Partitions
	Away       bool // it does not answer
	Votes      bool // what it had voted for, and has forgotten, counts no more
}

// LossError says why a loss was not accepted.
type LossError struct {
	Doubt bool // it may have been, or may still be
	Asked bool // what was asked for cannot be; else it cannot be now
	Err   error
}

func (e *LossError) Error() string { return e.Err.Error() }

func (e *LossError) Unwrap() error { return e.Err }

// lossJSON is the answer to POST /v1/repair/accept-loss.
type lossJSON struct {
	kind
	SeenBy     seenBy     `json:"seen_by"`
	Applied    bool       `json:"applied"` // else it is a plan
	Epoch      uint64     `json:"epoch"`   // that accepted it; 0: it is a plan
	Nodes      []lostJSON `json:"nodes"`
	Partitions int        `json:"partitions"`      // in which copies are given up
	Bare       int        `json:"bare_partitions"` // of these, those without an intact copy
	Lost       []string   `json:"lost"`            // what may be lost, in whole sentences
}

type lostJSON struct {
	Node       string             `json:"node"`
	ID         string             `json:"id"`
	Partitions verdict.Partitions `json:"partitions"`
	Away       bool               `json:"away"`
	Votes      bool               `json:"votes"`
}

func (s *Server) serveAcceptLoss(c *call) error {
	seen, err := s.snapshot()
	if err != nil {
		return err
	}
	dry := c.query.flag("dry_run")
	if err := c.query.err; err != nil {
		return err
	}
	ids, err := s.namedNodes(seen, c.query.text("nodes"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), s.o.Timeout)
	defer cancel()
	loss, err := s.node.AcceptLoss(ctx, ids, dry)
	if err != nil {
		return lossProblem(err)
	}
	writeJSON(c.w, http.StatusOK, lossJSONOf(seen, loss))
	return nil
}

// namedNodes are the members that a list with commas names, each once, by name or id.
func (s *Server) namedNodes(seen *Snapshot, list string) (ids []ring.NodeID, err error) {
	if list == "" {
		return nil, badf("nodes is needed: the members whose copies are given up, by name or id, with commas between them")
	}
	named := make(map[ring.NodeID]bool)
	for word := range strings.SplitSeq(list, ",") {
		found := false
		for _, m := range seen.View.Members() {
			if word != m.ID.String() && word != seen.label(m.ID) {
				continue
			}
			if found = true; !named[m.ID] {
				named[m.ID], ids = true, append(ids, m.ID)
			}
		}
		if !found {
			return nil, badf("nodes=%s: there is no member %q; GET /v1/nodes has their names", list, word)
		}
	}
	return ids, nil
}

func lossProblem(err error) error {
	var why *LossError
	switch errors.As(err, &why); {
	case why == nil:
		return refuse(contract.NotReady, "%v", err)
	case why.Asked:
		return badf("%v", err)
	}
	p := refuse(contract.NotReady, "%v", err)
	if why.Doubt {
		p.Outcome, p.Class, p.Hint = inDoubt, contract.Unknown.String(), "look at GET /v1/doctor, D132, before it is tried again"
	}
	return p
}

func lossJSONOf(seen *Snapshot, loss *AcceptedLoss) *lossJSON {
	j := &lossJSON{
		kind: kindOf("AcceptedLoss"), SeenBy: seenByOf(seen), Applied: loss.Epoch > 0, Epoch: loss.Epoch, Nodes: []lostJSON{},
		Partitions: loss.Partitions, Bare: loss.Bare, Lost: loss.words(seen),
	}
	for _, l := range loss.Copies {
		row := lostJSON{seen.label(l.Node), l.Node.String(), l.Partitions, l.Away, l.Votes}
		j.Nodes = append(j.Nodes, row)
	}
	return j
}

// words says what may be lost, before it is, and after.
func (loss *AcceptedLoss) words(seen *Snapshot) (lost []string) {
	var away, votes []string
	for _, l := range loss.Copies {
		if l.Away {
			away = append(away, seen.label(l.Node))
		}
		if l.Votes {
			votes = append(votes, seen.label(l.Node))
		}
	}
	if loss.Partitions > 0 {
		lost = append(lost,
			fmt.Sprintf("In %d of %d partitions acknowledged writes are lost that only the copies that are given up had.", loss.Partitions, seen.View.Q()),
			"Acknowledged deletes that only these had are lost too, and what they had deleted may be read again.",
			"What only one copy has kept may be missing from answers until these partitions are repaired as of a later time.")
	}
	if loss.Bare > 0 {
		lost = append(lost, fmt.Sprintf("No intact copy is left in %d of these: whatever can be read of the others is merged, so keys that were deleted at any time may come back.", loss.Bare))
	}
	if len(away) > 0 {
		lost = append(lost, fmt.Sprintf("When %s comes back, its copies are not served but rebuilt from the others. Be sure that it is not running somewhere, out of sight.", strings.Join(away, ", ")))
	}
	if len(votes) > 0 {
		lost = append(lost, fmt.Sprintf("%s had voted for epochs and forgotten them: changes of the cluster that only these knew of are undone.", strings.Join(votes, ", ")))
	}
	return lost
}
