package storage

import "encoding/binary"

// Batch is a list of puts and deletes that are written in one piece. Later
// entries win over earlier ones of the same key. A Batch is reused with Reset
// and then allocates nothing. It belongs to one goroutine.
//
// The bytes are those of goleveldb's own batch, so that they go to the journal
// without another copy. One entry:
//
//	kind (1)  0 delete, 1 put
//	length of key (uvarint) | key
//	length of value (uvarint) | value        put only
type Batch struct {
	data  []byte
	n     int
	late  bool
	rests bool
}

const (
	kindDelete = 0
	kindPut    = 1
)

// Put adds "key has this value". Both are copied.
func (b *Batch) Put(key, value []byte) {
	b.data = append(b.data, kindPut)
	b.data = binary.AppendUvarint(b.data, uint64(len(key)))
	b.data = append(b.data, key...)
	b.data = binary.AppendUvarint(b.data, uint64(len(value)))
	b.data = append(b.data, value...)
	b.n++
}

// Delete adds "key is absent". The key is copied. Deleting what is not there
// is no error.
func (b *Batch) Delete(key []byte) {
	b.data = append(b.data, kindDelete)
	b.data = binary.AppendUvarint(b.data, uint64(len(key)))
	b.data = append(b.data, key...)
	b.n++
}

// Len returns the number of entries.
func (b *Batch) Len() int { return b.n }

// Bytes returns the size of the entries in bytes, keys, values and lengths.
func (b *Batch) Bytes() int { return len(b.data) }

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() { b.data, b.n, b.late, b.rests = b.data[:0], 0, false, false }

// RestsOnEarlier says that what is answered with the batch rests on what was written before
// it, so that a Committer syncs that before it answers, even if the batch puts in nothing.
func (b *Batch) RestsOnEarlier() { b.rests = true }

// MaySyncLater says that nothing durable, here or elsewhere, rests on what is in the
// batch: a Committer with a SyncInterval answers for it before it is synced. An Engine
// does not look at that.
func (b *Batch) MaySyncLater() { b.late = true }

// Each calls fn with the entries in order. A nil value means delete; an empty
// value that was put is not nil. The bytes are valid until the batch changes.
func (b *Batch) Each(fn func(key, value []byte)) {
	for rest := b.data; len(rest) > 0; {
		e, after, ok := cutEntry(rest)
		if !ok {
			panic("storage: a batch does not decode; it was changed while in use")
		}
		fn(e.key, e.value)
		rest = after
	}
}

// entry is one put or delete; value is nil for a delete, and only then.
type entry struct {
	key, value []byte
}

// cutEntry decodes the first entry of data and returns what follows it. It is
// also used on bytes that were read from a disk, so it believes no length.
func cutEntry(data []byte) (e entry, rest []byte, ok bool) {
	if len(data) == 0 || data[0] > kindPut {
		return entry{}, nil, false
	}
	kind := data[0]
	if e.key, rest, ok = cutBytes(data[1:]); !ok {
		return entry{}, nil, false
	}
	if kind == kindPut {
		if e.value, rest, ok = cutBytes(rest); !ok {
			return entry{}, nil, false
		}
	}
	return e, rest, true
}

// cutBytes decodes a length and that many bytes; they alias data.
func cutBytes(data []byte) (b, rest []byte, ok bool) {
	n, w := binary.Uvarint(data)
	if w <= 0 || n > uint64(len(data)-w) {
		return nil, nil, false
	}
	end := w + int(n)
	return data[w:end:end], data[end:], true
}
