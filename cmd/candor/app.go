package main

import (
	"context"
	"errors"
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
	// views says that the result is a view, which -o prints in all forms.
	views bool
	// markdown says that -o markdown prints it too.
	markdown bool
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
			if err := l.checkForm(c); err != nil {
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
			getLeaf(e).command(""), putLeaf(e).command(""), delLeaf(e).command(""), scanLeaf(e).command(""), existsLeaf(e).command(""), countLeaf(e).command(""),
			whereLeaf(e).command(""), explainLeaf(e).command(""), outcomeLeaf(e).command(""), importLeaf(e).command(""), exportLeaf(e).command(""),
			benchLeaf(e).command(""),
			statusLeaf(e).command(""), doctorLeaf(e).command(""),
			{Name: "check", Usage: "probes for monitoring", HideHelp: true, Subcommands: checkLeaves(e)},
			{Name: "node", Usage: "the nodes of the cluster", HideHelp: true, Subcommands: nodeLeaves(e)},
			repairCommand(e),
			{Name: "task", Usage: "long work that the nodes do, such as a repair", HideHelp: true, Subcommands: taskLeaves(e)},
			{Name: "namespace", Usage: "the namespaces and their settings", HideHelp: true, Subcommands: namespaceLeaves(e)},
			{Name: "hints", Usage: "writes that are kept for nodes that may lack them", HideHelp: true, Subcommands: hintsLeaves(e)},
			{Name: "context", Usage: "names for clusters", HideHelp: true, Subcommands: contextLeaves(e)},
			{Name: "ring", Usage: "the owner table", HideHelp: true, Subcommands: ringLeaves(e)},
			{Name: "config", Usage: "settings of a node", HideHelp: true, Subcommands: configLeaves(e)},
			shellLeaf(e).command(""), completionLeaf(e).command(""), cheatLeaf(e).command(""),
			versionLeaf(e).command(""),
		},
	}
}

// run carries out a command line and returns the exit code.
func (e *env) run(ctx context.Context, args []string) int {
	if slices.Equal(args, []string{"--version"}) { // a habit
		args = []string{"version"}
	}
	if len(args) == 2 && args[0] == completeCommand {
		e.printCandidates(args[1])
		return 0
	}
	app := newApp(e)
	line, err := permute(app.Commands, args)
	switch {
	case err != nil:
	case line.help:
		fmt.Fprint(e.stdout, helpText(app.Commands, line.path))
		return 0
	case line.leaf == nil && line.isProbe():
		return e.probeMisused("name a probe: candor check --help lists them")
	case line.leaf == nil:
		fmt.Fprint(e.stderr, helpText(app.Commands, line.path))
		return exitUsage
	default:
		err = app.RunContext(ctx, append([]string{"candor"}, line.words()...))
	}
	if err == nil {
		return 0
	}
	var known *failure
	if told := errors.As(err, &known) && known.told; line.isProbe() && isUsage(err) && !told { // what is told is a result: CRITICAL is 2
		return e.probeMisused(err.Error())
	}
	return e.report(ctx, err, reportingIn(args))
}
