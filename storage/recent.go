package storage

import (
	"bytes"
	"hash/maphash"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// recent holds the records that were written or read last, so that reading one again,
// or before it is written over, does not look for it in the engine: that costs ten
// times as much, most of it waiting for memory.
//
// What it holds is what the engine shows, no more and no less: a batch's keys are taken
// out before the engine gets it, and put in when it is visible, which is after its sync.
// A reader that missed puts in what it has read only if nothing was written to the shard
// meanwhile, and its key is not being written: between the two, readers of the engine see
// the old and the new, and the slower one would put the old in behind the new.
type recent struct {
	seed   maphash.Seed
	shards [recentShards]shard
}

const (
	recentShards = 16
	// recentShare is how much of a shard one record may take: 1/recentShare.
	recentShare = 8
	// recentExtra is about what a record costs besides its bytes.
	recentExtra = 160
)

type shard struct {
	mu      sync.Mutex // guards what follows
	held    *simplelru.LRU[uint64, held]
	bytes   int
	most    int
	changes uint64 // written to it so far
	// writing counts the entries of the batch that is being written, by hash: until all are
	// in, a reader may have seen what is old or what is new, and puts in neither.
	writing map[uint64]int

	hits, misses uint64
}

// held is a record and the key that it belongs to. Two keys of the same hash take turns.
// The zero held keeps the place of what is being written.
type held struct{ key, value []byte }

func (h held) cost() int { return len(h.key) + len(h.value) + recentExtra }

// newRecent returns a cache of about so many bytes; nil if that is none.
func newRecent(size int) *recent {
	if size <= 0 {
		return nil
	}
	r := &recent{seed: maphash.MakeSeed()}
	for i := range r.shards {
		s := &r.shards[i]
		s.most = size / recentShards
		s.writing = make(map[uint64]int)
		// Bytes are what bounds it; so many entries never fit.
		lru, err := simplelru.NewLRU(s.most/recentExtra+1, func(_ uint64, h held) { s.bytes -= h.cost() })
		if err != nil {
			panic(err) // its only error is that of a size that is not positive
		}
		s.held = lru
	}
	return r
}

// covers says whether a key is one of those that are kept: that of a record.
func (r *recent) covers(key []byte) bool { return r != nil && len(key) > 0 && key[0] == prefixRecord }

func (r *recent) shard(key []byte) (*shard, uint64) {
	h := maphash.Bytes(r.seed, key)
	return &r.shards[h%recentShards], h
}

// get returns the value of a key if it is held, and otherwise how many changes the
// shard has seen, for filled.
func (r *recent) get(key []byte) (value []byte, ok bool, changes uint64) {
	s, h := r.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, there := s.held.Get(h); there && e.key != nil && bytes.Equal(e.key, key) {
		s.hits++
		return e.value, true, s.changes
	}
	s.misses++
	return nil, false, s.changes
}

// filled takes in what a reader found in the engine, unless something was written
// since its get: it may be that.
func (r *recent) filled(key, value []byte, changes uint64) {
	s, h := r.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changes == changes && s.writing[h] == 0 {
		s.put(h, held{bytes.Clone(key), value})
	}
}

// leave takes the keys of a batch out, which is about to be written.
func (r *recent) leave(b *Batch) { r.change(b, (*shard).leave) }

// enter takes in what a batch has put, which is visible now.
func (r *recent) enter(b *Batch) { r.change(b, (*shard).enter) }

// change calls do with each record of a batch, in order, and the hash of its key, in the
// shard that keeps it, which is locked. do holds on to nothing, and so nothing is allocated.
func (r *recent) change(b *Batch, do func(s *shard, h uint64, key, value []byte)) {
	b.Each(func(key, value []byte) {
		if !r.covers(key) {
			return
		}
		s, h := r.shard(key)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.changes++
		do(s, h, key, value)
	})
}

// forget takes a key out.
func (r *recent) forget(key []byte) {
	s, h := r.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	s.held.Remove(h)
}

// leave takes out what has a hash, until as many entries of it have entered.
func (s *shard) leave(h uint64, _, _ []byte) {
	s.writing[h]++
	if s.held.Contains(h) {
		s.put(h, held{}) // it comes back: its place stays
	}
}

// enter takes in an entry that was written; a nil value was deleted.
func (s *shard) enter(h uint64, key, value []byte) {
	if s.writing[h]--; s.writing[h] > 0 {
		return // a later entry of the batch has the same key
	}
	delete(s.writing, h)
	if value == nil {
		s.held.Remove(h)
		return
	}
	both := append(append(make([]byte, 0, len(key)+len(value)), key...), value...)
	s.put(h, held{both[:len(key):len(key)], both[len(key):]})
}

// put keeps a record, in the place of what had its hash, and makes room for it.
func (s *shard) put(h uint64, e held) {
	if e.cost() > s.most/recentShare {
		s.held.Remove(h)
		return
	}
	if old, there := s.held.Peek(h); there {
		s.bytes -= old.cost()
	}
	s.held.Add(h, e)
	for s.bytes += e.cost(); s.bytes > s.most; {
		s.held.RemoveOldest()
	}
}

// figures are the counts of reads that were answered here, and of those that were not.
func (r *recent) figures() (hits, misses uint64) {
	if r == nil {
		return 0, 0
	}
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		hits, misses = hits+s.hits, misses+s.misses
		s.mu.Unlock()
	}
	return hits, misses
}
