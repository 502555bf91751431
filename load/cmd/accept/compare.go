package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/candordb/candor/client"
	"github.com/candordb/candor/load"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/storage"
)

const (
	// sampled is how many keys are looked at to see that replicas are equal.
	sampled = 1000
	// askers is how many keys are asked for at once.
	askers = 8
)

// keysOf draws keys of a range of a workload's numbers, none twice.
func keysOf(from, to, most int) (keys [][]byte) {
	for _, i := range rand.Perm(max(to-from, 0)) {
		if len(keys) == most {
			break
		}
		keys = append(keys, load.AppendKey(nil, from+i))
	}
	return keys
}

// each does something for many keys, some at once, and counts those for which it is
// not true.
func each(keys [][]byte, holds func(key []byte) bool) (not [][]byte) {
	queue := make(chan []byte)
	var all sync.WaitGroup
	var mu sync.Mutex // guards not
	for range askers {
		all.Go(func() {
			for k := range queue {
				if !holds(k) {
					mu.Lock()
					not = append(not, k)
					mu.Unlock()
				}
			}
		})
	}
	for _, k := range keys {
		queue <- k
	}
	close(queue)
	all.Wait()
	return not
}

// explained asks the replicas of a key, all of which have to answer.
func explained(ctx context.Context, c *client.Client, key []byte) (rows []client.ExplainRow, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	x, err := c.Explain(ctx, key)
	if err != nil {
		return nil, false
	}
	for _, row := range x.Rows {
		if row.Role == client.RoleNatural {
			if !row.Reachable {
				return nil, false
			}
			rows = append(rows, row)
		}
	}
	return rows, len(rows) == replicas
}

// equal says whether all replicas of a key are known to hold the same of it, and
// something.
func equal(ctx context.Context, c *client.Client, key []byte) bool {
	rows, ok := explained(ctx, c, key)
	return ok && !slices.ContainsFunc(rows, func(r client.ExplainRow) bool {
		return r.Version.IsZero() || r.Version != rows[0].Version || !r.ChecksumOK
	})
}

// disks is what lies on the disks of nodes that have stopped.
type disks struct {
	keys  int // that any node has
	apart [][]byte
	live  map[string]bool // keys that are a value somewhere
}

// readDisks compares all records of all nodes: each has to be on so many of them,
// and the same.
func (c *cluster) readDisks() (*disks, error) {
	copies := make(map[string][][]byte)
	for _, n := range c.nodes {
		if err := readDisk(filepath.Join(n.data, "db"), copies); err != nil {
			return nil, fmt.Errorf("the disk of %s: %w", n.Name, err)
		}
	}
	d := &disks{keys: len(copies), live: make(map[string]bool)}
	for key, all := range copies { // each by itself: order does not matter
		if len(all) != replicas || slices.ContainsFunc(all, func(r []byte) bool { return !bytes.Equal(r, all[0]) }) {
			d.apart = append(d.apart, []byte(key))
		}
		for _, rec := range all {
			if r, err := record.Parse(rec); err == nil && !r.Tombstone {
				d.live[key] = true
			}
		}
	}
	return d, nil
}

// readDisk adds the records of a database that nobody has open.
func readDisk(dir string, copies map[string][][]byte) error {
	db, err := storage.Open(dir, storage.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	var bad error
	lo, hi := storage.RecordRange(0, ^uint64(0))
	err = db.Scan(lo, hi, func(stored, rec []byte) bool {
		_, _, key, err := storage.ParseRecordKey(stored)
		if bad = err; err == nil {
			copies[string(key)] = append(copies[string(key)], slices.Clone(rec))
		}
		return err == nil
	})
	if err == nil {
		err = bad
	}
	return err
}
