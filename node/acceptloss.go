package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/candordb/candor/admin"
	"github.com/candordb/candor/repair"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/topology"
	"github.com/candordb/candor/verdict"
)

// saidWithin is how long a member has to say what it has in quarantine, for a loss to be
// planned by it. A report is made each second.
const saidWithin = 5 * time.Second

// AcceptLoss implements admin.Accepter. It is planned by what all members say behind the
// question, in the epoch that is in force; in another one it is not decided. What changes
// in between is put right by the members: a copy that has become good again goes into
// quarantine once more, and is rebuilt from the others.
func (n *Node) AcceptLoss(ctx context.Context, nodes []ring.NodeID, dry bool) (*admin.AcceptedLoss, error) {
	if n.state.Load() == nil {
		return nil, &admin.LossError{Err: topology.ErrNotMember}
	}
	votes, err := n.votesLost(ctx)
	if err != nil {
		return nil, &admin.LossError{Err: err}
	}
	st, copies, err := n.copiesNow(ctx)
	if err != nil {
		return nil, &admin.LossError{Err: err}
	}
	view := st.cluster.Ring
	plan, err := repair.PlanLoss(view, copies, nodes, votes)
	if err != nil {
		return nil, &admin.LossError{Asked: true, Err: err}
	}
	loss := &admin.AcceptedLoss{Partitions: plan.Partitions, Bare: plan.Bare}
	var given []topology.GivenUp
	for i, id := range nodes {
		at, _ := view.Index(id)
		away := !copies[at].Reachable
		given = append(given, topology.GivenUp{Node: id, Partitions: plan.Rows[i]})
		row := admin.LostCopy{Node: id, Away: away, Votes: slices.Contains(votes, id)}
		for _, p := range plan.Rows[i] {
			row.Partitions = append(row.Partitions, int(p))
		}
		loss.Copies = append(loss.Copies, row)
	}
	if dry {
		return loss, nil
	}
	loss.Epoch, err = n.decide(ctx, func(to any, out *topology.Effects) {
		n.control.core.AcceptLoss(n.clock.mono(), n.clock.now().Physical, to, uint64(view.Epoch()), given, out)
	})
	if err != nil {
		return nil, &admin.LossError{Doubt: errors.Is(err, topology.ErrUndecided), Asked: errors.Is(err, topology.ErrChange), Err: err}
	}
	n.log.Error("an operator has given up copies that are lost: what waits for them is rebuilt from what is left", "epoch", loss.Epoch, "partitions", loss.Partitions, "without an intact copy", loss.Bare)
	return loss, nil
}

// votesLost are the voters that have forgotten what they had voted for, if there is no
// majority without them.
func (n *Node) votesLost(ctx context.Context) ([]ring.NodeID, error) {
	told := make(chan []ring.NodeID, 1)
	event := func(*topology.Effects) { told <- n.control.core.VotesLost() }
	select {
	case n.control.events <- event:
	case <-ctx.Done():
		return nil, fmt.Errorf("the node did not take it up in time: %w", ctx.Err())
	case <-n.stopped:
		return nil, topology.ErrNotMember
	}
	select {
	case votes := <-told:
		return votes, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("the node did not take it up in time: %w", ctx.Err())
	case <-n.stopped:
		return nil, topology.ErrNotMember
	}
}

// copiesNow is what all members say of their copies behind this call, and the state that
// it holds for. Who has said nothing in time is not known.
func (n *Node) copiesNow(ctx context.Context) (*state, []repair.Copies, error) {
	since := time.Now()
	n.evidence.wanted.Store(&since)
	tick := time.NewTicker(evidenceTick)
	defer tick.Stop()
	for {
		st := n.state.Load()
		copies := n.copies(st, time.Since(since))
		if time.Since(since) >= saidWithin || !slices.ContainsFunc(copies, func(c repair.Copies) bool { return c.Reachable && !c.Known }) {
			return st, copies, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("the members did not say in time what they have in quarantine: %w", ctx.Err())
		case <-n.stopped:
			return nil, nil, topology.ErrNotMember
		}
	}
}

// copies is what is known of the copies of all members, in the order of the view. What is
// as old as that, or of another epoch, is not.
func (n *Node) copies(st *state, old time.Duration) []repair.Copies {
	view := st.cluster.Ring
	all := make([]repair.Copies, len(view.Members()))
	for i, m := range view.Members() {
		all[i] = repair.Copies{ID: m.ID, Name: m.Name}
		if m.ID == n.id {
			q, known := n.quarantine()
			all[i].Reachable, all[i].Known, all[i].Quarantined = true, known, q.Partitions
			all[i].GoesOn, all[i].Rebuilt, all[i].Of = st.meta.Lost(m.ID) && q.Waiting == "", q.Rebuilt, q.Of
			continue
		}
		row := n.evidence.member(m)
		age, aged := row.AgeMS.Get()
		if all[i].Reachable = row.Answer != verdict.Silent; row.Answer != verdict.Answered || row.Report == nil || !aged || age >= old.Milliseconds() {
			continue
		}
		if epoch, _ := row.Report.Epoch.Get(); epoch != st.meta.Epoch {
			continue
		}
		if q, known := row.Report.Quarantine.Get(); known {
			all[i].Known, all[i].Quarantined = true, q.Partitions
			all[i].GoesOn, all[i].Rebuilt, all[i].Of = st.meta.Lost(m.ID) && q.Waiting == "", q.Rebuilt, q.Of
		}
	}
	return all
}
