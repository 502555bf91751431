package rpc

// Handler is what frames come to, one per connection. Its methods are called by
// the connection's one reader goroutine, never concurrently, and must not
// block: while they run nothing is read.
type Handler interface {
	// Frame handles the body of one frame. The body belongs to the connection
	// and is good until Idle returns.
	Frame(body []byte)

	// Malformed is called when an established peer claimed a length of 0
	// (wire.ErrMalformed) or above the limit (wire.ErrFrameTooLarge): append
	// the last answer. Idle follows, then the connection is closed as by
	// CloseAfterFlush. Before Establish a connection is closed without it.
	Malformed(err error)

	// Idle is called when every whole frame that had been read is handled, and
	// now and then where they are many: finish the turn and flush what was touched.
	Idle()

	// Closed is the last call: nothing arrives any more and nothing more is
	// sent. err says why. A Link calls LinkOptions.Down in its place.
	Closed(err error)
}
