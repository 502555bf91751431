package node

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/model"
	"github.com/candordb/candor/topology"
)

// controlOn is a control goroutine's part, without its node's others, over an engine
// whose disk can be full.
func controlOn(t *testing.T) (*control, *model.Engine) {
	engine := model.New()
	n := &Node{engine: engine, log: slog.New(slog.DiscardHandler), failed: make(chan error, 1)}
	n.clock = newClockOn(wallMillis, 500, 1)
	n.committer = storage.NewCommitter[replica.Write](engine, storage.CommitterOptions[replica.Write]{
		QueueBytes: 1 << 20, BatchBytes: 1 << 20,
		Apply: func(writes []replica.Write, b *storage.Batch) {
			for _, w := range writes {
				b.Put(storage.AppendSystemKey(nil, string(w.Key)), w.Record)
			}
		},
		Done: func(writes []replica.Write, err error) {
			for _, w := range writes {
				w.Origin.Done(err == nil)
			}
		},
	})
	ended := make(chan error, 1)
	go func() { ended <- n.committer.Run(context.Background()) }()
	t.Cleanup(func() {
		n.committer.Close()
		<-ended
	})
	core, err := topology.New(topology.Options{Bootstrap: []string{"10.0.0.1:7401"}, Replicas: 1, Partitions: 16}, topology.Saved{})
	if err != nil {
		t.Fatal(err)
	}
	return newControl(n, core), engine
}

// heldAs is what the engine has under a system name; "" nothing.
func heldAs(e storage.Engine, name string) string {
	v, _ := e.Get(storage.AppendSystemKey(nil, name))
	return string(v)
}

// F5: a disk that was full for a moment keeps a node from no epoch: what had to be
// saved meanwhile is saved once there is room, in its order, and what follows from it
// happens then and not before.
func TestAFullDiskKeepsNobodyFromLaterEpochs(t *testing.T) {
	c, engine := controlOn(t)
	told := make(chan topology.Outcome, 3)
	event := func(name, value string, epoch uint64) func(*topology.Effects) {
		return func(out *topology.Effects) {
			out.Saves = []topology.Save{{Name: []byte(name), Value: []byte(value)}}
			out.Outcomes = []topology.Outcome{{To: (chan<- topology.Outcome)(told), Epoch: epoch}}
		}
	}
	c.step(t.Context(), event("vote", "a", 1))
	if o := <-told; o.Epoch != 1 || heldAs(engine, "vote") != "a" {
		t.Fatalf("with room: %+v, %q is saved", o, heldAs(engine, "vote"))
	}
	engine.SetRoom(storage.RoomForNothing)
	c.step(t.Context(), event("vote", "b", 2))
	c.step(t.Context(), func(out *topology.Effects) {
		out.Outcomes = []topology.Outcome{{To: (chan<- topology.Outcome)(told), Epoch: 3}} // of what was not saved
	})
	if c.settle(t.Context()) || len(told) > 0 {
		t.Fatal("something was told that is not saved")
	}
	engine.SetRoom(storage.RoomForAll)
	c.step(t.Context(), event("vote", "c", 4))
	if len(told) > 0 {
		t.Fatal("a later event overtakes what is owed")
	}
	if !c.settle(t.Context()) {
		t.Fatal("there is room, and it is not saved")
	}
	for _, want := range []uint64{2, 3, 4} {
		if o := <-told; o.Epoch != want {
			t.Errorf("told of %d, want %d", o.Epoch, want)
		}
	}
	if got := heldAs(engine, "vote"); got != "c" {
		t.Errorf("%q is saved, want the last one", got)
	}
	c.step(t.Context(), event("vote", "d", 5))
	select {
	case o := <-told:
		if o.Epoch != 5 {
			t.Errorf("told of %+v", o)
		}
	case <-time.After(patience):
		t.Error("nothing happens any more")
	}
}

// A storage that has stopped saves nothing any more, and nothing is told.
func TestAStoppedStorageTellsNothing(t *testing.T) {
	c, engine := controlOn(t)
	told := make(chan topology.Outcome, 1)
	engine.FailSync(errors.New("EIO"))
	c.step(t.Context(), func(out *topology.Effects) {
		out.Saves = []topology.Save{{Name: []byte("vote"), Value: []byte("a")}}
		out.Outcomes = []topology.Outcome{{To: (chan<- topology.Outcome)(told), Epoch: 1}}
	})
	c.step(t.Context(), func(out *topology.Effects) {
		out.Outcomes = []topology.Outcome{{To: (chan<- topology.Outcome)(told), Epoch: 2}}
	})
	c.settle(t.Context())
	if len(told) > 0 {
		t.Errorf("told of %+v", <-told)
	}
}
