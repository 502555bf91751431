package stored

import (
	"errors"
	"fmt"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/storage"
)

// ErrForeign is a key that lies where only others may lie. It comes with what
// storage.ErrCorrupt says, but is none of the damage that the engine has met itself: it
// was written so.
var ErrForeign = errors.New("stored: a key that does not belong there")

// scan is Engine.Scan with a fn that may find what does not belong there.
func scan(e storage.Engine, lo, hi []byte, fn func(key, value []byte) (bool, error)) error {
	var bad error
	err := e.Scan(lo, hi, func(k, v []byte) bool {
		more, err := fn(k, v)
		if err != nil {
			bad = fmt.Errorf("%w: %w", ErrForeign, err)
		}
		return more && err == nil
	})
	return errors.Join(bad, err)
}

// Range walks the records of tokens from..last as replica.Store says.
func Range(e storage.Engine, from uint64, namespace uint32, after []byte, last uint64, fn func(token uint64, namespace uint32, key, rec []byte) bool) error {
	lo, hi := storage.RecordRange(from, last)
	if after != nil {
		// The next key of the same namespace in byte order: the key and a zero.
		lo = append(storage.AppendRecordKey(nil, from, namespace, after), 0)
	}
	return scan(e, lo, hi, func(k, v []byte) (bool, error) {
		token, ns, key, err := storage.ParseRecordKey(k)
		return err == nil && fn(token, ns, key, v), err
	})
}

// Voids walks the notes of versions that were given up, of tokens from..last, until fn
// returns false. The key is good during fn only.
func Voids(e storage.Engine, from, last uint64, fn func(token uint64, namespace uint32, key []byte, version hlc.Version) bool) error {
	lo, hi := storage.VoidsOf(from, last)
	return scan(e, lo, hi, func(k, _ []byte) (bool, error) {
		token, ns, key, version, err := storage.ParseVoidKey(k)
		return err == nil && fn(token, ns, key, version), err
	})
}
