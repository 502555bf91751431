package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// Every command that the docs name, in a block or within a sentence, is one that
// exists: the words and flags of candor, scripts and programs with their flags,
// packages and tests of go.
func TestCommandsThatDocsNameExist(t *testing.T) {
	e, _, _ := quietEnv()
	named := 0
	for _, page := range docPages(t) {
		for _, c := range namedCommands(mustPage(t, page)) {
			named++
			if err := checkNamed(newApp(e).Commands, "../..", c.command); err != nil {
				t.Errorf("%s:%d: %s: %v", page, c.line, c.command, err)
			}
		}
	}
	if named < 50 {
		t.Errorf("only %d commands were found: the search is broken", named)
	}
}

// The check is known to bite.
func TestCommandsThatDoNotExistAreFound(t *testing.T) {
	e, _, _ := quietEnv()
	for command, good := range map[string]bool{
		"candor get k -c one":                                  true,
		"CANDOR_ADDR=h:1 ./candor get k":                       true,
		"candor ring --help":                                   true,
		"candor gte k":                                         false,
		"candor get k --levle one":                             false,
		"candor ring":                                          false,
		"candor put k v && candor gte k":                       false,
		"./scripts/test --quick":                               true,
		"./scripts/test --slow":                                false,
		"./scripts/rum":                                        false,
		"go test ./hlc -run TestTickRises":                     true,
		"go test ./hlc -run TestTockRises":                     false,
		"go test ./hcl":                                        false,
		"go test ./config -run 'Reference|Manual' -rewrite":    true,
		"go test ./hlc -rewrite":                               false,
		"go run ./sim/cmd/sim --seeds 1000":                    true,
		"go run ./sim/cmd/sim --sedes 1000":                    false,
		"go build ./cmd/candor && ./candor dev":                true,
		"python3 examples/python/candor.py get k --addr h:1":   true,
		"python3 examples/python/condor.py get k":              false,
		"python3 examples/python/candor.py get k --adress h:1": false,
		"curl -i 127.0.0.1:7480/v1/keys/k":                     true,
		"curl --insecure 127.0.0.1:7480/v1/keys/k":             false,
		"ls -l": true,
	} {
		if err := checkNamed(newApp(e).Commands, "../..", command); err == nil != good {
			t.Errorf("%s: %v", command, err)
		}
	}
}

// inSentence finds a command between backquotes.
var inSentence = regexp.MustCompile("`((?:candor|\\./candor|\\./scripts/\\w+|go (?:run|test|build)|python3) ?[^`]*)`")

// namedCommands finds what looks like a command: lines of blocks, and words between
// backquotes outside of them.
func namedCommands(text string) (all []docCommand) {
	prose := strings.Split(text, "\n")
	for _, b := range docBlocks(text) {
		for i, line := range b.lines {
			prose[b.line+i-1] = ""
			if b.lang == "" || b.lang == "console" || b.lang == "sh" {
				all = append(all, docCommand{line: b.line + i, command: strings.TrimPrefix(line, "$ ")})
			}
		}
	}
	joined := strings.Join(prose, "\n")
	for _, m := range inSentence.FindAllStringSubmatchIndex(joined, -1) {
		command := strings.Join(strings.Fields(joined[m[2]:m[3]]), " ")
		all = append(all, docCommand{line: 1 + strings.Count(joined[:m[2]], "\n"), command: command})
	}
	return slices.DeleteFunc(all, func(c docCommand) bool { return !checkable(c.command) })
}

// checkable says whether a line is a command that can be checked.
func checkable(command string) bool {
	first, _, _ := strings.Cut(command, " ")
	return slices.Contains([]string{"candor", "./candor", "go", "python3", "curl"}, first) || strings.HasPrefix(first, "./scripts/")
}

// checkNamed checks a command line of a page; root is the module's.
func checkNamed(tree []*cli.Command, root, command string) error {
	for _, one := range strings.Split(shownCommand(command), " && ") {
		words, err := splitWords(one)
		if err != nil {
			return err
		}
		for len(words) > 0 && strings.Contains(words[0], "=") { // a variable for it
			words = words[1:]
		}
		if len(words) == 0 {
			return errors.New("no command")
		}
		switch first := words[0]; {
		case first == "candor" || first == "./candor":
			err = checkCandor(tree, words[1:])
		case first == "go":
			err = checkGo(root, words[1:])
		case first == "curl":
			_, err = curlArguments(words[1:])
		case first == "python3":
			err = checkProgram(root, words[1:])
		case strings.HasPrefix(first, "./scripts/"):
			err = checkProgram(root, words)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func checkCandor(tree []*cli.Command, words []string) error {
	l, err := permute(tree, words)
	if err == nil && l.leaf == nil && !l.help && len(words) > 0 {
		return errors.New("this is a group of commands")
	}
	return err
}

// checkProgram looks for a script and for its flags in its text.
func checkProgram(root string, words []string) error {
	if words[0] == "-" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(root, words[0]))
	if err != nil {
		return err
	}
	for _, w := range words[1:] {
		if flag, _, _ := strings.Cut(w, "="); strings.HasPrefix(flag, "--") && !strings.Contains(string(text), flag) {
			return fmt.Errorf("there is no flag %s", flag)
		}
	}
	return nil
}

// goFlags are those of the go command that the docs may use, and whether each one
// takes a value.
var goFlags = map[string]bool{"run": true, "tags": true, "bench": true, "count": true, "o": true, "fuzz": true, "race": false, "v": false}

// checkGo looks for the packages that a go command names, for tests that -run
// means, and for flags that they declare.
func checkGo(root string, words []string) error {
	var packages, tests, flags []string
	if len(words) == 0 {
		return nil
	}
	for i := 1; i < len(words); i++ {
		w := words[i]
		switch name, value, given := strings.Cut(strings.TrimLeft(w, "-"), "="); {
		case w == "." || strings.HasPrefix(w, "./"):
			packages = append(packages, w)
		case !strings.HasPrefix(w, "-"):
		default:
			takes, known := goFlags[name]
			if takes && !given && i+1 < len(words) {
				i++
				value = words[i]
			}
			switch {
			case name == "run" || name == "fuzz" || name == "bench":
				tests = append(tests, value)
			case !known:
				flags = append(flags, `"`+name+`"`)
			}
		}
	}
	text := ""
	for _, p := range packages {
		found, err := packageText(root, p)
		if err != nil {
			return err
		}
		text += found
	}
	for _, f := range flags {
		if !strings.Contains(text, f) {
			return fmt.Errorf("%s declares no flag %s", packages, f)
		}
	}
	for _, pattern := range tests {
		if err := checkPattern(pattern, text); err != nil {
			return err
		}
	}
	return nil
}

var testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark|Example)\w*)\(`)

// checkPattern wants a test that a pattern means.
func checkPattern(pattern, text string) error {
	first, _, _ := strings.Cut(pattern, "/")
	means, err := regexp.Compile(first)
	if err != nil {
		return err
	}
	for _, m := range testFunc.FindAllStringSubmatch(text, -1) {
		if means.MatchString(m[1]) {
			return nil
		}
	}
	return fmt.Errorf("no test is meant by %s", pattern)
}

// packageText is the Go of a package, or of all below "./dir/...".
func packageText(root, name string) (string, error) {
	dir, below := strings.CutSuffix(name, "...")
	top := filepath.Join(root, dir)
	var text strings.Builder
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != top && !below:
			return filepath.SkipDir
		case filepath.Ext(path) != ".go":
			return nil
		}
		b, err := os.ReadFile(path)
		text.Write(b)
		return err
	})
	if err == nil && text.Len() == 0 {
		err = fmt.Errorf("no Go in %s", name)
	}
	return text.String(), err
}

// curlRequest is what a command line of curl asks for.
type curlRequest struct {
	method, url, file string
	headers, stream   bool
}

// curlArguments reads a command line of curl, as far as the docs need it.
func curlArguments(words []string) (r curlRequest, err error) {
	r.method = http.MethodGet
	for i := 0; i < len(words); i++ {
		switch w := words[i]; {
		case (w == "-T" || w == "-X") && i+1 < len(words):
			if i++; w == "-X" {
				r.method = words[i]
			} else {
				r.method, r.file = http.MethodPut, words[i]
			}
		case w == "-i":
			r.headers = true
		case w == "-N":
			r.stream = true
		case w == "-s":
		case strings.HasPrefix(w, "-"):
			return r, fmt.Errorf("no test knows curl %s", w)
		default:
			r.url = "http://" + w
		}
	}
	if r.url == "" {
		err = errors.New("curl needs an address")
	}
	return r, err
}

// curl is as much of curl as the docs need. A file that is sent is one with a few
// bytes; of a stream only the beginning is read. A refusal is an error; that a key
// is absent is none.
func curl(words []string) (out string, err error) {
	r, err := curlArguments(words)
	if err != nil {
		return "", err
	}
	var body io.Reader
	if r.file != "" {
		body = strings.NewReader("from " + r.file)
	}
	request, err := http.NewRequest(r.method, r.url, body)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	most := int64(1 << 20)
	if r.stream {
		most = 1
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if answer.StatusCode >= 400 && !strings.Contains(string(text), `"NOT_FOUND"`) {
		return string(text), errors.New(answer.Status)
	}
	if r.headers {
		var head strings.Builder
		fmt.Fprintf(&head, "%s %s\n", answer.Proto, answer.Status)
		for _, name := range slices.Sorted(maps.Keys(answer.Header)) {
			fmt.Fprintf(&head, "%s: %s\n", name, strings.Join(answer.Header[name], ", "))
		}
		return head.String() + "\n" + string(text), err
	}
	return string(text), err
}
