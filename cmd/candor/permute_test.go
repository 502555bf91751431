package main

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/urfave/cli/v2"
)

// quietEnv is an env that talks to nobody.
func quietEnv() (e *env, stdout, stderr *bytes.Buffer) {
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	return &env{stdin: strings.NewReader(""), stdout: stdout, stderr: stderr, width: func() int { return 0 }}, stdout, stderr
}

// leaves calls f for every command that does something.
func leaves(tree []*cli.Command, path []string, f func(path []string, c *cli.Command)) {
	for _, c := range tree {
		at := append(slices.Clone(path), c.Name)
		if len(c.Subcommands) == 0 {
			f(at, c)
		}
		leaves(c.Subcommands, at, f)
	}
}

func TestPermute(t *testing.T) {
	e, _, _ := quietEnv()
	for _, tc := range []struct{ in, want string }{
		{"get k -c one", "get -c one -- k"},
		{"-c one get k", "get -c one -- k"},
		{"get -c=one k --receipt", "get -c=one --receipt -- k"},
		{"put k - --ttl 1h", "put --ttl 1h -- k -"},
		{"put -- k -5", "put -- k -5"},
		{"put k -- -o json", "put -- k -o json"},
		{"-o json ring show", "ring show -o json"},
		{"ring -o json show", "ring show -o json"},
		{"get help", "get -- help"},
		{"repair --full", "repair --full"}, // a command and a group
		{"-o json repair status --node n1", "repair status -o json --node n1"},
		{"get -c one --receipt k --ns x", "get -c one --receipt --ns x -- k"},
		{"dev --set a=b --set c=d", "dev --set a=b --set c=d"},
		{"put k '' -q", "put -q -- k ''"},
	} {
		l, err := permute(newApp(e).Commands, strings.Fields(tc.in))
		if err != nil {
			t.Errorf("%s: %v", tc.in, err)
			continue
		}
		if got := strings.Join(l.words(), " "); got != tc.want {
			t.Errorf("%s\ngot  %s\nwant %s", tc.in, got, tc.want)
		}
	}
}

// operations.md 1.2: "each flag of each leaf gives the same result in every
// position".
func TestEveryFlagInEveryPosition(t *testing.T) {
	e, _, _ := quietEnv()
	leaves(newApp(e).Commands, nil, func(path []string, c *cli.Command) {
		for _, f := range c.Flags {
			for _, name := range f.Names() {
				flag := []string{"--" + name}
				if f.(cli.DocGenerationFlag).TakesValue() {
					flag = append(flag, "value")
				}
				rest := append(slices.Clone(path), "first", "second")
				want := append(append(slices.Clone(path), flag...), "--", "first", "second")
				for at := range len(rest) + 1 {
					words := slices.Insert(slices.Clone(rest), at, flag...)
					l, err := permute(newApp(e).Commands, words)
					if err != nil {
						t.Errorf("%q: %v", words, err)
					} else if diff := cmp.Diff(want, l.words()); diff != "" {
						t.Errorf("%q: %s", words, diff)
					}
				}
			}
		}
	})
}

// A flag may stand before the command, so one name cannot take a value in one
// command and none in another.
func TestAFlagHasOneMeaning(t *testing.T) {
	e, _, _ := quietEnv()
	takes := map[string]bool{}
	leaves(newApp(e).Commands, nil, func(path []string, c *cli.Command) {
		for name, value := range flagsOf([]*cli.Command{c}) {
			if before, known := takes[name]; known && before != value {
				t.Errorf("%v: --%s takes a value in one command, and none in another", path, name)
			}
			takes[name] = value
		}
	})
}

func FuzzPermute(f *testing.F) {
	for _, seed := range []string{
		"get\nk\n-c\none", "put\n--\n-k\n-o", "-o\njson\nring\nshow", "get\n-x\nk", "--\nget", "put\n-\n-", "scan\n--limit=3\np", "del\na\nb\n-q\n--\n--\n-q",
		"get\n--\n--", "get\nk\n-o", "help\nget", "get\n-h",
	} {
		f.Add(seed)
	}
	e, _, _ := quietEnv()
	f.Fuzz(func(t *testing.T, text string) {
		tree := newApp(e).Commands
		once, err := permute(tree, strings.Split(text, "\n"))
		if err != nil || once.help {
			return
		}
		twice, err := permute(tree, once.words())
		if err != nil {
			t.Fatalf("%q was taken, and %q is not: %v", text, once.words(), err)
		}
		if diff := cmp.Diff(once.words(), twice.words(), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%q: permuting twice is not permuting once: %s", text, diff)
		}
		if diff := cmp.Diff(once.args, twice.args, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%q: arguments and flags change places: %s", text, diff)
		}
	})
}

// "Help starts with examples", and every example is a line that the command
// would take.
func TestHelpStartsWithExamples(t *testing.T) {
	e, _, _ := quietEnv()
	leaves(newApp(e).Commands, nil, func(path []string, c *cli.Command) {
		help := helpText(newApp(e).Commands, path)
		if !strings.HasPrefix(help, "examples:\n  ") {
			t.Errorf("%v: %s", path, help)
		}
		own := 0 // others may show what comes next
		for example := range strings.SplitSeq(c.Description, "\n") {
			words, ok := strings.CutPrefix(example, "candor ")
			if !ok {
				continue
			}
			if note := strings.Index(words, "   "); note > 0 {
				words = words[:note]
			}
			l, err := permute(newApp(e).Commands, strings.Fields(strings.Split(words, " > ")[0]))
			if err != nil || l.leaf == nil {
				t.Errorf("%v: the example %q: %v", path, example, err)
			}
			if slices.Equal(l.path, path) {
				own++
			}
		}
		if own == 0 && !strings.Contains(c.Description, "candor "+strings.Join(path, " ")) {
			t.Errorf("%v: no example shows it", path)
		}
		for _, f := range c.Flags {
			if !strings.Contains(help, "--"+f.Names()[0]) {
				t.Errorf("%v: the help lacks --%s", path, f.Names()[0])
			}
		}
	})
}

// Usage errors are ours: nothing on stdout, exit code 2, and the library does
// not end the process (this test would).
func TestUsageErrorsComeBack(t *testing.T) {
	for _, line := range []string{
		"", "gte", "ring", "ring shwo", "get", "get a b", "get k --nope", "get k -c", "scan --limit x", "get k --timeout soon", "get k -o xml",
		"config", "config check", "status extra", "put k", "outcome k zz", "help gte",
	} {
		e, stdout, stderr := quietEnv()
		if exit := e.run(context.Background(), strings.Fields(line)); exit != exitUsage || stdout.Len() > 0 || stderr.Len() == 0 {
			t.Errorf("candor %s exits with %d, and prints %q and %q", line, exit, stdout, stderr)
		}
	}
}

// A pause ends by a pause of no length; who looks for a command that ends it is told so.
func TestResumeNamesWhatEndsAPause(t *testing.T) {
	e, _, stderr := quietEnv()
	if exit := e.run(context.Background(), strings.Fields("repair resume")); exit != exitUsage || !strings.Contains(stderr.String(), "candor repair pause --for 0") {
		t.Errorf("exit %d: %s", exit, stderr)
	}
}

func TestSuggestions(t *testing.T) {
	names := []string{"o", "get", "put", "status", "scan", "outcome", "import", "version"}
	for word, want := range map[string]string{
		"gte": "; did you mean get?", "foo": "", "sto": "", "staus": "; did you mean status?", "improt": "; did you mean import?", "xyz": "", "g": "",
		strings.Repeat("x", 100): "",
	} {
		if got := didYouMean(word, names); got != want {
			t.Errorf("%s: %q", word, got)
		}
	}
}

func TestQuoteWordsIsWhatAShellTakes(t *testing.T) {
	got := quoteWords([]string{"a", "b c", "", "it's", "$x"})
	if want := `a 'b c' '' 'it'\''s' '$x'`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
