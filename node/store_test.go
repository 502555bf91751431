package node

import (
	"errors"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/model"
)

// restarted is a replica over an engine, driven as the committer drives it.
type restarted struct {
	t       *testing.T
	engine  storage.Engine
	store   *store
	applier replica.Applier
	batch   *batch
}

// restart is what a start of the node makes of the engine.
func restart(t *testing.T, e storage.Engine) *restarted {
	t.Helper()
	s := &restarted{t: t, engine: e, store: newStore(e), applier: replica.Applier{AgeLimit: 30_000}}
	if err := s.store.loadVoids(); err != nil {
		t.Fatal(err)
	}
	s.batch = newBatch(s.store)
	return s
}

// commit is one committer step; lost: the batch never reaches the disk.
func (s *restarted) commit(lost bool, writes ...replica.Write) []contract.Code {
	s.t.Helper()
	out := new(storage.Batch)
	s.batch.begin(out)
	s.applier.Apply(replica.Now{Physical: 1000}, s.store, writes, s.batch)
	if !lost {
		if err := s.engine.Write(out); err != nil {
			s.t.Fatal(err)
		}
		s.batch.durable()
	}
	codes := make([]contract.Code, len(writes))
	for i := range writes {
		codes[i] = writes[i].Result.Code
	}
	return codes
}

// A key among the records that is none is damage to who reads there, and no reason to
// renew the database: the next one would have it too.
func TestAForeignKeyDoesNotEndTheNode(t *testing.T) {
	var b storage.Batch
	lo, _ := storage.RecordRange(5, 6)
	b.Put(append(lo, 1), nil)
	e := model.New()
	if err := e.Write(&b); err != nil {
		t.Fatal(err)
	}
	s := newStore(e)
	s.broken = func(err error) { t.Errorf("the database is given up: %v", err) }
	if err := s.Range(5, 0, nil, 6, func(uint64, uint32, []byte, []byte) bool { return true }); !errors.Is(err, record.ErrCorrupt) {
		t.Errorf("the walk ends with %v", err)
	}
}

var given = hlc.Version{Time: hlc.Make(1000, 0), Writer: 7}

func voidOf(key string) replica.Write {
	return replica.Write{Kind: replica.Void, Token: 5, Namespace: 1, Key: []byte(key), Version: given}
}

func writeOf(kind replica.Kind, key string, v hlc.Version) replica.Write {
	return replica.Write{Kind: kind, Token: 5, Namespace: 1, Key: []byte(key), Record: record.Append(nil, 1, []byte(key), record.Record{Version: v, Value: []byte("v")})}
}

// Rule 4: each replica notes durably that it refuses the version from now on: also
// behind a restart, and until a write-back erases the note, which it does durably
// too.
func TestVoidsOutliveRestarts(t *testing.T) {
	e := model.New()
	s := restart(t, e)
	if c := s.commit(false, voidOf("k"), voidOf("other")); c[0] != contract.OK || c[1] != contract.OK {
		t.Fatal(c)
	}
	for range 2 {
		if c := s.commit(false, writeOf(replica.Fresh, "k", given), writeOf(replica.Deliver, "k", given)); c[0] != contract.Clock || c[1] != contract.Clock {
			t.Fatalf("a version that was given up was taken: %v", c)
		}
		s = restart(t, e)
	}
	// The same version of another key, and another version of this one.
	if c := s.commit(false, writeOf(replica.Fresh, "kk", given), writeOf(replica.Fresh, "k", hlc.Version{Time: given.Time, Writer: 6})); c[0] != contract.OK || c[1] != contract.OK {
		t.Errorf("refused: %v", c)
	}
	if c := s.commit(false, writeOf(replica.Repair, "k", given)); c[0] != contract.OK {
		t.Fatalf("a write-back was refused: %v", c)
	}
	for range 2 {
		if c := s.commit(false, writeOf(replica.Fresh, "k", given), writeOf(replica.Fresh, "other", given)); c[0] != contract.OK || c[1] != contract.Clock {
			t.Errorf("behind a write-back of k, k and other: %v", c)
		}
		s = restart(t, e)
	}
}

// A note whose batch was lost binds nobody.
func TestLostVoidRefusesNothing(t *testing.T) {
	s := restart(t, model.New())
	s.commit(true, voidOf("k"))
	if len(s.store.voids) != 0 {
		t.Errorf("the filter holds what was lost: %v", s.store.voids)
	}
	if c := s.commit(false, writeOf(replica.Fresh, "k", given)); c[0] != contract.OK {
		t.Errorf("%v", c)
	}
}

// The filter in memory is what is on disk, so it shrinks with that: a version is in it
// as long as one key has a note of it, however often notes are made and erased, in one
// batch or in many, and whichever batches are lost.
func TestTheFilterOfNotesIsWhatIsOnDisk(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := restart(t, model.New())
		s.applier.Marks = replica.NewMarks(1)
		for range rapid.IntRange(1, 12).Draw(rt, "batches") {
			var writes []replica.Write
			for range rapid.IntRange(1, 4).Draw(rt, "writes") {
				key := rapid.SampledFrom([]string{"k", "other"}).Draw(rt, "key")
				v := hlc.Version{Time: given.Time, Writer: rapid.Uint64Range(1, 2).Draw(rt, "version")}
				w := replica.Write{Kind: rapid.SampledFrom([]replica.Kind{replica.Void, replica.Unvoid, replica.Repair, replica.Drop}).Draw(rt, "kind"), Token: 5, Namespace: 1, Key: []byte(key), Version: v}
				switch w.Kind {
				case replica.Unvoid: // as if it lay below
					s.applier.Marks.Floor, w.Mark = v.Time, v.Time
				case replica.Repair:
					w = writeOf(replica.Repair, key, v)
				}
				writes = append(writes, w)
			}
			lost := rapid.IntRange(0, 3).Draw(rt, "lost") == 0
			s.commit(lost, writes...)
			if again := restart(t, s.engine); !maps.Equal(again.store.voids, s.store.voids) || again.store.voided.Load() != s.store.voided.Load() {
				rt.Fatalf("in memory %v, on disk %v", s.store.voids, again.store.voids)
			}
		}
	})
}
