package admin

import (
	"context"
	"errors"

	"github.com/candordb/candor/ring"
)

// lossFake is the Accepter of a fake: n3 is away, n2 in quarantine, n1 is well.
type lossFake struct{ accepted []ring.NodeID }

func (f *lossFake) AcceptLoss(_ context.Context, nodes []ring.NodeID, dry bool) (*AcceptedLoss, error) {
	loss := &AcceptedLoss{Partitions: 3, Bare: 1}
	for _, id := range nodes {
		switch id {
		case nodeID(1):
			return nil, &LossError{Asked: true, Err: errors.New("n1 is neither in quarantine nor away: its copies are good")}
		case nodeID(4):
			return nil, &LossError{Doubt: true, Err: errors.New("it is not decided")}
		}
		loss.Copies = append(loss.Copies, LostCopy{Node: id, Partitions: []int{0, 2, 3}, Away: id == nodeID(3), Votes: id == nodeID(2)})
	}
	if !dry {
		loss.Epoch = 8
		f.accepted = append(f.accepted, nodes...)
	}
	return loss, nil
}
