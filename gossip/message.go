package gossip

import (
	"encoding/binary"
	"errors"

	"github.com/candordb/candor/ring"
)

// Besides its own messages memberlist carries these, in packets and, the epoch,
// in acks and state exchanges. Kinds are append-only; an unknown one is skipped.
//
//	epoch     1 | epoch, 8, big-endian
//	leaving   2 | node id, 16 | incarnation, 8, big-endian
//	ack       epoch, 8
//	state     version, 1 | epoch, 8 | what later versions append
const (
	kindEpoch   = 1
	kindLeaving = 2

	stateVersion = 1
)

// broadcastMax is the largest message that is taken for broadcasting. One that
// fits no packet would never be sent and wait in the queue for ever, silently;
// this leaves room for label, encryption and what else is in a packet.
const broadcastMax = 1000

var errBroadcastTooLarge = errors.New("gossip: a broadcast must fit a packet")

func appendEpoch(dst []byte, epoch uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, kindEpoch), epoch)
}

func appendLeaving(dst []byte, id ring.NodeID, incarnation uint64) []byte {
	dst = append(append(dst, kindLeaving), id[:]...)
	return binary.BigEndian.AppendUint64(dst, incarnation)
}

// parseEpoch reads the eight bytes of an epoch; false for fewer.
func parseEpoch(b []byte) (uint64, bool) {
	if len(b) < 8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(b), true
}

func parseLeaving(b []byte) (id ring.NodeID, incarnation uint64, ok bool) {
	if len(b) < 24 {
		return id, 0, false
	}
	return ring.NodeID(b[:16]), binary.BigEndian.Uint64(b[16:]), true
}
