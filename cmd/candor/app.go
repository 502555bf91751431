package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// leaf is a command that does something.
type leaf struct {
	name     string
	args     string // as the help shows them
	about    string // one sentence
	examples []string
	flags    []cli.Flag
	least    int // arguments
	most     int // -1: any number
	run      func(ctx context.Context, c *cli.Context) error
}

// command is the leaf for the library. path is what stands before its name.
func (l leaf) command(path string) *cli.Command {
	usage := strings.TrimSpace(path + " " + l.name)
	return &cli.Command{
		Name: l.name, ArgsUsage: l.args, Usage: l.about, Description: strings.Join(l.examples, "\n"), Flags: l.flags,
		HideHelp: true, OnUsageError: usageErrorOf(usage),
		Action: func(c *cli.Context) error {
			switch n := c.NArg(); {
			case n < l.least:
				return usagef("candor "+usage+" --help", "candor %s: %s needed: candor %s %s", usage, missing(l.least-n), usage, l.args)
			case l.most >= 0 && n > l.most:
				return usagef("candor "+usage+" --help", "candor %s: %q is one argument too many: candor %s %s", usage, c.Args().Get(l.most), usage, l.args)
			}
			if err := checkOutput(c); err != nil {
				return err
			}
			return l.run(c.Context, c)
		},
	}
}

func missing(n int) string {
	if n == 1 {
		return "one more argument is"
	}
	return fmt.Sprintf("%d more arguments are", n)
}

// usageErrorOf turns what the library says of flags into an error of ours; left
// alone, it would print to stdout.
func usageErrorOf(path string) cli.OnUsageErrorFunc {
	return func(_ *cli.Context, err error, _ bool) error {
		return usagef("candor "+path+" --help", "candor %s: %v", path, err)
	}
}

// newApp builds the tree of commands. Every run has a fresh one, as the library
// writes into it.
func newApp(e *env) *cli.App {
	return &cli.App{
		Name: "candor", HideHelp: true, HideVersion: true, DisableSliceFlagSeparator: true,
		Writer: e.stderr, ErrWriter: e.stderr,
		ExitErrHandler: func(*cli.Context, error) {}, // run maps errors to exit codes, once
		OnUsageError:   usageErrorOf(""),
		Commands: []*cli.Command{
			serveLeaf(e).command(""), devLeaf(e).command(""),
			getLeaf(e).command(""), putLeaf(e).command(""), delLeaf(e).command(""), scanLeaf(e).command(""),
			outcomeLeaf(e).command(""), importLeaf(e).command(""),
			statusLeaf(e).command(""),
			{Name: "ring", Usage: "the owner table", HideHelp: true, Subcommands: []*cli.Command{ringShowLeaf(e).command("ring")}},
			{Name: "config", Usage: "settings of a node", HideHelp: true, Subcommands: []*cli.Command{configCheckLeaf(e).command("config")}},
			versionLeaf(e).command(""),
		},
	}
}

// run carries out a command line and returns the exit code.
func (e *env) run(ctx context.Context, args []string) int {
	if slices.Equal(args, []string{"--version"}) { // a habit
		args = []string{"version"}
	}
	app := newApp(e)
	line, err := permute(app.Commands, args)
	switch {
	case err != nil:
	case line.help:
		fmt.Fprint(e.stdout, helpText(app.Commands, line.path))
		return 0
	case line.leaf == nil:
		fmt.Fprint(e.stderr, helpText(app.Commands, line.path))
		return exitUsage
	default:
		err = app.RunContext(ctx, append([]string{"candor"}, line.words()...))
	}
	if err == nil {
		return 0
	}
	return e.report(ctx, err, reportingIn(args))
}
