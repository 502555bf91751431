package replica

import (
	"bytes"
	"errors"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/record"
)

// Witness is implemented by a Store that wants to know of damage where it is met. A
// nil key says that it is not known which records are damaged, only that there are
// some from this token on. It is called from wherever records are read, and must not
// block.
type Witness interface {
	Damaged(token uint64, namespace uint32, key []byte)
}

func witness(view Store, token uint64, namespace uint32, key []byte) {
	if w, ok := view.(Witness); ok {
		w.Damaged(token, namespace, bytes.Clone(key))
	}
}

// intact is a stored record that passes its checksum; nil: there is none.
func intact(view Store, token uint64, namespace uint32, key []byte) ([]byte, error) {
	stored, err := view.Record(token, namespace, key)
	if err == nil && stored != nil {
		_, err = record.Verify(namespace, key, stored)
	}
	if errors.Is(err, record.ErrCorrupt) {
		witness(view, token, namespace, key)
	}
	if err != nil {
		return nil, err
	}
	return stored, nil
}

// remove takes a record out, and with nil for old one that is damaged.
func (a *Applier) remove(w *Write, i int, old []byte, batch Batch) {
	batch.EraseRecord(w.Token, w.Namespace, w.Key)
	w.Record = nil // what a later write of this batch finds
	a.overlay.put(w.Token, i)
	if old == nil {
		a.Trees.lost(w.Token, batch)
	} else {
		a.Trees.replaced(w, old, nil, batch)
	}
}

// drop removes what a replica that is being rebuilt may not keep: at or below the
// watermark it may have been deleted, and the delete forgotten, by all others.
func (a *Applier) drop(view Store, writes []Write, i int, batch Batch) Result {
	w := &writes[i]
	if !a.Marks.Of(w.Token).Quarantined {
		return Result{Code: contract.BadRequest}
	}
	stored, err := a.stored(view, writes, w)
	switch {
	case errors.Is(err, record.ErrCorrupt):
		stored = nil
	case err != nil:
		return Result{Code: contract.NotReady}
	case stored == nil:
		return Result{}
	default:
		if rec, err := record.Parse(stored); err != nil || rec.Version != w.Version {
			return Result{Code: contract.BadRequest, Winner: rec.Version}
		}
	}
	a.remove(w, i, stored, batch)
	return Result{}
}

// heal replaces a damaged record by what a quorum of the other replicas hold. Until
// then its place took no write (rule 8), so nothing newer can be lost by it.
func (a *Applier) heal(view Store, writes []Write, i int, batch Batch) Result {
	w := &writes[i]
	if a.Marks.Of(w.Token).Quarantined {
		return Result{Code: contract.NotReady}
	}
	if len(w.Record) > 0 {
		rec, err := record.Verify(w.Namespace, w.Key, w.Record)
		if err != nil {
			return Result{Code: contract.Corrupt}
		}
		w.Version = rec.Version
	}
	switch _, err := a.stored(view, writes, w); {
	case err == nil:
		return Result{} // it can be read after all, or was healed already
	case !errors.Is(err, record.ErrCorrupt):
		return Result{Code: contract.NotReady}
	}
	a.Counters.Healed++
	if len(w.Record) == 0 {
		a.remove(w, i, nil, batch)
		return Result{}
	}
	if voided, err := a.voided(view, writes, w, w.Version); voided && err == nil {
		batch.EraseVoid(w.Token, w.Namespace, w.Key, w.Version)
		a.notes = append(a.notes, note{i, w.Version, false})
	}
	batch.PutRecord(w.Token, w.Namespace, w.Key, w.Record)
	a.overlay.put(w.Token, i)
	a.Trees.lost(w.Token, batch)
	return Result{}
}

// note takes over what another replica has noted of a version that was given up. A
// rebuild takes them first, so that no such version is taken behind it. Nor may one
// be here: what is on this disk may be older than the note, an own one too, by which
// OUTCOME has promised that the version will never show. Where it was not given up by
// all, one of the sources holds it, and the records come behind the notes.
func (a *Applier) note(view Store, writes []Write, i int, batch Batch) Result {
	w := &writes[i]
	if !a.Marks.Of(w.Token).Quarantined {
		return Result{Code: contract.BadRequest}
	}
	if stored, err := a.stored(view, writes, w); err == nil && stored != nil {
		if have, err := record.Parse(stored); err == nil && have.Version == w.Version {
			a.remove(w, i, stored, batch)
		}
	}
	batch.PutVoid(w.Token, w.Namespace, w.Key, w.Version)
	a.notes = append(a.notes, note{i, w.Version, true})
	return Result{}
}
