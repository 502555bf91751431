// Package node puts the parts together: Run opens what a node has, starts its
// goroutines, serves clients, peers and the admin API, and stops in order.
//
// The goroutines: one reader per connection and per link; the committer, which
// is the only writer; the control goroutine, which owns the topology; one that
// measures how long work waits, and decides how much is let in; a ticker
// for deadlines and one for the clock; the watch of the peers, which sends
// heartbeats; gossip's own. Everything they decide is
// decided by router, coordinator, replica and topology; here are only sockets,
// disks and clocks.
//
// The order of the start:
//
//  1. The data directory is locked, the database verified and opened; one that is lost
//     or damaged is renewed (lost.go), and lacks what is to be rebuilt.
//  2. A new incarnation and a clock bound are written and synced: from here on
//     no version of this start can collide with one of an earlier start.
//  3. The listeners are bound, so that a port in use is told before anything
//     else happens.
//  4. The committer and the servers run. Until there is metadata, HELLO and
//     PING are answered and everything else is NOT_READY.
//  5. The control goroutine founds the cluster or finds it; with metadata come
//     the links to the members, gossip, and readiness.
//  6. The members are asked what they have heard of this node. Nothing is served
//     before they have answered, or 10 s have passed; what is in doubt goes into
//     quarantine (quarantine.go) and is rebuilt by package repair; and so does what an
//     operator has given up meanwhile (givenup.go).
//
// The order of the stop, each step bounded:
//
//  1. /readyz fails, the listeners are closed, and clients and peers are told
//     goodbye: nothing new is taken from clients, peers ask others, and what is
//     in flight is finished.
//  2. Gossip says that this node leaves, so that nobody has to find out.
//  3. What is in flight here ends, or drain.timeout does; then it is in doubt.
//  4. Connections and links close, so that no more writes come, and those that still
//     waited for a late replica leave it a hint or a mark.
//  5. The committer finishes its queue, then the database and the directory are
//     closed: an acknowledgement that was sent was synced before, so this
//     closes files and saves nothing.
package node
