package clienttest_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/candordb/candor/client"
	"github.com/candordb/candor/client/clienttest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"))
}

// Three nodes are there in less than a second, and all levels work at once.
func TestStartIsFast(t *testing.T) {
	began := time.Now()
	cluster := clienttest.Start(t, 3)
	took := time.Since(began)
	t.Logf("started in %v", took)
	if took > 30*time.Second { // a generous bound: the machine may be slow
		t.Errorf("the start took %v", took)
	}
	c := cluster.Client()
	for i := range 20 {
		if _, err := c.Put(t.Context(), fmt.Appendf(nil, "k%d", i), nil, client.At(client.All)); err != nil {
			t.Fatal(err)
		}
	}
}

// Contract 6: with a quorum of natural replicas reachable a request succeeds;
// what was acknowledged survives.
func TestKillAndRestart(t *testing.T) {
	cluster := clienttest.Start(t, 3)
	c := cluster.Client()
	key := []byte("k")
	if _, err := c.Put(t.Context(), key, []byte("one"), client.At(client.All)); err != nil {
		t.Fatal(err)
	}
	cluster.Kill(1)
	if _, err := c.Put(t.Context(), key, []byte("two")); err != nil {
		t.Fatalf("quorum with one of three gone: %v", err)
	}
	_, err := c.Get(t.Context(), key, client.At(client.All))
	if !errors.Is(err, client.ErrUnavailable) {
		t.Fatalf("all with one of three gone: %v", err)
	}
	cluster.Kill(2)
	if _, err := c.Put(t.Context(), key, []byte("three")); !errors.Is(err, client.ErrUnavailable) {
		t.Fatalf("quorum with two of three gone: %v", err)
	}
	cluster.Restart(1)
	cluster.Restart(2)
	item, err := c.Get(t.Context(), key, client.At(client.All))
	if err != nil || string(item.Value) != "two" {
		t.Fatalf("after the restart: %q, %v", item.Value, err)
	}
}

// A node that is cut off from the others serves what one replica can, and
// refuses the rest; when it is back it is repaired, by a hint or by reading,
// whichever comes first.
func TestPartitionAndHeal(t *testing.T) {
	cluster := clienttest.Start(t, 3)
	c := cluster.Client()
	key := []byte("k")
	if _, err := c.Put(t.Context(), key, []byte("old"), client.At(client.All)); err != nil {
		t.Fatal(err)
	}
	cluster.Partition(0)
	if _, err := c.Put(t.Context(), key, []byte("new")); err != nil {
		t.Fatalf("the majority's side: %v", err)
	}
	cluster.Partition(1, 2)
	if _, err := c.Put(t.Context(), key, []byte("none")); !errors.Is(err, client.ErrUnavailable) {
		t.Fatalf("nobody reaches a quorum: %v", err)
	}
	if _, err := c.Get(t.Context(), key, client.At(client.One)); err != nil {
		t.Fatalf("one: %v", err)
	}
	cluster.Heal()
	item, err := c.Get(t.Context(), key, client.At(client.All))
	if err != nil || string(item.Value) != "new" || item.Receipt.Acked != 3 || item.Receipt.Repaired > 1 {
		t.Fatalf("after healing: %q, %v, %v", item.Value, item.Receipt, err)
	}
}

// Contract 6: a node whose clock is off stops coordinating; clients go
// elsewhere.
func TestSkewedNodeDoesNotCoordinate(t *testing.T) {
	cluster := clienttest.Start(t, 3)
	c := cluster.Client()
	cluster.Skew(0, time.Hour)
	cluster.Restart(0)
	for i := range 20 {
		r, err := c.Put(t.Context(), fmt.Appendf(nil, "k%d", i), nil)
		if err != nil {
			t.Fatal(err)
		}
		if off := time.Until(r.Version.Time.Time()); off > time.Minute {
			t.Fatalf("stamped %v ahead", off)
		}
	}
}
