package ring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// ErrTable is returned for an owner table, or for dimensions of one, that break
// a rule of the ring.
var ErrTable = errors.New("ring: invalid owner table")

// NoOwner stands in the owner table where a partition has fewer than N owners,
// because the cluster has fewer than N members. It comes behind all owners.
const NoOwner = 0xFFFF

// Bounds of a ring's dimensions. A level is one byte on the wire and counts
// replicas exactly up to 63.
const (
	partitionsMax = 1 << 16
	replicasMax   = 63
)

// checkShape refuses dimensions that no ring has.
func checkShape(q, n int) error {
	if q < 1 || q > partitionsMax || bits.OnesCount(uint(q)) != 1 {
		return fmt.Errorf("%w: %d partitions, want a power of two from 1 to %d", ErrTable, q, partitionsMax)
	}
	if n < 1 || n > replicasMax {
		return fmt.Errorf("%w: %d replicas, want 1 to %d", ErrTable, n, replicasMax)
	}
	return nil
}

// checkOwners refuses a table that names a member that does not exist, one
// member twice in a partition, or an owner behind a NoOwner.
func checkOwners(q, n, members int, owners []uint16) error {
	if len(owners) != q*n {
		return fmt.Errorf("%w: %d entries, want %d partitions x %d replicas", ErrTable, len(owners), q, n)
	}
	for at, owner := range owners {
		p, place := at/n, at%n
		before := owners[p*n : at]
		if owner == NoOwner {
			continue
		}
		if int(owner) >= members {
			return fmt.Errorf("%w: partition %d names member %d of %d", ErrTable, p, owner, members)
		}
		for _, b := range before {
			if b == owner {
				return fmt.Errorf("%w: partition %d names member %d twice", ErrTable, p, owner)
			}
		}
		if place > 0 && before[place-1] == NoOwner {
			return fmt.Errorf("%w: partition %d has an owner behind an empty place", ErrTable, p)
		}
	}
	return nil
}

// AppendOwners appends the table's form on the wire to dst: partition by
// partition, N entries each in order of preference,
//
//	+----------+----------+-----+----------+
//	| u16 BE   | u16 BE   | ... | u16 BE   |   index into the members, 0xFFFF: no owner
//	+----------+----------+-----+----------+
func AppendOwners(dst []byte, owners []uint16) []byte {
	for _, o := range owners {
		dst = binary.BigEndian.AppendUint16(dst, o)
	}
	return dst
}

// ParseOwners reads what AppendOwners wrote for q partitions and n replicas.
// Bytes of another length are an error that wraps ErrTable; whether the indices
// make sense is for NewView to say, which knows the members.
func ParseOwners(b []byte, q, n int) ([]uint16, error) {
	if err := checkShape(q, n); err != nil {
		return nil, err
	}
	if len(b) != 2*q*n {
		return nil, fmt.Errorf("%w: %d bytes, want %d for %d partitions x %d replicas", ErrTable, len(b), 2*q*n, q, n)
	}
	owners := make([]uint16, q*n)
	for i := range owners {
		owners[i] = binary.BigEndian.Uint16(b[2*i:])
	}
	return owners, nil
}
