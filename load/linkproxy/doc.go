// Package linkproxy stands between the nodes of a cluster on one machine and makes
// the links between them as bad as networks are. It needs no rights, and nothing of
// the kernel but the loopback addresses of Linux.
//
// Each node has a Port for each of its listeners: Real, where it listens, and
// Public, which it advertises and where the proxy listens. Who dials the public
// address comes to the real one, and what the link between the two nodes suffers is
// a Weather, which can be changed at any moment, for each direction by itself:
//
//	Cut        nothing arrives, and nobody is told: what TCP has sent waits
//	Delay      everything takes so much longer, and up to Jitter more
//	Loss       of 1000 packets so many are lost; TCP sends again, and stands still
//	           for a while instead
//	Duplicate  of 1000 packets so many come twice; to TCP nothing happens
//	Reorder    of 1000 packets so many are overtaken by those behind them; to TCP
//	           nothing happens
//
// Whose packet it is: a node sends UDP from the address that it listens on. TCP
// connections come from anywhere, so a Whose function tells them apart; Processes
// is one that finds the process of a connection in /proc. A connection of nobody
// (a client) passes as if there were no proxy.
//
// A Proxy is made by New, works while Run does, and is told of changes by Set.
//
// The caller's duties: Run ends with its context; ports whose Public addresses are
// free; a Whose that may be called by many goroutines at once.
package linkproxy
