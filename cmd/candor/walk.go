package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/candordb/candor/client"
)

// walkOptions are those of the commands that read many keys: scan, count,
// export.
type walkOptions struct {
	target
	format         format
	prefix, cursor []byte
	limit          int // 0: all
	keysOnly       bool
	weaken         bool
	patient        bool // what can pass is tried again: for long work that nobody watches
}

// coverage is the proof of what was read.
type coverage struct {
	Keys     int    `json:"keys"`
	Done     int    `json:"partitions_done"`
	MetLevel int    `json:"partitions_met_level"`
	Asked    int    `json:"partitions_asked"`
	Epoch    uint64 `json:"epoch"`
	Complete bool   `json:"complete"`         // all that was asked for was read, at the level
	Partial  bool   `json:"partial"`          // less than all, or some below the level
	Cursor   string `json:"cursor,omitempty"` // goes on behind what was read; empty at the end
}

// coverageView is the coverage as a scan ends with it.
type coverageView struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	coverage
}

// text is the proof as a sentence.
func (v *coverage) text() string {
	keys, state := counted(v.Keys, "key"), "not complete"
	switch {
	case v.Asked == 0:
		return keys + "   not complete: nothing was read"
	case v.Complete:
		state = "complete"
	case v.Cursor == "" && v.Done >= v.Asked:
		return fmt.Sprintf("%s   all %s partitions read, %s of them below the level   epoch %d",
			keys, grouped(v.Asked), grouped(v.Done-v.MetLevel), v.Epoch)
	}
	return fmt.Sprintf("%s   %s: %s of %s partitions read, %s of them at the level   epoch %d",
		keys, state, grouped(v.Done), grouped(v.Asked), grouped(v.MetLevel), v.Epoch)
}

// print tells of the coverage on stderr, and of how to go on. Before the first
// answer no figure of it is known, and the error that follows says enough for a
// program.
func (v *coverage) print(e *env, f format) {
	if f.isJSON() && v.Asked == 0 {
		return
	}
	if f.isJSON() {
		_ = writeJSON(e.stderr, coverageView{apiVersion, "ScanCoverage", *v}) // there is nobody else to tell
		return
	}
	fmt.Fprintln(e.stderr, v.text())
	if v.Cursor != "" {
		e.next(f, "--cursor "+v.Cursor)
	}
}

// exit is 4 where something was read below the level, or is missing though the
// walk has ended.
func (v *coverage) exit() error {
	if v.Cursor == "" && v.Partial {
		return exitWith(exitPartly)
	}
	return nil
}

func cursorText(cursor []byte) string { return base64.RawURLEncoding.EncodeToString(cursor) }

func cursorOf(text string) ([]byte, error) {
	cursor, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, usagef("", "--cursor is none that a scan ended with")
	}
	return cursor, nil
}

// walk hands the keys to take, page by page, each with a deadline of its own. The
// coverage is that up to the end, or up to the error.
func (o walkOptions) walk(ctx context.Context, c *client.Client, take func([]client.Item) error) (coverage, error) {
	v, cursor := coverage{Partial: true}, o.cursor
	opts := []client.CallOption{client.At(o.level)} // zero, the namespace's, is said too: a scan's own is one
	if o.keysOnly {
		opts = append(opts, client.KeysOnly())
	}
	if o.weaken {
		opts = append(opts, client.Weaken())
	}
	for {
		limit := 0
		if o.limit > 0 {
			limit = o.limit - v.Keys
		}
		page, err := o.page(ctx, c, cursor, limit, opts)
		if err != nil {
			if !errors.Is(err, client.ErrBadRequest) { // else the cursor may be what was refused
				v.Cursor = cursorText(cursor)
			}
			return v, o.placed(err)
		}
		if err := take(page.Items); err != nil {
			return v, err
		}
		v.Keys += len(page.Items)
		v.Done, v.MetLevel, v.Asked, v.Epoch = page.Coverage.Done, page.Coverage.MetLevel, page.Coverage.Asked, page.Epoch
		if cursor = page.Cursor; cursor == nil || o.limit > 0 && v.Keys >= o.limit {
			v.Cursor = cursorText(cursor)
			v.Complete = cursor == nil && v.Done >= v.Asked && v.MetLevel >= v.Asked
			v.Partial = !v.Complete
			return v, nil
		}
	}
}

// page reads one page.
func (o walkOptions) page(ctx context.Context, c *client.Client, cursor []byte, limit int, opts []client.CallOption) (page client.Page, err error) {
	for try, pause := 1, pauseFirst; ; try, pause = try+1, 2*pause {
		page, err = c.ScanPage(ctx, o.prefix, cursor, limit, opts...)
		if !o.patient || try == triesMax || ctx.Err() != nil || err == nil || !passing(err) {
			return page, err
		}
		wait(ctx, pause)
	}
}
