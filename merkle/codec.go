package merkle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// The two forms, for the wire and for disk. All numbers are big-endian; the
// format byte is append-only.
//
//	Nodes     offset  bytes
//	          0       1      format, 1
//	          1       1      level; 0: roots
//	          2       2      number of nodes, at most NodesMax
//	          4       24 n   for each: 16 bytes sum, 8 bytes count of records
//
//	Question  offset  bytes
//	          0       1      format, 1
//	          1       1      level of the parents
//	          2       2      number of parents
//	          4       2 n    their places on that level, rising
//
// Nodes carry no places: the question has them, and so has the key under which a
// leaf lies on disk.
const (
	format      = 1
	headBytes   = 4
	parentBytes = 2
)

// NodeBytes is the length of one node in the encoded form.
const NodeBytes = 24

// NodesMax is how many nodes one message holds at most: 96 KiB.
const NodesMax = 4096

// ErrEncoding is returned for bytes that are neither Nodes nor a Question of a
// known format, whole and nothing behind them.
var ErrEncoding = errors.New("merkle: bytes are not nodes of a tree")

// Nodes are nodes of one level of a tree, or the roots of several trees.
type Nodes struct {
	Level int
	Nodes []Node // in the order of the question; at most NodesMax
}

// Question asks for the children of some nodes.
type Question struct {
	Level   int      // of the parents
	Parents []uint16 // their places on that level, rising
}

// Append encodes the nodes and appends them to dst. More than NodesMax of them
// are a mistake of the caller.
func (n Nodes) Append(dst []byte) []byte {
	if len(n.Nodes) > NodesMax {
		panic(fmt.Sprintf("merkle: %d nodes in one message, at most %d", len(n.Nodes), NodesMax))
	}
	dst = appendHead(dst, n.Level, len(n.Nodes))
	for i := range n.Nodes {
		dst = binary.BigEndian.AppendUint64(dst, n.Nodes[i].Sum.Hi)
		dst = binary.BigEndian.AppendUint64(dst, n.Nodes[i].Sum.Lo)
		dst = binary.BigEndian.AppendUint64(dst, n.Nodes[i].Count)
	}
	return dst
}

// ParseNodes decodes nodes into scratch, which is overwritten and grown if need
// be. Its error is ErrEncoding.
func ParseNodes(scratch []Node, b []byte) (Nodes, error) {
	level, count, body, err := parseHead(b, NodeBytes)
	if err != nil {
		return Nodes{}, err
	}
	if count > NodesMax {
		return Nodes{}, fmt.Errorf("%w: %d nodes, at most %d", ErrEncoding, count, NodesMax)
	}
	nodes := slices.Grow(scratch[:0], count)
	for ; len(body) > 0; body = body[NodeBytes:] {
		nodes = append(nodes, Node{
			Sum:   Sum{Hi: binary.BigEndian.Uint64(body), Lo: binary.BigEndian.Uint64(body[8:])},
			Count: binary.BigEndian.Uint64(body[16:]),
		})
	}
	return Nodes{Level: level, Nodes: nodes}, nil
}

// Append encodes the question and appends it to dst.
func (q Question) Append(dst []byte) []byte {
	if len(q.Parents) > NodesMax {
		panic(fmt.Sprintf("merkle: a question for the children of %d nodes, at most %d", len(q.Parents), NodesMax))
	}
	dst = appendHead(dst, q.Level, len(q.Parents))
	for _, p := range q.Parents {
		dst = binary.BigEndian.AppendUint16(dst, p)
	}
	return dst
}

// ParseQuestion decodes a question into scratch, which is overwritten and grown if
// need be. Whether a tree has such nodes, Answer says. Its error is ErrEncoding.
func ParseQuestion(scratch []uint16, b []byte) (Question, error) {
	level, count, body, err := parseHead(b, parentBytes)
	if err != nil {
		return Question{}, err
	}
	if count > NodesMax {
		return Question{}, fmt.Errorf("%w: a question for the children of %d nodes, at most %d", ErrEncoding, count, NodesMax)
	}
	parents := slices.Grow(scratch[:0], count)
	for i := range count {
		p := binary.BigEndian.Uint16(body[i*parentBytes:])
		if i > 0 && p <= parents[i-1] {
			return Question{}, fmt.Errorf("%w: parent %d after %d", ErrEncoding, p, parents[i-1])
		}
		parents = append(parents, p)
	}
	return Question{Level: level, Parents: parents}, nil
}

func appendHead(dst []byte, level, count int) []byte {
	return binary.BigEndian.AppendUint16(append(dst, format, byte(level)), uint16(count))
}

// parseHead decodes what both forms begin with, and checks that exactly count
// pieces follow.
func parseHead(b []byte, pieceBytes int) (level, count int, body []byte, err error) {
	if len(b) < headBytes {
		return 0, 0, nil, fmt.Errorf("%w: only %d", ErrEncoding, len(b))
	}
	if b[0] != format {
		return 0, 0, nil, fmt.Errorf("%w: format %d, known is %d", ErrEncoding, b[0], format)
	}
	count = int(binary.BigEndian.Uint16(b[2:]))
	body = b[headBytes:]
	if len(body) != count*pieceBytes {
		return 0, 0, nil, fmt.Errorf("%w: %d behind a head that says %d", ErrEncoding, len(body), count*pieceBytes)
	}
	return int(b[1]), count, body, nil
}
