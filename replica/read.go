package replica

import (
	"errors"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/record"
)

// Read returns the stored record of a key, nil where there is none. The code
// is OK, Corrupt (which counts as no answer, never as absent) or NotReady (the
// engine has stopped). The bytes are the caller's.
func Read(view Store, token uint64, namespace uint32, key []byte) ([]byte, contract.Code) {
	stored, err := intact(view, token, namespace, key)
	if err != nil {
		return nil, codeOf(err)
	}
	return stored, contract.OK
}

// codeOf is the code for an error of the store.
func codeOf(err error) contract.Code {
	if errors.Is(err, record.ErrCorrupt) {
		return contract.Corrupt
	}
	return contract.NotReady
}

// RangeRequest asks for the records, as a rule the live ones, from a position on.
type RangeRequest struct {
	Namespace uint32
	From      uint64 // token
	After     []byte // begin behind this key of From; nil: at From
	Last      uint64 // last token
	Prefix    []byte // of the keys
	Limit     int    // records at most
	Bytes     int    // of keys and records at most, with RangeItemBytes for each, but for the first
	KeysOnly  bool   // headers instead of records
	All       bool   // tombstones and expired records too
}

const (
	// RangeStepMax is how many records one Range looks at, found or not, so that
	// a scan of sparse keys is many short steps.
	RangeStepMax = 4096
	// RangeItemBytes is what a record of an answer takes at most beside its key
	// and itself.
	RangeItemBytes = 32
)

// RangeEnd says where a Range stopped: Done, or at a token to go on from,
// behind Key where that is not nil.
type RangeEnd struct {
	Done  bool
	Token uint64
	Key   []byte
}

// Range hands the records of a range to emit, in order, until a bound of
// the request is met or RangeStepMax records were looked at. The bytes handed
// over are good during emit only; those of the end are the caller's.
//
// Damage is never passed over: the range ends in front of it, and one that
// begins there is Corrupt.
func Range(now Now, view Store, q *RangeRequest, emit func(token uint64, key, rec []byte)) (RangeEnd, contract.Code) {
	w := walk{q: q, view: view, now: now.Physical, emit: emit}
	w.end = RangeEnd{Token: q.From, Key: append([]byte(nil), q.After...)}
	err := view.Range(q.From, q.Namespace, q.After, q.Last, w.record)
	if errors.Is(err, record.ErrCorrupt) {
		witness(view, w.end.Token, 0, nil)
	}
	switch {
	case err != nil && (w.looked == 0 || !errors.Is(err, record.ErrCorrupt)):
		return RangeEnd{}, codeOf(err)
	case w.damaged && w.looked == 0:
		return RangeEnd{}, contract.Corrupt
	}
	w.end.Done = w.end.Done || err == nil && !w.stopped
	return w.end, contract.OK
}

// walk is a Range under way.
type walk struct {
	q       *RangeRequest
	view    Store
	now     int64
	emit    func(token uint64, key, rec []byte)
	end     RangeEnd
	looked  int // records that end lies behind
	found   int // of them, those handed to emit
	size    int // of those found
	damaged bool
	stopped bool
}

// record looks at one record, and says whether to go on.
func (w *walk) record(token uint64, namespace uint32, key, stored []byte) bool {
	if token == w.q.From && namespace < w.q.Namespace {
		return true // stands in front of the beginning
	}
	if w.looked == RangeStepMax || w.found >= w.q.Limit {
		return w.stop()
	}
	live := false
	if namespace == w.q.Namespace && hasPrefix(key, w.q.Prefix) {
		rec, err := record.Verify(namespace, key, stored)
		if err != nil {
			w.damaged = true
			witness(w.view, token, namespace, key)
			return w.stop()
		}
		if live = w.q.All || rec.Live(w.now); w.q.KeysOnly {
			stored = stored[:len(stored)-len(rec.Value)]
		}
	}
	if live {
		w.size += len(key) + len(stored) + RangeItemBytes
		if w.found > 0 && w.size > w.q.Bytes {
			return w.stop()
		}
		w.found++
		w.emit(token, key, stored)
	}
	w.looked++
	w.pass(token, namespace, key)
	return !w.end.Done
}

func (w *walk) stop() bool {
	w.stopped = true
	return false
}

// pass moves the end past a record. Records of one token are in order of their
// namespace, so one of a higher namespace ends the token for this range.
func (w *walk) pass(token uint64, namespace uint32, key []byte) {
	e := &w.end
	switch {
	case namespace == w.q.Namespace:
		e.Token, e.Key = token, append(e.Key[:0], key...)
	case namespace < w.q.Namespace:
		e.Token, e.Key = token, nil
	case token == w.q.Last:
		e.Done = true
	default:
		e.Token, e.Key = token+1, nil
	}
}

func hasPrefix(key, prefix []byte) bool {
	return len(key) >= len(prefix) && string(key[:len(prefix)]) == string(prefix)
}
