// Package client is the Go client of Candor. It links nothing of the server.
//
//	c, err := client.Open(ctx, "candor://n1:7400,n2:7400/shop?consistency=quorum&timeout=2s&zone=a")
//	receipt, err := c.Put(ctx, []byte("user:42"), value, client.TTL(time.Hour))
//	item, err := c.Get(ctx, []byte("user:42"), client.At(client.One))
//	results := c.Do(ctx, []client.Op{client.OpGet(k1), client.OpPut(k2, v2)})
//	for item, err := range c.Scan(ctx, []byte("user:")) { ... }
//
// A Client knows the owner table of the present epoch, and hands a request to
// the natural replica of its key that stands best: one in its own zone, then the
// one that answers soonest (rank.go). Where none can be reached any other node
// will do, and one that failed of late comes last. To each node there is one
// connection, on which all callers' requests travel side by side, and one more
// for what is large. A request costs no goroutine.
//
// A request ends as done (err == nil), as certainly without effect, or in doubt;
// there is no fourth. Every other error than ErrNotFound and ErrClosed is an
// *Error, whose Outcome says which of the last two it is (a Scan wraps it):
//
//	receipt, err := c.Put(ctx, key, value)
//	if errors.Is(err, client.ErrInDoubt) {
//		outcome, _, err := c.Outcome(ctx, key, receipt.Version) // or:
//		receipt, err = c.Put(ctx, key, value, client.Stamp(receipt.Version)) // the same write, not a second one
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
//     later refusal does not change that. Ordered writes have no stamp to repeat
//     them with. Retries are at most a tenth of the requests (WithRetryBudget).
//   - The context bounds queueing, sending and waiting, and travels as the time
//     that remains. Ending it frees the request's place, not the connection.
//   - 512 requests may be in flight at a node; one more is refused at once.
//
// With WithSession a client never goes back in time, at any level, and is told
// what it overwrites without having seen it. WithHooks is for spans and metrics,
// Stats for a look at the nodes, TraceTo for a look into one call. The examples
// show four whole uses; package clienttest runs clusters in tests.
//
// The caller's duties: one Client per process, closed with Close; keys and
// values unchanged until the call returns. What a call returns belongs to the
// caller. All methods may be called by many goroutines at once.
//
// DeCandia et al., "Dynamo" (2007), section 6.4, describes the two ways to find
// a coordinator; this is the client-driven one.
package client
