//go:build !race

package gossip

const nodeWeeks = 3
