package main

import (
	"bytes"
	"context"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// cheatLine is a command of a page and what it exits with.
type cheatLine struct {
	words []string
	exit  int
}

var cheatExit = regexp.MustCompile(`exit ([0-9]+):`)

// cheatLines are the commands of a page. What is said about one stands behind
// three spaces, and begins with its exit code if that is not 0.
func cheatLines(t interface{ Fatalf(string, ...any) }, topic string) (lines []cheatLine) {
	for line := range strings.Lines(cheatPage(topic)) {
		text, note, _ := strings.Cut(strings.TrimSpace(line), "   ")
		if text == "" || text[0] == '#' {
			continue
		}
		words, err := splitWords(text)
		if err != nil {
			t.Fatalf("%s: %s: %v", topic, text, err)
		}
		l := cheatLine{words: words}
		if m := cheatExit.FindStringSubmatch(note); m != nil {
			l.exit, _ = strconv.Atoi(m[1])
		}
		lines = append(lines, l)
	}
	return lines
}

// Every line of every page is one that the parser takes.
func TestCheatPages(t *testing.T) {
	entries, err := cheatPages.ReadDir("cheat")
	if err != nil || len(entries) != len(cheatTopics) {
		t.Fatalf("%d pages, %d topics: %v", len(entries), len(cheatTopics), err)
	}
	var index bytes.Buffer
	if err := cheat(&index, ""); err != nil {
		t.Fatal(err)
	}
	golden(t, "cheat", index.String())
	e, _, _ := quietEnv()
	tree := newApp(e).Commands
	for _, topic := range cheatTopics {
		if !strings.HasPrefix(cheatPage(topic), "# "+topic+": ") {
			t.Errorf("%s: the first line does not say what it is about", topic)
		}
		for _, l := range cheatLines(t, topic) {
			words, err := l.words[1:], error(nil)
			if l.words[0] == "nodetool" {
				words, err = translate(tree, words)
			}
			at := new(line)
			if err == nil {
				at, err = permute(tree, words)
			}
			if err != nil || at.leaf == nil {
				t.Errorf("%s: %q: %v", topic, l.words, err)
			}
		}
	}
}

// runCheat carries out the lines of a page, but for those that run until they are
// stopped. The version on a page stands for one that was just written.
func runCheat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: cheat TOPIC")
	}
	ts.Check(ts.Exec("candor", "put", "order:77", "paid", "-o", "name"))
	version := strings.TrimSpace(ts.ReadFile("stdout"))
	shown := regexp.MustCompile(`\b[0-9a-f]{32}\b`)
	for _, l := range cheatLines(ts, args[0]) {
		for i, w := range l.words {
			l.words[i] = shown.ReplaceAllString(w, version)
		}
		if stays(l.words) {
			continue
		}
		exit := ""
		asSaid := func() bool {
			exit = exitCode(ts, l.words)
			return exit == strconv.Itoa(l.exit)
		}
		if !asSaid() && !(looks(l.words) && within(patience, asSaid)) {
			ts.Fatalf("%q exits with %s, and the page says %d\n%s", l.words, exit, l.exit, ts.ReadFile("stderr"))
		}
	}
}

// stays says whether a command runs until it is stopped.
func stays(words []string) bool {
	switch words[1] {
	case "dev", "shell":
		return true
	case "serve":
		return words[len(words)-1] != "--check"
	}
	return false
}

// Usage errors of the commands here: nothing on stdout, exit code 2.
func TestUsageErrorsOfTools(t *testing.T) {
	for _, line := range []string{
		"completion", "completion ksh", "cheat nothing", "config show extra", "config show --admin h:1 --set a=b", "config diff n1", "ring partition x",
		"ring partition -- -1", "shell extra", "config show --config missing.yaml",
	} {
		e, stdout, stderr := quietEnv()
		if exit := e.run(context.Background(), strings.Fields(line)); exit != exitUsage || stdout.Len() > 0 || stderr.Len() == 0 {
			t.Errorf("candor %s exits with %d, and prints %q and %q", line, exit, stdout, stderr)
		}
	}
}
