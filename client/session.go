package client

import (
	"container/list"
	"sync"
)

// sessionKeys is how many keys a session remembers.
const sessionKeys = 4096

// session remembers, per key, the highest version that this client has read or
// has written. The least recently used key is forgotten first; what is
// forgotten is as if it had never been seen.
type session struct {
	mu    sync.Mutex // guards what follows
	known map[sessionKey]*list.Element
	order *list.List // of *sighting, the most recently used first
}

type sessionKey struct{ namespace, key string }

type sighting struct {
	sessionKey
	version Version
}

func newSession() *session {
	return &session{known: make(map[sessionKey]*list.Element), order: list.New()}
}

// seen is the version that is remembered; zero if none is. A nil session
// remembers nothing.
func (s *session) seen(namespace string, key []byte) Version {
	if s == nil {
		return Version{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.known[sessionKey{namespace, string(key)}]
	if e == nil {
		return Version{}
	}
	s.order.MoveToFront(e)
	return e.Value.(*sighting).version
}

// saw remembers a version, unless a higher one is remembered already.
func (s *session) saw(namespace string, key []byte, v Version) {
	if s == nil || v.IsZero() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.known[sessionKey{namespace, string(key)}]; e != nil {
		old := e.Value.(*sighting)
		if old.version.Less(v) {
			old.version = v
		}
		s.order.MoveToFront(e)
		return
	}
	if len(s.known) >= sessionKeys {
		last := s.order.Back()
		delete(s.known, last.Value.(*sighting).sessionKey)
		s.order.Remove(last)
	}
	k := sessionKey{namespace, string(key)}
	s.known[k] = s.order.PushFront(&sighting{k, v})
}

// Seen is the highest version of a key that this client has read, found absent
// or written; zero if there is none or it was forgotten. Only a client with
// WithSession remembers, and of 4,096 keys. A write in doubt is not seen, nor is
// a version that is only known by its number, as the winner over a superseded
// write is.
func (ns *Namespace) Seen(key []byte) Version { return ns.c.session.seen(ns.name, key) }
