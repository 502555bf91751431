package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// candidate is a way to go on with a line.
type candidate struct{ word, about string }

// completer finds the candidates for the end of a line, and where the word
// begins that they replace.
type completer func(line string) (list []candidate, start int)

// dynamic is what can be named that the tree of commands does not know: by the
// name of an argument (KEY, TOPIC) or of a flag (ns).
type dynamic map[string]func() []candidate

// levelNames are the levels that have a name.
var levelNames = []string{"one", "two", "three", "quorum", "all", "any", "local_one", "local_quorum", "each_quorum"}

// dynamic is what a command line can name without asking a cluster.
func (e *env) dynamic() dynamic {
	return dynamic{
		"consistency": func() []candidate { return named(levelNames...) },
		"reads":       func() []candidate { return named(levelNames...) },
		"writes":      func() []candidate { return named(levelNames...) },
		"spread":      func() []candidate { return named("zipfian", "uniform", "latest") },
		"workload":    func() []candidate { return named("a", "b", "c", "d", "e", "f") },
		"output":      func() []candidate { return named("table", "wide", "json", "yaml", "name", "template=") },
		"TOPIC":       cheatCandidates,
	}
}

func named(words ...string) []candidate {
	list := make([]candidate, len(words))
	for i, w := range words {
		list[i].word = w
	}
	return list
}

// candidates are the ways to go on behind words with a word that begins with
// last. files says that the name of a file fits too.
func candidates(tree []*cli.Command, words []string, last string, more dynamic) (list []candidate, files bool) {
	behind := slices.Contains(words, "--") // where nothing is a flag
	if n := len(words) - 1; !behind && n >= 0 && wantsValue(tree, words, n) {
		return valuesOf(tree, words[n], last, more)
	}
	l, err := permute(tree, words)
	if err != nil {
		return nil, false // what is wrong is told when it is run
	}
	switch {
	case !behind && strings.HasPrefix(last, "-"):
		if name, value, joined := strings.Cut(last, "="); joined {
			list, files = valuesOf(tree, name, value, more)
			for i := range list {
				list[i].word = name + "=" + list[i].word
			}
			return list, files
		}
		return beginning(last, flagCandidates(l)), false
	case l.leaf != nil && len(l.under) == 0:
		return argumentCandidates(l, last, more)
	}
	for _, c := range l.under {
		list = append(list, candidate{c.Name, c.Usage})
	}
	if len(l.path) == 0 {
		list = append(list, candidate{"help", "examples, and all commands"})
	}
	return beginning(last, list), false
}

// wantsValue says whether word n is a flag whose value comes next. The word
// before it may be a flag that takes it as its value.
func wantsValue(tree []*cli.Command, words []string, n int) bool {
	takes := flagsOf(tree)
	isFlag := func(i int) bool {
		return i >= 0 && len(words[i]) > 1 && words[i][0] == '-' && takes[strings.TrimLeft(words[i], "-")]
	}
	run := 0 // of such words, each second one is a value
	for isFlag(n - run) {
		run++
	}
	return run%2 == 1
}

// valuesOf are the values that a flag, written in any of its forms, can have.
func valuesOf(tree []*cli.Command, flag, last string, more dynamic) ([]candidate, bool) {
	for _, f := range allFlags(tree) {
		for _, name := range f.Names() {
			if name != strings.TrimLeft(flag, "-") {
				continue
			}
			if values, ok := more[f.Names()[0]]; ok {
				return beginning(last, values()), false
			}
			usage := f.(cli.DocGenerationFlag).GetUsage()
			return nil, strings.Contains(usage, "`FILE`") || strings.Contains(usage, "`FOLDER`")
		}
	}
	return nil, false
}

// allFlags are the flags of all commands.
func allFlags(tree []*cli.Command) (all []cli.Flag) {
	for _, c := range tree {
		all = append(append(all, c.Flags...), allFlags(c.Subcommands)...)
	}
	return all
}

// flagCandidates are the long forms of the flags that fit; before there is a
// command, those of all commands.
func flagCandidates(l *line) (list []candidate) {
	flags := allFlags(l.under)
	if l.leaf != nil {
		flags = l.leaf.Flags
	}
	for _, f := range flags {
		word := "--" + f.Names()[0]
		if slices.ContainsFunc(list, func(c candidate) bool { return c.word == word }) {
			continue
		}
		about := strings.ReplaceAll(f.(cli.DocGenerationFlag).GetUsage(), "`", "")
		list = append(list, candidate{word, about})
	}
	return append(list, candidate{"--help", "examples, and all flags"})
}

// argumentName is what the help calls argument i of a command, without what
// surrounds it; the last one stands for those that follow if it says so.
func argumentName(c *cli.Command, i int) string {
	names := strings.Fields(c.ArgsUsage)
	if len(names) == 0 {
		return ""
	}
	if i >= len(names) {
		if i = len(names) - 1; !strings.Contains(names[i], "...") {
			return ""
		}
	}
	return strings.Trim(names[i], "[].")
}

// argumentCandidates are the words that fit as the next argument.
func argumentCandidates(l *line, last string, more dynamic) ([]candidate, bool) {
	name := argumentName(l.leaf, len(l.args))
	if values, ok := more[name]; ok {
		return beginning(last, values()), false
	}
	var list []candidate
	for word := range strings.SplitSeq(name, "|") {
		if word != "" && word == strings.ToLower(word) && word != "-" {
			list = append(list, candidate{word, ""})
		}
	}
	return beginning(last, list), strings.Contains(name, "FILE")
}

// beginning are the candidates that begin with what has been typed.
func beginning(typed string, list []candidate) []candidate {
	return slices.DeleteFunc(list, func(c candidate) bool { return !strings.HasPrefix(c.word, typed) })
}

// complete finds the candidates in a shell: its own commands too, and the keys
// that were named before.
func (s *session) complete(line string) (list []candidate, start int) {
	if strings.HasPrefix(line, `\`) {
		for _, b := range backslashes {
			list = append(list, candidate{`\` + b.name, b.about})
		}
		if name, value, spaced := strings.Cut(line, " "); spaced {
			return s.backslashValues(name, value), len(name) + 1
		}
		return beginning(line, list), 0
	}
	words, last, start := splitPartial(line)
	if len(words) > 0 && words[0] == "candor" {
		words = words[1:]
	}
	more := s.e.dynamic()
	more["KEY"] = func() []candidate { return named(s.keys...) }
	list, _ = candidates(newApp(s.e).Commands, words, last, more)
	if len(words) == 0 {
		list = slices.DeleteFunc(list, func(c candidate) bool { return slices.Contains(notInAShell, c.word) })
	}
	return list, start
}

// backslashValues are the values of a command of the shell itself.
func (s *session) backslashValues(name, typed string) []candidate {
	switch name {
	case `\consistency`, `\c`:
		return beginning(typed, named(append(slices.Clone(levelNames), "default")...))
	case `\timing`, `\trace`:
		return beginning(typed, named("on", "off"))
	}
	return nil
}
