package client

import (
	"context"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// Outcome is what became of a request; there is no fourth.
type Outcome uint8

// The outcomes.
const (
	// Done: as the receipt says.
	Done Outcome = iota
	// NotApplied: no attempt of this request had or will have an effect.
	NotApplied
	// InDoubt: it may be visible now, later, or never.
	InDoubt
)

// String is the outcome in words.
func (o Outcome) String() string {
	return [...]string{"done", "not applied", "in doubt"}[o]
}

// Fate is what a cluster tells of a write when it is asked; it is finer than
// Outcome.
type Fate = contract.Fate

// The fates of a write.
const (
	FatePending    = contract.Pending
	FateCommitted  = contract.Committed
	FateSuperseded = contract.FateSuperseded
	FateNotApplied = contract.NotApplied
	FateForgotten  = contract.Forgotten
)

// OutcomeOf is the outcome that a fate means. A fate that this build does not
// know is in doubt.
func OutcomeOf(f Fate) Outcome {
	switch f {
	case FateCommitted, FateSuperseded:
		return Done
	case FateNotApplied:
		return NotApplied
	}
	return InDoubt
}

// Outcome settles what became of the write of a key with that version. Done: it
// stands on a quorum, or a higher version does in its place, which is then the
// receipt's SupersededBy. NotApplied: no replica has it and none ever will. With
// an error nothing was learned: it is as much in doubt as before. Of the options
// it takes Sloppy alone.
func (ns *Namespace) Outcome(ctx context.Context, key []byte, v Version, o ...CallOption) (Outcome, Receipt, error) {
	fate, r, err := ns.Fate(ctx, key, v, o...)
	return OutcomeOf(fate), r, err
}

// Fate is Outcome in the cluster's own words, which tell a write that is still
// pending from one that was too long ago to tell.
func (ns *Namespace) Fate(ctx context.Context, key []byte, v Version, o ...CallOption) (Fate, Receipt, error) {
	k := ns.call(o)
	q := ns.request(wire.OpOutcome, key, &k, false)
	q.Level, q.Flags, q.Version, q.HasVersion = 0, 0, v, true
	if k.sloppy {
		q.Flags = contract.OutcomeSloppy
	}
	a, err := ns.do(ctx, &q, &k, "outcome", false)
	if err != nil {
		return FatePending, Receipt{Version: v}, err
	}
	r := receiptOf(ns.c.table.Load(), v, &a.Outcome.Receipt, a.Epoch)
	if a.Outcome.Winner != v {
		r.SupersededBy = a.Outcome.Winner
	}
	return a.Outcome.Fate, r, nil
}
