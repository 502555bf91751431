package paxos

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/candordb/candor/hlc"
)

// ErrState is returned for bytes that are no acceptor's state. A voter that reads
// it must not vote: what it promised is unknown.
var ErrState = errors.New("paxos: damaged acceptor state")

// The state on disk, integers big-endian:
//
//	offset  bytes
//	0       1      format: 1
//	1       16     promised: time, writer
//	17      16     accepted: time, writer; zeros: nothing accepted
//	33      4      length of the value, n
//	37      n      value
//	37+n    4      CRC32C of all bytes before it
const (
	stateFormat      = 1
	statePromised    = 1
	stateAccepted    = statePromised + hlc.VersionBytes
	stateValueLength = stateAccepted + hlc.VersionBytes
	stateValue       = stateValueLength + 4
	stateChecksum    = 4
	stateBytesMin    = stateValue + stateChecksum
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// AppendState appends the acceptor's form on disk to dst.
func AppendState(dst []byte, a *Acceptor) []byte {
	start := len(dst)
	dst = append(dst, stateFormat)
	dst = a.Promised.Append(dst)
	dst = a.Accepted.Append(dst)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(a.Value)))
	dst = append(dst, a.Value...)
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

// ParseState reads what AppendState wrote; b must hold nothing else. Value
// aliases b. Errors wrap ErrState.
func ParseState(b []byte) (Acceptor, error) {
	if len(b) < stateBytesMin {
		return Acceptor{}, fmt.Errorf("%w: %d bytes, want at least %d", ErrState, len(b), stateBytesMin)
	}
	if b[0] != stateFormat {
		return Acceptor{}, fmt.Errorf("%w: format %d, this build reads %d", ErrState, b[0], stateFormat)
	}
	end := len(b) - stateChecksum
	if length := uint64(binary.BigEndian.Uint32(b[stateValueLength:])); length != uint64(end-stateValue) {
		return Acceptor{}, fmt.Errorf("%w: a value of %d bytes is claimed, %d are there", ErrState, length, end-stateValue)
	}
	if got, want := crc32.Checksum(b[:end], castagnoli), binary.BigEndian.Uint32(b[end:]); got != want {
		return Acceptor{}, fmt.Errorf("%w: checksum %08x, want %08x", ErrState, got, want)
	}
	a := Acceptor{
		Promised: hlc.VersionFrom(b[statePromised:]),
		Accepted: hlc.VersionFrom(b[stateAccepted:]),
		Value:    b[stateValue:end:end],
	}
	if a.Accepted.Compare(a.Promised) > 0 || a.Accepted.IsZero() && len(a.Value) > 0 {
		return Acceptor{}, fmt.Errorf("%w: promised %v, accepted %v, a value of %d bytes", ErrState, a.Promised, a.Accepted, len(a.Value))
	}
	return a, nil
}
