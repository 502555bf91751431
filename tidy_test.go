// Package candor_test keeps the house in order. Its tests read every Go file
// of the module (parsed, not compiled) and fail on the few things that cannot
// be repaired later:
//
//   - who imports whom: the floors of docs/ARCHITECTURE.md, one importer per
//     library, the pinned versions (tidy_imports_test.go);
//   - what the deciding packages may not touch: clocks, goroutines, files,
//     the order of a map (tidy_pure_test.go);
//   - calls with a trap in them, each with the place where it is allowed
//     (tidy_calls_test.go);
//   - missing package comments, a nameless note to self, the name of
//     somebody's machine (tidy_words_test.go).
//
// The size of files and functions is printed, never judged.
//
// A rule is a function from a parsed file to findings. That is what lets
// tidy_bite_test.go feed each one a small file that breaks it: a rule that has
// never been seen to fail proves nothing.
package candor_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// modulePath is what our own import paths begin with.
const modulePath = "github.com/candordb/candor"

// source is one parsed Go file.
type source struct {
	path string // slash separated, from the module root
	fset *token.FileSet
	file *ast.File
}

// dir is the file's folder, "." for the root. It names the package in every
// table of this test.
func (s *source) dir() string { return path.Dir(s.path) }

func (s *source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// isBench says whether the file is of the benchmarks against peers. They are modules of
// their own, so that nothing here depends on what Candor is compared with.
func (s *source) isBench() bool { return strings.HasPrefix(s.path, "bench/") }

// at makes a finding that points at a node.
func (s *source) at(n ast.Node, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: ", s.path, s.line(n.Pos())) + fmt.Sprintf(format, args...)
}

func (s *source) line(p token.Pos) int { return s.fset.Position(p).Line }

// parseSource parses one file; path is what findings will call it.
func parseSource(fset *token.FileSet, path string, text []byte) (*source, error) {
	file, err := parser.ParseFile(fset, path, text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	return &source{path: path, fset: fset, file: file}, nil
}

// textFile is any file that a person may read: code, script, page, setting.
type textFile struct {
	path string
	text []byte
}

// textBytesMax leaves out what nobody reads: built binaries and large data.
const textBytesMax = 4 << 20

// tree is the whole module, read once for all tests.
var tree = sync.OnceValues(func() ([]textFile, error) {
	var files []textFile
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := len(name) > 1 && strings.HasPrefix(entry.Name(), ".")
		if entry.IsDir() {
			if hidden && entry.Name() != ".ci" {
				return fs.SkipDir
			}
			return nil
		}
		info, err := entry.Info()
		if err != nil || name == ".git" || !info.Mode().IsRegular() || info.Size() > textBytesMax { // .git of a second work tree
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if !bytes.ContainsRune(text, 0) {
			files = append(files, textFile{filepath.ToSlash(name), text})
		}
		return nil
	})
	return files, err
})

func mustTree(t *testing.T) []textFile {
	t.Helper()
	files, err := tree()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// mustSources parses every Go file of the module, whatever its build tags.
func mustSources(t *testing.T) []*source {
	t.Helper()
	fset := token.NewFileSet()
	var all []*source
	for _, f := range mustTree(t) {
		if path.Ext(f.path) != ".go" {
			continue
		}
		s, err := parseSource(fset, f.path, f.text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// mustHold runs one rule over all files and reports what it finds.
func mustHold(t *testing.T, rule func(*source) []string) {
	t.Helper()
	for _, s := range mustSources(t) {
		for _, finding := range rule(s) {
			t.Error(finding)
		}
	}
}

// TestLargest judges nothing. It prints what to look at when something has
// grown: the largest files and functions that are not tests.
func TestLargest(t *testing.T) {
	type sized struct {
		lines int
		name  string
	}
	var files, functions []sized
	for _, s := range mustSources(t) {
		if s.isTest() {
			continue
		}
		files = append(files, sized{s.line(s.file.FileEnd), s.path})
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				functions = append(functions, sized{s.line(f.End()) - s.line(f.Pos()) + 1, s.path + " " + f.Name.Name})
			}
		}
	}
	for title, list := range map[string][]sized{"files": files, "functions": functions} {
		slices.SortFunc(list, func(a, b sized) int { return b.lines - a.lines })
		for _, x := range list[:min(8, len(list))] {
			t.Logf("largest %s: %4d lines  %s", title, x.lines, x.name)
		}
	}
}
