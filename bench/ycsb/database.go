package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/pingcap/go-ycsb/pkg/ycsb"

	"github.com/candordb/candor/client"
)

// store is what is used of a client.
type store interface {
	Get(ctx context.Context, key []byte, opts ...client.CallOption) (client.Item, error)
	Put(ctx context.Context, key, value []byte, opts ...client.CallOption) (client.Receipt, error)
	Delete(ctx context.Context, key []byte, opts ...client.CallOption) (client.Receipt, error)
	ScanPage(ctx context.Context, prefix, cursor []byte, limit int, opts ...client.CallOption) (client.Page, error)
}

// groupKeys is how many neighbours share a {tag} where there are scans, and with it
// the most that one reads.
const (
	groupKeys   = 100
	groupDigits = 2
)

// errFields is returned for records that are not one field.
var errFields = errors.New("a record has one field here: leave fieldcount at 1")

// database shows a cluster to go-ycsb. The value of a key is its record's one field.
type database struct {
	store   store
	grouped bool // keys have tags, so that they can be scanned

	mu     sync.Mutex // guards what follows
	failed int        // operations
	first  error      // of them
}

var _ ycsb.DB = (*database)(nil)

// key is the name of a record: that which go-ycsb gives it, or with all but its last
// digits as a tag.
func (d *database) key(name string) []byte {
	if !d.grouped {
		return []byte(name)
	}
	tag, rest := group(name)
	return append(tag, rest...)
}

// group is what the keys of a group begin with, and the rest of a key's name.
func group(name string) (tag []byte, rest string) {
	cut := max(0, len(name)-groupDigits)
	return fmt.Appendf(nil, "{%s}", name[:cut]), name[cut:]
}

// tell counts an operation that failed, and returns its error.
func (d *database) tell(what, name string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	err = fmt.Errorf("%s %s: %w", what, name, err)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed++; d.first == nil {
		d.first = err
	}
	return err
}

// verdict is an error if operations have failed.
func (d *database) verdict() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed == 0 {
		return nil
	}
	return fmt.Errorf("%d operations failed; the first: %w", d.failed, d.first)
}

// Read implements ycsb.DB.
func (d *database) Read(ctx context.Context, _, name string, fields []string) (map[string][]byte, error) {
	if len(fields) != 1 {
		return nil, d.tell("read", name, errFields)
	}
	item, err := d.store.Get(ctx, d.key(name))
	if err != nil {
		return nil, d.tell("read", name, err)
	}
	return map[string][]byte{fields[0]: item.Value}, nil
}

// Scan implements ycsb.DB: the first records of the group of a name.
func (d *database) Scan(ctx context.Context, _, name string, count int, fields []string) ([]map[string][]byte, error) {
	if len(fields) != 1 {
		return nil, d.tell("scan", name, errFields)
	}
	prefix, _ := group(name)
	var rows []map[string][]byte
	for cursor := []byte(nil); ; {
		page, err := d.store.ScanPage(ctx, prefix, cursor, count-len(rows))
		if err != nil {
			return nil, d.tell("scan", name, err)
		}
		for _, item := range page.Items {
			rows = append(rows, map[string][]byte{fields[0]: item.Value})
		}
		if cursor = page.Cursor; cursor == nil || len(rows) >= count {
			return rows, nil
		}
	}
}

// Update implements ycsb.DB. A record of one field is written whole.
func (d *database) Update(ctx context.Context, _, name string, values map[string][]byte) error {
	return d.put(ctx, "update", name, values)
}

// Insert implements ycsb.DB.
func (d *database) Insert(ctx context.Context, _, name string, values map[string][]byte) error {
	return d.put(ctx, "insert", name, values)
}

func (d *database) put(ctx context.Context, what, name string, values map[string][]byte) error {
	if len(values) != 1 {
		return d.tell(what, name, errFields)
	}
	var err error
	for _, value := range values { // the only one
		_, err = d.store.Put(ctx, d.key(name), value)
	}
	return d.tell(what, name, err)
}

// Delete implements ycsb.DB.
func (d *database) Delete(ctx context.Context, _, name string) error {
	_, err := d.store.Delete(ctx, d.key(name))
	return d.tell("delete", name, err)
}

// InitThread implements ycsb.DB: threads share the client, as its users do.
func (*database) InitThread(ctx context.Context, _, _ int) context.Context { return ctx }

// CleanupThread implements ycsb.DB.
func (*database) CleanupThread(context.Context) {}

// Close implements ycsb.DB. Whoever has opened the client closes it.
func (*database) Close() error { return nil }
