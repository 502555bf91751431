package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// line is a command line taken apart.
type line struct {
	path  []string       // the names of the commands
	leaf  *cli.Command   // nil: the path ends at a group
	under []*cli.Command // where the path ends at a group, which may be a leaf too: what there is
	flags []string       // with their values
	args  []string
	typed []spoken // both, in their order
	help  bool
}

// spoken is an argument, or a flag with its value if that stands alone.
type spoken struct {
	words  []string
	isFlag bool
}

// words is the command line as the library reads it rightly: flags first, then
// the arguments behind a --.
func (l *line) words() []string {
	words := slices.Concat(l.path, l.flags)
	if len(l.args) > 0 {
		words = append(append(words, "--"), l.args...)
	}
	return words
}

// permute walks the words down the tree of commands and tells flags from
// arguments, wherever they stand. Flags before the command belong to it; behind
// a -- everything is an argument. A flag has one meaning in the whole tree as to
// whether it takes a value, so the command need not be known first.
func permute(tree []*cli.Command, words []string) (*line, error) {
	l, takes := &line{under: tree}, flagsOf(tree)
	for i := 0; i < len(words); i++ {
		word := words[i]
		switch {
		case word == "--":
			for _, arg := range words[i+1:] {
				l.argument(arg)
			}
			i = len(words)
		case word == "--help" || word == "-h":
			l.help = true
		case len(word) > 1 && word[0] == '-':
			if !takes[strings.TrimLeft(word, "-")] {
				l.flag(word)
				continue
			}
			if i++; i == len(words) || words[i] == "--" {
				return l, usagef("", "%s needs a value", word)
			}
			l.flag(word, words[i])
		case l.leaf == nil && word == "help" && len(l.path) == 0 && !l.help:
			l.help = true
		case l.leaf == nil || len(l.under) > 0: // a group, which may be a command too
			if err := l.descend(word); err != nil {
				return l, err
			}
		default:
			l.argument(word)
		}
	}
	return l, l.refuseUnknown()
}

func (l *line) flag(words ...string) {
	l.flags = append(l.flags, words...)
	l.typed = append(l.typed, spoken{words, true})
}

func (l *line) argument(word string) {
	l.args = append(l.args, word)
	l.typed = append(l.typed, spoken{[]string{word}, false})
}

// notYet are commands that later versions have, so that nobody who has read of
// one looks for a slip.
var notYet = []string{"cas", "incr", "watch", "bench", "top", "hints", "backup", "verify", "debug", "cluster"}

// descend goes on to the command of that name.
func (l *line) descend(name string) error {
	var names []string
	for _, c := range l.under {
		if c.Name == name {
			l.path = append(l.path, name)
			if l.under, l.leaf = c.Subcommands, nil; c.Action != nil {
				alone := *c
				alone.Subcommands = nil // their flags are not its own
				l.leaf = &alone
			}
			return nil
		}
		names = append(names, c.Name)
	}
	at := strings.Join(append([]string{"candor"}, l.path...), " ")
	if len(l.path) == 0 && slices.Contains(notYet, name) {
		return usagef("candor --help", "candor %s is not in this build yet", name)
	}
	if at == "candor repair" && name == "resume" {
		return usagef("candor repair pause --for 0", "%s: there is no command %q: a pause that is over at once ends the one there is", at, name)
	}
	return usagef(at+" --help", "%s: there is no command %q%s", at, name, didYouMean(name, names))
}

// refuseUnknown refuses flags that the command does not have. One may be meant
// as an argument, so the line that would say so is told.
func (l *line) refuseUnknown() error {
	if l.leaf == nil || l.help {
		return nil
	}
	var names []string
	takes := flagsOf([]*cli.Command{l.leaf})
	for name := range takes {
		names = append(names, name)
	}
	slices.Sort(names) // of two that are as near, the same is told each time
	for _, t := range l.typed {
		if _, known := takes[t.name()]; known || !t.isFlag {
			continue
		}
		path := "candor " + strings.Join(l.path, " ")
		meant := strings.Replace(didYouMean(t.name(), names), "mean ", "mean --", 1)
		if meant == "" {
			meant = "; if it is an argument: " + path + l.asArguments(takes)
		}
		return usagef(path+" --help", "%s: there is no flag %s%s", path, t.words[0], meant)
	}
	return nil
}

// name is that of a flag.
func (t *spoken) name() string {
	name, _, _ := strings.Cut(strings.TrimLeft(t.words[0], "-"), "=")
	return name
}

// asArguments is the line with what is no flag as arguments, in the order in which
// they were typed, behind the flags that the command has.
func (l *line) asArguments(takes map[string]bool) string {
	flags, args := []string(nil), []string{"--"}
	for _, t := range l.typed {
		if _, known := takes[t.name()]; known && t.isFlag {
			flags = append(flags, t.words...)
		} else {
			args = append(args, t.words...)
		}
	}
	return " " + quoteWords(append(flags, args...))
}

// flagsOf maps every name of every flag of the commands, and of those below, to
// whether it takes a value.
func flagsOf(tree []*cli.Command) map[string]bool {
	takes := make(map[string]bool)
	for _, c := range tree {
		for _, f := range c.Flags {
			doc, ok := f.(cli.DocGenerationFlag)
			for _, name := range f.Names() {
				takes[name] = ok && doc.TakesValue()
			}
		}
		for name, value := range flagsOf(c.Subcommands) {
			takes[name] = value
		}
	}
	return takes
}

// quoteWords is words as a shell takes them.
func quoteWords(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = w
		if w == "" || strings.ContainsAny(w, " \t\n\r\"'\\$`*?[]{}()<>|&;#~!") {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
