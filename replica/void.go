package replica

import (
	"bytes"
	"errors"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/traitor"
)

// Voids are how OUTCOME can promise that a write which nobody holds will never
// show (algorithms, rule 4): each natural replica looks again and, in the same
// committer step, notes durably that it refuses this version of the key from
// now on. A note stands against fresh writes and hints. A write-back comes from a
// replica that holds the version, which shows that it was not given up by all,
// and so it erases the note.

// void notes that a version was given up, unless that or a higher one is here.
func (a *Applier) void(now Now, view Store, writes []Write, i int, batch Batch) Result {
	w := &writes[i]
	if w.Deadline != 0 && w.Deadline <= now.Mono {
		a.Counters.Expired++
		return Result{Code: contract.Overloaded}
	}
	if a.Marks.Of(w.Token).Quarantined && !traitor.Is(traitor.QuarantineVotes) {
		a.Counters.Refused++
		return Result{Code: contract.NotReady}
	}
	stored, err := a.stored(view, writes, w)
	switch {
	case errors.Is(err, record.ErrCorrupt):
		a.Counters.Corrupt++
		return Result{Code: contract.Corrupt}
	case err != nil:
		a.Counters.Refused++
		return Result{Code: contract.NotReady}
	}
	if stored != nil {
		if have, err := record.Parse(stored); err == nil && !have.Version.Less(w.Version) {
			a.Vouches = true
			return Result{Winner: have.Version}
		}
	}
	if w.Version.Time <= a.Marks.Of(w.Token).Fence && !traitor.Is(traitor.FenceIgnored) {
		// It may have been here, and purged since: that it is not says nothing now.
		a.Counters.Refused++
		return Result{Code: contract.Clock, Kind: contract.StampOld}
	}
	if !traitor.Is(traitor.VoidForgotten) {
		batch.PutVoid(w.Token, w.Namespace, w.Key, w.Version)
	}
	a.notes = append(a.notes, note{i, w.Version, true})
	a.Counters.Voided++
	return Result{}
}

// note is what a write of a batch says of a version of its key: that it was given
// up, or that it was not after all.
type note struct {
	write   int
	version hlc.Version
	given   bool
}

// voided says whether a version of the write's key was given up here: the last
// word of this batch counts, which the view does not show yet.
func (a *Applier) voided(view Store, writes []Write, w *Write, v hlc.Version) (bool, error) {
	for i := len(a.notes) - 1; i >= 0; i-- {
		n := &a.notes[i]
		if o := &writes[n.write]; n.version == v && o.Token == w.Token && o.Namespace == w.Namespace && bytes.Equal(o.Key, w.Key) {
			return n.given, nil
		}
	}
	return view.Voided(w.Token, w.Namespace, w.Key, v)
}
