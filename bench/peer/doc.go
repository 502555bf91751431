// Package peer says what is measured: a store of one or several server processes
// on this machine, started, asked and ended by the harness.
//
// A Peer is such a store, with fresh data each time that it starts. Its Class says
// what an acknowledged write survives; only equal classes are compared without a
// word. Missing says in one line why it cannot run here: a row "absent", not an
// error.
//
// A Link is one connection to it, and asks in one of two ways. Most peers have a
// Protocol: how requests are written and answers read, and nothing else. All of them
// are driven by the same engine (package engine), which keeps requests in
// flight, writes a wave of them at once, and matches answers in order or by id; so
// what is compared is the servers, and not clients. A peer whose protocol
// cannot be spoken in a few lines has a Caller instead: its own client library,
// one blocking request at a time, of which the engine runs as many as the depth.
// The report says which of both it was.
//
// An Outcome is what became of a request. A read that found nothing is Absent, and a
// fault here, as every cell asks for keys that were written.
//
// The caller's duties: Start before Dial; Stop whatever happened, also after a
// Start that failed; a Link belongs to one goroutine that sends and one that
// receives; a Caller is called by many.
package peer
