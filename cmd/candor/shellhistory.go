package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// historyMax is how many lines are kept.
const historyMax = 1000

// history holds the lines of a shell, the oldest first: those of this session as
// they were typed, and in a file those of all sessions. What a line writes never
// gets into the file: of put only the key is kept there, and a line that cannot
// be read, or that begins with a space, is not kept at all. The file belongs to
// its user alone (mode 0600).
//
// It is what golang.org/x/term calls a History.
type history struct {
	lines []string
	file  string                           // "": none
	keep  func(line string) (string, bool) // what of a line goes into the file
}

// historyFile is where lines are kept; "" if nothing says where home is.
func historyFile(environ []string) string {
	if dir := variable(environ, "XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "candor", "history")
	}
	if home := variable(environ, "HOME"); home != "" {
		return filepath.Join(home, ".local", "state", "candor", "history")
	}
	return ""
}

// variable is the value of an environment variable; of one that occurs twice the
// last counts.
func variable(environ []string, name string) string {
	for _, v := range slices.Backward(environ) {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// openHistory reads the lines of earlier sessions. A file that cannot be read or
// written is no reason not to work: it is as if there were none.
func openHistory(e *env, keep func(string) (string, bool)) *history {
	h := &history{file: historyFile(e.environ), keep: keep}
	content, err := os.ReadFile(h.file)
	if err != nil {
		return h
	}
	for line := range strings.Lines(string(content)) {
		if line = strings.TrimSpace(line); line != "" {
			h.lines = append(h.lines, line)
		}
	}
	if len(h.lines) > historyMax {
		h.lines = h.lines[len(h.lines)-historyMax:]
		h.shorten()
	}
	return h
}

// shorten writes the file anew with what is left; another shell that appends to
// it at this moment loses that line, and nothing else.
func (h *history) shorten() {
	_ = replaceFile(h.file, []byte(strings.Join(h.lines, "\n")+"\n")) // the old one, which is too long, serves as well
}

// Add takes over a line that was typed. One that repeats the last is not
// another.
func (h *history) Add(line string) {
	line = strings.TrimRight(line, " \t")
	if line == "" || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	h.lines = append(h.lines, line)
	if len(h.lines) > historyMax {
		h.lines = h.lines[1:]
	}
	if h.file == "" || h.keep == nil {
		return
	}
	if kept, ok := h.keep(line); ok {
		h.append(kept)
	}
}

func (h *history) append(line string) {
	if os.MkdirAll(filepath.Dir(h.file), 0o700) != nil {
		return
	}
	f, err := os.OpenFile(h.file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = f.Write(append([]byte(line), '\n')) // one write, whole or not at all
}

// Len is how many lines there are.
func (h *history) Len() int { return len(h.lines) }

// At is a line; 0 is the newest.
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }

// rememberable is what of a line may be kept in a file: all of it, but for the
// values that it writes, and nothing of a line that is no command.
func (s *session) rememberable(text string) (string, bool) {
	if text == "" || text[0] == ' ' || bytes.ContainsAny([]byte(text), "\n\r") {
		return "", false
	}
	if text[0] == '\\' {
		return text, true
	}
	words, err := splitWords(text)
	if err != nil {
		return "", false
	}
	if len(words) > 0 && words[0] == "candor" {
		words = words[1:]
	}
	l, err := permute(newApp(s.e).Commands, words)
	if err != nil || l.leaf == nil {
		return "", false
	}
	at := valueAt(l.leaf)
	if at < 0 || len(l.args) <= at {
		return text, true
	}
	return quoteWords(slices.Concat(l.path, l.flags, l.args[:at])), true
}

// valueAt is the place of the first argument of a command that is a value; -1:
// it has none.
func valueAt(c *cli.Command) int {
	for i, name := range strings.Fields(c.ArgsUsage) {
		if strings.Contains(name, "VALUE") {
			return i
		}
	}
	return -1
}

// recentMax is how many keys are offered.
const recentMax = 200

// recent holds the keys that were named last, the newest first.
type recent []string

func (r *recent) add(key string) {
	*r = slices.Insert(slices.DeleteFunc(*r, func(k string) bool { return k == key }), 0, key)
	*r = (*r)[:min(len(*r), recentMax)]
}

// noteKeys remembers the keys that a line names.
func (s *session) noteKeys(text string) {
	words, err := splitWords(text)
	if err != nil || len(words) == 0 {
		return
	}
	if words[0] == "candor" {
		words = words[1:]
	}
	l, err := permute(newApp(s.e).Commands, words)
	if err != nil || l.leaf == nil {
		return
	}
	for i, arg := range l.args {
		if argumentName(l.leaf, i) == "KEY" {
			s.keys.add(arg)
		}
	}
}
