package coordinator

import (
	"encoding/binary"
	"slices"

	"github.com/candordb/candor/ring"
)

// A cursor is drawn so: version 2 (1 byte), coverage done, met, asked (4 bytes
// each), token (8), 1 if the partition of the token is not met at the level so far
// (1 byte), and behind it the key to go on behind; all big-endian. An empty key
// stands for the beginning of the token.
const (
	cursorVersion = 2
	cursorBytes   = 1 + 3*4 + 8 + 1
)

func (s *scan) cursor() []byte {
	b := make([]byte, 0, cursorBytes+len(s.after))
	b = append(b, cursorVersion)
	for _, n := range []uint32{s.coverage.Done, s.coverage.MetLevel, s.coverage.Asked} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(s.token))
	weak := byte(0)
	if slices.Contains(s.weak, s.partition) {
		weak = 1
	}
	return append(append(b, weak), s.after...)
}

func (s *scan) resume(b []byte) bool {
	if len(b) < cursorBytes || b[0] != cursorVersion {
		return false
	}
	s.coverage = Coverage{binary.BigEndian.Uint32(b[1:]), binary.BigEndian.Uint32(b[5:]), binary.BigEndian.Uint32(b[9:])}
	s.token = ring.Token(binary.BigEndian.Uint64(b[13:]))
	if len(b) > cursorBytes {
		s.after = append([]byte(nil), b[cursorBytes:]...)
	}
	s.partition = s.View.PartitionOf(s.token)
	if b[cursorBytes-1] != 0 {
		s.weaken(s.partition)
	}
	return s.token >= s.First && s.token <= s.Last
}
