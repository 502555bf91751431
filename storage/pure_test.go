package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/syndtr/goleveldb/leveldb"
	lderrors "github.com/syndtr/goleveldb/leveldb/errors"
	ldstorage "github.com/syndtr/goleveldb/leveldb/storage"
	"pgregory.net/rapid"
)

// TestErrorMap: every error of the library becomes the right one of ours, also
// wrapped, and never two of them.
func TestErrorMap(t *testing.T) {
	ours := []error{ErrNotFound, ErrCorrupt, ErrClosed, ErrPoisoned, ErrInDoubt, ErrLocked}
	corrupted := lderrors.NewErrCorrupted(ldstorage.FileDesc{Type: ldstorage.TypeTable, Num: 7}, errors.New("bad block"))
	for _, c := range []struct {
		in   error
		want error // nil: none of ours
	}{
		{leveldb.ErrNotFound, ErrNotFound},
		{corrupted, ErrCorrupt},
		{fmt.Errorf("outer: %w", corrupted), ErrCorrupt},
		{&ldstorage.ErrCorrupted{Err: errors.New("bad CURRENT")}, ErrCorrupt},
		{lderrors.NewErrCorrupted(ldstorage.FileDesc{}, &lderrors.ErrMissingFiles{}), ErrCorrupt},
		{&fs.PathError{Op: "open", Path: "000007.ldb", Err: os.ErrNotExist}, ErrCorrupt},
		{leveldb.ErrClosed, ErrClosed},
		{ldstorage.ErrClosed, ErrClosed},
		{leveldb.ErrReadOnly, ErrPoisoned},
		{ldstorage.ErrLocked, ErrLocked},
		{fmt.Errorf("outer: %w", ErrPoisoned), ErrPoisoned},
		{fmt.Errorf("outer: %w", ErrCorrupt), ErrCorrupt},
		{syscall.EIO, nil},
		{leveldb.ErrIterReleased, nil},
	} {
		got := mapError("get", c.in)
		if c.want != ErrNotFound && !errors.Is(got, c.in) {
			t.Errorf("mapError(%v) = %v, which has lost the cause", c.in, got)
		}
		for _, o := range ours {
			if errors.Is(got, o) != (o == c.want) {
				t.Errorf("mapError(%v) = %v: is %q is %v", c.in, got, o, !(o == c.want))
			}
		}
	}
	if mapError("get", nil) != nil {
		t.Error("mapError(nil) is an error")
	}
	// A replica that writes a new key asks for the old one first.
	if n := testing.AllocsPerRun(100, func() { _ = mapError("get", leveldb.ErrNotFound) }); n != 0 {
		t.Errorf("to say that a key is not there takes %v allocations", n)
	}
}

func TestAlarmWords(t *testing.T) {
	for line, want := range map[string]bool{
		`journal@drop journal-7 S·100B "checksum mismatch"`:                 true,
		`journal error: leveldb: batch corrupted (skipped)`:                 true,
		`table@recovery dropped @7 Gk·1 Ck·2 Cb·3 S·100 Q·5`:                true,
		`db@janitor table missing @7`:                                       true,
		`table@build exiting (corruption detected)`:                         true,
		`memdb@flush exiting (persistent error "bad block")`:                true,
		`journal@recovery F·1`:                                              false,
		`table@compaction committed F-2 S-4KiB Ke·0 D·15 T·1.2ms`:           false,
		`db@janitor removing journal-7`:                                     false,
		`version@stat F·[4 0] S·17KiB[17KiB 0B] Sc·[1.00 0.00]`:             false,
		`memdb@flush created L0@9 N·21 S·16KiB "r0000,v1":"s0000,v2"`:       false,
		`table@remove removed @12`:                                          false,
		`commit@abandon useless vid D12`:                                    false,
		`db@write was delayed N·3 T·3.1ms`:                                  false,
		`table@compaction L0·4 -> L1·0 S·60KiB Q·88`:                        false,
		`log@legend F·NumFile S·FileSize N·Entry C·BadEntry D·DroppedEntry`: false,
	} {
		if isAlarm(line) != want {
			t.Errorf("isAlarm(%q) = %v", line, !want)
		}
	}
}

func TestRecordKeysSortByToken(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		token := rapid.Uint64()
		a, b := token.Draw(r, "a"), token.Draw(r, "b")
		ns := rapid.Uint32().Draw(r, "namespace")
		user := rapid.SliceOf(rapid.Byte()).Draw(r, "key")
		ka, kb := AppendRecordKey(nil, a, ns, user), AppendRecordKey(nil, b, ns, user)
		if (a < b) != (bytes.Compare(ka, kb) < 0) {
			r.Fatalf("tokens %x %x sort unlike %x %x", a, b, ka, kb)
		}
		gotToken, gotNS, gotKey, err := ParseRecordKey(ka)
		if err != nil || gotToken != a || gotNS != ns || !bytes.Equal(gotKey, user) {
			r.Fatalf("ParseRecordKey(%x) = %x, %d, %x, %v", ka, gotToken, gotNS, gotKey, err)
		}
		first, last := min(a, b), max(a, b)
		lo, hi := RecordRange(first, last)
		c := token.Draw(r, "c")
		kc := AppendRecordKey(nil, c, ns, user)
		inside := bytes.Compare(lo, kc) <= 0 && bytes.Compare(kc, hi) < 0
		if inside != (first <= c && c <= last) {
			r.Fatalf("token %x in %x..%x: %v", c, first, last, inside)
		}
	})
	lo, hi := RecordRange(0, math.MaxUint64)
	if system := SystemKey("x"); bytes.Compare(system, lo) >= 0 && bytes.Compare(system, hi) < 0 {
		t.Error("a system key lies among the records")
	}
}

// TestKeyLayoutIsForever: these bytes are on disks.
func TestKeyLayoutIsForever(t *testing.T) {
	got := AppendRecordKey([]byte("-"), 0x0102030405060708, 0x090a0b0c, []byte("key"))
	if want := "-r\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0ckey"; string(got) != want {
		t.Errorf("record key %q, want %q", got, want)
	}
	if got := SystemKey("clock"); string(got) != "sclock" {
		t.Errorf("system key %q", got)
	}
	if got := (mark{1, 2}).append(nil); string(got) != "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02" {
		t.Errorf("mark %q", got)
	}
	for _, bad := range []string{"", "r", "r1234567890a", "sclock", "t1234567890abc"} {
		if _, _, _, err := ParseRecordKey([]byte(bad)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("ParseRecordKey(%q): %v, want ErrCorrupt", bad, err)
		}
	}
}

// TestBatchIsTheLibrarysBatch compares with goleveldb's own encoder.
func TestBatchIsTheLibrarysBatch(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var ours Batch
		theirs := new(leveldb.Batch)
		type pair struct {
			k, v []byte
		}
		var want []pair
		for range rapid.IntRange(0, 8).Draw(r, "entries") {
			k := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(r, "key")
			if rapid.Bool().Draw(r, "delete") {
				ours.Delete(k)
				theirs.Delete(k)
				want = append(want, pair{k, nil})
				continue
			}
			v := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(r, "value")
			ours.Put(k, v)
			theirs.Put(k, v)
			want = append(want, pair{k, append([]byte{}, v...)})
		}
		if !bytes.Equal(ours.data, theirs.Dump()) || ours.Len() != theirs.Len() || ours.Bytes() != len(theirs.Dump()) {
			r.Fatalf("%d entries %x, the library has %d %x", ours.Len(), ours.data, theirs.Len(), theirs.Dump())
		}
		i := 0
		ours.Each(func(k, v []byte) {
			if !bytes.Equal(k, want[i].k) || !bytes.Equal(v, want[i].v) || (v == nil) != (want[i].v == nil) {
				r.Fatalf("entry %d is %x=%x", i, k, v)
			}
			i++
		})
		if i != len(want) {
			r.Fatalf("%d entries, want %d", i, len(want))
		}
	})
}

func TestBatchIsReusedWithoutAllocation(t *testing.T) {
	var b Batch
	k, v := []byte("key"), make([]byte, 1000)
	if n := testing.AllocsPerRun(100, func() {
		b.Reset()
		for range 10 {
			b.Put(k, v)
			b.Delete(k)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSyncTimesBuckets(t *testing.T) {
	var c syncClock
	for _, d := range []time.Duration{0, 15 * time.Microsecond, 16 * time.Microsecond, 31 * time.Microsecond, time.Hour} {
		c.add(d)
	}
	s := c.snapshot()
	if s.Count != 5 || s.Buckets[0] != 2 || s.Buckets[1] != 2 || s.Buckets[len(s.Buckets)-1] != 1 {
		t.Errorf("%+v", s)
	}
	if s.BucketLimit(0) != 16*time.Microsecond || s.BucketLimit(1) != 32*time.Microsecond {
		t.Error("the limits do not fit the buckets")
	}
}

func TestFileNames(t *testing.T) {
	for _, fd := range []ldstorage.FileDesc{
		{Type: ldstorage.TypeJournal, Num: 1}, {Type: ldstorage.TypeTable, Num: 1234567},
		{Type: ldstorage.TypeManifest, Num: 0}, {Type: ldstorage.TypeTemp, Num: 9},
	} {
		if got, ok := parseFileName(fd.String()); !ok || got != fd {
			t.Errorf("parseFileName(%s) = %v, %v", fd, got, ok)
		}
	}
	for _, other := range []string{"LOCK", "CURRENT", "CURRENT.new", "x.log", "-1.log", "000001.log.bak", "MANIFEST-", ""} {
		if fd, ok := parseFileName(other); ok {
			t.Errorf("parseFileName(%q) = %v", other, fd)
		}
	}
}
