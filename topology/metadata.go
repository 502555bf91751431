package topology

import (
	"errors"
	"fmt"
	"strings"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// ErrMetadata is returned for bytes that are not the metadata of a cluster.
var ErrMetadata = errors.New("not cluster metadata")

// Metadata is what one epoch says. Fields are only ever added.
type Metadata struct {
	Epoch        uint64         `msgpack:"epoch"`
	ClusterID    []byte         `msgpack:"cluster_id"` // 16 bytes
	ClusterName  string         `msgpack:"cluster_name"`
	Seed         uint64         `msgpack:"seed"` // of record fingerprints
	Replicas     int            `msgpack:"replicas"`
	Partitions   int            `msgpack:"partitions"`
	Members      []MemberRow    `msgpack:"members"`
	Owners       []byte         `msgpack:"owners"` // Partitions x Replicas indices into Members, 16 bits big-endian
	Voters       [][]byte       `msgpack:"voters"` // node ids: who decides the next epoch
	Namespaces   []NamespaceRow `msgpack:"namespaces"`
	Rebuilds     []RebuildRow   `msgpack:"rebuilds"`
	AgeLimitMS   int64          `msgpack:"age_limit_ms"`
	MaxDriftMS   int64          `msgpack:"max_drift_ms"`
	FeatureLevel uint64         `msgpack:"feature_level"`
	Losses       []LossRow      `msgpack:"losses"` // in the order in which they were accepted
}

// MemberRow is one member. Addresses are host:port.
type MemberRow struct {
	ID     []byte `msgpack:"id"` // 16 bytes
	Name   string `msgpack:"name"`
	Zone   string `msgpack:"zone"`
	Region string `msgpack:"region"`
	State  uint8  `msgpack:"state"`
	Client string `msgpack:"client"`
	Peer   string `msgpack:"peer"`
	Gossip string `msgpack:"gossip"`
	HTTP   string `msgpack:"http"`
}

// NamespaceRow is one namespace. Its number is that of the epoch that made it;
// epoch 1 makes several, of which default has 1 and the others count on from
// foundedFrom, where no epoch will come.
type NamespaceRow struct {
	Name       string `msgpack:"name"`
	Number     uint32 `msgpack:"number"`
	Mode       string `msgpack:"mode"`
	Read       uint8  `msgpack:"read"`      // contract.Level of reads that name none; 0: quorum
	Write      uint8  `msgpack:"write"`     // of writes
	TTLMS      uint64 `msgpack:"ttl_ms"`    // of values that name none; 0: for ever
	MaxValue   uint64 `msgpack:"max_value"` // bytes; 0: the limit of the node
	AllowStale bool   `msgpack:"allow_stale"`
}

// RebuildRow is a member that is being rebuilt: it begins with the epoch that has
// the row, and has ended with the one that has it no more.
type RebuildRow struct {
	Node       []byte   `msgpack:"node"`       // 16 bytes
	Generation uint64   `msgpack:"generation"` // drawn by the node when it found that it needs this; not 0
	Partitions []uint16 `msgpack:"partitions"` // none: all
	Epoch      uint64   `msgpack:"epoch"`      // that began it
}

// namespaceWords says what a list of namespaces comes to, so that two
// configurations can be compared.
func namespaceWords(rows []NamespaceRow) string {
	var words []string
	for _, r := range founded(rows) {
		words = append(words, fmt.Sprintf("%s read=%v write=%v ttl=%dms max_value=%dB stale=%v",
			r.Name, contract.Level(r.Read), contract.Level(r.Write), r.TTLMS, r.MaxValue, r.AllowStale))
	}
	return strings.Join(words, ", ")
}

// foundedFrom is the number of the first namespace of epoch 1 after default.
const foundedFrom = 1 << 31

// founded are the namespaces of epoch 1.
func founded(rows []NamespaceRow) []NamespaceRow {
	list := []NamespaceRow{{Name: "default", Number: 1, Mode: "lww"}}
	for _, row := range rows {
		row.Mode = "lww"
		if row.Name == "default" {
			row.Number = 1
			list[0] = row
			continue
		}
		row.Number = foundedFrom + uint32(len(list)) - 1
		list = append(list, row)
	}
	return list
}

// votersMax is the largest number of voters.
const votersMax = 7

var documentLimits = wire.DocumentLimits{Bytes: 16 << 20, Elems: 1 << 20, Depth: 8}

// Encode makes the bytes that are agreed on. They are made once.
func (m *Metadata) Encode() ([]byte, error) { return wire.Marshal(m) }

// Decode reads and checks metadata. Its error is ErrMetadata.
func Decode(b []byte) (*Metadata, error) {
	m := new(Metadata)
	if err := wire.SafeUnmarshal(b, documentLimits, m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMetadata, err)
	}
	if m.Epoch == 0 || len(m.ClusterID) != 16 || m.ClusterName == "" || m.AgeLimitMS <= 0 || m.MaxDriftMS <= 0 {
		return nil, fmt.Errorf("%w: epoch %d of cluster %q with an id of %d bytes", ErrMetadata, m.Epoch, m.ClusterName, len(m.ClusterID))
	}
	if _, err := m.View(); err != nil {
		return nil, err
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMetadata, err)
	}
	return m, nil
}

// View is the ring view of the metadata.
func (m *Metadata) View() (*ring.View, error) {
	members := make([]ring.Member, len(m.Members))
	for i := range m.Members {
		r := &m.Members[i]
		if len(r.ID) != 16 {
			return nil, fmt.Errorf("%w: the id of member %d has %d bytes", ErrMetadata, i, len(r.ID))
		}
		members[i] = r.member()
	}
	owners, err := ring.ParseOwners(m.Owners, m.Partitions, m.Replicas)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMetadata, err)
	}
	view, err := ring.NewView(ring.Epoch(m.Epoch), m.Partitions, m.Replicas, members, owners)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMetadata, err)
	}
	return view, nil
}

func (r *MemberRow) member() ring.Member {
	return ring.Member{
		ID: ring.NodeID(r.ID), Name: r.Name, Zone: r.Zone, Region: r.Region, State: ring.MemberState(r.State),
		Client: r.Client, Peer: r.Peer, Gossip: r.Gossip, HTTP: r.HTTP,
	}
}

func rowOf(m ring.Member) MemberRow {
	return MemberRow{
		ID: m.ID[:], Name: m.Name, Zone: m.Zone, Region: m.Region, State: uint8(m.State),
		Client: m.Client, Peer: m.Peer, Gossip: m.Gossip, HTTP: m.HTTP,
	}
}

// names says whether the metadata names a node.
func (m *Metadata) names(id ring.NodeID) bool {
	for i := range m.Members {
		if ring.NodeID(m.Members[i].ID) == id {
			return true
		}
	}
	return false
}

// nameOf is the name of a member; the id of anybody else.
func (m *Metadata) nameOf(id ring.NodeID) string {
	for i := range m.Members {
		if ring.NodeID(m.Members[i].ID) == id {
			return m.Members[i].Name
		}
	}
	return id.String()
}

// voters are the nodes that decide the next epoch.
func (m *Metadata) voters() []ring.NodeID {
	ids := make([]ring.NodeID, len(m.Voters))
	for i, v := range m.Voters {
		ids[i] = ring.NodeID(v)
	}
	return ids
}

// Rebuild is the rebuild of a node that is under way; nil if there is none.
func (m *Metadata) Rebuild(id ring.NodeID) *RebuildRow {
	for i := range m.Rebuilds {
		if ring.NodeID(m.Rebuilds[i].Node) == id {
			return &m.Rebuilds[i]
		}
	}
	return nil
}

// first makes the metadata of epoch 1.
func first(o *Options, members []MemberRow, clusterID [16]byte, seed uint64) (*Metadata, error) {
	m := &Metadata{
		Epoch: 1, ClusterID: clusterID[:], ClusterName: o.ClusterName, Seed: seed, Replicas: o.Replicas, Partitions: o.Partitions,
		Members: members, Namespaces: founded(o.Namespaces),
		AgeLimitMS: o.AgeLimitMS, MaxDriftMS: o.MaxDriftMS, FeatureLevel: 1,
	}
	all := make([]ring.Member, len(members))
	for i := range members {
		members[i].State = uint8(ring.Normal)
		all[i] = members[i].member()
	}
	owners, err := ring.Claim(m.Partitions, m.Replicas, nil, all)
	if err != nil {
		return nil, err
	}
	m.Owners = ring.AppendOwners(nil, owners)
	voters := min(len(members), votersMax)
	voters -= 1 - voters%2
	for _, r := range members[:voters] {
		m.Voters = append(m.Voters, r.ID)
	}
	return m, nil
}
