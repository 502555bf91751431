package main

import (
	"fmt"
	"sync"

	"github.com/candordb/candor/client"
)

// benchFloor is the highest version of a key that an answer of this run has told
// of, and how many replicas held it by then.
type benchFloor struct {
	version client.Version
	acked   int
}

// benchJudgement is what a read says of the replicas, given what was known of its key when
// it began.
type benchJudgement uint8

const (
	readFine benchJudgement = iota
	// readBehind: it is older, as it may be: nothing says that a replica which held
	// the newer version was among those that answered.
	readBehind
	// readStale: it is older, and must not be.
	readStale
)

// judge compares a read with the floor. Of n replicas some held the newer version,
// and some held the one that was read: if these are more than n together, one of
// them has gone back.
func (f benchFloor) judge(read client.Version, acked, n int) benchJudgement {
	switch {
	case !read.Less(f.version):
		return readFine
	case acked+f.acked > n:
		return readStale
	}
	return readBehind
}

// benchShards keeps workers from waiting for each other.
const benchShards = 64

// benchBook keeps the floors of all keys, by their numbers.
type benchBook struct {
	shards [benchShards]struct {
		mu     sync.Mutex
		floors []benchFloor
	}
}

// floor is what is known of a key; a version of zero: nothing.
func (b *benchBook) floor(n int) benchFloor {
	s, i := &b.shards[n%benchShards], n/benchShards
	s.mu.Lock()
	defer s.mu.Unlock()
	if i >= len(s.floors) {
		return benchFloor{}
	}
	return s.floors[i]
}

// raise notes that so many replicas hold a version.
func (b *benchBook) raise(n int, f benchFloor) {
	s, i := &b.shards[n%benchShards], n/benchShards
	s.mu.Lock()
	defer s.mu.Unlock()
	for i >= len(s.floors) {
		s.floors = append(s.floors, benchFloor{})
	}
	switch at := &s.floors[i]; {
	case at.version.Less(f.version):
		*at = f
	case at.version == f.version:
		at.acked = max(at.acked, f.acked)
	}
}

// benchChecks counts what was found by looking at answers.
type benchChecks struct {
	mu     sync.Mutex // guards what follows
	counts benchCounts
	said   int
	tell   func(line string)
}

// benchCounts are the findings. The first group breaks a promise.
type benchCounts struct {
	Short       uint64 `json:"short"`         // fewer acknowledgements than the receipt says that are needed
	OtherLevel  uint64 `json:"other_level"`   // another level than was asked for
	Stale       uint64 `json:"stale"`         // a read that went back
	WrongValues uint64 `json:"wrong_values"`  // a value that belongs to another key or version, or is damaged
	OtherStamp  uint64 `json:"other_version"` // a write that has another version than it was given

	Answers    uint64 `json:"answers"`    // that were looked at
	Behind     uint64 `json:"behind"`     // an older version, as the levels allow
	Absent     uint64 `json:"absent"`     // reads of keys that are not there, and of which nothing was known
	Superseded uint64 `json:"superseded"` // writes that lost to a higher version
	Buried     uint64 `json:"buried"`     // modify: replaced a version that it had not read
}

// broken is how many answers broke a promise.
func (c *benchCounts) broken() uint64 {
	return c.Short + c.OtherLevel + c.Stale + c.WrongValues + c.OtherStamp
}

// benchSaysMax is how many broken promises are told one by one.
const benchSaysMax = 10

// count adds one to counts.
func (k *benchChecks) count(which func(*benchCounts) *uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	*which(&k.counts)++
}

// breaks counts a broken promise, and tells the first few at once.
func (k *benchChecks) breaks(which func(*benchCounts) *uint64, format string, args ...any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	*which(&k.counts)++
	switch k.said++; {
	case k.said <= benchSaysMax:
		k.tell("BROKEN  " + fmt.Sprintf(format, args...))
	case k.said == benchSaysMax+1:
		k.tell("and more of the like, which are only counted")
	}
}
