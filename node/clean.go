package node

import (
	"context"
	"time"

	"github.com/candordb/candor/hinted"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// cleanEvery is how often dirty marks are held against what is proved.
const cleanEvery = 2 * time.Second

// clean takes away dirty marks, until ctx ends: a partition of which a target may
// have lacked something is clean once all its replicas are proved to agree up to
// the time of the mark. Who replicates the partition knows that; others are told in
// the reports of those who do.
func (n *Node) clean(ctx context.Context) error {
	return every(ctx, cleanEvery, n.cleanOnce)
}

func (n *Node) cleanOnce() {
	dirty := make(map[ring.NodeID][]int)
	n.hints.with(func(c *hinted.Core) {
		for _, id := range c.Targets(nil) {
			if partitions := c.Dirty(nil, id); len(partitions) > 0 {
				dirty[id] = partitions
			}
		}
	})
	if len(dirty) == 0 {
		return
	}
	proved := n.proved()
	n.hints.with(func(c *hinted.Core) {
		for id, partitions := range dirty { // each by itself: order does not matter
			for _, p := range partitions {
				if p < len(proved) {
					c.Clean(id, p, proved[p])
				}
			}
		}
	})
}

// proved is up to when the replicas of each partition are proved to agree, as this
// node or any that replicates the partition knows; 0: nobody has told.
func (n *Node) proved() []hlc.Timestamp {
	cl := n.Cluster()
	if cl == nil {
		return nil
	}
	all := make([]hlc.Timestamp, cl.Ring.Q())
	if v := n.repair.seen.Load(); v != nil {
		copy(all, v.asOf)
	}
	seen := n.Evidence()
	for i := range seen.Members {
		r := seen.Members[i].Report
		if r == nil {
			continue
		}
		repair, known := r.Repair.Get()
		if !known {
			continue
		}
		for j := range repair.States {
			asOf, known := repair.States[j].AsOf.Get()
			if !known {
				continue
			}
			for _, p := range repair.States[j].Partitions {
				if p < len(all) {
					all[p] = max(all[p], hlc.Make(int64(asOf), 0))
				}
			}
		}
	}
	return all
}
