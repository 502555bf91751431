package node

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/repair"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/router"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/model"
	"github.com/candordb/candor/topology"
)

// leftWithOneVote is a node whose cluster has one of its three voters away. If it must not
// vote either, no epoch can begin its rebuild.
func leftWithOneVote(t *testing.T) (n *Node, away ring.NodeID) {
	c, h := quickCluster(t)
	c.halt(2)
	return h.node(0), h.node(2).id
}

// distrustItself has a node hold itself for behind what it has told others.
func (n *Node) distrustItself() {
	n.control.post(func(out *topology.Effects) { n.control.core.Distrust("a test says so", rand.Uint64, out) })
}

// freshHint is a hint for a write of now.
func freshHint(n *Node, target ring.NodeID, key []byte) *coordinator.Hint {
	v := hlc.Version{Time: hlc.Make(n.clock.now().Physical, 0), Writer: 1}
	rec := record.Append(nil, 1, key, record.Record{Version: v, Value: []byte("v")})
	token, _ := ring.TokenOf(nil, "default", key)
	return &coordinator.Hint{Target: target, Place: coordinator.Place{Token: token, Namespace: 1, Key: key}, Version: v, Record: rec}
}

// Rule 8: the hints of a node that is behind may lie below what it has told others of
// them. It is noted that they were dropped only when they are gone: else a crash in
// between would leave some, which their targets refuse for ever. Until then they
// answer nobody, and its rebuild does not begin.
func TestItIsNotedThatHintsWereDroppedWhenTheyAreGone(t *testing.T) {
	n, away := leftWithOneVote(t)
	const hints = 3000
	for i := range hints {
		key := fmt.Appendf(nil, "k%d", i)
		n.KeepHint(freshHint(n, away, key))
	}
	eventually(t, "it keeps hints", func() bool { return n.HintsFor(away) == hints })
	n.distrustItself()
	limit := time.Now().Add(time.Minute)
	for {
		planned, err := systemUint(n.engine, planName, lostVersion)
		if err != nil {
			t.Fatal(err)
		}
		noted, err := systemUint(n.engine, sweptName, lostVersion)
		if planned != 0 && noted == 0 {
			t.Fatal("its rebuild is planned before its hints are gone")
		}
		behind := n.control.distrust.Load() != 0
		if _, kept := n.Kept(0, 1, []byte("k0"), hlc.Version{}); behind && !errors.Is(kept, errBehind) {
			t.Fatalf("it answers from hints that are being dropped: %v", kept)
		}
		if left := n.HintsFor(away); err != nil || noted != 0 && left != 0 {
			t.Fatalf("it is noted that all went, and %d hints are left: %v", left, err)
		}
		if noted != 0 {
			return
		}
		if time.Now().After(limit) {
			t.Fatal("it is not noted within a minute that all went")
		}
	}
}

// A partition is missing until its release is durable: one that finds the queue full, or
// no room on the disk, is made again, and has to say then what is missing no more. Else a
// node that is rebuilt would be out of service again at its next start.
func TestWhatARefusedReleaseGaveBackIsMissing(t *testing.T) {
	for _, full := range []string{"queue", "disk"} {
		t.Run(full, func(t *testing.T) {
			n := &Node{id: ring.NodeID{1}}
			view, err := ring.NewView(1, 2, 1, []ring.Member{{ID: n.id, State: ring.Normal}}, []uint16{0, 0})
			if err != nil {
				t.Fatal(err)
			}
			n.state.Store(&state{cluster: &router.Cluster{Ring: view}})
			n.lost = &lost{node: n, missing: storage.Missing{}.Add(storage.Damage{Part: storage.Records, Tokens: tokensOf(view, 1)})}
			n.committer = storage.NewCommitter(model.New(), storage.CommitterOptions[replica.Write]{
				QueueBytes: 1,
				Apply:      func([]replica.Write, *storage.Batch) {},
				Done: func(done []replica.Write, _ error) {
					for i := range done {
						if told := done[i].Origin.Result; told != nil {
							told(replica.Result{Code: contract.DiskFull})
						}
					}
				},
			})
			if full == "queue" {
				n.committer.Submit([]replica.Write{{Kind: replica.System, Key: []byte("k")}})
			}
			newRepairer(n).writeHere(&repair.Write{Kind: repair.Release, Partition: 1})
			n.committer.Close()
			if err := n.committer.Run(context.Background()); err != nil {
				t.Fatal(err)
			}
			if missed := n.lost.missed(view); len(missed) != 1 || missed[0] != 1 {
				t.Errorf("missing are the partitions %v", missed)
			}
		})
	}
}
