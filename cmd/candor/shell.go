package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
)

func shellLeaf(e *env) leaf {
	return leaf{
		name: "shell", about: "a prompt that takes the same commands, with history and completion; a script on stdin is run line by line",
		examples: []string{
			"candor shell",
			"candor shell --ns sessions -c one            every line is about this namespace, at this level",
			"candor shell < lines.txt                     one command on each line; exits as the last line that failed",
		},
		flags: dataFlags(&cli.BoolFlag{Name: "no-history", Usage: "neither read nor write the file of earlier lines"}), views: true,
		run: func(ctx context.Context, c *cli.Context) error {
			if _, err := targetOf(c); err != nil {
				return err
			}
			s := newSession(e)
			s.namespace, s.level, s.quiet = c.String("ns"), c.String("consistency"), c.Bool("quiet")
			for _, name := range []string{"addr", "context", "output"} {
				if c.IsSet(name) {
					s.fixed = append(s.fixed, setting{name, c.String(name)})
				}
			}
			if c.IsSet("timeout") {
				s.fixed = append(s.fixed, setting{"timeout", c.Duration("timeout").String()})
			}
			return s.serve(ctx, !c.Bool("no-history"))
		},
	}
}

// setting is a flag that a session adds to its lines.
type setting struct{ name, value string }

// session is a shell: what it adds to lines, and what it remembers of them.
type session struct {
	in        io.Reader
	e         *env // of the lines, which cannot read from in
	fixed     []setting
	namespace string
	level     string
	trace     bool
	timing    bool
	quiet     bool
	keys      recent
	keep      keeper
	ended     bool
}

// errNoStdin is what a line gets that wants to read the shell's own input.
var errNoStdin = errors.New("in the shell - cannot be read: name a file")

type noStdin struct{}

func (noStdin) Read([]byte) (int, error) { return 0, errNoStdin }

func newSession(e *env) *session {
	lines := *e
	lines.stdin = noStdin{}
	return &session{in: e.stdin, e: &lines}
}

// serve reads lines until there are no more: from a terminal with editing, else
// as a script.
func (s *session) serve(ctx context.Context, remember bool) error {
	defer s.keep.drop()
	ctx = withKeeper(ctx, &s.keep)
	if in, ok := terminalOf(s.in); ok {
		return s.interactive(ctx, in, remember)
	}
	return s.script(ctx, s.in)
}

// interactive is a session with a person. Ctrl-C ends the line, whether it is
// being typed or carried out; only the end of the input, \quit or a signal that
// means it ends the session.
func (s *session) interactive(ctx context.Context, in *os.File, remember bool) error {
	ctx, stop := signal.NotifyContext(context.WithoutCancel(ctx), syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	h := &history{}
	if remember {
		h = openHistory(s.e, s.rememberable)
	}
	for _, line := range h.lines {
		s.noteKeys(line)
	}
	prompt := newPrompt(in, s.e.stderr, h, s.complete)
	if !s.quiet {
		fmt.Fprintln(s.e.stderr, `\help says what there is, Tab completes, Ctrl-D ends; what put writes is not kept in the history file`)
	}
	for !s.ended {
		line, err := prompt.next(ctx, s.prompt())
		if errors.Is(err, io.EOF) {
			fmt.Fprintln(s.e.stderr)
			return nil
		}
		if err != nil {
			return err
		}
		lineCtx, done := signal.NotifyContext(ctx, os.Interrupt)
		s.line(lineCtx, line)
		done()
	}
	return nil
}

func (s *session) prompt() string {
	if s.namespace == "" {
		return "candor> "
	}
	return "candor " + s.namespace + "> "
}

// scriptLineMax is the length of the longest line of a script: that of the
// largest value, and room for the escapes.
const scriptLineMax = 32 << 20

// script runs every line, whatever becomes of those before it, and ends as the
// last one that failed.
func (s *session) script(ctx context.Context, in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, scriptLineMax)
	last := 0
	for number := 1; !s.ended && ctx.Err() == nil && lines.Scan(); number++ {
		exit := s.line(ctx, lines.Text())
		if exit == 0 {
			continue
		}
		last = exit
		if !s.quiet {
			fmt.Fprintf(s.e.stderr, "line %d ended with exit code %d\n", number, exit)
		}
	}
	switch err := lines.Err(); {
	case err != nil:
		return failf(exitFailed, "", "the lines cannot be read on: %w", err)
	case ctx.Err() != nil && last == 0:
		return exitWith(exitInterrupted)
	case last != 0:
		return exitWith(last)
	}
	return nil
}

// line carries out one line and returns its exit code.
func (s *session) line(ctx context.Context, text string) int {
	text = strings.TrimSpace(text)
	switch {
	case text == "" || text[0] == '#':
		return 0
	case text[0] == '\\':
		return s.told(ctx, s.backslash(text[1:]))
	}
	words, err := splitWords(text)
	if err != nil {
		return s.told(ctx, usagef("", "%v", err))
	}
	if words[0] == "candor" { // as hints and pages have it
		words = words[1:]
	}
	if len(words) == 1 && (words[0] == "exit" || words[0] == "quit") {
		s.ended = true
		return 0
	}
	if words, err = s.completed(words); err != nil {
		return s.told(ctx, err)
	}
	began := time.Now()
	exit := s.e.run(ctx, words)
	if s.timing {
		fmt.Fprintf(s.e.stderr, "time  %v\n", time.Since(began).Round(10*time.Microsecond))
	}
	if exit == exitUnavailable {
		s.keep.drop() // the next line looks for the cluster anew
	}
	s.noteKeys(text)
	return exit
}

// told reports an error of the shell itself as a command does its own.
func (s *session) told(ctx context.Context, err error) int {
	if err == nil {
		return 0
	}
	return s.e.report(ctx, err, reporting{quiet: s.quiet})
}

// notInAShell are the commands that run until they are stopped.
var notInAShell = []string{"shell", "serve", "dev"}

// completed is a line with the session's settings, as flags, where the command
// has them and the line says nothing else.
func (s *session) completed(words []string) ([]string, error) {
	l, err := permute(newApp(s.e).Commands, words)
	if err != nil || l.leaf == nil {
		if s.quiet {
			words = append([]string{"--quiet"}, words...)
		}
		return words, nil // run says what is wrong
	}
	for _, name := range notInAShell {
		if l.leaf.Name == name && len(l.path) == 1 {
			return nil, usagef("candor "+name+", in a terminal of its own", "%s runs until it is stopped, which the shell is no place for", name)
		}
	}
	var added []string
	for _, flag := range s.settings() {
		if l.accepts(flag.name) && !l.has(flag.name) && !l.has(excludes[flag.name]) {
			added = append(added, "--"+flag.name+"="+flag.value)
		}
	}
	return append(added, words...), nil
}

// excludes has the flags that cannot stand beside each other.
var excludes = map[string]string{"addr": "context", "context": "addr"}

// settings are all flags that the session adds.
func (s *session) settings() []setting {
	all := append([]setting(nil), s.fixed...)
	if s.namespace != "" {
		all = append(all, setting{"ns", s.namespace})
	}
	if s.level != "" {
		all = append(all, setting{"consistency", s.level})
	}
	if s.trace {
		all = append(all, setting{"trace", "true"})
	}
	if s.quiet {
		all = append(all, setting{"quiet", "true"})
	}
	return all
}

// accepts says whether the command has a flag of that name.
func (l *line) accepts(name string) bool {
	_, ok := flagsOf([]*cli.Command{l.leaf})[name]
	return ok
}

// has says whether the line sets the flag of that name, in any of its forms.
func (l *line) has(name string) bool {
	var names []string
	for _, f := range l.leaf.Flags {
		for _, n := range f.Names() {
			if n == name {
				names = f.Names()
			}
		}
	}
	takes := flagsOf([]*cli.Command{l.leaf})
	for i := 0; i < len(l.flags); i++ {
		given, _, joined := strings.Cut(strings.TrimLeft(l.flags[i], "-"), "=")
		for _, n := range names {
			if n == given {
				return true
			}
		}
		if takes[given] && !joined {
			i++ // its value
		}
	}
	return false
}
