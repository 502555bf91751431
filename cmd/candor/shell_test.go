package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// quietSession is a session that talks to nobody.
func quietSession(lines string) (s *session, stdout, stderr *bytes.Buffer) {
	e, stdout, stderr := quietEnv()
	e.stdin = strings.NewReader(lines)
	return newSession(e), stdout, stderr
}

// A script goes on behind a line that failed, and ends as the last one that did.
func TestAScriptEndsAsItsLastFailure(t *testing.T) {
	for _, tc := range []struct {
		lines string
		exit  int
		told  string
	}{
		{"", 0, ""},
		{"# a comment\n\n  \nversion\n", 0, ""},
		{"gte k\nversion\n", exitUsage, "line 1 ended with exit code 2"},
		{"get k --addr 127.0.0.1:1 --timeout 1s\nversion\n", exitUnavailable, "line 1 ended with exit code 5"},
		{"get k --addr 127.0.0.1:1 --timeout 1s\nget 'k\nversion", exitUsage, "the ' is not closed on this line"},
		{"gte\n\\quit\nget k --addr 127.0.0.1:1", exitUsage, ""},
		{"exit\ngte\n", 0, ""},
		{"candor version\r\n", 0, ""},
		{"serve\n", exitUsage, "serve runs until it is stopped"},
		{"shell\n", exitUsage, "shell runs until it is stopped"},
		{"put k - --addr 127.0.0.1:1\n", exitUsage, "in the shell - cannot be read: name a file"},
		{"\\timming\n", exitUsage, "there is no \\timming; did you mean timing?"},
		{"\\timing on\nversion\n\\timing\nversion", 0, "time  "},
		{"\\timing on off\n", exitUsage, "takes one word at most"},
		{"\\trace maybe\n", exitUsage, `\trace maybe: want on or off`},
		{"\\consistency most\n", exitUsage, `"most" is no level`},
		{"\\consistency one\n\\consistency\n\\consistency default\n\\consistency\n", 0, "consistency  that of the namespace"},
		{"\\\n", exitUsage, "there is no \\"},
	} {
		s, _, stderr := quietSession(tc.lines)
		err := s.serve(context.Background(), false)
		exit := 0
		var f *failure
		if errors.As(err, &f) {
			exit = f.exit
		}
		if exit != tc.exit || !strings.Contains(stderr.String(), tc.told) {
			t.Errorf("%q exits with %d, want %d; it says %q, want %q", tc.lines, exit, tc.exit, stderr.String(), tc.told)
		}
	}
}

func TestAScriptThatCannotBeRead(t *testing.T) {
	s, _, _ := quietSession("")
	s.in = io.MultiReader(strings.NewReader("version\n"), failingReader{})
	if err := s.serve(context.Background(), false); err == nil || !strings.Contains(err.Error(), "cannot be read on") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s, stdout, _ := quietSession("version\n")
	var f *failure
	if err := s.serve(ctx, false); !errors.As(err, &f) || f.exit != exitInterrupted || stdout.Len() > 0 {
		t.Errorf("interrupted: %v, %q", err, stdout)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("gone") }

// A session adds what it was told to the lines whose commands know it, unless
// the line says something itself.
func TestSessionFlags(t *testing.T) {
	s, _, _ := quietSession("")
	s.fixed = []setting{{"addr", "h:1"}, {"timeout", "2s"}}
	s.namespace, s.level, s.trace, s.quiet = "shop", "one", true, true
	for line, want := range map[string]string{
		"get k":                    "--addr=h:1 --timeout=2s --ns=shop --consistency=one --trace=true --quiet=true get k",
		"get k -c all":             "--addr=h:1 --timeout=2s --ns=shop --trace=true --quiet=true get k -c all",
		"get k --consistency=all":  "--addr=h:1 --timeout=2s --ns=shop --trace=true --quiet=true get k --consistency=all",
		"get k --ns -c -q":         "--addr=h:1 --timeout=2s --consistency=one --trace=true get k --ns -c -q",
		"get --context prod k":     "--timeout=2s --ns=shop --consistency=one --trace=true --quiet=true get --context prod k",
		"get -- -c":                "--addr=h:1 --timeout=2s --ns=shop --consistency=one --trace=true --quiet=true get -- -c",
		"ring show":                "--addr=h:1 --timeout=2s --quiet=true ring show",
		"version":                  "version",
		"config check f --set a=b": "config check f --set a=b",
		"ring":                     "--quiet ring",
		"nothing":                  "--quiet nothing",
	} {
		words, err := s.completed(strings.Fields(line))
		if err != nil || strings.Join(words, " ") != want {
			t.Errorf("%s:\ngot  %s\nwant %s, %v", line, strings.Join(words, " "), want, err)
		}
	}
}

// The history keeps no value: of a line that writes, everything but the values;
// of a line that cannot be taken apart, nothing.
func TestTheHistoryFileKeepsNoValues(t *testing.T) {
	s, _, _ := quietSession("")
	for line, want := range map[string]string{
		"get user:42 -c one":           "get user:42 -c one",
		"put user:42 secret":           "put user:42",
		"put user:42 secret --ttl 1h":  "put --ttl 1h user:42",
		"--ttl 1h put 'a b' secret":    "put --ttl 1h 'a b'",
		"candor put -- -k- secret":     "put -k-",
		"put user:42":                  "put user:42",
		"ptu user:42 secret":           "",
		"put user:42 'secret":          "",
		"put user:42 --nothing secret": "",
		" get user:42":                 "",
		"":                             "",
		`\ns shop`:                     `\ns shop`,
		"del a b":                      "del a b",
	} {
		got, ok := s.rememberable(line)
		if got != want || ok != (want != "") {
			t.Errorf("%q is kept as %q, %v; want %q", line, got, ok, want)
		}
		if strings.Contains(got, "secret") {
			t.Errorf("%q: the value is kept", line)
		}
	}
}

func TestHistoryFile(t *testing.T) {
	dir := t.TempDir()
	e, _, _ := quietEnv()
	e.environ = []string{"HOME=/nowhere", "XDG_STATE_HOME=" + dir}
	s := newSession(e)
	h := openHistory(e, s.rememberable)
	for _, line := range []string{"get a", "get a", "", "put b secret", "get c"} {
		h.Add(line)
	}
	if got := []string{h.At(0), h.At(1), h.At(2)}; h.Len() != 3 || !slices.Equal(got, []string{"get c", "put b secret", "get a"}) {
		t.Errorf("in the session: %d, %q", h.Len(), got)
	}
	file := filepath.Join(dir, "candor", "history")
	content, err := os.ReadFile(file)
	if want := "get a\nput b\nget c\n"; err != nil || string(content) != want {
		t.Errorf("in the file: %q, %v", content, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v: others may read it", info.Mode(), err)
	}
	if again := openHistory(e, nil); !slices.Equal(again.lines, []string{"get a", "put b", "get c"}) {
		t.Errorf("in the next session: %q", again.lines)
	}
	var long strings.Builder
	for i := range historyMax + 500 {
		fmt.Fprintf(&long, "get %d\n", i)
	}
	if err := os.WriteFile(file, []byte(long.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	h = openHistory(e, s.rememberable)
	content, _ = os.ReadFile(file)
	if h.Len() != historyMax || h.At(0) != fmt.Sprintf("get %d", historyMax+499) || bytes.Count(content, []byte("\n")) != historyMax {
		t.Errorf("a long file: %d lines, the last is %s; %d stay", h.Len(), h.At(0), bytes.Count(content, []byte("\n")))
	}
	h.Add("get last")
	if h.Len() != historyMax {
		t.Errorf("it grows to %d", h.Len())
	}
	for environ, want := range map[string]string{
		"HOME=/h": "/h/.local/state/candor/history", "XDG_STATE_HOME=relative": "", "": "",
	} {
		if got := historyFile([]string{environ}); got != want {
			t.Errorf("%s: %q", environ, got)
		}
	}
}

// keys is a terminal: what is typed, and what is drawn.
type keys struct {
	io.Reader
	bytes.Buffer
}

func (k *keys) Read(p []byte) (int, error)  { return k.Reader.Read(p) }
func (k *keys) Write(p []byte) (int, error) { return k.Buffer.Write(p) }

// typed is the lines that come of keys, and what was drawn.
func typed(s *session, text string) (lines []string, drawn string) {
	k := &keys{Reader: strings.NewReader(text)}
	p := editor(k, &history{}, s.complete)
	for {
		line, err := p.next(context.Background(), "candor> ")
		if err != nil {
			return lines, k.String()
		}
		lines = append(lines, line)
		s.noteKeys(line)
	}
}

const (
	keyUp   = "\x1b[A"
	keyLeft = "\x1b[D"
)

func TestEditing(t *testing.T) {
	for text, want := range map[string][]string{
		"get k\r": {"get k"},
		"get k\rput a b\r" + keyUp + keyUp + "\r":    {"get k", "put a b", "get k"},
		"half a line\x03get k\r":                     {"", "get k"}, // Ctrl-C
		"gt k" + keyLeft + keyLeft + keyLeft + "e\r": {"get k"},
		"get k\r\x04get l\r":                         {"get k"}, // Ctrl-D
		"ge\tk\r":                                    {"get k"},
		"ring sh\t-o js\t\r":                         {"ring show -o json "},
		"get user:42\rget us\t\r":                    {"get user:42", "get user:42 "},
		"get 'a b'\rget 'a\t\r":                      {"get 'a b'", "get 'a b' "},
		"\\ti\ton\r":                                 {`\timing on`},
		"\\consistency qu\t\r":                       {`\consistency quorum `},
		"zzz\t\r":                                    {"zzz"},
	} {
		s, _, _ := quietSession("")
		if got, _ := typed(s, text); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	s, _, _ := quietSession("")
	if _, drawn := typed(s, "c\t\t\r"); !strings.Contains(drawn, "completion") || !strings.Contains(drawn, "cheat") {
		t.Errorf("Tab does not list what there is: %q", drawn)
	}
	if _, drawn := typed(s, "\t\t\r"); strings.Contains(drawn, "serve") {
		t.Errorf("Tab offers what the shell refuses: %q", drawn)
	}
}

func TestAnEndedSessionStopsWaitingForKeys(t *testing.T) {
	s, _, _ := quietSession("")
	in, out := io.Pipe()
	defer out.Close()
	p := editor(&keys{Reader: in}, &history{}, s.complete)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.next(ctx, "candor> "); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
}

// What Tab offers comes from the tree that the parser has.
func TestCandidates(t *testing.T) {
	e, _, _ := quietEnv()
	for line, want := range map[string][]string{
		"sta":                          {"status"},
		"ring ":                        {"show", "partition", "owners"},
		"-o json ring p":               {"partition"},
		"get --rec":                    {"--receipt"},
		"get k --consistency q":        {"quorum"},
		"get k -c l":                   {"local_one", "local_quorum"},
		"get k --consistency=al":       {"--consistency=all"},
		"get k -c all --cons":          {"--consistency"},
		"get k --ns -c --rec":          {"--receipt"}, // -c is the name of a namespace
		"get -- --rec":                 nil,
		"completion ":                  {"bash", "zsh", "fish", "powershell"},
		"completion bash ":             nil,
		"cheat out":                    {"outcomes", "output"},
		"nothing ":                     nil,
		"get --nothing ":               nil,
		"help":                         {"help"},
		"serve --confi":                {"--config"},
		"-":                            nil, // too many; see below
		"config show --origin --confi": {"--config"},
	} {
		words, last, _ := splitPartial("candor " + line)
		list, _ := candidates(newApp(e).Commands, words[1:], last, e.dynamic())
		var got []string
		for _, c := range list {
			got = append(got, c.word)
		}
		if line == "-" {
			if !slices.Contains(got, "--consistency") || !slices.Contains(got, "--help") {
				t.Errorf("before the command: %q", got)
			}
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", line, diff)
		}
	}
	for line, want := range map[string]bool{
		"config check ": true, "serve --config ": true, "import ": true, "get ": false, "serve --config x ": false, "dev --dir ": true,
	} {
		words, last, _ := splitPartial("candor " + line)
		if _, files := candidates(newApp(e).Commands, words[1:], last, e.dynamic()); files != want {
			t.Errorf("%s: files %v", line, files)
		}
	}
}

// A line of any kind has candidates or none; it never ends the shell.
func FuzzCandidates(f *testing.F) {
	for _, seed := range []string{"get ", "get -c", "-", "--", "get -- ", "\\t", "ring \"", "put k '", "-o", "-o -o -o "} {
		f.Add(seed)
	}
	s, _, _ := quietSession("")
	s.keys.add("user:42")
	f.Fuzz(func(t *testing.T, line string) {
		list, start := s.complete(line)
		if start < 0 || start > len(line) {
			t.Fatalf("%q: the word begins at %d", line, start)
		}
		longer, _ := completeLine(s.complete, line, len(line))
		if len(list) == 0 && longer != line {
			t.Fatalf("%q becomes %q", line, longer)
		}
	})
}

func TestShellHelp(t *testing.T) {
	s, stdout, _ := quietSession("\\help\n")
	if err := s.serve(context.Background(), false); err != nil {
		t.Error(err)
	}
	for _, b := range backslashes {
		if !strings.Contains(stdout.String(), `\`+b.name) {
			t.Errorf("the help lacks \\%s", b.name)
		}
	}
}

// operations.md 1.4: the words of nodetool.
func TestNodetool(t *testing.T) {
	e, _, _ := quietEnv()
	tree := newApp(e).Commands
	for line, want := range map[string]string{
		"status":                       "status --classic",
		"-h 10.0.0.1 status":           "status --classic --addr 10.0.0.1:7400",
		"--host=10.0.0.1:9 ring":       "ring show --addr 10.0.0.1:9",
		"ring -o json":                 "ring show -o json",
		"-o json describering shop":    "ring owners -o json shop",
		"version":                      "version",
		"help":                         "cheat cluster",
		"-h h help status":             "cheat cluster",
		"":                             "cheat cluster",
		"--help":                       "cheat cluster",
		"repair --full":                "repair --full",
		"drain":                        "! nodetool drain is candor node drain,",
		"cleanup":                      "! nodetool cleanup: there is nothing to clean up",
		"staus":                        `! nodetool: candor knows no "staus"; did you mean status?`,
		"-p 7199 status":               "! nodetool: candor has no -p: there is no JMX",
		"-h":                           "! nodetool: -h needs a value",
		"getendpoints shop orders k:1": "where -o name k:1 --ns shop",
		"getendpoints k:1":             "where -o name k:1",
		"getendpoints":                 "! nodetool getendpoints: want KEY",
	} {
		words, err := translate(tree, strings.Fields(line))
		got := strings.Join(words, " ")
		if err != nil {
			got = "! " + err.Error()
		}
		if got != want && (want[0] != '!' || !strings.HasPrefix(got, want)) {
			t.Errorf("nodetool %s:\ngot  %s\nwant %s", line, got, want)
		}
	}
	for argv0, want := range map[string]bool{"nodetool": true, "/usr/bin/nodetool": true, "candor": false, "nodetool2": false, "nodetool.exe": true} {
		if isNodetool(argv0) != want {
			t.Errorf("%s: %v", argv0, isNodetool(argv0))
		}
	}
}
