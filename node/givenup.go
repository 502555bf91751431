package node

import (
	"context"

	"github.com/candordb/candor/repair"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/topology"
	"github.com/candordb/candor/verdict"
)

// owe notes, before this node acts on an epoch, that it gives up copies of this node's.
// From then on nothing is served until they are in quarantine: the others may be rebuilt
// without them already.
func (l *lost) owe(m *topology.Metadata) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range m.Losses {
		if row := &m.Losses[i]; row.Open() && ring.NodeID(row.Node) == l.node.id && row.Epoch > max(l.owed, l.paid) {
			l.owed = row.Epoch
			l.admitted.Store(false)
		}
	}
}

// owes says whether copies that were given up may not be in quarantine yet.
func (l *lost) owes() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.owed > l.paid
}

// admit lets this node serve, unless it owes something; true if it did not before.
func (l *lost) admit() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.owed <= l.paid && !l.admitted.Swap(true)
}

// payUp puts the copies of this node that were given up into quarantine, those too that
// it holds for good: it may have been away for that long. False: it has to be tried again.
func (l *lost) payUp(ctx context.Context, st *state) bool {
	l.mu.Lock()
	owed, paid := l.owed, l.paid
	l.mu.Unlock()
	if owed <= paid {
		return true
	}
	if st.meta.Epoch < owed {
		return false // this node is about to act on it
	}
	var good []int
	anew := false // the loss is for a rebuild that is yet to begin
	marks := l.node.marks.Load()
	for i := range st.meta.Losses {
		row := &st.meta.Losses[i]
		if ring.NodeID(row.Node) != l.node.id || row.Epoch <= paid || !row.Open() {
			continue
		}
		anew = anew || row.Generation == 0
		for _, p := range row.Partitions {
			if st.cluster.Ring.Owns(int(p), l.node.id) && !marks.Partition(int(p)).Quarantined {
				good = append(good, int(p))
			}
		}
	}
	if len(good) > 0 {
		l.node.log.Error("an operator has given up copies of this node: they go into quarantine, and are rebuilt from the others", "partitions", len(good), "epoch", owed)
	}
	if (anew || len(good) > 0) && !l.savePlan(ctx, repair.Plan{}) || !l.isolate(ctx, good) || !l.saveUint(ctx, paidName, owed) {
		return false
	}
	l.mu.Lock()
	l.paid = owed
	l.mu.Unlock()
	return true
}

// lossesOf are the copies that do not count in an epoch.
func lossesOf(m *topology.Metadata) (losses []repair.Loss) {
	for i := range m.Losses {
		if row := &m.Losses[i]; row.Open() {
			losses = append(losses, repair.Loss{Node: ring.NodeID(row.Node), Partitions: row.Partitions, Generation: row.Generation})
		}
	}
	return losses
}

// lossesOnRecord is what was ever given up.
func lossesOnRecord(m *topology.Metadata) []verdict.Loss {
	losses := []verdict.Loss{}
	for i := range m.Losses {
		row := &m.Losses[i]
		l := verdict.Loss{Node: ring.NodeID(row.Node).String(), Votes: row.Votes, Epoch: row.Epoch, Time: verdict.Time(row.AtMS), Open: row.Open()}
		for _, p := range row.Partitions {
			l.Partitions = append(l.Partitions, int(p))
		}
		losses = append(losses, l)
	}
	return losses
}
