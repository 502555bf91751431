// Package peertest is what the tests of peers have in common. No server is started.
//
//   - Listen serves connections by a func of the test: a peer that says what it is told to.
//   - Calls holds the Caller of a client library to what every Caller owes; it stands on
//     the test's double of that library, which keeps its values in memory.
//   - Outcomes holds what a Caller makes of its library's errors to a table.
//
// What is special about a peer, as its options and its words, is tested beside it.
//
// The caller's duties: all of it is called from the test's own goroutine; the func of
// Listen runs in goroutines of its own, and returns when its connection ends.
package peertest
