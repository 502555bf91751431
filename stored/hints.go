package stored

import (
	"errors"

	"github.com/candordb/candor/hinted"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/storage"
)

// Hints is an engine as package hinted reads it.
type Hints struct{ Engine storage.Engine }

var _ hinted.Store = Hints{}

// Hints implements hinted.Store.
func (s Hints) Hints(target ring.NodeID, after hinted.Place, fn func(hinted.Place, []byte) bool) error {
	// The next key in byte order: the place's and a zero.
	lo := append(storage.AppendHintKey(nil, target, after.Version, uint64(after.Token), after.Namespace, after.Key), 0)
	_, hi := storage.HintRange(target)
	return s.walk(lo, hi, func(_ ring.NodeID, p hinted.Place, value []byte) bool { return fn(p, value) })
}

// All implements hinted.Store.
func (s Hints) All(fn func(ring.NodeID, hinted.Place, []byte) bool) error {
	lo, hi := storage.HintsRange()
	return s.walk(lo, hi, fn)
}

func (s Hints) walk(lo, hi []byte, fn func(ring.NodeID, hinted.Place, []byte) bool) error {
	return scan(s.Engine, lo, hi, func(k, v []byte) (bool, error) {
		h, err := storage.ParseHintKey(k)
		if err != nil {
			return false, err
		}
		return fn(h.Target, hinted.Place{Version: h.Version, Token: ring.Token(h.Token), Namespace: h.Namespace, Key: h.Key}, v), nil
	})
}

// Marks implements hinted.Store.
func (s Hints) Marks(fn func(string, []byte) bool) error {
	lo, hi := storage.SystemRange(hinted.MarksPrefix)
	return scan(s.Engine, lo, hi, func(k, v []byte) (bool, error) {
		name, err := storage.SystemName(k)
		if err != nil {
			return false, err
		}
		return fn(name, v), nil
	})
}

// Kept is the record that is kept for one of some nodes under this version of a key;
// nil if there is none. Its error is the engine's, or that of a hint that is damaged.
func (s Hints) Kept(targets []ring.NodeID, token uint64, namespace uint32, key []byte, v hlc.Version) ([]byte, error) {
	for _, id := range targets {
		value, err := s.Engine.Get(storage.AppendHintKey(nil, id, v, token, namespace, key))
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		rec, _, err := hinted.ParseValue(v, value)
		return rec, err
	}
	return nil, nil
}
