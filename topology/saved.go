package topology

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/candordb/candor/paxos"
)

// Names of the system values that Core saves.
const (
	MetadataName = "metadata"
	FirstName    = "register/1" // the acceptor of the register that decides epoch 1
	RegisterName = "register"   // that of the register that decides the next one
	HeardName    = "heard"      // what was heard of each member
	DistrustName = "distrust"   // that this node has forgotten what it may have promised
)

// Saved is the system values of those names; nil where there is none.
type Saved struct {
	Metadata, First, Register, Heard, Distrust []byte
}

// Load reads what was saved; get returns nil where there is nothing.
func Load(get func(name string) ([]byte, error)) (Saved, error) {
	var s Saved
	var all error
	for _, v := range []struct {
		name string
		to   *[]byte
	}{
		{MetadataName, &s.Metadata}, {FirstName, &s.First}, {RegisterName, &s.Register}, {HeardName, &s.Heard}, {DistrustName, &s.Distrust},
	} {
		b, err := get(v.name)
		*v.to, all = b, errors.Join(all, err)
	}
	return s, all
}

// The value of RegisterName, integers big-endian. There is one register only that
// a node may vote in, that of the epoch behind its own, so its first vote takes the
// place of the one before.
//
//	offset  bytes
//	0       1      format: 1
//	1       8      the epoch that the register decides
//	9              the acceptor's state, as package paxos draws it
const (
	registerFormat = 1
	registerHead   = 9
)

func appendRegister(dst []byte, epoch uint64, a *paxos.Acceptor) []byte {
	return paxos.AppendState(binary.BigEndian.AppendUint64(append(dst, registerFormat), epoch), a)
}

// ParseRegister reads the value of RegisterName: the epoch that the register
// decides, and this node's vote in it. Errors wrap paxos.ErrState.
func ParseRegister(b []byte) (epoch uint64, a paxos.Acceptor, err error) {
	if len(b) < registerHead || b[0] != registerFormat {
		return 0, a, fmt.Errorf("%w: no register of format %d in %d bytes", paxos.ErrState, registerFormat, len(b))
	}
	a, err = paxos.ParseState(b[registerHead:])
	a.Value = bytes.Clone(a.Value)
	return binary.BigEndian.Uint64(b[1:]), a, err
}

// recallVote takes up the vote in the register of the next epoch.
func (c *Core) recallVote(saved Saved) error {
	switch {
	case c.meta == nil && saved.First != nil:
		a, err := paxos.ParseState(saved.First)
		if err != nil {
			return fmt.Errorf("topology: this node's vote on epoch 1 cannot be read, so it may not vote again: empty its data folder, so that it takes part under a new id: %w", err)
		}
		a.Value = bytes.Clone(a.Value)
		c.acceptor = a
	case c.meta != nil && saved.Register != nil:
		epoch, a, err := ParseRegister(saved.Register)
		switch {
		case err != nil:
			c.unreadable = "this node's vote on the next epoch cannot be read: " + err.Error()
		case epoch == c.meta.Epoch+1:
			c.acceptor = a
		case epoch > c.meta.Epoch+1:
			c.unreadable = fmt.Sprintf("this node has voted on epoch %d, and its metadata are of epoch %d", epoch, c.meta.Epoch)
		}
	}
	return nil
}

// The value of DistrustName, integers big-endian:
//
//	offset  bytes
//	0       1      format: 1
//	1       8      generation; 0: this node trusts its memory
//	9       1      1: an epoch has named the generation, so it votes again
//	10             why, a sentence
const (
	distrustFormat = 1
	distrustHead   = 10
)

// distrust is why a node does not trust its own memory.
type distrust struct {
	generation uint64 // random; 0: it does
	sworn      bool   // an epoch has named the generation
	why        string
}

func (d *distrust) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, distrustFormat), d.generation)
	sworn := byte(0)
	if d.sworn {
		sworn = 1
	}
	return append(append(dst, sworn), d.why...)
}

func parseDistrust(b []byte) (d distrust, err error) {
	if len(b) < distrustHead || b[0] != distrustFormat || b[9] > 1 {
		return d, fmt.Errorf("%w: the system value %s is not of format %d", ErrMetadata, DistrustName, distrustFormat)
	}
	return distrust{generation: binary.BigEndian.Uint64(b[1:]), sworn: b[9] == 1, why: string(b[distrustHead:])}, nil
}
