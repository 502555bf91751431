package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/candordb/candor/client"
)

// rejectView is a refused line in the file of them, which import reads too.
type rejectView struct {
	Line    int     `json:"line"`
	Outcome string  `json:"outcome"` // refused, in doubt
	Reason  string  `json:"reason"`
	Version string  `json:"version,omitempty"` // in doubt: to ask OUTCOME with
	Text    *string `json:"text,omitempty"`
	TextB64 *string `json:"text_b64,omitempty"`
}

func rejectOf(number int, outcome outcomeOf, why error, line []byte) rejectView {
	v := rejectView{Line: number, Outcome: "refused", Reason: why.Error()}
	var e *client.Error
	if outcome == isInDoubt {
		v.Outcome = "in doubt"
		if errors.As(why, &e) {
			v.Version = versionText(e.Receipt.Version)
		}
	}
	t := textOf(line)
	v.Text, v.TextB64 = t.plain, t.b64
	return v
}

// reject adds a line to those that are refused, if they are kept.
func (p *part) reject(kept bool, v rejectView) {
	if !kept {
		return
	}
	var b bytes.Buffer
	_ = writeJSON(&b, v) // texts and numbers can always be encoded
	p.rejects = append(p.rejects, b.Bytes()...)
}

// importState is how far an import has come, and what became of the lines up to
// there. It is the content of the file of --resume.
type importState struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"ns"` // empty: that of the lines
	position
	RejectsBytes int64       `json:"rejects_bytes"` // that the file of --rejects has
	Counts       writeCounts `json:"counts"`
}

const stateKind = "ImportState"

func (s *importState) save(path string) error {
	content, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		err = replaceFile(path, append(content, '\n'))
	}
	if err != nil {
		return failf(exitPartly, "", "how far the import has come cannot be kept: %w", err)
	}
	return nil
}

// loadState reads it; found is false if there is no file.
func loadState(path, namespace string) (s importState, found bool, err error) {
	s = importState{APIVersion: apiVersion, Kind: stateKind, Namespace: namespace}
	content, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return s, false, nil
	}
	if err != nil {
		return s, false, usagef("", "how far the import has come cannot be read: %v", err)
	}
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	var was importState
	err = d.Decode(&was)
	if _, more := d.Token(); err != nil || more != io.EOF || was.Kind != stateKind {
		return s, false, usagef("", "%s is no state of an import: name another file with --resume", path)
	}
	if was.Namespace != namespace {
		return s, false, usagef("", "%s is the state of an import into %s: give the same --ns, or another file", path, namespaceText(was.Namespace))
	}
	return was, true, nil
}

func namespaceText(ns string) string {
	if ns == "" {
		return "the namespaces of the lines"
	}
	return fmt.Sprintf("namespace %s", ns)
}

// openRejects opens the file of refused lines; nil if none is wanted. A later run
// goes on behind what the state knows of.
func (o importOptions) openRejects(state *importState, resumed bool) (*os.File, error) {
	switch {
	case o.rejects == "" && state.RejectsBytes > 0:
		return nil, usagef("", "the import before this one kept refused lines: name their file with --rejects")
	case o.rejects == "":
		return nil, nil
	}
	how := os.O_WRONLY | os.O_CREATE
	if !resumed {
		how |= os.O_EXCL
	}
	f, err := os.OpenFile(o.rejects, how, 0o600)
	if os.IsExist(err) {
		return nil, usagef("", "there is a file %s already: remove it, or name another for --rejects", o.rejects)
	}
	if err == nil {
		err = goOnBehind(f, state.RejectsBytes)
	}
	if err != nil {
		return nil, usagef("", "--rejects: %v", err)
	}
	return f, nil
}

// goOnBehind cuts off what was written after the state.
func goOnBehind(f *os.File, length int64) error {
	info, err := f.Stat()
	if err == nil && info.Size() < length {
		err = fmt.Errorf("%s has %d bytes, and the import before this one had written %d", f.Name(), info.Size(), length)
	}
	if err == nil {
		err = f.Truncate(length)
	}
	if err == nil {
		_, err = f.Seek(length, io.SeekStart)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	return nil
}

// skip reads on to where an earlier import stopped, and makes sure that what it
// had read is still the same.
func (s *importState) skip(in *lines) error {
	for in.bytes < s.Offset {
		var bad *lineError
		if _, err := in.next(); err == io.EOF {
			break
		} else if err != nil && !errors.As(err, &bad) {
			return failf(exitPartly, "", "the file cannot be read on: %w", err)
		}
	}
	if at := in.position(); at.Offset != s.Offset || at.SHA256 != s.SHA256 && s.Offset > 0 {
		return usagef("give the file as it was, or begin anew with another file for --resume",
			"the first %d bytes are not those that the import before this one has read; nothing was written", s.Offset)
	}
	return nil
}
