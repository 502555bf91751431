package node

import (
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/model"
)

// stored is a replica over an engine, driven as the committer drives it.
type stored struct {
	t       *testing.T
	engine  storage.Engine
	store   *store
	applier replica.Applier
	batch   batch
}

// restart is what a start of the node makes of the engine.
func restart(t *testing.T, e storage.Engine) *stored {
	t.Helper()
	s := &stored{t: t, engine: e, store: newStore(e), applier: replica.Applier{AgeLimit: 30_000}}
	if err := s.store.loadVoids(); err != nil {
		t.Fatal(err)
	}
	s.batch = batch{Batch: new(storage.Batch), store: s.store}
	return s
}

// commit is one committer step; lost: the batch never reaches the disk.
func (s *stored) commit(lost bool, writes ...replica.Write) []contract.Code {
	s.t.Helper()
	s.batch.Batch.Reset()
	s.applier.Apply(replica.Now{Physical: 1000}, s.store, writes, &s.batch)
	if !lost {
		if err := s.engine.Write(s.batch.Batch); err != nil {
			s.t.Fatal(err)
		}
	}
	codes := make([]contract.Code, len(writes))
	for i := range writes {
		codes[i] = writes[i].Result.Code
	}
	return codes
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

// A note whose batch was lost binds nobody, though the filter in memory has seen
// its version.
func TestLostVoidRefusesNothing(t *testing.T) {
	s := restart(t, model.New())
	s.commit(true, voidOf("k"))
	if _, ever := s.store.voids[given]; !ever {
		t.Fatal("the test means to have the version in the filter")
	}
	if c := s.commit(false, writeOf(replica.Fresh, "k", given)); c[0] != contract.OK {
		t.Errorf("%v", c)
	}
}
