package client_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/candordb/candor/client"
	"github.com/candordb/candor/client/clienttest"
	"github.com/candordb/candor/config"
)

// Contract 4: "a client that hands the last version of a key that it has seen
// along with its read is never shown an older one, at any level and on any
// node; if no reachable replica has it, the read says so and fails."
func TestSessionOverAPartition(t *testing.T) {
	cluster := clienttest.Start(t, 3)
	with, without := cluster.Client(client.WithSession()), cluster.Client()
	key := []byte("k")
	if _, err := with.Put(t.Context(), key, []byte("old"), client.At(client.All)); err != nil {
		t.Fatal(err)
	}
	cluster.Partition(0)
	if _, err := with.Put(t.Context(), key, []byte("new")); err != nil {
		t.Fatal(err)
	}
	stale := 0
	for range 50 {
		item, err := with.Get(t.Context(), key, client.At(client.One))
		if err != nil || string(item.Value) != "new" {
			t.Fatalf("%q, %v", item.Value, err)
		}
		if item, err := without.Get(t.Context(), key, client.At(client.One)); err == nil && string(item.Value) == "old" {
			stale++
		}
	}
	t.Logf("without a session %d of 50 reads were stale", stale)
	cluster.Kill(1)
	cluster.Kill(2) // n1 alone is left, and has not heard of the last write
	if item, err := with.Get(t.Context(), key, client.At(client.One)); !errors.Is(err, client.ErrUnavailable) {
		t.Errorf("nobody has what was seen: %q, %v", item.Value, err)
	}
	if item, err := with.Get(t.Context(), key, client.At(client.One), client.After(client.Version{})); err != nil || string(item.Value) != "old" {
		t.Errorf("who wants it all the same: %q, %v", item.Value, err)
	}
}

// operations.md, section 6.1: the text of an error is a sentence, and its fields
// have the numbers.
func TestErrorOfARealCluster(t *testing.T) {
	cluster := clienttest.Start(t, 3)
	c := cluster.Client(client.WithDefaults(client.At(client.Quorum)))
	cluster.Kill(1)
	cluster.Kill(2)
	_, err := c.Put(t.Context(), []byte("user:42"), nil)
	want := `put "user:42": unavailable: quorum needs 2 of 3 replicas, 1 answers (n2, n3 down); nothing was written`
	alike := strings.Replace(want, "n2, n3", "n3, n2", 1)
	var e *client.Error
	if !errors.As(err, &e) || e.Error() != want && e.Error() != alike {
		t.Fatalf("got  %v\nwant %s", err, want)
	}
	if e.Outcome() != client.NotApplied || e.Receipt.Need != 2 || e.Reachable != 1 || e.N != 3 || e.Attempts < 1 || e.Took <= 0 || e.Node != "n1" {
		t.Errorf("%+v", e)
	}
}

// Whatever is killed meanwhile: each operation of a Do ends in one of the three
// outcomes, and what was acknowledged is there.
func TestDoOverAKill(t *testing.T) {
	cluster := clienttest.Start(t, 3)
	c := cluster.Client()
	stop := make(chan struct{})
	var done atomic.Int64
	acked := make([]map[string]string, 4)
	var writers sync.WaitGroup
	for w := range acked {
		acked[w] = make(map[string]string)
		writers.Go(func() {
			for round := 0; ; round++ {
				select {
				case <-stop:
					return
				default:
				}
				var ops []client.Op
				for i := range 40 {
					ops = append(ops, client.OpPut(fmt.Appendf(nil, "%d-%d", w, i%30), fmt.Appendf(nil, "%d-%d", round, i)))
				}
				for i, r := range c.Do(context.Background(), ops) {
					key, value := fmt.Sprintf("%d-%d", w, i%30), fmt.Sprintf("%d-%d", round, i)
					switch {
					case r.Err == nil:
						acked[w][key] = value
						done.Add(1)
					case errors.Is(r.Err, client.ErrInDoubt):
						acked[w][key] = "?" // either
					}
				}
			}
		})
	}
	await(t, "writes before the kill", func() bool { return done.Load() > 500 })
	cluster.Kill(2)
	before := done.Load()
	await(t, "writes with a node less", func() bool { return done.Load() > before+500 })
	close(stop)
	writers.Wait()
	for _, m := range acked {
		var ops []client.Op
		var want []string
		for key, value := range m { // each is read by itself: order does not matter
			if value != "?" {
				ops, want = append(ops, client.OpGet([]byte(key))), append(want, value)
			}
		}
		for i, r := range c.Do(t.Context(), ops) {
			if r.Err != nil || string(r.Item.Value) != want[i] {
				t.Errorf("acknowledged was %s, read is %q, %v", want[i], r.Item.Value, r.Err)
			}
		}
	}
}

// Contract 5: with every natural replica gone a write at any is kept by another
// node, and one of the sloppy kind counts what others keep; when the replicas are
// back it is handed over, by hints alone.
func TestSloppyWritesAreHandedOver(t *testing.T) {
	cluster := clienttest.Start(t, 5, clienttest.Setting(func(cfg *config.Config) {
		cfg.Repair.ExchangeInterval, cfg.Repair.AlarmLag = time.Hour, 2*time.Hour
	}))
	c := cluster.Client()
	quorum, last := []byte("sloppy quorum"), []byte("any")
	owners := func(key []byte) (list []int) {
		e, err := c.Explain(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range e.Rows {
			list = append(list, slices.Index(cluster.Names(), row.Node))
		}
		return list
	}
	for i := 0; !slices.Equal(slices.Sorted(slices.Values(owners(quorum))), slices.Sorted(slices.Values(owners(last)))); i++ {
		last = fmt.Append(nil, "any ", i)
	}
	of := owners(quorum)
	cluster.Kill(of[0])
	cluster.Kill(of[1])
	if _, err := c.Put(t.Context(), quorum, []byte("v")); !errors.Is(err, client.ErrUnavailable) {
		t.Errorf("not sloppy, with one replica left: %v", err)
	}
	r, err := c.Put(t.Context(), quorum, []byte("v"), client.Sloppy())
	if err != nil || r.Need != 2 || r.Acked != 1 || r.Hinted != 1 {
		t.Fatalf("sloppy: %v, %v", r, err)
	}
	cluster.Kill(of[2])
	if _, err := c.Put(t.Context(), last, []byte("w"), client.At(client.One)); !errors.Is(err, client.ErrUnavailable) {
		t.Errorf("not sloppy, with no replica left: %v", err)
	}
	at, err := c.Put(t.Context(), last, []byte("w"), client.At(client.Any))
	if err != nil || at.Need != 1 || at.Acked != 0 || at.Hinted != 1 || at.Level != client.Any {
		t.Fatalf("any: %v, %v", at, err)
	}
	if fate, _, err := c.Fate(t.Context(), last, at.Version, client.Sloppy()); !errors.Is(err, client.ErrUnavailable) || fate != client.FatePending {
		t.Errorf("no replica can be asked: %v, %v", fate, err)
	}
	for _, i := range of {
		cluster.Restart(i)
	}
	await(t, "the replica for which it was kept has it by itself", func() bool { return holds(t, c, last, at.Version) >= 1 })
	await(t, "a quorum has the other one", func() bool { return holds(t, c, quorum, r.Version) >= 2 })
	for key, want := range map[*[]byte]string{&quorum: "v", &last: "w"} { // in any order
		if item, err := c.Get(t.Context(), *key, client.At(client.All)); err != nil || string(item.Value) != want {
			t.Errorf("%s: %q, %v", *key, item.Value, err)
		}
	}
	if fate, _, err := c.Fate(t.Context(), last, at.Version, client.Sloppy()); err != nil || fate != client.FateCommitted {
		t.Errorf("settled: %v, %v", fate, err)
	}
}

// holds is how many natural replicas hold a version of a key. It changes nothing.
func holds(t *testing.T, c *client.Client, key []byte, v client.Version) (n int) {
	t.Helper()
	e, err := c.Explain(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range e.Rows {
		if row.Version == v {
			n++
		}
	}
	return n
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(time.Minute)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("not within a minute: %s", what)
		}
	}
}
