package main

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
)

func exportLeaf(e *env) leaf {
	return leaf{
		name: "export", args: "[PREFIX]", about: "write all keys, or those that begin with a prefix, as JSON lines that import reads", views: true, most: 1,
		examples: []string{
			"candor export > all.jsonl",
			"candor export user: --to users.jsonl.gz      compressed, by its name; the file is there once it is complete",
			"candor export -c quorum --rate 5000/s --to all.jsonl",
			`the last line has the counts and the hash of the others: {"kind":"ExportEnd","keys":2,"sha256":"..."}`,
		},
		flags: dataFlags(weakenFlag(), rateFlag(),
			&cli.StringFlag{Name: "to", Usage: "the `FILE` to write, compressed if it ends in .gz; stdout if not given"}),
		run: func(ctx context.Context, c *cli.Context) error {
			o := exportOptions{file: c.String("to")}
			var err error
			if o.walkOptions, err = walkOptionsOf(c); err != nil {
				return err
			}
			if o.rate, err = bucketOf(c); err != nil {
				return err
			}
			o.patient = true
			return export(ctx, e, o)
		},
	}
}

type exportOptions struct {
	walkOptions
	file string // empty: stdout
	rate *bucket
}

// exportLine is a key in the file.
type exportLine struct {
	Namespace string  `json:"ns"`
	Key       *string `json:"key,omitempty"`
	KeyB64    *string `json:"key_b64,omitempty"`
	Value     *string `json:"value,omitempty"`
	ValueB64  *string `json:"value_b64,omitempty"`
	Expires   string  `json:"expires,omitempty"`
	Version   string  `json:"version"`
}

// exportKind tells the last line of an export from all others.
const exportKind = "ExportEnd"

// exportView is the last line of an export, and what export prints.
type exportView struct {
	APIVersion string  `json:"apiVersion"`
	Kind       string  `json:"kind"`
	Namespace  string  `json:"ns"`
	Prefix     *string `json:"prefix,omitempty"`
	PrefixB64  *string `json:"prefix_b64,omitempty"`
	Bytes      int64   `json:"bytes"` // of all lines before, with their ends
	coverage
	SHA256 string `json:"sha256"` // over the same
	file   string
}

func (v *exportView) screen(wide bool) screen {
	above := fmt.Sprintf("export  %s   %s\n", v.text(), sized(v.Bytes))
	if wide {
		above += "sha256  " + v.SHA256 + "\n"
	}
	return screen{above: above}
}

func (v *exportView) names() []string { return []string{v.file} }

// export writes the keys and then the last line, without which a file is known
// to be cut off. Keys that are written or deleted meanwhile may be in it or not.
func export(ctx context.Context, e *env, o exportOptions) error {
	c, err := o.opened(ctx)
	if err != nil {
		return err
	}
	defer closeClient(c)
	s, err := o.sink(e)
	if err != nil {
		return err
	}
	bar := newProgress(e, "export", 0)
	if o.file == "" {
		bar.width = 0 // the lines may go to the same terminal
	}
	end, err := o.walk(ctx, c, func(items []client.Item) error {
		for i := range items {
			if err := writeJSON(s, exportLineOf(o.ns(), &items[i])); err != nil {
				return failf(exitFailed, "", "the export cannot be written: %w", err)
			}
			bar.at(s.bytes)
			bar.done()
		}
		if o.rate.wait(ctx, len(items)); ctx.Err() != nil {
			return failf(exitInterrupted, "", "interrupted")
		}
		return nil
	})
	bar.end()
	if err != nil {
		o.cutOff(e, s, &end)
		return err
	}
	prefix := textOf(o.prefix)
	v := &exportView{apiVersion, exportKind, o.ns(), prefix.plain, prefix.b64, s.bytes, end, hex.EncodeToString(s.sum.Sum(nil)), o.file}
	if err = writeJSON(s.w, v); err == nil {
		err = s.close()
	}
	if err != nil {
		return failf(exitFailed, "", "the export cannot be written: %w", err)
	}
	if err := o.tell(e, v); err != nil {
		return err
	}
	return end.exit()
}

// tell prints the last line as a view: on stdout, if that has not the keys.
func (o exportOptions) tell(e *env, v *exportView) error {
	out := e.stdout
	if o.file == "" {
		out = e.stderr
	}
	return o.format.print(out, v)
}

// cutOff leaves what there is, which has no last line, and says so.
func (o exportOptions) cutOff(e *env, s *sink, end *coverage) {
	_ = s.finish() // an earlier error is told
	fmt.Fprintln(e.stderr, end.text())
	if s.part != "" {
		fmt.Fprintf(e.stderr, "what was written is in %s, without a last line\n", s.part)
	}
}

func exportLineOf(ns string, item *client.Item) exportLine {
	key, value := textOf(item.Key), textOf(item.Value)
	return exportLine{ns, key.plain, key.b64, value.plain, value.b64, timeText(item.Expires), versionText(item.Version)}
}
