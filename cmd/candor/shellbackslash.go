package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/candordb/candor/client"
)

// backslashes are the commands of the shell itself.
var backslashes = []struct{ name, args, about string }{
	{"consistency", "[LEVEL|default]", "the level of the lines that follow; without LEVEL: print it"},
	{"ns", "[NAME]", "the namespace of the lines that follow; without NAME: the one that lines have by themselves"},
	{"timing", "[on|off]", "print how long each line took"},
	{"trace", "[on|off]", "print what happened where, of each read and write"},
	{"help", "", "this list, and the commands"},
	{"quit", "", "leave, as Ctrl-D does"},
}

// backslash carries out a line that began with a \.
func (s *session) backslash(text string) error {
	words, err := splitWords(text)
	if err != nil {
		return usagef("", "%v", err)
	}
	if len(words) == 0 {
		words = []string{""}
	}
	name, args := words[0], words[1:]
	if len(args) > 1 {
		return usagef(`\help`, `\%s takes one word at most`, name)
	}
	arg := strings.Join(args, "")
	switch name {
	case "consistency", "c":
		return s.setLevel(arg)
	case "ns":
		s.namespace = arg
	case "timing":
		return s.toggle(name, arg, &s.timing)
	case "trace":
		return s.toggle(name, arg, &s.trace)
	case "help", "h", "?":
		s.help()
	case "quit", "q":
		s.ended = true
	default:
		var names []string
		for _, b := range backslashes {
			names = append(names, b.name)
		}
		return usagef(`\help`, `there is no \%s%s`, name, didYouMean(name, names))
	}
	return nil
}

func (s *session) setLevel(text string) error {
	switch text {
	case "":
		shown := s.level
		if shown == "" {
			shown = "that of the namespace"
		}
		fmt.Fprintf(s.e.stderr, "consistency  %s\n", shown)
		return nil
	case "default":
		s.level = ""
		return nil
	}
	if _, ok := client.ParseLevel(text); !ok {
		return usagef("", "%q is no level: want %s up to 63", text, levels)
	}
	s.level = text
	return nil
}

// toggle sets a switch, or turns it over, and says how it stands.
func (s *session) toggle(name, arg string, to *bool) error {
	if at := slices.Index([]string{"off", "on", ""}, arg); at < 0 {
		return usagef("", `\%s %s: want on or off`, name, arg)
	} else if at == 2 {
		*to = !*to
	} else {
		*to = at == 1
	}
	fmt.Fprintf(s.e.stderr, "%s  %s\n", name, map[bool]string{false: "off", true: "on"}[*to])
	return nil
}

// help lists what the shell takes.
func (s *session) help() {
	var rows [][]string
	for _, b := range backslashes {
		rows = append(rows, []string{`  \` + strings.TrimSpace(b.name+" "+b.args), b.about})
	}
	for _, c := range newApp(s.e).Commands {
		if !slices.Contains(notInAShell, c.Name) {
			rows = append(rows, []string{"  " + c.Name, c.Usage})
		}
	}
	fmt.Fprint(s.e.stdout, "a line is a command as on the command line, with or without candor before it; 'quotes' and \"\\x00 escapes\" work; # begins a comment line\n"+
		columns(rows)+"COMMAND --help says more\n")
}
