package replica

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
)

// memory is a Store and a Batch over a sorted slice. What a batch puts is not
// visible before commit, as on a disk.
type memory struct {
	rows   []row
	staged []row
	puts   int
	bad    error  // what every read fails with, if it is set
	at     uint64 // the token at which a Range fails with bad; 0: before the first

	system map[string]string
	hints  map[string]Hint
	leaves map[int]string
	voids  map[string]bool
	noted  []func()
}

type row struct {
	token     uint64
	namespace uint32
	key, rec  []byte
}

func (r row) compare(o row) int {
	return cmp.Or(cmp.Compare(r.token, o.token), cmp.Compare(r.namespace, o.namespace), bytes.Compare(r.key, o.key))
}

func (m *memory) Record(token uint64, namespace uint32, key []byte) ([]byte, error) {
	if m.bad != nil {
		return nil, m.bad
	}
	if i, ok := slices.BinarySearchFunc(m.rows, row{token, namespace, key, nil}, row.compare); ok {
		return m.rows[i].rec, nil
	}
	return nil, nil
}

func (m *memory) Range(from uint64, namespace uint32, after []byte, last uint64, fn func(uint64, uint32, []byte, []byte) bool) error {
	for _, r := range m.rows {
		behind := r.token >= from
		if after != nil {
			behind = r.compare(row{from, namespace, after, nil}) > 0
		}
		if !behind || r.token > last {
			continue
		}
		if m.bad != nil && r.token >= m.at {
			return m.bad
		}
		if !fn(r.token, r.namespace, r.key, r.rec) {
			return nil
		}
	}
	return nil
}

func (m *memory) PutRecord(token uint64, namespace uint32, key, rec []byte) {
	m.puts++
	m.staged = append(m.staged, row{token, namespace, key, rec})
}

// voidName tells voids apart.
func voidName(token uint64, namespace uint32, key []byte, v hlc.Version) string {
	return fmt.Sprint(token, namespace, key, v)
}

func (m *memory) Voided(token uint64, namespace uint32, key []byte, v hlc.Version) (bool, error) {
	return len(m.voids) > 0 && m.voids[voidName(token, namespace, key, v)], m.bad
}

func (m *memory) PutVoid(token uint64, namespace uint32, key []byte, v hlc.Version) {
	m.note(voidName(token, namespace, key, v), true)
}

func (m *memory) EraseVoid(token uint64, namespace uint32, key []byte, v hlc.Version) {
	m.note(voidName(token, namespace, key, v), false)
}

func (m *memory) note(name string, given bool) {
	m.noted = append(m.noted, func() {
		if m.voids == nil {
			m.voids = make(map[string]bool)
		}
		m.voids[name] = given
	})
}

// EraseRecord stages a row without a record.
func (m *memory) EraseRecord(token uint64, namespace uint32, key []byte) {
	m.staged = append(m.staged, row{token, namespace, key, nil})
}

func (m *memory) PutHint(h *Hint) {
	own := *h
	own.Key, own.Record = bytes.Clone(h.Key), bytes.Clone(h.Record)
	m.noted = append(m.noted, func() {
		if m.hints == nil {
			m.hints = make(map[string]Hint)
		}
		m.hints[hintName(&own)] = own
	})
}

func (m *memory) EraseHint(h *Hint) {
	name := hintName(h)
	m.noted = append(m.noted, func() { delete(m.hints, name) })
}

// hintName tells hints apart.
func hintName(h *Hint) string {
	return fmt.Sprint(h.Target, voidName(h.Token, h.Namespace, h.Key, h.Version))
}

func (m *memory) PutLeaves(partition int, leaves []byte) {
	if leaves == nil {
		leaves = LeavesUnknown
	}
	m.noted = append(m.noted, func() {
		if m.leaves == nil {
			m.leaves = make(map[int]string)
		}
		m.leaves[partition] = string(leaves)
	})
}

// lose forgets what is not committed, as a crash does.
func (m *memory) lose() { m.noted, m.staged = nil, m.staged[:0] }

func (m *memory) commit() {
	for _, note := range m.noted {
		note()
	}
	m.noted = nil
	for _, r := range m.staged {
		m.set(r.token, r.namespace, r.key, r.rec)
	}
	m.staged = m.staged[:0]
}

func (m *memory) set(token uint64, namespace uint32, key, rec []byte) {
	r := row{token, namespace, bytes.Clone(key), bytes.Clone(rec)}
	i, there := slices.BinarySearchFunc(m.rows, r, row.compare)
	switch {
	case rec == nil && there:
		m.rows = slices.Delete(m.rows, i, i+1)
	case rec == nil:
	case there:
		m.rows[i] = r
	default:
		m.rows = slices.Insert(m.rows, i, r)
	}
}

func (m *memory) PutSystem(name, value []byte) {
	own, text := string(name), string(value)
	m.noted = append(m.noted, func() {
		if m.system == nil {
			m.system = make(map[string]string)
		}
		m.system[own] = text
	})
}

const (
	ns       = 7
	physical = int64(1_700_000_000_000)
	ageLimit = 30_000
)

// at is a version this many milliseconds from now.
func at(millis int64, writer uint64) hlc.Version {
	return hlc.Version{Time: hlc.Make(physical+millis, 0), Writer: writer}
}

func value(key string, v hlc.Version, text string) []byte {
	return record.Append(nil, ns, []byte(key), record.Record{Version: v, Value: []byte(text)})
}

func tombstone(key string, v hlc.Version) []byte {
	return record.Append(nil, ns, []byte(key), record.Record{Version: v, Tombstone: true})
}

func expiring(key string, v hlc.Version, text string, at int64) []byte {
	return record.Append(nil, ns, []byte(key), record.Record{Version: v, Value: []byte(text), ExpiresAt: at})
}

// token is any function of the key: keys that begin alike share one.
func token(key string) uint64 { return uint64(key[0]) << 8 }

func write(kind Kind, key string, rec []byte) Write {
	return Write{Kind: kind, Token: token(key), Namespace: ns, Key: []byte(key), Record: rec}
}

func now() Now { return Now{Mono: 1000, Physical: physical} }

// apply runs one batch and returns the results.
func apply(a *Applier, m *memory, writes ...Write) []Result {
	a.Apply(now(), m, writes, m)
	m.commit()
	results := make([]Result, len(writes))
	for i := range writes {
		results[i] = writes[i].Result
	}
	return results
}

func newApplier() *Applier { return &Applier{AgeLimit: ageLimit} }

// text is what a key reads as, in a few words.
func text(m *memory, key string) string {
	rec, code := Read(m, token(key), ns, []byte(key))
	switch {
	case code != contract.OK:
		return code.String()
	case rec == nil:
		return "absent"
	}
	r, err := record.Verify(ns, []byte(key), rec)
	if err != nil {
		return err.Error()
	}
	if r.Tombstone {
		return "tombstone"
	}
	return string(r.Value)
}

var errStopped = errors.New("engine stopped")

// damage changes the last byte of a stored record.
func (m *memory) damage(t *testing.T, key string) {
	t.Helper()
	for i := range m.rows {
		if string(m.rows[i].key) == key {
			m.rows[i].rec[len(m.rows[i].rec)-1] ^= 1
			return
		}
	}
	t.Fatalf("no %s to damage", key)
}

func blockError() error { return fmt.Errorf("a block: %w", record.ErrCorrupt) }

const maxToken = uint64(math.MaxUint64)
