package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/candordb/candor/client"
	"github.com/candordb/candor/load/process"
)

// The bars of comparing replicas.
const (
	inSyncBytes    = 64 << 10 // per pair and comparison
	inSyncCPU      = 20 * time.Millisecond
	differentBytes = 3 << 10 // per difference of a pair, besides
	// scaleBar is how much longer as many differences may take among scale times the
	// keys.
	scaleBar = 1.3
	scale    = 10
)

// spent is what the cluster has spent so far.
type spent struct {
	cpu              float64 // seconds
	bytes, exchanges float64
}

func (b *bench) spent(ctx context.Context) (spent, error) {
	all, err := b.metrics(ctx)
	return spent{
		cpu: all.sum("process_cpu_seconds_total"), bytes: all.sum("candor_repair_bytes_total", `direction="out"`),
		exchanges: all.sum("candor_repair_exchanges_total", `result="roots_done"`),
	}, err
}

// settled is how many differences comparisons of pairs have settled so far. A key that
// one node lacks is two of them where two others find that at once.
func (b *bench) settled(ctx context.Context) (differences uint64, err error) {
	for _, n := range b.nodes {
		body, failed := n.over(ctx, http.MethodGet, "/v1/repair")
		var r struct {
			Counters map[string]uint64 `json:"counters"`
		}
		err = errors.Join(err, failed, json.Unmarshal(body, &r))
		differences += r.Counters["records_in"] + r.Counters["records_out"]
	}
	return differences, err
}

// spentIn is what was spent in a while.
func (b *bench) spentIn(ctx context.Context, d time.Duration) (spent, error) {
	from, err := b.spent(ctx)
	if err != nil {
		return spent{}, err
	}
	process.Pause(ctx, d)
	to, err := b.spent(ctx)
	return spent{to.cpu - from.cpu, to.bytes - from.bytes, to.exchanges - from.exchanges}, errors.Join(err, ctx.Err())
}

// measureSync fills a cluster that compares every second, and takes what that costs
// from what the same idle cluster costs while repair is paused.
func measureSync(ctx context.Context, b *bench) error {
	f, err := newForeground(b.nodes, inserts(), b.o.rate)
	if err != nil {
		return err
	}
	defer f.close()
	filled := f.fills(ctx, b.o.keys)
	b.tell("%d keys: %s", f.written, outcome(&filled))
	if err := b.awaitProven(ctx); err != nil {
		return err
	}
	running, err := b.spentIn(ctx, b.o.steady)
	if err != nil {
		return err
	}
	if err := b.pauseRepair(ctx, b.nodes); err != nil {
		return err
	}
	paused, err := b.spentIn(ctx, b.o.steady)
	if err != nil {
		return err
	}
	if running.exchanges == 0 {
		return errors.New("nothing was compared")
	}
	cpu := time.Duration((running.cpu - paused.cpu) / running.exchanges * float64(time.Second))
	b.note(told("keys, comparisons that were measured", "%d, %.0f", f.written, running.exchanges))
	b.note(most("in sync: bytes of a comparison of a pair", running.bytes/running.exchanges, inSyncBytes, " B"))
	b.note(limit("in sync: CPU time of a comparison of a pair, both sides", cpu, inSyncCPU))
	b.note(told("CPU time of all nodes, comparing and paused", "%.2fs, %.2fs", running.cpu, paused.cpu))
	b.note(holds("comparisons while repair is paused", paused.exchanges == 0, "%.0f", paused.exchanges))
	if err := b.resumeRepair(ctx); err != nil {
		return err
	}
	few, err := b.differ(ctx, "few")
	if err != nil {
		return err
	}
	if err := f.again(b.nodes); err != nil {
		return err
	}
	filled = f.fills(ctx, (scale-1)*b.o.keys)
	b.tell("%d keys: %s", f.written, outcome(&filled))
	if err := b.awaitProven(ctx); err != nil {
		return err
	}
	many, err := b.differ(ctx, "many")
	if err != nil {
		return err
	}
	b.note(most(fmt.Sprintf("time of as many differences among %d times the keys, of that before", scale), many.Seconds()/few.Seconds(), scaleBar, ""))
	return nil
}

// awaitProven waits until everything written so far is proved to be everywhere.
func (b *bench) awaitProven(ctx context.Context) error {
	since := float64(time.Now().UnixMilli()) / 1000
	if process.Until(ctx, healWithin, func() bool {
		for _, n := range b.nodes {
			m, err := n.metrics(ctx)
			if err != nil || m.sum("candor_repaired_as_of_timestamp_seconds") < since {
				return false
			}
		}
		return true
	}) {
		return nil
	}
	return fmt.Errorf("replicas are not proved to agree %v after the last write", healWithin)
}

// differ makes keys differ, with a node away and its hints dropped, and measures what
// it costs until they do not, and how long that takes from when nothing else keeps
// them from being compared.
func (b *bench) differ(ctx context.Context, name string) (took time.Duration, err error) {
	c, err := b.connect(ctx)
	if err != nil {
		return 0, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		err = errors.Join(err, c.Close(ctx))
	}()
	victim := b.nodes[len(b.nodes)-1]
	if err := errors.Join(victim.Stop(stopWithin), b.pauseRepair(ctx, b.nodes)); err != nil {
		return 0, err
	}
	var keys [][]byte
	for i := range b.o.apart {
		keys = append(keys, fmt.Appendf(nil, "%s%d", name, i))
	}
	if left := each(keys, func(key []byte) bool {
		ctx, cancel := context.WithTimeout(ctx, deadline)
		defer cancel()
		_, err := c.Put(ctx, key, make([]byte, valueBytes))
		return err == nil
	}); len(left) > 0 {
		return 0, fmt.Errorf("%d keys could not be written", len(left))
	}
	if _, err := b.drop(ctx, victim.Name); err != nil {
		return 0, err
	}
	if err := b.start(victim); err != nil {
		return 0, err
	}
	// It begins to compare as soon as it can, and what it has settled before it is paused
	// would not be measured.
	if !process.Until(ctx, readyWithin, func() bool { return b.pauseRepair(ctx, b.nodes) == nil }) {
		return 0, fmt.Errorf("repair of %s cannot be paused", victim.Name)
	}
	if err := errors.Join(victim.AwaitReady(ctx, readyWithin), b.awaitTrees(ctx)); err != nil {
		return 0, err
	}
	return b.untilEqual(ctx, c, keys)
}

// untilEqual has repair go on, and measures what it spends until keys are equal.
func (b *bench) untilEqual(ctx context.Context, c *client.Client, keys [][]byte) (took time.Duration, err error) {
	from, err := b.spent(ctx)
	if err != nil {
		return 0, err
	}
	before, err := b.settled(ctx)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := b.resumeRepair(ctx); err != nil {
		return 0, err
	}
	left := keys
	if !process.Until(ctx, healWithin, func() bool {
		left = each(left, func(key []byte) bool { return equal(ctx, c, key) })
		return len(left) == 0
	}) {
		return 0, fmt.Errorf("%d of %d keys are apart %v after repair goes on", len(left), len(keys), healWithin)
	}
	took = time.Since(began)
	to, err := b.spent(ctx)
	if err != nil {
		return 0, err
	}
	after, err := b.settled(ctx)
	if err != nil {
		return 0, err
	}
	differences := after - before
	if differences < uint64(len(keys)) {
		return 0, fmt.Errorf("of %d keys only %d were apart still when repair went on: nothing is measured", len(keys), differences)
	}
	// Each comparison has its own allowance; some have found nothing any more.
	moved := to.bytes - from.bytes - (to.exchanges-from.exchanges)*inSyncBytes
	b.note(told("keys apart, differences of pairs, comparisons until there were none", "%d, %d, %.0f", len(keys), differences, to.exchanges-from.exchanges))
	b.note(told("time until there were none, since repair goes on", "%s", short(took)))
	b.note(told("all bytes of repair meanwhile", "%.0f", to.bytes-from.bytes))
	b.note(most("bytes of a difference of a pair, besides 64 KiB for each comparison", max(moved, 0)/float64(differences), differentBytes, " B"))
	return took, ctx.Err()
}

// awaitTrees waits until every node has counted its trees: one that has not compares
// nothing.
func (b *bench) awaitTrees(ctx context.Context) error {
	if process.Until(ctx, healWithin, func() bool {
		for _, n := range b.nodes {
			body, err := n.over(ctx, http.MethodGet, "/v1/cluster/status")
			if err != nil || strings.Contains(string(body), `"building"`) {
				return false
			}
		}
		return true
	}) {
		return nil
	}
	return fmt.Errorf("trees are still being counted %v after a node is back", healWithin)
}

// resumeRepair ends the pause of repair on all nodes.
func (b *bench) resumeRepair(ctx context.Context) error {
	for _, n := range b.nodes {
		if _, err := n.over(ctx, http.MethodPost, "/v1/repair/pause?for=0"); err != nil {
			return err
		}
	}
	return nil
}
