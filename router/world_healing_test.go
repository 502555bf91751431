package router

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/merkle"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// healing is what a node keeps of what was missed: the hints that it was told of,
// those that it stores, and the replies that are not of its Cores.
type healing struct {
	marks   *replica.Marks
	missed  []string // KeepHint: target, version and bytes of the record
	hints   []replica.Hint
	noRoom  bool // for hints that count
	stood   int  // hints that were told to be durable
	replies []uint64
	asOf    uint64
}

func (n *node) Marks() *replica.Marks { return n.healing.marks }

func (n *node) KeepHint(h *coordinator.Hint) {
	n.called()
	n.healing.missed = append(n.healing.missed, fmt.Sprintf("%x %v %d", h.Target[:1], h.Version, len(h.Record)))
}

func (n *node) StandsIn(ring.NodeID, int) bool { n.called(); return !n.healing.noRoom }

func (n *node) Stood(w *replica.Write) {
	n.called()
	if !slices.ContainsFunc(n.healing.hints, func(h replica.Hint) bool { return h.Target == w.Target && h.Version == w.Version }) {
		panic("a hint is told to be durable that is not")
	}
	n.healing.stood++
}

func (n *node) Kept(token uint64, namespace uint32, key []byte, v hlc.Version) ([]byte, error) {
	n.called()
	for _, h := range n.healing.hints {
		if h.Token == token && h.Namespace == namespace && bytes.Equal(h.Key, key) && h.Version == v {
			return h.Record, nil
		}
	}
	return nil, nil
}

func (n *node) Reply(call uint64, _ ring.NodeID, _ *coordinator.Reply) {
	n.called()
	n.healing.replies = append(n.healing.replies, call)
}

func (n *node) Exchange(_ Conn, from ring.NodeID, q *wire.PeerRequest) {
	n.called()
	n.heard = append(n.heard, fmt.Sprintf("%v from %x: %s", q.Op, from[:1], q.Document))
}

func (n *node) ExchangeAnswer(from ring.NodeID, a *wire.PeerAnswer) {
	n.called()
	n.heard = append(n.heard, fmt.Sprintf("answer to %v from %x: %v %s", a.Op, from[:1], a.Code, a.Document))
}

func (n *node) RepairedAsOf(int) uint64 { n.called(); return n.healing.asOf }

func (n *node) HintsFor(id ring.NodeID) (count uint64) {
	n.called()
	for _, h := range n.healing.hints {
		if h.Target == id {
			count++
		}
	}
	return count
}

// heals gives every node marks and trees.
func (c *cluster) heals() {
	shape, err := merkle.NewShape(merkle.LeavesDefault, merkle.FanOutDefault)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, n := range c.nodes {
		n.applier.Marks = replica.NewMarks(c.epoch.Ring.Q())
		n.applier.Trees = replica.NewTrees(shape, 42, c.epoch.Ring.Q())
		n.healing.marks = n.applier.Marks
	}
}

// does has a node's committer carry out writes on the partition of a key.
func (n *node) does(key string, writes ...replica.Write) {
	for i := range writes {
		writes[i].Token, writes[i].Namespace, writes[i].Key = placeOf(key).Token, 1, []byte(key)
	}
	if !n.Commit(writes) {
		n.c.t.Fatal("the committer takes nothing")
	}
	n.c.pump()
}

// owners are the nodes that own a key, others those that do not, as they come on
// the ring.
func (c *cluster) owners(key string) (owners, others []int) {
	owned := c.epoch.Ring.Replicas(ringToken(placeOf(key)))
	for _, o := range owned {
		owners = append(owners, int(o))
	}
	q := c.epoch.Ring.Q()
	for step := 1; step < q; step++ {
		for _, m := range c.epoch.Ring.Owners((c.epoch.Ring.PartitionOf(ringToken(placeOf(key))) + step) % q) {
			if !slices.Contains(owners, int(m)) && !slices.Contains(others, int(m)) {
				others = append(others, int(m))
			}
		}
	}
	return owners, others
}

func (s *store) EraseRecord(token uint64, namespace uint32, key []byte) {
	delete(s.records, place{token, namespace, string(key)})
}

func (s *store) PutHint(h *replica.Hint) {
	own := *h
	own.Key, own.Record = bytes.Clone(h.Key), bytes.Clone(h.Record)
	s.node.healing.hints = append(s.node.healing.hints, own)
}

func (s *store) EraseHint(*replica.Hint) {}

func (s *store) PutLeaves(int, []byte) {}

func (n *node) Newer(from ring.NodeID, epoch uint64) {
	n.called()
	if n.cluster != nil && epoch > uint64(n.cluster.Ring.Epoch()) {
		n.heard = append(n.heard, fmt.Sprintf("%v is in epoch %d", from, epoch))
	}
}
