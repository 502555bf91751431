package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// firstSteps are the examples that candor's own help begins with.
const firstSteps = `candor dev                              a cluster of three nodes on this machine
candor put hello world                  write a key
candor get hello --receipt              read it, and see who answered
candor shell                            the same commands at a prompt
candor cheat                            pages of examples, by topic
candor serve --config candor.yaml       run a node`

// helpText is the help of a command: examples first.
func helpText(tree []*cli.Command, path []string) string {
	var b strings.Builder
	at := "candor"
	var command *cli.Command
	for _, name := range path {
		for _, c := range tree {
			if c.Name == name {
				command, tree, at = c, c.Subcommands, at+" "+name
				break
			}
		}
	}
	switch {
	case command == nil:
		b.WriteString("examples:\n")
		indent(&b, firstSteps)
		fmt.Fprintf(&b, "\nusage: candor COMMAND [ARGUMENT...] [FLAG...]     candor COMMAND --help\n")
	case command.Description != "":
		b.WriteString("examples:\n")
		indent(&b, command.Description)
		usage := strings.Fields(at + " " + command.ArgsUsage + " [FLAG...]")
		fmt.Fprintf(&b, "\n%s: %s\nusage: %s\n", at, command.Usage, strings.Join(usage, " "))
	default:
		fmt.Fprintf(&b, "%s: %s\n", at, command.Usage)
	}
	if len(tree) > 0 {
		b.WriteString("\ncommands:\n")
		var rows [][]string
		for _, c := range tree {
			rows = append(rows, []string{"  " + c.Name, c.Usage})
		}
		b.WriteString(columns(rows))
	}
	if command != nil && len(command.Flags) > 0 {
		b.WriteString("\nflags, anywhere on the line:\n")
		b.WriteString(flagLines(command.Flags))
	}
	return b.String()
}

func indent(b *strings.Builder, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		fmt.Fprintf(b, "  %s\n", line)
	}
}

func flagLines(flags []cli.Flag) string {
	var rows [][]string
	for _, f := range flags {
		doc := f.(cli.DocGenerationFlag)
		var names []string
		for _, name := range f.Names() {
			if len(name) == 1 {
				names = append([]string{"-" + name}, names...)
			} else {
				names = append(names, "--"+name)
			}
		}
		usage, value := doc.GetUsage(), ""
		if doc.TakesValue() {
			value = " VALUE"
			if open, rest, ok := strings.Cut(usage, "`"); ok {
				name, after, _ := strings.Cut(rest, "`")
				value, usage = " "+name, open+name+after
			}
		}
		if d := doc.GetDefaultText(); doc.TakesValue() && d != "" && d != `""` && d != "0" && d != "0s" {
			usage += " (" + strings.Trim(d, `"`) + ")"
		}
		if vars := doc.GetEnvVars(); len(vars) > 0 {
			usage += " [$" + strings.Join(vars, ", $") + "]"
		}
		rows = append(rows, []string{"  " + strings.Join(names, ", ") + value, usage})
	}
	return columns(rows)
}
