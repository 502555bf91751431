package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// nodetoolWord is a word of nodetool, the tool that operators of Cassandra have
// in their fingers, and the command that does the same here. Under the name
// nodetool this binary translates; what has no command in this build is named all
// the same, so that nobody has to search.
type nodetoolWord struct {
	name    string
	command string // without candor; a command that does not exist yet is told, not run
	instead string // where there is no such command by intent: why
}

var nodetoolWords = []nodetoolWord{
	{name: "status", command: "status --classic"},
	{name: "ring", command: "ring show"},
	{name: "describering", command: "ring owners"},
	{name: "getendpoints", command: "where -o name"},
	{name: "describecluster", command: "cluster describe"},
	{name: "version", command: "version"},
	{name: "info", command: "node info"},
	{name: "drain", command: "node drain"},
	{name: "decommission", command: "node decommission"},
	{name: "removenode", command: "node remove"},
	{name: "repair", command: "repair"},
	{name: "netstats", command: "task ls"},
	{name: "compactionstats", command: "node info"},
	{name: "tpstats", command: "node info --latency"},
	{name: "tablehistograms", command: "node info --latency"},
	{name: "proxyhistograms", command: "node info --latency"},
	{name: "listpendinghints", command: "hints ls"},
	{name: "cleanup", instead: "there is nothing to clean up: a node drops by itself what it no longer owns"},
	{name: "help", command: "cheat cluster"},
}

// isNodetool says whether a binary was called by that name.
func isNodetool(argv0 string) bool {
	return strings.TrimSuffix(filepath.Base(argv0), ".exe") == "nodetool"
}

// nodetool carries out a command line of nodetool.
func (e *env) nodetool(ctx context.Context, args []string) int {
	words, err := translate(newApp(e).Commands, args)
	if err != nil {
		return e.report(ctx, err, reportingIn(args))
	}
	return e.run(ctx, words)
}

// translate makes a candor command line of one of nodetool.
func translate(tree []*cli.Command, args []string) ([]string, error) {
	args, options, err := nodetoolOptions(args)
	if err != nil {
		return nil, err
	}
	if len(args) == 0 {
		args = []string{"help"}
	}
	name, args := args[0], args[1:]
	at := slices.IndexFunc(nodetoolWords, func(w nodetoolWord) bool { return w.name == name })
	if at < 0 {
		var names []string
		for _, w := range nodetoolWords {
			names = append(names, w.name)
		}
		return nil, usagef("candor --help", "nodetool: candor knows no %q%s", name, didYouMean(name, names))
	}
	word := nodetoolWords[at]
	if word.instead != "" {
		return nil, usagef("", "nodetool %s: %s", name, word.instead)
	}
	words := strings.Fields(word.command)
	if l, err := permute(tree, words); err != nil || l.leaf == nil {
		return nil, usagef("candor --help", "nodetool %s is candor %s, which this build does not have yet", name, word.command)
	}
	if name == "getendpoints" {
		if args, err = endpointsOf(args); err != nil {
			return nil, err
		}
	}
	if name == "help" {
		options, args = nil, nil
	}
	return slices.Concat(words, options, args), nil
}

// nodetoolOptions takes the options that nodetool has before its word: -h HOST
// names a node, which here is its client address.
func nodetoolOptions(args []string) (rest, options []string, err error) {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		name, value, joined := strings.Cut(args[0], "=")
		switch name {
		case "--help":
			return []string{"help"}, nil, nil
		case "-h", "--host":
			args = args[1:]
			if !joined {
				if len(args) == 0 {
					return nil, nil, usagef("", "nodetool: %s needs a value", name)
				}
				value, args = args[0], args[1:]
			}
			if !strings.Contains(value, ":") {
				value += ":7400"
			}
			options = append(options, "--addr", value)
		case "--addr", "--context", "--timeout", "-o", "--output": // as candor has them
			take := 2
			if joined {
				take = 1
			}
			take = min(take, len(args))
			options, args = append(options, args[:take]...), args[take:]
		default:
			return nil, nil, usagef("nodetool -h HOST:PORT, with the client address of a node",
				"nodetool: candor has no %s: there is no JMX, no user and no password", name)
		}
	}
	return args, options, nil
}

// endpointsOf makes of KEYSPACE TABLE KEY what candor where takes: the key, and
// the namespace that the keyspace is.
func endpointsOf(args []string) ([]string, error) {
	switch len(args) {
	case 1:
		return args, nil
	case 2, 3:
		return []string{args[len(args)-1], "--ns", args[0]}, nil
	}
	return nil, usagef("", "nodetool getendpoints: want KEY, or KEYSPACE TABLE KEY, of which KEYSPACE is the namespace")
}
