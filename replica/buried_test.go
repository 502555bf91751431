package replica

import (
	"testing"

	"github.com/candordb/candor/hlc"
)

// protocol.md, seen and buried: "the highest live version above seen and below its
// own that a counted replica replaced, else nil".
func TestBuried(t *testing.T) {
	none := hlc.Version{}
	live := func(millis int64) []byte { return value("k", at(millis, 1), "old") }
	for _, tc := range []struct {
		name   string
		stored []byte
		seen   hlc.Version
		want   hlc.Version
	}{
		{"nothing was there", nil, at(-9, 1), none},
		{"a value that the writer had not seen", live(-5), at(-9, 1), at(-5, 1)},
		{"the value that it had seen", live(-5), at(-5, 1), none},
		{"one below that", live(-5), at(-4, 1), none},
		{"the same time, another writer", live(-5), at(-5, 0), at(-5, 1)},
		{"it knew of none", live(-5), none, at(-5, 1)},
		{"a tombstone", tombstone("k", at(-5, 1)), none, none},
		{"an expired value", expiring("k", at(-5, 1), "old", physical), none, none},
		{"a value that has not expired yet", expiring("k", at(-5, 1), "old", physical+1), none, at(-5, 1)},
		{"one above its own, which stays", live(5), none, none},
		{"its own, repeated", value("k", at(0, 1), "new"), none, none},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, rec := range [][]byte{value("k", at(0, 1), "new"), tombstone("k", at(0, 1))} {
				m := &memory{}
				if tc.stored != nil {
					m.set(token("k"), ns, []byte("k"), tc.stored)
				}
				w := write(Fresh, "k", rec)
				w.Seen, w.HasSeen = tc.seen, true
				if tc.name == "its own, repeated" && len(rec) != len(tc.stored) {
					continue // one version has one content
				}
				if got := apply(newApplier(), m, w)[0]; got.Buried != tc.want || got.Code != 0 {
					t.Errorf("%+v, want %v", got, tc.want)
				}
			}
		})
	}
}

// A writer that does not care is told nothing, nor is a write-back or a hint,
// whose writer is long gone.
func TestBuriedIsForWritersThatAsk(t *testing.T) {
	for name, w := range map[string]Write{
		"no seen":      write(Fresh, "k", value("k", at(0, 1), "new")),
		"a write-back": {Kind: Repair, Token: token("k"), Namespace: ns, Key: []byte("k"), Record: value("k", at(0, 1), "new"), HasSeen: true},
		"a hint":       {Kind: Deliver, Token: token("k"), Namespace: ns, Key: []byte("k"), Record: value("k", at(0, 1), "new"), HasSeen: true},
	} {
		m := &memory{}
		m.set(token("k"), ns, []byte("k"), value("k", at(-5, 1), "old"))
		if got := apply(newApplier(), m, w)[0]; got != (Result{}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// Writes of one batch bury each other too.
func TestBuriedInOneBatch(t *testing.T) {
	first, second := write(Fresh, "k", value("k", at(0, 1), "first")), write(Fresh, "k", value("k", at(1, 1), "second"))
	first.HasSeen, second.HasSeen = true, true
	got := apply(newApplier(), &memory{}, first, second)
	if got[0] != (Result{}) || got[1] != (Result{Buried: at(0, 1)}) {
		t.Errorf("%+v", got)
	}
}
