package client

import (
	"context"
	"iter"

	"github.com/candordb/candor/wire"
)

// Coverage proves how far a scan has come since its start: partitions that are
// done, those of them that were read at the level, and how many the scan asks.
// At the end all three are equal, unless some were read at less than the level.
type Coverage struct {
	Done, MetLevel, Asked int
}

// Page is a part of a scan.
type Page struct {
	Items []Item
	// Cursor continues the scan; nil at the end. An empty page with a cursor is
	// normal.
	Cursor   []byte
	Coverage Coverage
	Epoch    uint64
}

// ScanPage reads the next part of all keys that begin with prefix (empty: all),
// at level one unless At says otherwise. cursor is that of the page before, nil
// at first; limit is how many items the page has at most, 0 for the node's
// default. Order is by token, then key; keys that share a {tag} come in order.
// After an error the same cursor may be tried again.
func (ns *Namespace) ScanPage(ctx context.Context, prefix, cursor []byte, limit int, opts ...CallOption) (Page, error) {
	k := ns.call(append([]CallOption{At(One)}, opts...))
	q := ns.request(wire.OpScan, nil, &k)
	q.Flags, q.Prefix, q.Cursor, q.Limit, q.KeysOnly = 0, prefix, cursor, uint64(max(limit, 0)), k.keysOnly
	a, err := ns.do(ctx, &q, "scan", false)
	if err != nil {
		return Page{}, err
	}
	s := &a.Scan
	page := Page{
		Items: make([]Item, len(s.Items)), Cursor: s.Cursor, Epoch: a.Epoch,
		Coverage: Coverage{int(s.Coverage.Done), int(s.Coverage.MetLevel), int(s.Coverage.Asked)},
	}
	for i, row := range s.Items {
		page.Items[i] = Item{Key: row.Key, Value: row.Value, Version: row.Version, Expires: expires(row.ExpiresAt)}
	}
	return page, nil
}

// Scan walks all keys that begin with prefix, page by page. It ends with the
// first error, which is the last pair's. Each page has a timeout of its own
// where ctx has no deadline. For the proof of coverage see ScanPage.
func (ns *Namespace) Scan(ctx context.Context, prefix []byte, opts ...CallOption) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		var cursor []byte
		for {
			page, err := ns.ScanPage(ctx, prefix, cursor, 0, opts...)
			if err != nil {
				yield(Item{}, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if cursor = page.Cursor; cursor == nil {
				return
			}
		}
	}
}
