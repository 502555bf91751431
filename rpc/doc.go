// Package rpc moves frames between sockets and handlers, many per system call.
//
// A Conn is one framed connection, whichever side opened it. A Server accepts
// connections and runs one reader goroutine for each. A Link is the outgoing
// connection to one peer; it dials again for as long as it runs. Both drive a
// Handler and share everything below it.
//
// One read takes whatever the kernel has. Every whole frame in it goes to
// Handler.Frame, in place, without a copy; then Handler.Idle is called once (now
// and then if there are many), and that is where answers are flushed. So a connection on which sixteen requests
// wait costs two system calls, not thirty-two, and a request costs no
// goroutine, channel, timer or allocation.
//
// Output is gathered between Begin and End, which lock the connection, and sent
// by Flush, which never blocks: it tries the socket once, and what the socket
// does not take is finished by a goroutine that exists only for as long as
// there is a rest. Two buffers change places, so that appending goes on while
// the other one is written. Whoever flushes also sends what others add in the
// meantime; they return at once.
//
//	   reader goroutine          any goroutine            only when the socket is full
//	read -> Frame, Frame, Idle     Begin .. End, Flush ---> rest is written, deadline WriteStall
//
// What a peer can make us spend is bounded, whatever it claims:
//
//   - connections are counted, in all and by address, and closed as they come
//     when there are too many; those without Establish have a limit of their own;
//   - before Establish: one buffer for one small frame, and Handshake in all;
//   - after it: never more than 64 KiB of buffer beyond what really arrived, and
//     a big buffer is given back once it is empty;
//   - a claimed length of 0 or above the limit ends the connection before
//     anything is allocated for it;
//   - a connection without a whole frame for Idle is closed; bytes that trickle
//     in do not count;
//   - a peer that takes nothing for WriteStall, or lets more than OutputBuffer
//     wait, is closed; no other connection notices.
//
// The caller's duties: End after every Begin, on the same goroutine, with
// nothing slow in between; whole frames only; Flush before going on to wait.
// A frame's body is valid until Idle returns and is copied by whoever keeps it.
// Nothing here knows what a frame means, except that a Link's first one in each
// direction is the HELLO, which its owner writes and verifies.
package rpc
