// Package resp speaks the protocol of Redis, RESP2, to whoever answers it: Redis
// itself (package redis), and stores that somebody else has started.
//
// A request is an array of strings, and answers come in order:
//
//	*3\r\n$3\r\nSET\r\n$16\r\n<key>\r\n$100\r\n<value>\r\n     +OK\r\n
//	*2\r\n$3\r\nGET\r\n$16\r\n<key>\r\n                        $100\r\n<value>\r\n or $-1\r\n
//	*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$4\r\n1000\r\n              :1\r\n
//
// Which commands read and write is for Commands to say, as Olric has others than
// Redis. A Waiting protocol sends WAIT behind each wave with writes: those are done if
// at least so many replicas have them, and in doubt otherwise.
//
// Endpoint is a peer that is reached by addresses in the environment. It is never
// started or ended from here, so that its CPU time cannot be counted.
package resp
