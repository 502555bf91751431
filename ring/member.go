package ring

import (
	"errors"
	"fmt"
)

// ErrMembers is returned for a member list that no ring can be built on.
var ErrMembers = errors.New("ring: invalid member list")

// MemberState is where a member is on its way through the cluster. The numbers
// are wire format: append-only.
type MemberState uint8

const (
	// Joining members are being handed their share.
	Joining MemberState = 1
	// Normal members own their share.
	Normal MemberState = 2
	// Leaving members hand their share over; a claim gives them nothing.
	Leaving MemberState = 3
)

// String is the state's word in tables and logs.
func (s MemberState) String() string {
	switch s {
	case Joining:
		return "joining"
	case Normal:
		return "normal"
	case Leaving:
		return "leaving"
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// Member is one node of the cluster as the agreed metadata names it.
type Member struct {
	ID    NodeID
	Name  string // for people; need not be unique
	Zone  string // failure domain over which replicas are spread; "" is one zone, shared by all that have none
	State MemberState

	Region string // what local_ levels mean; placement ignores it

	// Addresses that others dial, each host:port.
	Client, Peer, Gossip, HTTP string
}

// membersMax bounds a member list: indices are 16 bits, and NoOwner is no index.
const membersMax = NoOwner

// indexMembers checks the list and returns where each id stands in it.
func indexMembers(members []Member) (map[NodeID]uint16, error) {
	if len(members) == 0 || len(members) > membersMax {
		return nil, fmt.Errorf("%w: %d members, want 1 to %d", ErrMembers, len(members), membersMax)
	}
	index := make(map[NodeID]uint16, len(members))
	for i := range members {
		m := &members[i]
		if m.ID.IsZero() {
			return nil, fmt.Errorf("%w: member %d (%q) has no id", ErrMembers, i, m.Name)
		}
		if m.State < Joining || m.State > Leaving {
			return nil, fmt.Errorf("%w: member %s is in unknown state %d", ErrMembers, m.ID, m.State)
		}
		if first, twice := index[m.ID]; twice {
			return nil, fmt.Errorf("%w: id %s stands at %d and at %d", ErrMembers, m.ID, first, i)
		}
		index[m.ID] = uint16(i)
	}
	return index, nil
}
