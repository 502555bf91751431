package client

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// ErrPartial is found in the error of a Scan that did not cover everything it
// should; see PartialError.
var ErrPartial = errors.New("client: the scan is not complete")

// Coverage proves how far a scan has come since its start: partitions that are
// done, those of them that were read at the level, and how many the scan asks.
// At the end all three are equal, unless some were read at less than the level,
// which needs Weaken.
type Coverage struct {
	Done, MetLevel, Asked int
}

// Progress is how far a Scan has come.
type Progress struct {
	Coverage Coverage
	// Cursor continues behind the page that is being yielded; nil at the end.
	Cursor []byte
	Keys   int // of all pages so far
	Epoch  uint64
}

// PartialError is how a Scan ends that did not cover everything: errors.Is finds
// ErrPartial in it, and what is behind Err.
type PartialError struct {
	// Progress is that at the end; its Cursor has the scan tried again from there
	// on (see From), nil from the start.
	Progress
	// Err is why: usually an *Error. Nil: a node ended the scan without an error
	// and without having covered all.
	Err error
}

// Error is one sentence.
func (e *PartialError) Error() string {
	c := e.Coverage
	text := fmt.Sprintf("the scan is not complete, %d of %d partitions are read, %d of them at the level", c.Done, c.Asked, c.MetLevel)
	if c.Asked == 0 {
		text = "the scan is not complete, nothing is read"
	}
	if e.Err == nil {
		return text
	}
	return text + ": " + flat(e.Err)
}

// Unwrap is ErrPartial and Err.
func (e *PartialError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrPartial}
	}
	return []error{ErrPartial, e.Err}
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
// at the level of a Get. cursor is that of the page before, nil
// at first; limit is how many items the page has at most, 0 for the node's
// default. Order is by token, then key; keys that share a {tag} come in order.
// After an error the same cursor may be tried again.
func (ns *Namespace) ScanPage(ctx context.Context, prefix, cursor []byte, limit int, opts ...CallOption) (Page, error) {
	k := ns.call(opts)
	return ns.scanPage(ctx, prefix, cursor, limit, &k)
}

func (ns *Namespace) scanPage(ctx context.Context, prefix, cursor []byte, limit int, k *call) (Page, error) {
	q := ns.request(wire.OpScan, nil, k, false)
	q.Flags &= contract.Weaken
	q.Prefix, q.Cursor, q.Limit, q.KeysOnly = prefix, cursor, uint64(max(limit, 0)), k.keysOnly
	a, err := ns.do(ctx, &q, k, "scan", false)
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

// Scan walks all keys that begin with prefix (empty: all), page by page, in the
// order of ScanPage. What it yields last is an error if not everything was
// covered: a *PartialError, in which ErrPartial is found. A scan that ends
// without one has read every partition, at the level unless Weaken allowed less;
// ProgressTo has the proof. Each page has a timeout of its own where ctx has no
// deadline.
func (ns *Namespace) Scan(ctx context.Context, prefix []byte, opts ...CallOption) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		k := ns.call(opts)
		at := Progress{Cursor: k.cursor}
		for {
			page, err := ns.scanPage(ctx, prefix, at.Cursor, k.pageSize, &k)
			if err != nil {
				yield(Item{}, &PartialError{at, err})
				return
			}
			at = Progress{page.Coverage, page.Cursor, at.Keys + len(page.Items), page.Epoch}
			if k.progress != nil {
				*k.progress = at
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if at.Cursor == nil {
				break
			}
		}
		if c := at.Coverage; c.Done < c.Asked || c.MetLevel < c.Asked && !k.weaken {
			yield(Item{}, &PartialError{at, nil})
		}
	}
}
