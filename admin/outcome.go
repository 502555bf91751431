package admin

import (
	"net/http"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// outcomeJSON is the fate of one write.
type outcomeJSON struct {
	kind
	Namespace    string      `json:"ns"`
	Key          *string     `json:"key,omitempty"`
	KeyB64       *string     `json:"key_b64,omitempty"`
	Version      string      `json:"version"`
	Outcome      string      `json:"outcome"` // done, superseded, not-applied, in-doubt
	Fate         string      `json:"fate"`    // committed, superseded, not applied, pending, forgotten
	SupersededBy string      `json:"superseded_by,omitempty"`
	Receipt      receiptJSON `json:"receipt"`
}

// serveOutcome settles a write: it may complete it, or give it up for good. So it
// is held to the rule for what changes state, though it is a GET.
func (s *Server) serveOutcome(c *call) error {
	if err := s.sameOrigin(c.r); err != nil {
		return err
	}
	q, err := c.request(wire.OpOutcome)
	if err != nil {
		return err
	}
	q.Version, q.HasVersion = c.query.version("version")
	if c.query.flag("sloppy") {
		q.Flags = contract.OutcomeSloppy
	}
	switch {
	case c.query.err != nil:
		return c.query.err
	case q.Version.IsZero():
		return badf("version is missing: name the write that is meant, as its Candor-Version does")
	}
	a, err := s.ask(c, q)
	if err != nil {
		return err
	}
	o := &a.Outcome
	j := &outcomeJSON{
		kind: kindOf("Outcome"), Namespace: namespaceName(q), Version: q.Version.String(), Outcome: inDoubt, Fate: o.Fate.String(),
		Receipt: s.receiptOf(&o.Receipt, a.Epoch),
	}
	j.Key, j.KeyB64 = textOf(q.Key)
	switch o.Fate {
	case contract.Committed:
		j.Outcome = done
	case contract.FateSuperseded:
		// Whether it was ever applied cannot be told: a version that nobody wrote looks the same.
		j.Outcome, j.SupersededBy = superseded, versionText(o.Winner)
	case contract.NotApplied:
		j.Outcome = notApplied
	}
	h := c.w.Header()
	h.Set("Candor-Outcome", j.Outcome)
	h.Set("Candor-Version", j.Version)
	h.Set("Candor-Receipt", receiptLine(&o.Receipt))
	if j.SupersededBy != "" {
		h.Set("Candor-Superseded-By", j.SupersededBy)
	}
	writeJSON(c.w, http.StatusOK, j)
	return nil
}
