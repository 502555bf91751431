package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/syndtr/goleveldb/leveldb/filter"
	"github.com/syndtr/goleveldb/leveldb/iterator"
	"github.com/syndtr/goleveldb/leveldb/opt"
	ldstorage "github.com/syndtr/goleveldb/leveldb/storage"
	"github.com/syndtr/goleveldb/leveldb/table"

	"github.com/candordb/candor/record"
)

// tableReader reads one table from its first key to its last, and finds what
// is wrong with it:
//
//   - it is gone, cut, or its footer, index or filter are damaged: nothing is
//     known of any key in it;
//   - a block does not match its checksum: nothing is known of the keys between
//     those before and behind it;
//   - the keys do not rise, or lie outside the table's bounds: a whole block that
//     belongs elsewhere, with a right checksum. What should be there is gone;
//   - a record does not match its own checksum.
//
// What the machine refuses (see refusals) is none of that: it ends the reading, and
// refusal says so.
//
// Tables are written once, so one that is open here can be read to its end even
// when a compaction has removed it meanwhile.
type tableReader struct {
	info tableInfo
	file File
	r    *table.Reader
	it   iterator.Iterator

	hole error // what the library has skipped since last
	// refusal is why nothing is known of the rest, though it may be whole.
	refusal error
	last    []byte // the last key that was read; nil: none yet
	lastN   uint64 // what stood behind it
}

// checkOptions let the library verify every block and go on behind a bad one;
// it tells of that through a callback. There is no cache.
var checkOptions = &opt.Options{
	Strict: opt.StrictBlockChecksum,
	Filter: filter.NewBloomFilter(10), // to read the block; the bits are not compared
}

// openTable begins to read a table. A table that cannot be read at all is not an
// error, but damage: step reports it.
func (s *files) openTable(info tableInfo) *tableReader {
	t := &tableReader{info: info}
	fd := ldstorage.FileDesc{Type: ldstorage.TypeTable, Num: info.number}
	f, err := s.fs.Open(s.path(fd))
	if err != nil {
		t.hole = err
		return t
	}
	t.file = f
	if t.hole = t.checkSize(); t.hole != nil {
		return t
	}
	if t.r, err = table.NewReader(f, info.size, fd, nil, nil, checkOptions); err != nil {
		t.hole = err
		return t
	}
	t.it = t.r.NewIterator(nil, &opt.ReadOptions{DontFillCache: true})
	if setter, ok := t.it.(iterator.ErrorCallbackSetter); ok {
		setter.SetErrorCallback(func(err error) { t.hole = err })
	}
	return t
}

// checkSize compares the file's length with the MANIFEST's.
func (t *tableReader) checkSize() error {
	size, err := t.file.Seek(0, io.SeekEnd)
	if err == nil && size != t.info.size {
		err = fmt.Errorf("%d bytes long instead of %d", size, t.info.size)
	}
	return err
}

// footerMagic are the last bytes of every table.
var footerMagic = []byte{0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb}

// glance looks at what costs next to nothing: that the table is there, as long as
// it was, and ends as a table does.
func (t *tableReader) glance() error {
	if err := t.checkSize(); err != nil {
		return err
	}
	tail := make([]byte, len(footerMagic))
	if _, err := t.file.ReadAt(tail, t.info.size-int64(len(tail))); err != nil && err != io.EOF {
		return err
	}
	if !bytes.Equal(tail, footerMagic) {
		return errors.New("it does not end as a table does")
	}
	return nil
}

// glanceAtTable is openTable and glance, for a start that cannot read everything.
func (s *files) glanceAtTable(info tableInfo) error {
	f, err := s.fs.Open(s.path(ldstorage.FileDesc{Type: ldstorage.TypeTable, Num: info.number}))
	if err != nil {
		return err
	}
	defer f.Close()
	return (&tableReader{info: info, file: f}).glance()
}

// step reads on until about so many bytes are read. It returns how much it has
// read and whether there is more. Behind it refusal is to be looked at.
func (t *tableReader) step(bytes int, found func(Damage)) (read int, more bool) {
	if t.it == nil {
		t.report(t.info.least, t.info.most, t.hole, found)
		return 0, false
	}
	for read < bytes {
		if !t.it.Next() {
			if err := t.it.Error(); err != nil {
				t.hole = err
			}
			if t.hole != nil {
				t.report(t.from(), t.info.most, t.hole, found)
			}
			return read, false
		}
		read += len(t.it.Key()) + len(t.it.Value())
		if !t.visit(t.it.Key(), t.it.Value(), found) {
			return read, false
		}
	}
	return read, true
}

// from is the last key before a hole.
func (t *tableReader) from() []byte {
	if t.last == nil {
		return t.info.least
	}
	return t.last
}

// visit looks at one entry. It reports whether it is of use to go on: when one
// block lies where another belongs, it cannot be told from the keys which.
func (t *tableReader) visit(internal, value []byte, found func(Damage)) bool {
	if len(internal) < 8 {
		t.report(t.info.least, t.info.most, errors.New("a key that is none"), found)
		return false
	}
	key, n := internal[:len(internal)-8], binary.LittleEndian.Uint64(internal[len(internal)-8:])
	outside := string(key) < string(t.info.least) || string(key) > string(t.info.most)
	if order := bytes.Compare(t.last, key); outside || t.last != nil && (order > 0 || order == 0 && t.lastN <= n) {
		t.report(t.info.least, t.info.most, fmt.Errorf("key %x is out of place", key), found)
		return false
	}
	if t.hole != nil {
		t.report(t.from(), key, t.hole, found)
		t.hole = nil
	}
	t.last, t.lastN = append(t.last[:0], key...), n
	if byte(n) == kindPut {
		t.checkRecord(key, value, found)
	}
	return true
}

// checkRecord compares a record with its own checksum.
func (t *tableReader) checkRecord(key, value []byte, found func(Damage)) {
	if d, bad := checkRecord(key, value); bad {
		d.Err = fmt.Errorf("%06d.ldb: %w", t.info.number, d.Err)
		found(d)
	}
}

// checkRecord returns the damage of one entry, if it is a record and has any.
func checkRecord(key, value []byte) (d Damage, bad bool) {
	if len(key) == 0 || key[0] != prefixRecord {
		return d, false
	}
	token, namespace, user, err := ParseRecordKey(key)
	if err == nil {
		_, err = record.Verify(namespace, user, value)
	}
	if err == nil {
		return d, false
	}
	return Damage{Tokens: TokenRange{token, token}, Key: bytes.Clone(key), Err: fmt.Errorf("%w: %w", ErrCorrupt, err)}, true
}

// report tells of a hole, if it is one.
func (t *tableReader) report(lo, hi []byte, cause error, found func(Damage)) {
	if refused(cause) {
		t.refusal = fmt.Errorf("%06d.ldb: %w", t.info.number, cause)
		return
	}
	err := fmt.Errorf("%06d.ldb: %w: %w", t.info.number, ErrCorrupt, cause)
	for _, d := range between(lo, hi, err) {
		found(d)
	}
}

func (t *tableReader) close() {
	if t.it != nil {
		t.it.Release()
	}
	if t.r != nil {
		t.r.Release()
	}
	if t.file != nil {
		t.file.Close()
	}
}
