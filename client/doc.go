// Package client is the Go client of Candor. It links nothing of the server.
//
//	c, err := client.Open(ctx, "candor://n1:7400,n2:7400/shop?consistency=quorum&timeout=2s")
//	receipt, err := c.Put(ctx, []byte("user:42"), value, client.TTL(time.Hour))
//	item, err := c.Get(ctx, []byte("user:42"), client.At(client.One))
//
// A Client holds one connection per node, on which all its callers' requests
// travel side by side and are answered in any order; a request costs no
// goroutine. It knows the owner table of the present epoch and hands a request
// to a natural replica of its key, or, when none can be reached, to any other
// node.
//
// A request ends as done (err == nil), as certainly without effect, or in doubt;
// there is no fourth. Every other error than ErrNotFound and ErrClosed is an
// *Error, whose Outcome says which of the last two it is:
//
//	receipt, err := c.Put(ctx, key, value)
//	if errors.Is(err, client.ErrInDoubt) {
//		var e *client.Error
//		errors.As(err, &e)
//		c.Put(ctx, key, value, client.Stamp(e.Receipt.Version)) // the same write, not a second one
//	}
//
// What makes that hold:
//
//   - The client stamps each write, from the clocks that nodes sent and the
//     monotonic time since (never from its own wall clock), and keeps the stamp
//     over all attempts. So whatever is repeated is the same write.
//   - A refusal that another node may not repeat goes to another coordinator,
//     after a pause with jitter. A write whose answer is missing is repeated with
//     its stamp until the deadline; what is still open then is in doubt, and a
//     later refusal does not change that.
//   - The context bounds queueing, sending and waiting, and travels as the time
//     that remains. Ending it frees the request's place, not the connection.
//
// The caller's duties: one Client per process, closed with Close; keys and
// values unchanged until the call returns. What a call returns belongs to the
// caller. All methods may be called by many goroutines at once.
//
// DeCandia et al., "Dynamo" (2007), section 6.4, describes the two ways to find
// a coordinator; this is the client-driven one.
package client
