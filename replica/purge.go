package replica

import (
	"errors"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/traitor"
)

// purge removes a record that is dead below the watermark, and only the very
// version that is named: whatever has come meanwhile stays (rule 8).
func (a *Applier) purge(view Store, writes []Write, i int, batch Batch) Result {
	w := &writes[i]
	stored, err := a.stored(view, writes, w)
	switch {
	case errors.Is(err, record.ErrCorrupt):
		a.Counters.Corrupt++
		return Result{Code: contract.Corrupt}
	case err != nil:
		return Result{Code: contract.NotReady}
	case stored == nil:
		return Result{}
	}
	rec, err := record.Parse(stored)
	if err != nil {
		return Result{Code: contract.Corrupt}
	}
	marks := a.Marks.Of(w.Token)
	dead := Dead(&rec, marks.Purge) || traitor.Is(traitor.PurgeWithoutWatermark) && rec.Tombstone
	if rec.Version != w.Version || !dead || marks.Quarantined {
		return Result{Code: contract.BadRequest, Winner: rec.Version}
	}
	batch.EraseRecord(w.Token, w.Namespace, w.Key)
	w.Record = nil // what a later write of this batch finds
	a.overlay.put(w.Token, i)
	a.Trees.replaced(w, stored, nil, batch)
	a.Counters.Purged++
	return Result{}
}

// unvoid forgets a note where the version is refused without it from now on.
//
// At a replica that is at or below the watermark: there the fence stands on every path.
//
// A node that owns no copy has no watermark, and nothing but hints to keep. There the
// floor is enough (w.Mark is the floor, and says that this is such a node): a hint of
// the version that comes new is refused by it, however late, and it never goes back;
// it is saved with this batch or before. Only a hint that moves on to another owner
// passes the floor (Moved), and it passes notes too, so the note was no bound to it. It
// was kept here before: OUTCOME has found it, looking again behind the note, or has gone
// on without hearing this node. However late it is delivered then, the replicas refuse
// it by their own notes, which they keep up to the watermark, and every hint lies above
// that (rule 8). A node that comes to own a copy takes the notes of those who do, before
// any data (rule 9).
func (a *Applier) unvoid(w *Write, batch Batch) Result {
	past := w.Version.Time <= a.Marks.Of(w.Token).Purge
	if w.Mark != 0 && a.Marks != nil {
		past = past || w.Version.Time <= min(w.Mark, a.Marks.Floor)
	}
	if !past {
		return Result{Code: contract.BadRequest}
	}
	batch.EraseVoid(w.Token, w.Namespace, w.Key, w.Version)
	return Result{}
}

// stand keeps a write for another node. None is kept at or below the floor: this
// node has said that it has no hint so old (rule 7).
func (a *Applier) stand(now Now, view Store, writes []Write, w *Write, batch Batch) Result {
	rec, refused := a.admit(now, w)
	if refused.Code != contract.OK {
		return refused
	}
	if !w.Moved && a.tooOld(now, rec.Version) && !traitor.Is(traitor.HintBelowFloor) {
		a.Counters.Refused++
		return Result{Code: contract.Clock, Kind: contract.StampOld}
	}
	voided, err := a.voided(view, writes, w, rec.Version)
	switch {
	case err != nil:
		a.Counters.Refused++
		return Result{Code: contract.NotReady}
	case voided && !w.Moved && !traitor.Is(traitor.VoidIgnored):
		a.Counters.Refused++
		return Result{Code: contract.Clock, Kind: contract.StampGivenUp}
	}
	w.Version = rec.Version
	batch.PutHint(&Hint{
		Target: w.Target, Token: w.Token, Namespace: w.Namespace, Key: w.Key, Version: rec.Version, Record: w.Record, Counted: w.Counted,
	})
	a.Counters.Stood++
	return Result{}
}
