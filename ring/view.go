package ring

import (
	"fmt"
	"math/bits"
	"slices"
)

// View is the ring of one epoch. It never changes once made, so any number of
// goroutines may read it; a new epoch is a new View.
type View struct {
	epoch   Epoch
	q, n    int
	bits    uint8             // 2^bits == q
	members []Member          // as agreed; owners holds indices into it
	index   map[NodeID]uint16 // inverse of members
	owners  []uint16          // q rows of n entries, in order of preference
	held    []int             // partitions that each member owns
}

// NewView checks and copies its arguments. q is the number of partitions, a
// power of two up to 65536; n the number of replicas, 1 to 63; owners has q rows
// of n indices into members, no member twice in a row, NoOwner only behind the
// owners. Errors wrap ErrMembers or ErrTable and name the offending entry.
func NewView(epoch Epoch, q, n int, members []Member, owners []uint16) (*View, error) {
	if err := checkShape(q, n); err != nil {
		return nil, fmt.Errorf("ring: view of epoch %d: %w", epoch, err)
	}
	index, err := indexMembers(members)
	if err != nil {
		return nil, fmt.Errorf("ring: view of epoch %d: %w", epoch, err)
	}
	if err := checkOwners(q, n, len(members), owners); err != nil {
		return nil, fmt.Errorf("ring: view of epoch %d: %w", epoch, err)
	}
	v := &View{
		epoch:   epoch,
		q:       q,
		n:       n,
		bits:    uint8(bits.TrailingZeros(uint(q))),
		members: slices.Clone(members),
		index:   index,
		owners:  slices.Clone(owners),
		held:    make([]int, len(members)),
	}
	for _, o := range owners {
		if o != NoOwner {
			v.held[o]++
		}
	}
	return v, nil
}

// Epoch is the number under which the cluster agreed on this view.
func (v *View) Epoch() Epoch { return v.epoch }

// Q is the number of partitions.
func (v *View) Q() int { return v.q }

// N is the number of natural replicas that each key should have. A cluster of
// fewer members has fewer; quorums are counted against N all the same.
func (v *View) N() int { return v.n }

// Bits is the binary logarithm of Q, as Token.Partition takes it.
func (v *View) Bits() uint8 { return v.bits }

// Quorum is N/2 rounded down, plus 1.
func (v *View) Quorum() int { return v.n/2 + 1 }

// Members is the member list. The caller must not change it.
func (v *View) Members() []Member { return v.members }

// Member is the i-th member. The caller must not change it.
func (v *View) Member(i int) *Member { return &v.members[i] }

// Index is where id stands in the member list; false if it is no member.
func (v *View) Index(id NodeID) (int, bool) {
	i, ok := v.index[id]
	return int(i), ok
}

// PartitionOf is the partition that holds token t.
func (v *View) PartitionOf(t Token) int { return t.Partition(v.bits) }

// Owners are the N natural replicas of partition p as indices into the members,
// in order of preference; NoOwner fills the end if there are fewer. It is a
// window on the table: the caller must not change it.
func (v *View) Owners(p int) []uint16 {
	from, to := p*v.n, (p+1)*v.n
	return v.owners[from:to:to]
}

// Replicas are the owners of the partition that holds token t, as Owners gives them.
func (v *View) Replicas(t Token) []uint16 { return v.Owners(v.PartitionOf(t)) }

// Owns tells whether id is a natural replica of partition p.
func (v *View) Owns(p int, id NodeID) bool {
	i, ok := v.index[id]
	return ok && slices.Contains(v.Owners(p), i)
}

// Partitions is how many partitions id is a natural replica of.
func (v *View) Partitions(id NodeID) int {
	i, ok := v.index[id]
	if !ok {
		return 0
	}
	return v.held[i]
}

// OwnersTable is the whole table, Q rows of N entries, for the wire and for
// metadata. The caller must not change it.
func (v *View) OwnersTable() []uint16 { return v.owners }
