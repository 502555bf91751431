package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/candordb/candor/config"
)

// The folder of a dev cluster:
//
//	DIR/n1/candor.yaml   all settings of the node; candor serve --config starts it again
//	DIR/n1/log           what the node has logged, over all its starts
//	DIR/n1/data          its data directory
//	DIR/n2 ...

// layOut finds the nodes of an earlier run in the folder, or makes new ones.
// Nothing is written yet.
func layOut(o devOptions) ([]*devNode, error) {
	known, err := earlierNodes(o.dir)
	switch {
	case err != nil:
		return nil, err
	case known == 0:
		return layOutNew(o)
	case o.nodesSet && o.nodes != known:
		return nil, usagef("", "%s holds a cluster of %s: leave out --nodes, or name another folder", o.dir, counted(known, "node"))
	}
	var nodes []*devNode
	for i := range known {
		n, err := layOutAgain(o, i)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// earlierNodes is how many nodes the folder holds; 0 if it is empty or missing.
func earlierNodes(dir string) (int, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return 0, nil
	}
	if err != nil {
		return 0, usagef("", "the folder %s cannot be read: %v", dir, err)
	}
	for known := 0; ; known++ {
		if _, err := os.Stat(nodeAt(dir, known).config); err == nil {
			continue
		}
		if known == 0 {
			return 0, usagef("", "the folder %s is not empty, and holds no cluster that candor dev made: name another one", dir)
		}
		return known, nil
	}
}

// nodeAt is node i, from 0, of a folder.
func nodeAt(dir string, i int) *devNode {
	name := fmt.Sprintf("n%d", i+1)
	dir = filepath.Join(dir, name)
	return &devNode{
		name: name, dir: dir, config: filepath.Join(dir, "candor.yaml"), log: filepath.Join(dir, "log"), data: filepath.Join(dir, "data"),
	}
}

func layOutNew(o devOptions) ([]*devNode, error) {
	base := o.base
	if base == 0 {
		var err error
		if base, err = freeBlock(o.nodes); err != nil {
			return nil, err
		}
	}
	var nodes []*devNode
	var peers, seeds []string
	for i := range o.nodes {
		n := nodeAt(o.dir, i)
		at := func(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(base+10*i+port)) }
		n.client, n.peer, n.gossip, n.admin = at(0), at(1), at(2), at(3)
		nodes, peers, seeds = append(nodes, n), append(peers, n.peer), append(seeds, n.gossip)
	}
	for _, n := range nodes {
		sets := []string{
			"cluster.name=dev", "cluster.bootstrap=" + strings.Join(peers, ","), "cluster.seeds=" + strings.Join(seeds, ","),
			"cluster.replicas=" + strconv.Itoa(min(devReplicas, len(nodes))),
			"node.name=" + n.name, "node.data_dir=" + n.data,
			"listen.client=" + n.client, "listen.peer=" + n.peer, "listen.gossip=" + n.gossip, "listen.http=" + n.admin,
		}
		if err := n.settle(config.Sources{Sets: append(sets, o.sets...)}); err != nil {
			return nil, err
		}
	}
	return nodes, nil
}

// layOutAgain takes a node of an earlier run over, with its ports.
func layOutAgain(o devOptions, i int) (*devNode, error) {
	n := nodeAt(o.dir, i)
	if err := n.settle(config.Sources{File: n.config, Sets: o.sets}); err != nil {
		return nil, err
	}
	if want := o.base + 10*i; o.baseSet && o.base != 0 && !strings.HasSuffix(n.client, ":"+strconv.Itoa(want)) {
		return nil, usagef("", "%s of the cluster in %s has its client port at %s: leave out --base-port, or name another folder", n.name, o.dir, n.client)
	}
	return n, nil
}

// settle makes the node's settings.
func (n *devNode) settle(from config.Sources) error {
	c, err := config.Load(from)
	if err == nil {
		err = c.Validate()
	}
	if err != nil {
		return configFailure(err)
	}
	n.settings, n.data = c, c.Node.DataDir
	n.client, n.peer, n.gossip, n.admin = c.Listen.Client, c.Listen.Peer, c.Listen.Gossip, c.Listen.HTTP
	return nil
}

// write writes the settings down, so that the file alone starts the same node.
func (n *devNode) write() error {
	if err := os.MkdirAll(n.dir, 0o755); err != nil {
		return err
	}
	written := settingsYAML(n.settings)
	if before, err := os.ReadFile(n.config); err == nil && string(before) == written {
		return nil
	}
	// A new file in the old one's place: a crash leaves one of the two, whole.
	fresh := n.config + ".new"
	if err := os.WriteFile(fresh, []byte(written), 0o644); err != nil {
		return err
	}
	return os.Rename(fresh, n.config)
}

// lists are the settings that are lists.
var lists = []string{"cluster.seeds", "cluster.bootstrap", "cluster.namespaces", "http.hosts"}

// settingsYAML is a file with every setting that has not its default.
func settingsYAML(c *config.Config) string {
	var b strings.Builder
	b.WriteString("# Made by candor dev, which changes it when it is given --set.\n")
	section := ""
	for _, key := range config.Keys() {
		origin := c.Origin(key)
		if origin != "--set" && !strings.HasPrefix(origin, "file ") {
			continue
		}
		in, name, nested := strings.Cut(key, ".")
		if !nested {
			section = ""
			fmt.Fprintf(&b, "%s: %s\n", key, strconv.Quote(c.Value(key)))
			continue
		}
		if in != section {
			section = in
			fmt.Fprintf(&b, "%s:\n", section)
		}
		value := strconv.Quote(c.Value(key))
		if slices.Contains(lists, key) {
			value = "[" + strings.Join(quoteAll(c.Value(key)), ", ") + "]"
		}
		fmt.Fprintf(&b, "  %s: %s\n", name, value)
	}
	return b.String()
}

func quoteAll(list string) (quoted []string) {
	if list == "" {
		return nil
	}
	for item := range strings.SplitSeq(list, ",") {
		quoted = append(quoted, strconv.Quote(item))
	}
	return quoted
}

// blockTries is how many blocks of ports are looked at; they are taken from
// below those that systems hand out by themselves.
const (
	blockTries           = 100
	blockFirst, blockEnd = 20_000, 30_000
)

// freeBlock finds a base port such that all ports of n nodes are free.
func freeBlock(n int) (int, error) {
	for range blockTries {
		base := blockFirst + 10*rand.IntN((blockEnd-blockFirst)/10-n)
		free := true
		for i := range n {
			for port := range 4 {
				free = free && portFree(net.JoinHostPort("127.0.0.1", strconv.Itoa(base+10*i+port))) == nil
			}
		}
		if free {
			return base, nil
		}
	}
	return 0, failf(exitFailed, "", "no block of free ports was found between %d and %d: choose one with --base-port", blockFirst, blockEnd)
}

// portsFree says which port of the nodes is in use.
func portsFree(nodes []*devNode) error {
	for _, n := range nodes {
		for _, addr := range []string{n.client, n.peer, n.gossip, n.admin} {
			if portFree(addr) != nil {
				return failf(exitFailed, "", "%s, a port of %s, is in use by another process: stop that one, or choose other ports with --base-port (0 picks free ones)", addr, n.name)
			}
		}
	}
	return nil
}

// portFree tries an address with both protocols: gossip uses both.
func portFree(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	defer l.Close()
	u, err := net.ListenPacket("udp", addr)
	if err != nil {
		return err
	}
	return u.Close()
}
