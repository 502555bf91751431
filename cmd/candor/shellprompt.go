package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// prompt reads lines from a terminal, with editing, history and completion. The
// terminal is raw only while a line is being typed: while a command runs, Ctrl-C
// is a signal and the output is as always.
type prompt struct {
	terminal *term.Terminal
	raw      func() (restore func(), err error)
}

// terminalOf is the terminal that r is, if it is one.
func terminalOf(r io.Reader) (*os.File, bool) {
	f, ok := r.(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}

// newPrompt is a prompt on a real terminal.
func newPrompt(in *os.File, out io.Writer, h *history, complete completer) *prompt {
	p := editor(struct {
		io.Reader
		io.Writer
	}{in, out}, h, complete)
	p.raw = func() (func(), error) {
		fd := int(in.Fd())
		before, err := term.MakeRaw(fd)
		if err != nil {
			return nil, err
		}
		if width, height, err := term.GetSize(fd); err == nil && width > 0 && height > 0 {
			_ = p.terminal.SetSize(width, height) // else lines wrap in the wrong place
		}
		return func() { _ = term.Restore(fd, before) }, nil // there is no other way to
	}
	return p
}

// editor is a prompt on whatever sends keys and takes what is drawn.
func editor(keys io.ReadWriter, h *history, complete completer) *prompt {
	p := &prompt{
		terminal: term.NewTerminal(struct {
			io.Reader
			io.Writer
		}{&interruptible{in: keys}, keys}, ""),
		raw: func() (func(), error) { return func() {}, nil },
	}
	p.terminal.History = h
	p.terminal.AutoCompleteCallback = func(line string, at int, key rune) (string, int, bool) {
		if key != '\t' {
			return "", 0, false
		}
		longer, list := completeLine(complete, line, at)
		if len(list) > 0 {
			fmt.Fprint(p.terminal, candidateList(list))
		}
		return longer, at + len(longer) - len(line), true
	}
	return p
}

// next reads a line. Its error is io.EOF at the end of the input, and that of ctx
// if it ended before; then nothing else can be read any more.
func (p *prompt) next(ctx context.Context, text string) (string, error) {
	p.terminal.SetPrompt(text)
	restore, err := p.raw()
	if err != nil {
		return "", failf(exitFailed, "", "the terminal cannot be used: %w", err)
	}
	defer restore()
	type read struct {
		line string
		err  error
	}
	done := make(chan read, 1)
	go func() { // a terminal can be waited for by nothing but a goroutine
		line, err := p.terminal.ReadLine()
		done <- read{line, err}
	}()
	select {
	case r := <-done:
		return r.line, r.err
	case <-ctx.Done():
		return "", exitWith(exitInterrupted)
	}
}

// interruptible makes of Ctrl-C, which would end the input, the keys that leave
// an empty line: to its end, delete to its start, enter.
type interruptible struct {
	in   io.Reader
	rest []byte
	err  error
	buf  [256]byte
}

const ctrlC, clearLine = "\x03", "\x05\x15\r"

func (r *interruptible) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		var n int
		n, r.err = r.in.Read(r.buf[:])
		r.rest = bytes.ReplaceAll(r.buf[:n], []byte(ctrlC), []byte(clearLine))
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// candidatesShown is how many candidates are listed.
const candidatesShown = 40

// candidateList is what Tab prints where there is more than one way to go on.
func candidateList(list []candidate) string {
	var rows [][]string
	for _, c := range list[:min(len(list), candidatesShown)] {
		rows = append(rows, []string{"  " + c.word, c.about})
	}
	text := columns(rows)
	if more := len(list) - candidatesShown; more > 0 {
		text += fmt.Sprintf("  and %d more\n", more)
	}
	return text
}

// completeLine completes the word before at. There is a list if nothing could be
// added, because there are several ways to go on.
func completeLine(complete completer, line string, at int) (longer string, list []candidate) {
	candidates, start := complete(line[:at])
	if len(candidates) == 0 {
		return line, nil
	}
	common := candidates[0].word
	for _, c := range candidates[1:] {
		n := 0
		for n < len(common) && n < len(c.word) && common[n] == c.word[n] {
			n++
		}
		common = strings.ToValidUTF8(common[:n], "")
	}
	written := common
	if !strings.HasPrefix(line, `\`) {
		written = quoteWords([]string{common})
	}
	switch {
	case len(candidates) == 1 && !strings.HasSuffix(common, "="):
		written += " "
	case len(written) <= at-start:
		return line, candidates
	}
	return line[:start] + written + line[at:], nil
}
