package verdict

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// Snapshot is the evidence that one node has collected: what the metadata of its
// epoch names, and of each member what that says of itself, or that it says nothing.
type Snapshot struct {
	// Time is when it was collected, by the clock of the collector.
	Time    Opt[Time] `json:"time"`
	Cluster Cluster   `json:"cluster"`
	SeenBy  SeenBy    `json:"seen_by"`
	// Waiting is for whom a collector waits that has no metadata; else "".
	Waiting string `json:"waiting"`

	// Members are all that the metadata names, in its order, the collector too.
	Members []Member `json:"nodes"`
	// Owners are, by partition, the natural replicas as indices into Members, in order
	// of preference. A row is shorter than Replicas where members are lacking.
	Owners     Opt[[][]uint16]  `json:"owners"`
	Namespaces Opt[[]Namespace] `json:"namespaces"`
	// Losses are what was given up since the cluster was made, in the order of the epochs.
	Losses Opt[[]Loss] `json:"losses"`
}

// Cluster is what holds for all nodes, in the metadata of the collector.
type Cluster struct {
	Name       string `json:"name"`
	ID         string `json:"id"`
	Replicas   int    `json:"replicas"`
	Partitions int    `json:"partitions"`
	Epoch      uint64 `json:"epoch"` // 0: the collector has no metadata
}

// SeenBy is the collector.
type SeenBy struct {
	Name string `json:"name"`
	ID   string `json:"id"`
}

// Namespace is one namespace, with levels in their text form, never the default.
type Namespace struct {
	Name       string `json:"name"`
	Mode       string `json:"mode"` // lww, serial
	ReadLevel  string `json:"read_level"`
	WriteLevel string `json:"write_level"`
	AllowStale bool   `json:"allow_stale"`
}

// Answer is what became of the question to a member.
type Answer string

// The answers. Any other word, from a later version, counts as NotAsked.
const (
	Answered Answer = "answered"  // Member.Report is what it said
	Silent   Answer = "silent"    // it was asked, and did not answer in time: that is evidence
	NotAsked Answer = "not_asked" // no question was sent, so nothing is known
	TooOld   Answer = "too_old"   // it answered once, too long ago to keep
)

// Member is one member, as the metadata names it, and what is known of it now.
type Member struct {
	Name   string `json:"name"`
	ID     string `json:"id"`
	Zone   string `json:"zone"`
	Region string `json:"region"`
	State  string `json:"state"` // joining, normal, leaving

	Client     string `json:"client"`
	Peer       string `json:"peer"`
	GossipAddr string `json:"gossip_addr"`
	HTTP       string `json:"http"`

	Answer Answer `json:"answer"`
	// AgeMS is how old the answer is, or the finding that there is none: since before
	// the question was sent.
	AgeMS Opt[int64] `json:"age_ms"`
	// Since is when a silent member was last heard of.
	Since Opt[Time] `json:"since"`
	// Error is why there is no answer, in words; "" if that is not known.
	Error string `json:"error"`
	// AnswersAs is the id of another node that answers at its address; "": none does.
	AnswersAs string  `json:"answers_as,omitempty"`
	Report    *Report `json:"report"` // nil but for Answered
}

// Aged is the same evidence, some milliseconds later: for whoever has kept it.
func (s *Snapshot) Aged(ms int64) *Snapshot {
	later := *s
	if t, ok := s.Time.Get(); ok {
		later.Time = Known(t + Time(ms))
	}
	later.Members = slices.Clone(s.Members)
	for i := range later.Members {
		m := &later.Members[i]
		if age, ok := m.AgeMS.Get(); ok {
			m.AgeMS = Known(saturated(age, ms))
		}
	}
	return &later
}

// saturated is the sum of two ages. One that is negative is no age, and stays so.
func saturated(a, b int64) int64 {
	switch {
	case a < 0 || b < 0:
		return -1
	case a > math.MaxInt64-b:
		return math.MaxInt64
	}
	return a + b
}

// ParseReport reads the JSON of a report. What it says is not believed further than
// that: figures that cannot be are taken for unknown where they are used.
func ParseReport(b []byte) (*Report, error) {
	r := new(Report)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("verdict: a report cannot be read: %w", err)
	}
	return r, nil
}
