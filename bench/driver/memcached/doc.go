// Package memcached starts memcached as a peer, as the Debian package has it: one
// process, two threads, 4 GiB, nothing on any disk (class D0).
//
// It is asked in its text protocol. Answers come in order:
//
//	get <key>\r\n                           VALUE <key> 0 <bytes>\r\n<value>\r\nEND\r\n, or END\r\n
//	set <key> 0 0 <bytes>\r\n<value>\r\n    STORED\r\n
//
// Any other line is a refusal: memcached says ERROR, CLIENT_ERROR and SERVER_ERROR.
package memcached
