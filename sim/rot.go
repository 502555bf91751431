package sim

import (
	"slices"

	"github.com/candordb/candor/record"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/wire"
)

// Records that are not what was stored, at most one copy of each key, and only where
// there are three. What the checksum shows, which covers the key, is healed when
// somebody meets it. A record that is gone without a trace, or is an older one of its
// key, only a comparison can find, and that only once the tree was counted anew: until
// then its copy is lost. An older value nobody can tell from one that was never
// deleted, where a delete above it was purged: so that is not done.

// sound is a key and an owner of it whose record may be damaged, and that record; nil:
// it may not.
func (s *Sim) sound() (k *key, n *node, rec []byte) {
	k = s.history.keys[s.faultDice.IntN(len(s.history.keys))]
	n = s.nodes[pick(s.faultDice, k.owners...)]
	if s.wrecked != nil || k.damaged >= 0 || k.rotten >= 0 || len(k.owners) < 3 || n.disk.engine.Staged() > 0 || n.disk.engine.Err() != nil {
		return k, n, nil
	}
	return k, n, slices.Clone(n.disk.synced(k))
}

// damageSomething changes one byte of a synced record, or puts that of another key in
// its place, as a disk does that writes to where it was not told.
func (s *Sim) damageSomething() {
	k, n, rec := s.sound()
	if rec == nil {
		return
	}
	other := s.history.keys[s.faultDice.IntN(len(s.history.keys))]
	if there := n.disk.synced(other); other != k && other.damaged < 0 && there != nil && s.faultDice.chance(0.3) {
		s.mark(markMisdirected)
		rec = slices.Clone(there)
	} else {
		rec[s.faultDice.IntN(len(rec))] ^= 1 << s.faultDice.IntN(8)
	}
	n.disk.rot(k, rec)
	k.damaged, k.damagedAt, k.ackedThen = n.index, s.now, slices.Clone(k.acked[0])
	s.fig.Damaged++
	s.tracef("the record of %s on %v is damaged", k.name, n)
}

// rotSilently loses a synced record, or puts an older one in its place.
func (s *Sim) rotSilently() {
	k, n, rec := s.sound()
	if rec == nil || n.copy == nil {
		return
	}
	o := s.written(k, rec)
	if o == nil || o.kind != wire.OpPut || o.ttl != 0 {
		return
	}
	var older []byte
	if was, there := n.copy.engine.Synced(storage.AppendRecordKey(nil, k.token, k.space.number, k.name)); there && s.faultDice.chance(half) {
		r, err := record.Parse(was)
		if err != nil || r.Tombstone || r.ExpiresAt != 0 || !r.Version.Less(o.version) || r.Version.Less(k.purged) {
			return
		}
		older = was
		s.mark(markStaleBlock)
	} else {
		s.mark(markLostBlock)
	}
	n.disk.rot(k, older)
	s.check.rots(n, k, older)
	s.fig.Damaged++
	s.tracef("the record of %s on %v is %s", k.name, n, dump(older))
}

// rot changes what a disk holds of a key, behind everybody's back; nil: it is gone.
func (d *disk) rot(k *key, rec []byte) {
	d.engine.Rot(storage.AppendRecordKey(nil, k.token, k.space.number, k.name), func([]byte) []byte { return rec })
}
