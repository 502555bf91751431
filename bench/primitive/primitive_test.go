package primitive

import (
	"testing"
	"time"
)

// Each primitive does what it says, and has a time; what time is not judged.
func TestEachPrimitiveHasAFigure(t *testing.T) {
	const d = time.Millisecond
	figures, err := LevelDB(t.TempDir(), 1000, 100, d)
	if err != nil {
		t.Fatal(err)
	}
	for _, measure := range []func() (Figure, error){
		func() (Figure, error) { return Fdatasync(t.TempDir(), d) },
		func() (Figure, error) { return MessageCodec(100, d) },
	} {
		f, err := measure()
		if err != nil {
			t.Fatal(err)
		}
		figures = append(figures, f)
	}
	names := []string{LevelDBSynced, LevelDBUnsynced, LevelDBGet, Sync, Codec}
	for i, f := range figures {
		if f.Name != names[i] || f.Ops <= 0 || f.US <= 0 {
			t.Errorf("%+v, want %s", f, names[i])
		}
	}
	if f := figures[0]; f.Ops%BatchRecords != 0 {
		t.Errorf("%d records in whole batches of %d", f.Ops, BatchRecords)
	}
}
