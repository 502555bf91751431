// Package raw carries out operations of package load over raw connections, so that
// nothing stands between the load and the nodes: no retries, no limits of a
// client's own, no choice of another node when one is slow.
//
// A Target is made by Dial. It spreads GETs and PUTs over its connections in turn,
// each at the levels that the namespace has. Each connection has a goroutine that
// writes what was gathered and one that reads answers, so that who issues never
// waits for a socket.
//
// What was asked over a connection that has broken, or is asked over it later, is
// never answered: package load counts it as silent. A measurement in which nodes
// end dials those that stay.
//
// The caller's duties: one goroutine issues; Close when nothing is issued any more.
// Scans, inserts and modifications are what load makes of them: all but a Get is a
// PUT.
package raw
