package replica

import (
	"bytes"
	"testing"
)

// A write that has been copied asks for the same: where it had no record, it has
// none, so that a damaged record that nobody else holds can be removed.
func TestACopiedWriteIsTheSame(t *testing.T) {
	for _, rec := range [][]byte{nil, {}, []byte("record")} {
		key := []byte("key")
		w, arena := Write{Kind: Heal, Key: key, Record: rec}.Own([]byte("others"))
		key[0] = 'x'
		if string(w.Key) != "key" || !bytes.Equal(w.Record, rec) || (w.Record == nil) != (rec == nil) {
			t.Errorf("of the record %q: key %q, record %q, nil %v", rec, w.Key, w.Record, w.Record == nil)
		}
		if want := "otherskey" + string(rec); string(arena) != want {
			t.Errorf("the arena is %q, want %q", arena, want)
		}
	}
}
