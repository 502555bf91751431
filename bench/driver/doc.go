// Package driver has nothing but a test, which starts every peer below it for real:
//
//	go test -tags peers -v ./driver                     all of them, some minutes
//	go test -tags peers -v -run 'Peers/etcd' ./driver   one
//
// It writes a thousand keys to each, reads them by every node, compares the values,
// and sees that nothing of the peer is left. What is not installed is skipped, with
// a line that says how to get it.
//
// It also has a closed loop of seconds, whose rate it logs. That is to see that a
// peer works under load, and not a measurement: the command bench makes those.
package driver
