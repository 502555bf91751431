package topology

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/candordb/candor/ring"
)

// ErrChange is returned for a change that cannot be made to the metadata as they
// are.
var ErrChange = errors.New("the change cannot be made")

// Change makes the metadata of the next epoch out of a copy of the present ones,
// in which Epoch is the next one's number already. Its error says why that cannot
// be; it wraps ErrChange.
type Change func(*Metadata) error

// nextValue makes the document of the next epoch.
func (c *Core) nextValue(change Change) ([]byte, error) {
	if c.meta == nil {
		return nil, ErrNotMember
	}
	m, err := Decode(c.doc) // a copy
	if err != nil {
		return nil, err
	}
	m.Epoch++
	if err := change(m); err != nil {
		return nil, err
	}
	if err := c.meta.leadsTo(m); err != nil {
		return nil, err
	}
	return m.Encode()
}

// leadsTo says why an epoch cannot follow this one; nil if it can. It is what keeps
// neighbouring epochs safe for each other: as they have the same owners, every
// quorum of the one meets every quorum of the other.
func (m *Metadata) leadsTo(next *Metadata) error {
	same := next.ClusterName == m.ClusterName && bytes.Equal(next.ClusterID, m.ClusterID) && next.Seed == m.Seed &&
		next.Partitions == m.Partitions
	switch {
	case next.Epoch != m.Epoch+1:
		return fmt.Errorf("%w: epoch %d does not follow epoch %d", ErrChange, next.Epoch, m.Epoch)
	case !same:
		return fmt.Errorf("%w: name, id, seed and number of partitions of a cluster are for ever", ErrChange)
	case next.Replicas != m.Replicas || !bytes.Equal(next.Owners, m.Owners) || !slices.EqualFunc(next.Members, m.Members, sameNode):
		return fmt.Errorf("%w: members and owners cannot be changed by this build", ErrChange)
	}
	if err := m.keepsLosses(next); err != nil {
		return err
	}
	return next.check()
}

// sameNode says whether two rows are of one node in one place of the ring.
func sameNode(a, b MemberRow) bool {
	return bytes.Equal(a.ID, b.ID) && a.State == b.State
}

// check holds metadata to the rules between their own parts.
func (m *Metadata) check() error {
	for i := range m.Namespaces {
		ns := &m.Namespaces[i]
		for _, o := range m.Namespaces[:i] {
			if o.Name == ns.Name || o.Number == ns.Number {
				return fmt.Errorf("%w: namespace %s has the name or the number of another one", ErrChange, ns.Name)
			}
		}
	}
	for i, v := range m.Voters {
		if len(v) != len(ring.NodeID{}) || !m.names(ring.NodeID(v)) || slices.ContainsFunc(m.Voters[:i], func(o []byte) bool { return bytes.Equal(o, v) }) {
			return fmt.Errorf("%w: voter %x is no member, or is named twice", ErrChange, v)
		}
	}
	if n := len(m.Voters); n == 0 || n%2 == 0 || n > votersMax {
		return fmt.Errorf("%w: %d voters, want an odd number up to %d", ErrChange, n, votersMax)
	}
	for i, r := range m.Rebuilds {
		if len(r.Node) != len(ring.NodeID{}) || !m.names(ring.NodeID(r.Node)) || r.Generation == 0 {
			return fmt.Errorf("%w: a rebuild of %x, generation %d: no member, or no generation", ErrChange, r.Node, r.Generation)
		}
		for _, o := range m.Rebuilds[:i] {
			if bytes.Equal(o.Node, r.Node) {
				return fmt.Errorf("%w: two rebuilds of %s", ErrChange, m.nameOf(ring.NodeID(r.Node)))
			}
		}
		for _, p := range r.Partitions {
			if int(p) >= m.Partitions {
				return fmt.Errorf("%w: there is no partition %d", ErrChange, p)
			}
		}
	}
	return m.checkLosses()
}

// StartRebuild says that a node is being rebuilt, of a generation that is another
// at each rebuild: the given partitions; none: all. It takes the place of an
// earlier rebuild of that node. A loss of the node that was accepted is for the first
// that begins after it.
func StartRebuild(node ring.NodeID, generation uint64, partitions []uint16) Change {
	return func(m *Metadata) error {
		m.dropRebuild(node)
		m.beginsRebuild(node, generation)
		m.Rebuilds = append(m.Rebuilds, RebuildRow{Node: node[:], Generation: generation, Partitions: partitions, Epoch: m.Epoch})
		return nil
	}
}

// EndRebuild says that the rebuild of a node, of that generation, has ended.
func EndRebuild(node ring.NodeID, generation uint64) Change {
	return func(m *Metadata) error {
		if r := m.Rebuild(node); r == nil || r.Generation != generation {
			return fmt.Errorf("%w: no rebuild of %s of generation %d is under way", ErrChange, m.nameOf(node), generation)
		}
		m.dropRebuild(node)
		m.endsRebuild(node, generation)
		return nil
	}
}

func (m *Metadata) dropRebuild(node ring.NodeID) {
	m.Rebuilds = slices.DeleteFunc(m.Rebuilds, func(r RebuildRow) bool { return bytes.Equal(r.Node, node[:]) })
}

// SetNamespace makes a namespace, or changes the settings of the one of that name.
// The number and mode of row are not looked at: a new one has the number of the
// epoch that makes it.
func SetNamespace(row NamespaceRow) Change {
	return func(m *Metadata) error {
		row.Mode = "lww"
		for i := range m.Namespaces {
			if m.Namespaces[i].Name == row.Name {
				row.Number = m.Namespaces[i].Number
				m.Namespaces[i] = row
				return nil
			}
		}
		if m.Epoch >= foundedFrom {
			return fmt.Errorf("%w: epoch %d is no number for a namespace any more", ErrChange, m.Epoch)
		}
		row.Number = uint32(m.Epoch)
		m.Namespaces = append(m.Namespaces, row)
		return nil
	}
}
