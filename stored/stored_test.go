package stored

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hinted"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/model"
)

var (
	target = ring.NodeID{7}
	other  = ring.NodeID{8}
)

func version(i int) hlc.Version { return hlc.Version{Time: hlc.Make(int64(1000+i), 0), Writer: 7} }

func keyOf(i int) []byte { return fmt.Appendf(nil, "k%d", i) }

func recordOf(i int) []byte {
	return record.Append(nil, 1, keyOf(i), record.Record{Version: version(i), Value: []byte("v")})
}

func hint(i int, counted bool) *replica.Hint {
	return &replica.Hint{Target: target, Token: uint64(i), Namespace: 1, Key: keyOf(i), Version: version(i), Record: recordOf(i), Counted: counted}
}

// written has a batch filled and written.
func written(t *testing.T, b *Batch, fill func()) {
	t.Helper()
	var out storage.Batch
	b.Begin(&out)
	fill()
	if err := b.Engine.Write(&out); err != nil {
		t.Fatal(err)
	}
}

func counts(t *testing.T, e storage.Engine) (all []bool) {
	t.Helper()
	if err := (Hints{e}).Hints(target, hinted.Place{}, func(p hinted.Place, value []byte) bool {
		_, counted, err := hinted.ParseValue(p.Version, value)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, counted)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// Rule 5: a hint that counted never expires, however often it is kept again.
func TestAHintThatCountedStaysOne(t *testing.T) {
	b := &Batch{Engine: model.New()}
	written(t, b, func() {
		b.PutHint(hint(1, true))
		b.PutHint(hint(2, false))
		b.PutHint(hint(3, true))
		b.PutHint(hint(3, false))
	})
	if got := counts(t, b.Engine); !slices.Equal(got, []bool{true, false, true}) {
		t.Fatalf("in one batch: %v count", got)
	}
	written(t, b, func() { b.PutHint(hint(1, false)); b.PutHint(hint(2, true)) })
	if got := counts(t, b.Engine); !slices.Equal(got, []bool{true, true, true}) {
		t.Errorf("kept again: %v count", got)
	}
	written(t, b, func() { b.EraseHint(hint(1, false)) })
	written(t, b, func() { b.PutHint(hint(1, false)) })
	if got := counts(t, b.Engine); !slices.Equal(got, []bool{false, true, true}) {
		t.Errorf("erased, and kept anew: %v count", got)
	}
}

func TestHintsAreWalkedInOrderAndFound(t *testing.T) {
	var came []uint64
	b := &Batch{Engine: model.New(), Coming: func(h *replica.Hint) { came = append(came, h.Token) }}
	elsewhere := hint(9, false)
	elsewhere.Target = other
	written(t, b, func() {
		b.PutHint(hint(3, false))
		b.PutHint(hint(1, false))
		b.PutHint(hint(2, false))
		b.PutHint(elsewhere)
	})
	if !slices.Equal(came, []uint64{3, 1, 2, 9}) {
		t.Errorf("told of %v", came)
	}
	s := Hints{b.Engine}
	walk := func(after hinted.Place, most int) (tokens []ring.Token) {
		if err := s.Hints(target, after, func(p hinted.Place, _ []byte) bool {
			tokens = append(tokens, p.Token)
			return len(tokens) < most
		}); err != nil {
			t.Fatal(err)
		}
		return tokens
	}
	first := hinted.Place{Version: version(1), Token: 1, Namespace: 1, Key: []byte("k1")}
	for _, c := range []struct{ got, want []ring.Token }{
		{walk(hinted.Place{}, 9), []ring.Token{1, 2, 3}}, {walk(first, 9), []ring.Token{2, 3}}, {walk(first, 1), []ring.Token{2}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("walked %v, want %v", c.got, c.want)
		}
	}
	all := 0
	if err := s.All(func(ring.NodeID, hinted.Place, []byte) bool { all++; return true }); err != nil || all != 4 {
		t.Errorf("%d in all, %v", all, err)
	}
	for _, c := range []struct {
		of      []ring.NodeID
		version hlc.Version
		want    string
	}{
		{[]ring.NodeID{other, target}, version(2), string(recordOf(2))}, {[]ring.NodeID{other}, version(2), ""}, {[]ring.NodeID{target}, version(3), ""},
	} {
		rec, err := s.Kept(c.of, 2, 1, []byte("k2"), c.version)
		if err != nil || string(rec) != c.want {
			t.Errorf("kept: %q, %v, want %q", rec, err, c.want)
		}
	}
}

// What lies where only other keys may lie ends a walk, and is no answer.
func TestAForeignKeyIsDamage(t *testing.T) {
	e := model.New()
	var out storage.Batch
	lo, _ := storage.HintRange(target)
	out.Put(append(lo, 1), nil)
	lo, _ = storage.RecordRange(5, 6)
	out.Put(lo[:len(lo)-1], nil)
	out.Put(append(slices.Clone(lo), 1), nil)
	lo, _ = storage.VoidsOf(5, 6)
	out.Put(append(slices.Clone(lo), 1), nil)
	if err := e.Write(&out); err != nil {
		t.Fatal(err)
	}
	s := Hints{e}
	for name, err := range map[string]error{
		"hints":   s.Hints(target, hinted.Place{}, func(hinted.Place, []byte) bool { return true }),
		"all":     s.All(func(ring.NodeID, hinted.Place, []byte) bool { return true }),
		"records": Range(e, 5, 0, nil, 6, func(uint64, uint32, []byte, []byte) bool { return true }),
		"voids":   Voids(e, 5, 6, func(uint64, uint32, []byte, hlc.Version) bool { return true }),
	} {
		if !errors.Is(err, storage.ErrCorrupt) || !errors.Is(err, ErrForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRecordsAndNotesLieWhereTheyAreLookedFor(t *testing.T) {
	var noted []bool
	b := &Batch{Engine: model.New(), Noted: func(_ []byte, _ hlc.Version, has bool) { noted = append(noted, has) }}
	key := []byte("k")
	written(t, b, func() {
		for token := range uint64(5) {
			b.PutRecord(token, 1, key, []byte("r"))
			b.PutVoid(token, 1, key, version(int(token)))
		}
		b.EraseRecord(3, 1, key)
		b.EraseVoid(3, 1, key, version(3))
		b.PutSystem([]byte("name"), []byte("value"))
		b.PutLeaves(2, nil)
	})
	var records, voids []uint64
	if err := Range(b.Engine, 1, 1, key, 4, func(token uint64, _ uint32, _, _ []byte) bool { records = append(records, token); return true }); err != nil {
		t.Fatal(err)
	}
	if err := Voids(b.Engine, 1, 4, func(token uint64, _ uint32, _ []byte, v hlc.Version) bool {
		voids = append(voids, token)
		return v == version(int(token))
	}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(records, []uint64{2, 4}) || !slices.Equal(voids, []uint64{1, 2, 4}) || !slices.Equal(noted, []bool{true, true, true, true, true, false}) {
		t.Errorf("records behind the first of token 1: %v; notes: %v; told of notes: %v", records, voids, noted)
	}
	if v, err := b.Engine.Get(storage.SystemKey("name")); err != nil || string(v) != "value" {
		t.Errorf("system value %q, %v", v, err)
	}
	if v, err := b.Engine.Get(storage.AppendTreeKey(nil, 2)); err != nil || !slices.Equal(v, replica.LeavesUnknown) {
		t.Errorf("leaves %x, %v", v, err)
	}
}

// Durability periodic: what is no record is synced before it is answered, and so is all
// that shares its batch.
func TestOnlyRecordsMaySyncLater(t *testing.T) {
	token, key := uint64(7), keyOf(7)
	for name, tc := range map[string]struct {
		fill    func(*Batch)
		mayWait bool
		late    bool
	}{
		"a record":                   {func(*Batch) {}, true, true},
		"a record that may not wait": {func(*Batch) {}, false, false},
		"a record that is purged":    {func(b *Batch) { b.EraseRecord(token, 1, key) }, true, false},
		"a system value":             {func(b *Batch) { b.PutSystem([]byte("clock"), []byte("5")) }, true, false},
		"a void":                     {func(b *Batch) { b.PutVoid(token, 1, key, version(7)) }, true, false},
		"a void that is erased":      {func(b *Batch) { b.EraseVoid(token, 1, key, version(7)) }, true, false},
		"a hint":                     {func(b *Batch) { b.PutHint(hint(7, false)) }, true, false},
		"a hint that is erased":      {func(b *Batch) { b.EraseHint(hint(7, false)) }, true, false},
		"the mark of a tree":         {func(b *Batch) { b.PutLeaves(3, nil) }, true, false},
	} {
		e := model.New()
		c := storage.NewCommitter(e, storage.CommitterOptions[replica.Write]{
			SyncInterval: time.Hour,
			Apply: func(_ []replica.Write, to *storage.Batch) {
				b := &Batch{Engine: e}
				b.Begin(to)
				b.PutRecord(token, 1, key, recordOf(7))
				tc.fill(b)
				b.End(&replica.Applier{MayWait: tc.mayWait})
			},
			Done: func([]replica.Write, error) {
				if late := e.Unsynced() > 0; late != tc.late {
					t.Errorf("%s: synced later %v", name, late)
				}
			},
		})
		c.Submit([]replica.Write{{}})
		c.Close()
		if err := c.Run(context.Background()); err != nil || e.Unsynced() != 0 {
			t.Errorf("%s: %v, %d batches are owed after the end", name, err, e.Unsynced())
		}
	}
}

// records are those of an engine, as far as a record that is there already needs a store.
type records struct {
	replica.Store
	engine storage.Engine
}

func (r records) Record(token uint64, namespace uint32, key []byte) ([]byte, error) {
	rec, err := r.engine.Get(storage.AppendRecordKey(nil, token, namespace, key))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	return rec, err
}

func (r records) Voided(uint64, uint32, []byte, hlc.Version) (bool, error) { return false, nil }

// Who delivers a hint erases it when it is answered, and OUTCOME settles a write for good:
// a record that they find here is synced by then, though it was answered for unsynced.
func TestWhatAnAnswerVouchesForIsSynced(t *testing.T) {
	token, key := uint64(7), keyOf(7)
	for _, kind := range []replica.Kind{replica.Deliver, replica.Void} {
		e := model.New()
		a := &replica.Applier{AgeLimit: 1 << 60}
		late := make(map[replica.Kind]int)
		c := storage.NewCommitter(e, storage.CommitterOptions[replica.Write]{
			SyncInterval: time.Hour,
			BatchBytes:   1, // each is in a batch of its own
			Apply: func(w []replica.Write, to *storage.Batch) {
				b := &Batch{Engine: e}
				b.Begin(to)
				a.Apply(replica.Now{}, records{engine: e}, w, b)
				b.End(a)
			},
			Done: func(w []replica.Write, err error) {
				if err != nil || w[0].Result.Code != contract.OK {
					t.Errorf("%v: %+v, %v", w[0].Kind, w[0].Result, err)
				}
				late[w[0].Kind] = e.Unsynced()
			},
		})
		c.Submit([]replica.Write{{Kind: replica.Fresh, Token: token, Namespace: 1, Key: key, Record: recordOf(7)}})
		c.Submit([]replica.Write{{Kind: kind, Token: token, Namespace: 1, Key: key, Record: recordOf(7), Version: version(7)}})
		c.Close()
		if err := c.Run(context.Background()); err != nil {
			t.Error(err)
		}
		if late[replica.Fresh] != 1 || late[kind] != 0 {
			t.Errorf("%v: %d batches are not synced when the write is answered, and %d behind what vouches for it; want 1 and 0", kind, late[replica.Fresh], late[kind])
		}
	}
}
