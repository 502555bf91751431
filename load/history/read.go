package history

import (
	"bytes"
	"fmt"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

// Read is a read that was sent.
type Read struct {
	key          *Key
	level        contract.Level
	acked, shown hlc.Version // what it may not fall behind
	after        hlc.Version
}

// BeginRead opens a read that is about to be sent. after is the version that it
// names as seen; zero: none.
func (k *Key) BeginRead(l contract.Level, after hlc.Version) *Read {
	k.mu.Lock()
	defer k.mu.Unlock()
	need := k.book.need(l)
	return &Read{key: k, level: l, acked: k.acked.floor(need, k.book.proof), shown: k.shown.floor(need, k.book.proof), after: after}
}

// Got is what a read was answered with.
type Got struct {
	Found   bool
	Version hlc.Version // zero: nothing was ever seen of the key
	Value   []byte
	Receipt Receipt
}

// End judges a read that was answered, found or not.
func (r *Read) End(a Got) {
	k := r.key
	b := k.book
	b.count.reads.Add(1)
	k.mu.Lock()
	defer k.mu.Unlock()
	what := fmt.Sprintf("get at %v", r.level)
	k.lineLocked("%s -> found %t, version %v, %v", what, a.Found, a.Version, a.Receipt)
	need := b.need(r.level)
	k.receiptLocked(r.level, need, a.Receipt, what)
	// Without a version the key may have been purged.
	if !a.Version.IsZero() || !k.goneLocked(maxVersion(r.acked, r.shown, r.after)) {
		r.floorsLocked(what, a.Version)
	}
	if a.Version.IsZero() {
		if a.Found {
			k.failLocked(Fabricated, "%s finds a value without a version", what)
		}
		return
	}
	k.shown.told(need, a.Version)
	w := k.sightLocked(a.Version, need, "in a "+what)
	switch {
	case w == nil:
	case a.Found == w.delete:
		k.failLocked(Fabricated, "%s says that found is %t, of %v", what, a.Found, w)
	case !bytes.Equal(a.Value, w.Value()):
		k.failLocked(Fabricated, "%s shows %d bytes that %v did not write: %.24x", what, len(a.Value), w, a.Value)
	}
}

// floorsLocked checks that an answer is not behind what was known.
func (r *Read) floorsLocked(what string, v hlc.Version) {
	switch k := r.key; {
	case v.Less(r.acked):
		k.failLocked(Stale, "%s answers version %v, but %v was acknowledged before it began", what, v, r.acked)
	case v.Less(r.shown):
		k.failLocked(NotMonotone, "%s answers version %v, but %v was read before it began", what, v, r.shown)
	case v.Less(r.after):
		k.failLocked(Stale, "%s answers version %v, older than the one it names, %v", what, v, r.after)
	}
}

// Failed notes a read that was refused or not answered.
func (r *Read) Failed() { r.key.book.count.readsFailed.Add(1) }

func maxVersion(all ...hlc.Version) (v hlc.Version) {
	for _, o := range all {
		if v.Less(o) {
			v = o
		}
	}
	return v
}
