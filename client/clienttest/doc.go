// Package clienttest runs a Candor cluster inside a test: real nodes, with
// their own disks in temporary directories, on loopback, in this process.
//
//	func TestCheckout(t *testing.T) {
//		cluster := clienttest.Start(t, 3)
//		c := cluster.Client(client.WithSession())
//		...
//		cluster.Kill(2)       // a quorum is left
//		...
//		cluster.Partition(0, 1) // now there is none
//		...
//		cluster.Heal()
//	}
//
// A Cluster starts in well under a second and is stopped when the test ends,
// with nothing left behind. Nodes are counted from 0 and named n1, n2 and so
// on, as people and error texts call them.
//
// What is real: the nodes, storage and syncs, the wire protocol, sockets for
// clients and peers, everything that decides. What is not: gossip travels in
// memory; Partition closes connections where a network would swallow packets,
// so that it is noticed at once; Kill cuts a node off in mid-sentence, but what
// its process has written is on disk, synced or not. Power cuts are the
// simulator's business.
//
// The caller's duties: Start in the test's goroutine; one Cluster, or a few, at
// a time, since each node syncs to the same disk. Methods may be called by many
// goroutines, but those that change a node one after the other.
package clienttest
