// Package router is what stands between frames and decisions: a decoded frame
// goes in, calls on coordinator and replica are made, frames come out. It is
// pure. The node gives it a World of sockets and disks, the simulator one of
// virtual ones; what users run is what was simulated.
//
// A Router serves both ports. Client takes the frames of client connections:
// it admits (session, limits), checks every field against docs/PROTOCOL.md,
// stamps a version or checks the client's, looks up the owners in the present
// ring view and who of them can be reached, reserves room on their links, and
// opens the request in the Core of its shard. Peer takes the requests of other
// nodes, Answer their answers, Committed the writes that the committer has made
// durable, Tick and LinkDown the rest.
//
// Each of these is called with a Turn, the scratch memory of the calling
// goroutine. Calls may be made for many frames in a row; Finish then carries
// out all effects (reads here, writes here, messages to links, answers to
// connections) and flushes each touched link and connection once. So a
// connection's reader takes all that is in its buffer, and the number of system
// calls falls with the load.
//
// The Cores are guarded by a Locker that the shell hands in, one for each shard
// of the partitions; no call is made to the World while one is held.
//
// Bytes that come in are good until Finish returns: the Core and the World copy
// what they keep.
package router
