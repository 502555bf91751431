package candor_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"strings"
	"testing"
)

// A package comment of 15 to 60 lines is what a reader needs; below the least
// there is none worth the name.
const (
	commentLinesLeast = 5
	commentLinesLow   = 15
	commentLinesHigh  = 60
)

// packageComments looks at the files of one package: exactly one of them has
// its comment. What is merely short or long comes back as a remark.
func packageComments(sources []*source) (found, remarks []string) {
	var doc *ast.CommentGroup
	first := sources[0]
	for _, s := range sources {
		switch {
		case s.file.Doc == nil:
		case doc != nil:
			found = append(found, s.at(s.file.Doc, "a second package comment: one file has it, doc.go if it is long"))
		default:
			doc, first = s.file.Doc, s
		}
	}
	if doc == nil {
		return append(found, first.dir()+": no package comment: what it is for, its types, the caller's duties"), nil
	}
	lines := strings.Count(strings.TrimSpace(doc.Text()), "\n") + 1
	switch isMain := first.file.Name.Name == "main"; {
	case !isMain && !strings.HasPrefix(doc.Text(), "Package "+first.file.Name.Name):
		found = append(found, first.at(doc, "a package comment begins with its subject: Package %s", first.file.Name.Name))
	case !isMain && lines < commentLinesLeast:
		found = append(found, first.at(doc, "a package comment of %d lines: at least %d", lines, commentLinesLeast))
	case lines < commentLinesLow || lines > commentLinesHigh:
		remarks = append(remarks, first.at(doc, "package comment of %d lines (%d to %d are usual)", lines, commentLinesLow, commentLinesHigh))
	}
	return found, remarks
}

func TestPackagesSayWhatTheyAreFor(t *testing.T) {
	byDir := map[string][]*source{}
	for _, s := range mustSources(t) {
		if !s.isTest() {
			byDir[s.dir()] = append(byDir[s.dir()], s)
		}
	}
	for _, sources := range byDir {
		found, remarks := packageComments(sources)
		for _, f := range found {
			t.Error(f)
		}
		for _, r := range remarks {
			t.Log(r)
		}
	}
}

// words are patterns that no file may contain. They are put together from
// pieces so that this file does not contain them either.
var words = []struct {
	pattern *regexp.Regexp
	why     string
}{
	{regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME)\b(?:[^(]|$|\(\s*\))`),
		"a note to self without a name: write TO" + "DO(name), or do it"},
	{regexp.MustCompile(`(?:^|[^A-Za-z0-9_.$}~-])/(?:wo` + `rk|ro` + `ot|fa` + `rm)/`),
		"a path of somebody's machine"},
	{regexp.MustCompile(`\b(?:proxy\.gol` + `ang\.org|sum\.gol` + `ang\.org|gop` + `roxy\.|registry\.np` + `mjs|py` + `pi\.org|crates\.` + `io|artifac` + `tory)`),
		"the host of a package registry: which one is used is the machine's affair"},
}

// noStrangeWords is the rule of the table above.
func noStrangeWords(f textFile) (found []string) {
	// The oddities of a licence are its own.
	if path.Base(f.path) == "LICENSE" {
		return nil
	}
	for i, line := range bytes.Split(f.text, []byte("\n")) {
		for _, w := range words {
			if w.pattern.Match(line) {
				found = append(found, fmt.Sprintf("%s:%d: %s", f.path, i+1, w.why))
			}
		}
	}
	return found
}

func TestNoStrangeWords(t *testing.T) {
	for _, f := range mustTree(t) {
		for _, finding := range noStrangeWords(f) {
			t.Error(finding)
		}
	}
}
