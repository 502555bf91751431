package node

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/stored"
)

// store is the engine as package replica sees it.
type store struct {
	engine storage.Engine
	coming func(*replica.Hint) // told of each hint that goes into a batch
	// damaged is told of damage where it is met (replica.Witness).
	damaged func(token uint64, namespace uint32, key []byte)
	// broken is told of damage below the records: of a block of a table.
	broken func(error)
	keys   sync.Pool // *[]byte, scratch for encoded keys

	// voids counts the notes of each version that was given up here, whatever its key,
	// so that a write, which is almost never of one, need not ask the engine. It is the
	// committer's, and shows what is durable (batch.noted).
	voids  map[hlc.Version]int
	voided atomic.Bool // there may be some
}

func newStore(e storage.Engine) *store {
	return &store{engine: e, keys: sync.Pool{New: func() any { b := make([]byte, 0, 64); return &b }}}
}

// loadVoids reads which versions were given up. It is called before anything is
// written.
func (s *store) loadVoids() error {
	s.voids = make(map[hlc.Version]int)
	lo, hi := storage.VoidRange()
	var bad error
	err := s.engine.Scan(lo, hi, func(k, _ []byte) bool {
		v, err := storage.VoidVersion(k)
		bad = err
		s.voids[v]++
		return err == nil
	})
	s.voided.Store(len(s.voids) > 0)
	return errors.Join(bad, err)
}

// Voided implements replica.Store.
func (s *store) Voided(token uint64, namespace uint32, key []byte, version hlc.Version) (bool, error) {
	if s.voids[version] == 0 {
		return false, nil
	}
	_, err := s.engine.Get(storage.AppendVoidKey(nil, token, namespace, key, version))
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	return err == nil, damage(err)
}

// voidsOf walks the notes of versions that were given up, of tokens from..last.
func (s *store) voidsOf(from, last uint64, fn func(token uint64, namespace uint32, key []byte, version hlc.Version) bool) error {
	return damage(stored.Voids(s.engine, from, last, fn))
}

// Record implements replica.Store.
func (s *store) Record(token uint64, namespace uint32, key []byte) ([]byte, error) {
	scratch := s.keys.Get().(*[]byte)
	*scratch = storage.AppendRecordKey((*scratch)[:0], token, namespace, key)
	rec, err := s.engine.Get(*scratch)
	s.keys.Put(scratch)
	switch {
	case err == nil:
		return rec, nil
	case errors.Is(err, storage.ErrNotFound):
		return nil, nil
	}
	return nil, s.unreadable(err)
}

// unreadable is damage that the engine has met, told of. To renew the database, which
// follows from that, would not help against a foreign key.
func (s *store) unreadable(err error) error {
	if errors.Is(err, storage.ErrCorrupt) && !errors.Is(err, stored.ErrForeign) && s.broken != nil {
		s.broken(err)
	}
	return damage(err)
}

// Damaged implements replica.Witness.
func (s *store) Damaged(token uint64, namespace uint32, key []byte) {
	if s.damaged != nil {
		s.damaged(token, namespace, key)
	}
}

// Range implements replica.Store.
func (s *store) Range(from uint64, namespace uint32, after []byte, last uint64, fn func(uint64, uint32, []byte, []byte) bool) error {
	return s.unreadable(stored.Range(s.engine, from, namespace, after, last, fn))
}

// damage marks an engine's corruption as a damaged record.
func damage(err error) error {
	if errors.Is(err, storage.ErrCorrupt) {
		return fmt.Errorf("%w: %w", record.ErrCorrupt, err)
	}
	return err
}

// batch is a stored.Batch that keeps count of the notes of versions.
type batch struct {
	stored.Batch
	store *store
	// notes has the keys of the notes that this batch makes or erases.
	notes map[string]noted
}

func newBatch(s *store) *batch {
	b := &batch{store: s, notes: make(map[string]noted)}
	b.Engine, b.Noted = s.engine, b.note
	b.Coming = func(h *replica.Hint) { s.coming(h) }
	return b
}

// noted is a note of a version before a batch, and behind it.
type noted struct {
	version  hlc.Version
	had, has bool
}

// begin makes the batch ready for a committer step.
func (b *batch) begin(to *storage.Batch) {
	b.Begin(to)
	clear(b.notes)
}

// durable is told that all of the batch is, before the next one is begun.
func (b *batch) durable() {
	voids := b.store.voids
	for _, n := range b.notes { // each by itself: order does not matter
		switch {
		case n.has && !n.had:
			voids[n.version]++
		case n.had && !n.has && voids[n.version] > 1:
			voids[n.version]--
		case n.had && !n.has:
			delete(voids, n.version)
		}
	}
	if len(b.notes) > 0 {
		b.store.voided.Store(len(voids) > 0)
	}
	clear(b.notes)
}

// note keeps count of a note. What cannot be read counts as one that was not there,
// and stays counted when it goes: too many of a version cost a look at the engine, too
// few would let it pass.
func (b *batch) note(key []byte, version hlc.Version, has bool) {
	n, seen := b.notes[string(key)]
	if !seen {
		_, err := b.store.engine.Get(key)
		n = noted{version: version, had: err == nil}
	}
	n.has = has
	b.notes[string(key)] = n
}

var _ replica.Witness = (*store)(nil)

// system reads a system value; nil if there is none.
func system(e storage.Engine, name string) ([]byte, error) {
	v, err := e.Get(storage.SystemKey(name))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	return v, err
}

// systemUint reads a system value of a version byte and 8 bytes; 0 if there is
// none.
func systemUint(e storage.Engine, name string, version byte) (uint64, error) {
	v, err := system(e, name)
	switch {
	case err != nil || v == nil:
		return 0, err
	case len(v) != 9 || v[0] != version:
		return 0, fmt.Errorf("node: system value %s: %w: %x", name, storage.ErrCorrupt, v)
	}
	return binary.BigEndian.Uint64(v[1:]), nil
}

func uintValue(version byte, v uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{version}, v)
}

// incarnationName is the system value that counts the node's starts.
const (
	incarnationName    = "incarnation"
	incarnationVersion = 1
)
