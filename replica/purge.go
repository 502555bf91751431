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
	a.Trees.replaced(w, stored, nil, false, batch)
	a.Counters.Purged++
	a.Counters.PurgedBytes += uint64(len(w.Key) + len(stored))
	return Result{}
}

// unvoid forgets a note at or below the watermark: there the fence refuses the
// version anyway.
func (a *Applier) unvoid(w *Write, batch Batch) Result {
	if w.Version.Time > a.Marks.Of(w.Token).Purge {
		return Result{Code: contract.BadRequest}
	}
	batch.EraseVoid(w.Token, w.Namespace, w.Key, w.Version)
	return Result{}
}

// stand keeps a write for another node. None is kept at or below the floor: this
// node has said that it has no hint so old (rule 7).
func (a *Applier) stand(now Now, view Store, writes []Write, w *Write, batch Batch) Result {
	if w.Deadline != 0 && w.Deadline <= now.Mono {
		a.Counters.Expired++
		return Result{Code: contract.Overloaded}
	}
	rec, err := record.Verify(w.Namespace, w.Key, w.Record)
	if err != nil {
		a.Counters.Corrupt++
		return Result{Code: contract.Corrupt}
	}
	if a.Full && !rec.Tombstone {
		a.Counters.Refused++
		return Result{Code: contract.DiskFull}
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
