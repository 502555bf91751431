package model

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/candordb/candor/record"
	"github.com/candordb/candor/storage"
)

// SetRoom says how full the disk is from now on.
func (e *Engine) SetRoom(r storage.Room) { e.room = r }

// Room implements storage.Engine.
func (e *Engine) Room() storage.Room { return e.room }

// Stalled implements storage.Engine: this disk answers at once.
func (e *Engine) Stalled() time.Duration { return 0 }

// Rot changes what is stored under a key, durably and behind everybody's back. Edit
// gets a copy of the value, which it may change, and returns what is stored from
// now on: bits that have flipped, the value of another key (a misdirected write), an
// older one of this key (a stale block), or nil for nothing (a lost one). It
// reports whether there was such a key.
func (e *Engine) Rot(key []byte, edit func(value []byte) []byte) bool {
	value, there := e.values[string(key)]
	if !there {
		return false
	}
	if rotten := edit(bytes.Clone(value)); rotten != nil {
		e.values[string(key)] = rotten
		return true
	}
	delete(e.values, string(key))
	at, _ := slices.BinarySearch(e.order, string(key))
	e.order = slices.Delete(e.order, at, at+1)
	return true
}

// Check implements storage.Engine. It verifies each record; what is gone without
// a trace only an exchange with another replica can find.
func (e *Engine) Check() (storage.Check, error) {
	if err := e.usable(); err != nil {
		return nil, err
	}
	return &check{engine: e}, nil
}

// check is a pass over the keys in their order.
type check struct {
	engine *Engine
	next   string // where to go on
	done   bool
}

// Next implements storage.Check.
func (c *check) Next(bytes int, found func(storage.Damage)) (read int, more bool, err error) {
	if err := c.engine.usable(); err != nil {
		return 0, false, err
	}
	for at, _ := slices.BinarySearch(c.engine.order, c.next); !c.done && read < bytes; at++ {
		if at == len(c.engine.order) {
			c.done = true
			break
		}
		key := c.engine.order[at]
		value := c.engine.values[key]
		c.next, read = key+"\x00", read+len(key)+len(value)
		token, namespace, user, err := storage.ParseRecordKey([]byte(key))
		if err != nil {
			continue // a system value, or a void
		}
		if _, err := record.Verify(namespace, user, value); err != nil {
			found(storage.Damage{
				Tokens: storage.TokenRange{First: token, Last: token}, Key: []byte(key),
				Err: fmt.Errorf("model: %w: %w", storage.ErrCorrupt, err),
			})
		}
	}
	return read, !c.done, nil
}

// Close implements storage.Check.
func (c *check) Close() error {
	c.done = true
	return nil
}
