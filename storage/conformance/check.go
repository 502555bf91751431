package conformance

import (
	"errors"
	"testing"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/storage"
)

func fullDisk(t *testing.T, s Store) {
	put(t, s, 1, "before")
	if got := s.Engine().Room(); got != storage.RoomForAll {
		t.Fatalf("an empty disk has %v", got)
	}
	f, ok := s.(Filler)
	if !ok {
		return // what lies under it is the test machine's disk
	}
	f.Fill()
	var b storage.Batch
	b.Put(key(2), []byte("refused"))
	if err := s.Engine().Write(&b); !errors.Is(err, storage.ErrDiskFull) || errors.Is(err, storage.ErrInDoubt) {
		t.Fatalf("Write on a full disk: %v, want ErrDiskFull", err)
	}
	if got := s.Engine().Room(); got != storage.RoomForNothing {
		t.Errorf("a full disk has %v", got)
	}
	if err := s.Engine().Err(); err != nil {
		t.Errorf("Err on a full disk: %v, want nil: nothing failed", err)
	}
	wantValue(t, s, 1, "before")
	wantAbsent(t, s, 2)
	f.Free()
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	wantAbsent(t, s, 2)
	put(t, s, 2, "after")
	wantValue(t, s, 2, "after")
}

// putRecord stores a record under key(i); a bad one does not match its checksum.
func putRecord(t *testing.T, s Store, i int, bad bool) {
	t.Helper()
	_, namespace, user, err := storage.ParseRecordKey(key(i))
	if err != nil {
		t.Fatal(err)
	}
	rec := record.Append(nil, namespace, user, record.Record{Version: hlc.Version{Time: 7}, Value: []byte("value")})
	if bad {
		rec[len(rec)-1] ^= 1
	}
	var b storage.Batch
	b.Put(key(i), rec)
	b.Put(storage.SystemKey("note"), []byte("system values have no form that an engine knows"))
	write(t, s, &b)
}

// pass runs a whole check in steps of so many bytes.
func pass(t *testing.T, s Store, bytes int) (found []storage.Damage, read int) {
	t.Helper()
	c, err := s.Engine().Check()
	if err != nil {
		t.Fatal(err)
	}
	for more := true; more; {
		n := 0
		if n, more, err = c.Next(bytes, func(d storage.Damage) { found = append(found, d) }); err != nil {
			t.Fatalf("Next: %v", err)
		}
		read += n
	}
	if err := c.Close(); err != nil {
		t.Fatalf("Close of a check: %v", err)
	}
	return found, read
}

func check(t *testing.T, s Store) {
	const records, bad = 50, 20
	for i := range records {
		putRecord(t, s, i, i == bad)
	}
	// What is in memory tables only is not on the disk's tables yet.
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	for _, bytes := range []int{1, 300, 1 << 20} {
		found, read := pass(t, s, bytes)
		if len(found) != 1 || string(found[0].Key) != string(key(bad)) || !errors.Is(found[0].Err, storage.ErrCorrupt) ||
			found[0].Tokens != (storage.TokenRange{First: bad, Last: bad}) || found[0].Part != storage.Records {
			t.Fatalf("in steps of %d bytes: found %v, want the record %d", bytes, found, bad)
		}
		if read < records*40 {
			t.Errorf("in steps of %d bytes: %d bytes read of %d records", bytes, read, records)
		}
	}
	putRecord(t, s, bad, false)
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	if found, _ := pass(t, s, 1000); len(found) != 0 {
		t.Errorf("a good record has replaced the bad one, and the check finds %v", found)
	}
}

func leftCheck(t *testing.T, s Store) {
	for i := range 20 {
		putRecord(t, s, i, false)
	}
	if err := s.Reopen(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		c, err := s.Engine().Check()
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Next(1, func(d storage.Damage) { t.Errorf("damage: %v", d) }); err != nil {
			t.Fatal(err)
		}
		putRecord(t, s, 3, false)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	wantValueOf(t, s, 3)
}

// wantValueOf checks that there is a record that is whole.
func wantValueOf(t *testing.T, s Store, i int) {
	t.Helper()
	_, namespace, user, err := storage.ParseRecordKey(key(i))
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Engine().Get(key(i))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := record.Verify(namespace, user, b); err != nil {
		t.Fatal(err)
	}
}
