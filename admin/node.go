package admin

import (
	"context"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/verdict"
	"github.com/candordb/candor/wire"
)

// Node is the node as the admin API sees it. All methods may be called at once
// by many goroutines; what they return belongs to the caller and does not change.
type Node interface {
	Repairer
	Tasker
	Hinter
	Accepter
	// Ask sends one request as a client of this node would, and waits for its
	// answer, which may be a refusal. The error says that none came before ctx
	// ended: what became of a write is unknown then.
	Ask(ctx context.Context, q *wire.Request) (*wire.Answer, error)
	// Snapshot is the cluster as this node sees it now. It does not block.
	Snapshot() *Snapshot
	// Evidence is what all members say of themselves, as far as this node has heard. It
	// does not block. It may be judged, and must not be changed.
	Evidence() *verdict.Snapshot
	// Began is since when this node has had a finding, without a break; the zero time if
	// it has it for less than a second.
	Began(f *verdict.Finding) time.Time
	// Namespaces lists the namespaces, none before epoch 1. It does not block.
	Namespaces() []Namespace
	// Settings lists every setting in the order of the reference. No setting is a
	// secret: those are in files, which the settings name.
	Settings() []Setting
	// Alive, Ready and Started list what has to hold for the node to be alive
	// (else it should be restarted), to take requests, and to have started. Ready
	// never depends on other nodes, but for the epoch that a new node waits for.
	// Alive may block until ctx ends.
	Alive(ctx context.Context) []Check
	Ready() []Check
	Started() []Check
}

// Check is one thing that has to hold.
type Check struct {
	Name string
	Why  string // why it does not hold; "": it does
	Warn bool   // it is told, but a node that fails it serves all the same
}

// Snapshot is the cluster as one node sees it at one time. It never changes.
type Snapshot struct {
	Time        time.Time
	Self        ring.NodeID
	Name        string // of the node itself
	Region      string
	Version     string // of the build
	Incarnation uint64
	Cluster     string // its name
	ClusterID   [16]byte
	Waiting     string // for whom a node without metadata waits; else ""

	View    *ring.View // nil before epoch 1
	Members []Member   // in the order of the View's

	Draining bool
	Fenced   bool   // the clock may not be used, so this node does not coordinate
	Stopped  string // why the storage has stopped; "": it has not

	Verdict  verdict.Word // on the cluster, as of the last second; "": none was reached yet
	Sentence string       // what follows the word
}

// Member is a member, at the addresses where it is now, and what is known of
// whether it can be reached.
type Member struct {
	ring.Member
	Reachable bool
	Suspect   bool    // it is asked last
	Phi       float64 // how surprising its silence is
	HasPhi    bool    // else that is not measured
	Linked    bool    // the connection to it stands; true of the node itself
	Gossip    string  // alive, dead, unknown
	Why       string  // what is wrong with it; "": nothing is known
}

// epoch is 0 before there is one.
func (s *Snapshot) epoch() uint64 {
	if s.View == nil {
		return 0
	}
	return uint64(s.View.Epoch())
}

// label is a member's name; its id where the name would not tell which one is
// meant.
func (s *Snapshot) label(id ring.NodeID) string {
	name := ""
	if id == s.Self {
		name = s.Name // before there are members too
	}
	for i := range s.Members {
		if s.Members[i].ID == id {
			name = s.Members[i].Name
		}
	}
	for i := range s.Members {
		if m := &s.Members[i]; m.Name == name && m.ID != id {
			name = ""
		}
	}
	if name == "" {
		return id.String()
	}
	return name
}

// Namespace is one namespace. Levels are resolved, never the default.
type Namespace struct {
	Name        string
	Number      uint32
	Mode        string // lww, serial
	Read, Write contract.Level
	TTL         time.Duration // 0: never expires
	ValueBytes  int64         // the largest value
	AllowStale  bool
}

// Setting is one setting, as text in the form that files take, and where its
// value came from.
type Setting struct {
	Key, Value, Origin string
}
