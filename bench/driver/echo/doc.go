// Package echo is the least that a server can do: it takes frames apart that look
// like Candor's on the outside, and sends them back.
//
// It is the E of the goals: what a round trip costs when nothing is done, with the
// same connections, the same requests in flight, the same client and the same
// accounting as every other peer. It reads what has come, answers all whole
// frames of that with one write, and has one goroutine for each connection. Candor
// cannot be faster than this with the standard library's network.
//
//	+----------------+-----------------+--------+------------------------+
//	| length: u32 BE | 0, a filler (1) | id (4) | key, and what there is |
//	|                |                 | u32 BE | of a value             |
//	+----------------+-----------------+--------+------------------------+
//
// The length counts what follows it. A read has as many bytes as a write, so that
// either way as much is sent, and each answer has the size of its request.
//
// The server is this program, started again with Argument: Serve is its main.
package echo
