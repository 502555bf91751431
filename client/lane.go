package client

import "github.com/candordb/candor/wire"

// largeBytes is the size from which on a request does not travel with the
// others.
const largeBytes = 64 << 10

// pageBytes is how large a page of a scan may be.
const pageBytes = 1 << 20

// expected is the size of a request, or of its answer where that is known to be
// the larger one.
func expected(q *wire.Request) int {
	if q.Op == wire.OpScan {
		return pageBytes
	}
	return len(q.Value)
}

// lane is the connection that a request of that size travels on. A large one
// must not make the small ones behind it wait, so it has its own connection;
// as long as that is not up, it goes with the others.
func (n *node) lane(bytes int) *node {
	if bytes <= largeBytes {
		return n
	}
	n.bulk.start()
	if state, _ := n.bulk.look(); state != up {
		return n
	}
	return n.bulk
}

// headBytes is more than a request takes beside its key, value and the like.
const headBytes = 256

// sizeOf is more than the request takes on the wire.
func sizeOf(q *wire.Request) int {
	return headBytes + len(q.Key) + len(q.Value) + len(q.Prefix) + len(q.Cursor)
}
