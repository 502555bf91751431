package wire

import (
	"encoding/binary"
	"encoding/hex"
	"math"

	"github.com/candordb/candor/hlc"
)

// The appenders write the shortest encoding of a value.

func appendNil(dst []byte) []byte { return append(dst, 0xc0) }

func appendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 0xc3)
	}
	return append(dst, 0xc2)
}

func appendUint(dst []byte, v uint64) []byte {
	switch {
	case v <= 0x7f:
		return append(dst, byte(v))
	case v <= math.MaxUint8:
		return append(dst, 0xcc, byte(v))
	case v <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xcd), uint16(v))
	case v <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, 0xce), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xcf), v)
}

func appendInt(dst []byte, v int64) []byte {
	switch {
	case v >= 0:
		return appendUint(dst, uint64(v))
	case v >= -32:
		return append(dst, byte(v))
	case v >= math.MinInt8:
		return append(dst, 0xd0, byte(v))
	case v >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(dst, 0xd1), uint16(v))
	case v >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(dst, 0xd2), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xd3), uint64(v))
}

// appendBin writes a bin; a nil slice is an empty one.
func appendBin(dst, v []byte) []byte {
	switch n := len(v); {
	case n <= math.MaxUint8:
		dst = append(dst, 0xc4, byte(n))
	case n <= math.MaxUint16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0xc5), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, 0xc6), uint32(n))
	}
	return append(dst, v...)
}

// appendBinNil writes a bin, or nil for a nil slice.
func appendBinNil(dst, v []byte) []byte {
	if v == nil {
		return appendNil(dst)
	}
	return appendBin(dst, v)
}

func appendStr[S ~string | ~[]byte](dst []byte, v S) []byte {
	switch n := len(v); {
	case n <= 31:
		dst = append(dst, 0xa0|byte(n))
	case n <= math.MaxUint8:
		dst = append(dst, 0xd9, byte(n))
	case n <= math.MaxUint16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0xda), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, 0xdb), uint32(n))
	}
	return append(dst, v...)
}

func appendArray(dst []byte, n int) []byte {
	switch {
	case n <= 15:
		return append(dst, 0x90|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xdc), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, 0xdd), uint32(n))
}

// appendVersion writes a version as a bin of 16 bytes.
func appendVersion(dst []byte, v hlc.Version) []byte {
	return v.Append(append(dst, 0xc4, hlc.VersionBytes))
}

// appendVersionNil writes a version, or nil for the zero one.
func appendVersionNil(dst []byte, v hlc.Version) []byte {
	if v.IsZero() {
		return appendNil(dst)
	}
	return appendVersion(dst, v)
}

// appendNode writes a node id as 32 hex digits.
func appendNode(dst []byte, id [16]byte) []byte {
	return hex.AppendEncode(append(dst, 0xd9, 32), id[:])
}
