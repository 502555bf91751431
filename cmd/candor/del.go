package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
)

func delLeaf(e *env) leaf {
	return leaf{
		name: "del", args: "KEY...", about: "delete keys, present or not; each answer has its receipt", views: true, least: 1, most: -1,
		examples: []string{
			"candor del user:42",
			"candor del user:42 user:43 user:44 -c all",
			"candor del user:42 --version VERSION         repeat a delete that ended in doubt",
		},
		flags: dataFlags(receiptFlag(), versionWriteFlag(), seenFlag(), orderedFlag(), sloppyFlag(), traceFlag()),
		run: func(ctx context.Context, c *cli.Context) error {
			o, err := writeOptionsOf(c)
			switch {
			case err != nil:
				return err
			case !o.stamp.IsZero() && c.NArg() > 1:
				return usagef("", "candor del: --version repeats the delete of one key")
			case !o.seen.IsZero() && c.NArg() > 1:
				return usagef("", "candor del: --seen is about one key")
			}
			return del(ctx, e, o, c.Args().Slice())
		},
	}
}

// del deletes the keys one by one, goes on behind an error, and ends with the
// one that matters most: a delete in doubt before a refusal before one that was
// superseded.
func del(ctx context.Context, e *env, o writeOptions, keys []string) error {
	opening, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	c, err := o.open(opening)
	if err != nil {
		return err
	}
	defer closeClient(c)
	o.several = len(keys) > 1
	var worst error
	for _, key := range keys {
		err := delOne(ctx, e, c, o, key)
		if err == nil {
			continue
		}
		if len(keys) > 1 {
			err = e.told(ctx, err, o.format.reporting())
		}
		if worst == nil || gravity(err) > gravity(worst) {
			worst = err
		}
	}
	return worst
}

func delOne(ctx context.Context, e *env, c *client.Client, o writeOptions, key string) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	trace := o.steps()
	r, err := c.Delete(ctx, []byte(key), o.options(trace)...)
	if err != nil {
		return o.placed(withTrace(err, trace))
	}
	return e.written("delete", []byte(key), &r, trace, o)
}

// told prints an error now, and keeps its exit code.
func (e *env) told(ctx context.Context, err error, how reporting) error {
	var known *failure
	if errors.As(err, &known) && known.told {
		return err
	}
	return exitWith(e.report(ctx, err, how))
}

// gravity orders errors by what they mean for the one who asked.
func gravity(err error) int {
	_, exit := describe(err)
	switch exit {
	case exitInDoubt:
		return 3
	case exitPartly:
		return 1
	}
	return 2
}
