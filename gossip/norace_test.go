//go:build !race

package gossip

func oneProcessor() {}
