//go:build race

package gossip

// nodeWeeks is for how long a pair of nodes is simulated; the race detector
// makes it ten times slower, and there is no race to be found in it.
const nodeWeeks = 1
