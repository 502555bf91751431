package merkle

import (
	"fmt"
	"math/bits"
)

// Sum is a number modulo 2^128: the fingerprint of a record, or a sum of
// fingerprints. As a fingerprint, the zero Sum stands for "no record".
type Sum struct{ Hi, Lo uint64 }

func (s Sum) plus(o Sum) Sum {
	lo, carry := bits.Add64(s.Lo, o.Lo, 0)
	hi, _ := bits.Add64(s.Hi, o.Hi, carry)
	return Sum{hi, lo}
}

func (s Sum) minus(o Sum) Sum {
	lo, borrow := bits.Sub64(s.Lo, o.Lo, 0)
	hi, _ := bits.Sub64(s.Hi, o.Hi, borrow)
	return Sum{hi, lo}
}

// String is the number in 32 hex digits.
func (s Sum) String() string { return fmt.Sprintf("%016x%016x", s.Hi, s.Lo) }

// Node is what the tree knows of the records below one of its nodes. Two nodes
// are equal if, but for a chance of 2^-128, the records are.
type Node struct {
	Sum   Sum    // of the fingerprints
	Count uint64 // of records, modulo 2^64
}

func (n Node) plus(o Node) Node {
	return Node{n.Sum.plus(o.Sum), n.Count + o.Count}
}

func (n Node) minus(o Node) Node {
	return Node{n.Sum.minus(o.Sum), n.Count - o.Count}
}

// Replace gives the node of these records, but for one that takes the place of
// another; zero where there was or is none.
func (n Node) Replace(old, new Sum) Node {
	n.Sum = n.Sum.minus(old).plus(new)
	if new != (Sum{}) {
		n.Count++
	}
	if old != (Sum{}) {
		n.Count-- // below zero it wraps, and so do the sums above
	}
	return n
}

// Plus gives the node of these records and one more: for counting a leaf anew
// from storage. The fingerprint may not be zero.
func (n Node) Plus(fingerprint Sum) Node {
	return n.plus(Node{fingerprint, 1})
}
