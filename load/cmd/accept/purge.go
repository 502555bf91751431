package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/candordb/candor/client"
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/load/process"
)

const (
	// proofCycles is how many comparisons of each pair a purge may wait for.
	proofCycles = 2
	// stays is how many of them tombstones outlast while a replica is away.
	stays = 3
	// purgeWithin and rebuildWithin are how long it is waited for.
	purgeWithin   = 10 * time.Minute
	rebuildWithin = 5 * time.Minute
)

// What a node logs about its quarantine.
const (
	logQuarantined = "partitions are in quarantine"
	logRebuilt     = "all partitions are rebuilt"
)

// measurePurge deletes keys while a replica is away, lets it come back, and puts an
// old copy of its data folder in its place.
func measurePurge(ctx context.Context, b *bench) (err error) {
	c, err := b.connect(ctx)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err = errors.Join(err, c.Close(ctx))
	}()
	p := &purge{bench: b, client: c, node: b.nodes[len(b.nodes)-1], keys: keysOf(1, 1+b.o.deletes, b.o.deletes)}
	p.old = filepath.Join(filepath.Dir(p.node.data), "old")
	for _, step := range []func(context.Context) error{p.deleteWhileAway, p.comeBack, p.oldCopy, p.onDisk} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// purge is keys that are deleted, and a node that is away meanwhile.
type purge struct {
	*bench
	client *client.Client
	node   *node
	keys   [][]byte
	old    string // a copy of the node's data folder, with all keys in it
}

// do carries out a write of every key, until it is done.
func (p *purge) do(ctx context.Context, what string, write func(ctx context.Context, key []byte) error) error {
	left := p.keys
	for range 5 {
		left = each(left, func(key []byte) bool {
			ctx, cancel := context.WithTimeout(ctx, deadline)
			defer cancel()
			return write(ctx, key) == nil
		})
	}
	if len(left) > 0 {
		return fmt.Errorf("%s: %d of %d keys could not be written", what, len(left), len(p.keys))
	}
	return ctx.Err()
}

// deleteWhileAway writes all keys, takes a node away with a copy of its data, and
// deletes them; the tombstones have to stay.
func (p *purge) deleteWhileAway(ctx context.Context) error {
	if err := p.do(ctx, "put", func(ctx context.Context, key []byte) error {
		_, err := p.client.Put(ctx, key, make([]byte, valueBytes), client.At(contract.All))
		return err
	}); err != nil {
		return err
	}
	if err := errors.Join(p.node.Stop(stopWithin), os.CopyFS(p.old, os.DirFS(p.node.data))); err != nil {
		return err
	}
	if err := p.do(ctx, "delete", func(ctx context.Context, key []byte) error {
		_, err := p.client.Delete(ctx, key)
		return err
	}); err != nil {
		return err
	}
	p.tell("%d keys were deleted while %s is away", len(p.keys), p.node.Name)
	process.Pause(ctx, time.Duration(stays)*p.o.interval)
	purged, err := p.total(ctx, "candor_purged_total")
	if err != nil {
		return err
	}
	p.note(holds(fmt.Sprintf("tombstones purged in %v while a replica is away", stays*p.o.interval), purged == 0, "%.0f", purged))
	return ctx.Err()
}

// comeBack starts the node, and waits until nobody has a tombstone any more.
func (p *purge) comeBack(ctx context.Context) error {
	returned := time.Now()
	if err := p.start(p.node); err != nil {
		return err
	}
	if err := p.node.AwaitReady(ctx, readyWithin); err != nil {
		return err
	}
	ready := time.Since(returned)
	want, purged := float64(replicas*len(p.keys)), 0.0
	process.Until(ctx, purgeWithin, func() bool {
		if now, err := p.total(ctx, "candor_purged_total"); err == nil {
			purged = now
		}
		return purged >= want
	})
	took := time.Since(returned)
	p.note(holds("tombstones that are purged", purged >= want, "%.0f of %.0f", purged, want))
	p.note(told("the node took requests after", "%s", short(ready)))
	p.note(limit("until then, since the start of the process", took, proofCycles*p.o.interval))
	held := each(p.keys[:min(sampled, len(p.keys))], func(key []byte) bool {
		rows, ok := explained(ctx, p.client, key)
		return ok && empty(rows)
	})
	p.note(holds("keys of a sample of which EXPLAIN still shows something", len(held) == 0, "%d", len(held)))
	return ctx.Err()
}

func empty(rows []client.ExplainRow) bool {
	for _, r := range rows {
		if !r.Version.IsZero() {
			return false
		}
	}
	return true
}

// oldCopy puts the old copy in the place of the data folder, and waits until the
// node has noticed and is rebuilt.
func (p *purge) oldCopy(ctx context.Context) error {
	if err := p.node.Stop(stopWithin); err != nil {
		return err
	}
	quarantined, rebuilt := p.node.logged(logQuarantined), p.node.logged(logRebuilt)
	if err := errors.Join(os.Rename(p.node.data, p.node.data+".aside"), os.Rename(p.old, p.node.data)); err != nil {
		return err
	}
	began := time.Now()
	if err := p.start(p.node); err != nil {
		return err
	}
	noticed := process.Until(ctx, rebuildWithin/5, func() bool { return p.node.logged(logQuarantined) > quarantined })
	p.note(holds("the old copy is quarantined", noticed, "%t, after %s", noticed, short(time.Since(began))))
	back := noticed && process.Until(ctx, rebuildWithin, func() bool { return p.node.logged(logRebuilt) > rebuilt })
	p.note(holds("and rebuilt without an operator", back, "%t, after %s", back, short(time.Since(began))))
	if err := p.node.AwaitReady(ctx, readyWithin); err != nil {
		return err
	}
	// Two more comparisons of each pair: what could come back by them, comes.
	process.Pause(ctx, proofCycles*p.o.interval)
	returned := each(p.keys, func(key []byte) bool {
		ctx, cancel := context.WithTimeout(ctx, deadline)
		defer cancel()
		_, err := p.client.Get(ctx, key, client.At(contract.One))
		return errors.Is(err, client.ErrNotFound)
	})
	p.note(holds("deleted keys that a read at ONE finds, or cannot look for", len(returned) == 0, "%d %.40q", len(returned), first(returned)))
	return ctx.Err()
}

// onDisk ends all nodes and looks for deleted keys on their disks.
func (p *purge) onDisk(context.Context) error {
	if err := p.stopAll(); err != nil {
		return err
	}
	d, err := p.readDisks()
	if err != nil {
		return err
	}
	alive := 0
	for _, key := range p.keys {
		if d.live[string(key)] {
			alive++
		}
	}
	p.note(holds("deleted keys that are a value on some disk", alive == 0, "%d", alive))
	p.note(told("records left on the disks", "%d", d.keys))
	return nil
}
