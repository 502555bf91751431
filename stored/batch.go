package stored

import (
	"github.com/candordb/candor/hinted"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/storage"
)

// Batch is a storage.Batch as package replica sees it. The zero Batch with an Engine is
// ready for Begin.
type Batch struct {
	*storage.Batch
	Engine storage.Engine // that it goes to
	// Coming, if set, is told of each hint that goes into the batch.
	Coming func(*replica.Hint)
	// Noted, if set, is told of each note of a version that goes into the batch, or out,
	// with the key that it lies under, which is good during the call.
	Noted func(key []byte, version hlc.Version, has bool)

	plain bool // nothing but records was put
	key   []byte
	value []byte
	// counted has the keys of the hints of this batch that count.
	counted map[string]struct{}
}

// Begin makes the batch ready for a committer step, whose entries go into to.
func (b *Batch) Begin(to *storage.Batch) {
	b.Batch, b.plain = to, true
	clear(b.counted)
}

// End says whether what a has put in may be synced later: what a says, but never a batch
// with anything but records in it; and whether its answers rest on what was written before.
func (b *Batch) End(a *replica.Applier) {
	if a.Vouches {
		b.RestsOnEarlier()
	}
	if a.MayWait && b.plain {
		b.MaySyncLater()
	}
}

// PutRecord implements replica.Batch.
func (b *Batch) PutRecord(token uint64, namespace uint32, key, rec []byte) {
	b.key = storage.AppendRecordKey(b.key[:0], token, namespace, key)
	b.Put(b.key, rec)
}

// EraseRecord implements replica.Batch.
func (b *Batch) EraseRecord(token uint64, namespace uint32, key []byte) {
	b.key = storage.AppendRecordKey(b.key[:0], token, namespace, key)
	b.plain = false
	b.Delete(b.key)
}

// PutSystem implements replica.Batch.
func (b *Batch) PutSystem(name, value []byte) {
	b.plain = false
	b.key = storage.AppendSystemKey(b.key[:0], string(name))
	b.Put(b.key, value)
}

// PutVoid implements replica.Batch.
func (b *Batch) PutVoid(token uint64, namespace uint32, key []byte, version hlc.Version) {
	b.note(token, namespace, key, version, true)
	b.Put(b.key, storage.VoidFormat)
}

// EraseVoid implements replica.Batch.
func (b *Batch) EraseVoid(token uint64, namespace uint32, key []byte, version hlc.Version) {
	b.note(token, namespace, key, version, false)
	b.Delete(b.key)
}

func (b *Batch) note(token uint64, namespace uint32, key []byte, version hlc.Version, has bool) {
	b.plain = false
	b.key = storage.AppendVoidKey(b.key[:0], token, namespace, key, version)
	if b.Noted != nil {
		b.Noted(b.key, version, has)
	}
}

// PutHint implements replica.Batch.
func (b *Batch) PutHint(h *replica.Hint) {
	b.plain = false
	b.key = storage.AppendHintKey(b.key[:0], h.Target, h.Version, h.Token, h.Namespace, h.Key)
	counted := h.Counted || b.counts(h.Version)
	if counted {
		if b.counted == nil {
			b.counted = make(map[string]struct{})
		}
		b.counted[string(b.key)] = struct{}{}
	}
	b.value = hinted.AppendValue(b.value[:0], h.Record, counted)
	b.Put(b.key, b.value)
	if b.Coming != nil {
		b.Coming(h)
	}
}

// counts says whether what lies under b.key is a hint that counted, in this batch or
// on disk: it never becomes one that may expire.
func (b *Batch) counts(v hlc.Version) bool {
	if _, ok := b.counted[string(b.key)]; ok {
		return true
	}
	value, err := b.Engine.Get(b.key)
	if err != nil {
		return false
	}
	_, counted, err := hinted.ParseValue(v, value)
	return err == nil && counted
}

// EraseHint implements replica.Batch.
func (b *Batch) EraseHint(h *replica.Hint) {
	b.plain = false
	b.key = storage.AppendHintKey(b.key[:0], h.Target, h.Version, h.Token, h.Namespace, h.Key)
	b.Delete(b.key)
}

// PutLeaves implements replica.Batch.
func (b *Batch) PutLeaves(partition int, leaves []byte) {
	if leaves == nil {
		leaves = replica.LeavesUnknown
	}
	b.plain = false
	b.key = storage.AppendTreeKey(b.key[:0], partition)
	b.Put(b.key, leaves)
}

var _ replica.Batch = (*Batch)(nil)

// HintOf is the hint that a Stand keeps.
func HintOf(w *replica.Write) *hinted.Hint {
	return &hinted.Hint{
		Target: w.Target, Place: hinted.Place{Version: w.Version, Token: ring.Token(w.Token), Namespace: w.Namespace, Key: w.Key}, Record: w.Record,
	}
}

// ComingOf is the hint that goes into a batch.
func ComingOf(h *replica.Hint) *hinted.Hint {
	return &hinted.Hint{
		Target: h.Target, Place: hinted.Place{Version: h.Version, Token: ring.Token(h.Token), Namespace: h.Namespace, Key: h.Key}, Record: h.Record,
	}
}
