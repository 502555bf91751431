package storage

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// goleveldb's journals and its MANIFEST have one form, that of LevelDB: blocks
// of 32 KiB; in them chunks, which do not cross the end of a block; fewer than
// seven bytes left in a block are zero and skipped.
//
//	CRC32C of type and payload, masked (4, little-endian)
//	length of payload (2, little-endian)
//	type (1)    1 a whole record; 2 its first, 3 a middle, 4 its last piece
//	payload
const (
	blockBytes = 32 << 10
	chunkHead  = 4 + 2 + 1

	chunkFull   = 1
	chunkFirst  = 2
	chunkMiddle = 3
	chunkLast   = 4
)

// logRecord is one whole record of a log file.
type logRecord struct {
	start   int64  // offset of its first chunk
	payload []byte // valid during the visit
	after   bool   // it lies behind damage
}

// damage is the first place where a log file is not what was written.
type damage struct {
	offset int64  // start of the record that is broken
	what   string // empty: there is no damage
}

// walkLog visits every whole record of a log file, those behind damage too, and
// returns where the damage begins. Visit returns "" for a record that makes
// sense, and otherwise what is wrong with it, which is then damage as well.
//
// goleveldb's reader gives up the rest of a block when a chunk is broken. This
// one looks at every byte for the next chunk that has a right checksum, because
// what it looks for is proof that a write behind the damage was whole. A user's
// value may contain what looks like a chunk; what the caller concludes from a
// record behind damage must therefore be safe if it is a lie.
func walkLog(data []byte, visit func(logRecord) string) damage {
	var (
		first   damage
		pieces  []byte
		start   = -1 // of the record whose pieces are being collected
		trouble = func(offset int, what string) {
			if first.what == "" {
				first = damage{int64(offset), what}
			}
			start = -1
		}
		whole = func(offset int, payload []byte) {
			rec := logRecord{start: int64(offset), payload: payload, after: first.what != ""}
			if wrong := visit(rec); wrong != "" {
				trouble(offset, wrong)
			}
			start = -1
		}
	)
	for pos := 0; pos < len(data); {
		if room := blockBytes - pos%blockBytes; room < chunkHead {
			pos += room
			continue
		}
		c, wrong := parseChunk(data, pos)
		if wrong != "" {
			at := pos
			if start >= 0 {
				at = start
			}
			trouble(at, wrong)
			pos = nextChunk(data, pos+1)
			continue
		}
		if start >= 0 && (c.kind == chunkFull || c.kind == chunkFirst) {
			trouble(start, "a record without its end")
		}
		switch {
		case c.kind == chunkFull:
			whole(pos, c.payload)
		case c.kind == chunkFirst:
			start, pieces = pos, append(pieces[:0], c.payload...)
		case start < 0:
			trouble(pos, "a piece of a record without its beginning")
		default:
			pieces = append(pieces, c.payload...)
			if c.kind == chunkLast {
				whole(start, pieces)
			}
		}
		pos = c.end
	}
	if start >= 0 {
		trouble(start, "a record without its end")
	}
	return first
}

type chunk struct {
	kind    byte
	payload []byte
	end     int
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// parseChunk reads the chunk at pos, where a header fits into the block. It
// says what is wrong if it is not whole.
func parseChunk(data []byte, pos int) (c chunk, wrong string) {
	if pos+chunkHead > len(data) {
		return c, "half a chunk header"
	}
	head := data[pos : pos+chunkHead]
	c.kind = head[6]
	if c.kind < chunkFull || c.kind > chunkLast {
		return c, fmt.Sprintf("chunk type %d", c.kind)
	}
	c.end = pos + chunkHead + int(binary.LittleEndian.Uint16(head[4:]))
	switch blockEnd := pos - pos%blockBytes + blockBytes; {
	case c.end > blockEnd:
		return c, "a chunk longer than its block"
	case c.end > len(data):
		return c, "half a chunk"
	}
	crc := crc32.Checksum(data[pos+6:c.end], castagnoli)
	if crc>>15|crc<<17 != binary.LittleEndian.Uint32(head)-0xa282ead8 {
		return c, "a wrong checksum"
	}
	c.payload = data[pos+chunkHead : c.end]
	return c, ""
}

// nextChunk returns where the next whole chunk begins, at pos or behind it, or
// the end of the data.
func nextChunk(data []byte, pos int) int {
	for ; pos < len(data); pos++ {
		if blockBytes-pos%blockBytes < chunkHead {
			continue
		}
		if pos+6 < len(data) && (data[pos+6] < chunkFull || data[pos+6] > chunkLast) {
			continue // nearly every byte ends here, before a sentence is made of it
		}
		if _, wrong := parseChunk(data, pos); wrong == "" {
			return pos
		}
	}
	return len(data)
}
