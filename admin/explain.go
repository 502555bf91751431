package admin

import (
	"math"
	"net/http"
	"strconv"

	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// explanationJSON is what every replica of a key holds. Null is what is not known.
type explanationJSON struct {
	kind
	Namespace    string         `json:"ns"`
	Key          *string        `json:"key,omitempty"`
	KeyB64       *string        `json:"key_b64,omitempty"`
	Token        string         `json:"token"`
	Partition    uint64         `json:"partition"`
	Epoch        uint64         `json:"epoch"`
	Partial      bool           `json:"partial"` // a replica does not answer
	Replicas     []explainedRow `json:"replicas"`
	Winner       string         `json:"winner,omitempty"`
	RepairedAsOf *string        `json:"repaired_as_of"`
}

// explainedRow is one replica.
type explainedRow struct {
	Order      int      `json:"order"` // from 1
	Name       string   `json:"name"`
	ID         string   `json:"id"`
	Role       string   `json:"role"` // natural, joining, stand-in
	Reachable  bool     `json:"reachable"`
	Phi        *float64 `json:"phi"`
	Version    *string  `json:"version"` // "": it holds nothing, or its record is damaged
	Written    string   `json:"written,omitempty"`
	Kind       *string  `json:"kind"` // value, tombstone, expired, nothing, damaged
	Expires    string   `json:"expires,omitempty"`
	Size       *uint64  `json:"size_bytes"`
	ChecksumOK *bool    `json:"checksum_ok"`
	Hints      *uint64  `json:"hints_pending"`
}

func (s *Server) serveExplain(c *call) error {
	q, err := c.request(wire.OpExplain)
	if err == nil {
		err = c.query.err
	}
	if err != nil {
		return err
	}
	a, err := s.ask(c, q)
	if err != nil {
		return err
	}
	e, seen := &a.Explain, s.node.Snapshot()
	j := &explanationJSON{
		kind: kindOf("Explanation"), Namespace: namespaceName(q), Token: "0x" + ring.Token(e.Token).String(), Partition: e.Partition,
		Epoch: a.Epoch, Winner: versionText(e.Winner), Replicas: []explainedRow{},
	}
	j.Key, j.KeyB64 = textOf(q.Key)
	for i := range e.Rows {
		row := explained(seen, i+1, &e.Rows[i])
		if !row.Reachable {
			s.tellOf(&row, seen, e.Rows[i].Node)
		}
		j.Replicas = append(j.Replicas, row)
		j.Partial = j.Partial || !e.Rows[i].Reachable
	}
	if e.RepairedAsOf != 0 {
		as := milliText(int64(e.RepairedAsOf))
		j.RepairedAsOf = &as
		c.w.Header().Set("Candor-Repaired-As-Of", as)
	}
	writeJSON(c.w, http.StatusOK, j)
	return nil
}

// tellOf fills in what this node itself knows of a replica that did not answer, of
// which the answer has nothing: how surprising its silence is, and the hints for it.
func (s *Server) tellOf(row *explainedRow, seen *Snapshot, id ring.NodeID) {
	hints := uint64(0)
	for _, t := range s.node.Hints() {
		if t.Target == id {
			hints = uint64(max(t.Count, 0))
		}
	}
	row.Hints = &hints
	for i := range seen.Members {
		if m := &seen.Members[i]; m.ID == id && m.HasPhi {
			phi := math.Round(m.Phi*1000) / 1000
			row.Phi = &phi
		}
	}
}

// explained is a row, by the clock of the snapshot.
func explained(seen *Snapshot, order int, w *wire.ExplainRow) explainedRow {
	id := ring.NodeID(w.Node)
	j := explainedRow{Order: order, Name: seen.label(id), ID: id.String(), Role: roleText(w.Role), Reachable: w.Reachable}
	if w.HasPhi {
		phi := float64(w.Phi) / 1000
		j.Phi = &phi
	}
	if !w.Reachable {
		return j
	}
	version, kind := versionText(w.Version), "value"
	switch {
	case !w.ChecksumOK: // which has no version that could be trusted
		kind = "damaged"
	case w.Version.IsZero():
		kind = "nothing"
	case w.Tombstone:
		kind = "tombstone"
	case w.ExpiresAt != 0 && w.ExpiresAt <= seen.Time.UnixMilli():
		kind = "expired"
	}
	j.Version, j.Kind, j.Hints, j.ChecksumOK = &version, &kind, &w.HintsPending, &w.ChecksumOK
	if version != "" {
		j.Written, j.Expires, j.Size = timeText(w.Version.Time.Time()), milliText(w.ExpiresAt), &w.ValueBytes
	}
	return j
}

func roleText(r wire.Role) string {
	switch r {
	case wire.RoleNatural:
		return "natural"
	case wire.RoleJoining:
		return "joining"
	case wire.RoleStandIn:
		return "stand-in"
	}
	return strconv.Itoa(int(r))
}
