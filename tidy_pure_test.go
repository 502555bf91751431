package candor_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pure are the packages that decide: time, ids and seeds come in, what to do
// goes out. The simulator drives them, so it is held to the same rules.
var pure = []string{
	"hlc", "contract", "record", "wire", "ring", "merkle", "paxos",
	"coordinator", "replica", "router", "topology", "repair", "hinted", "sim",
}

// pureFiles are those that decide in packages that are shells otherwise.
var pureFiles = []string{"gossip/phi*.go"}

func isPure(s *source) bool {
	return !s.isTest() && (slices.Contains(pure, s.dir()) || slices.ContainsFunc(pureFiles, func(pattern string) bool {
		matches, _ := path.Match(pattern, s.path)
		return matches
	}))
}

// impure matches the imports that bring the world in.
var impure = regexp.MustCompile(`^(os|net|sync|syscall|runtime|log|context|expvar|database|time|math/rand|crypto/rand|hash/maphash)(/.*)?$`)

// harmless lists what may be named of an impure import all the same: types and
// arithmetic without a clock, constants.
var harmless = map[string]*regexp.Regexp{
	"time":     regexp.MustCompile(`^(Duration|Time|Month|Unix|UnixMilli|UnixMicro|Nanosecond|Microsecond|Millisecond|Second|Minute|Hour|UTC|RFC3339|RFC3339Nano)$`),
	"net/http": regexp.MustCompile(`^Status[A-Z]`),
}

// seeded is for the simulator alone: generators that are handed their seed.
var seeded = regexp.MustCompile(`^(New|NewPCG|NewChaCha8|NewZipf|Rand|PCG|ChaCha8|Zipf|Source)$`)

func harmlessIn(s *source, pkg, name string) bool {
	if pkg == "math/rand/v2" {
		return s.dir() == "sim" && seeded.MatchString(name)
	}
	return harmless[pkg] != nil && harmless[pkg].MatchString(name)
}

// pureImports refuses the world's packages, and of those that are half
// harmless whatever is not.
func pureImports(s *source) (found []string) {
	if !isPure(s) {
		return nil
	}
	guarded := map[string]bool{}
	for _, spec := range s.file.Imports {
		p := importPath(spec)
		if !impure.MatchString(p) {
			continue
		}
		guarded[p] = harmless[p] != nil || p == "math/rand/v2" && s.dir() == "sim"
		if !guarded[p] {
			found = append(found, s.at(spec, "pure package %s may not import %s", s.dir(), p))
		}
	}
	for _, sel := range selections(s) {
		name := sel.node.Sel.Name
		if guarded[sel.pkg] && !harmlessIn(s, sel.pkg, name) {
			found = append(found, s.at(sel.node, "pure package %s may not use %s.%s", s.dir(), sel.pkg, name))
		}
		if sel.pkg == "fmt" && regexp.MustCompile(`^(Print|Scan)`).MatchString(name) {
			found = append(found, s.at(sel.node, "pure package %s may not do I/O: fmt.%s", s.dir(), name))
		}
	}
	return found
}

func TestPureImports(t *testing.T) { mustHold(t, pureImports) }

// pureStatements refuses all that makes an order depend on a scheduler.
func pureStatements(s *source) (found []string) {
	if !isPure(s) {
		return nil
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		what := ""
		switch n := n.(type) {
		case *ast.GoStmt:
			what = "a go statement"
		case *ast.ChanType:
			what = "a channel"
		case *ast.SendStmt:
			what = "a channel send"
		case *ast.SelectStmt:
			what = "a select"
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				what = "a channel receive"
			}
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && id.Obj == nil && (id.Name == "print" || id.Name == "println") {
				what = id.Name
			}
		}
		if what != "" {
			found = append(found, s.at(n, "pure package %s may not have %s", s.dir(), what))
		}
		return true
	})
	return found
}

func TestPureStatements(t *testing.T) { mustHold(t, pureStatements) }

// mapOrderIsHarmless refuses every walk over a map in a pure package, unless
// it is sorted on the spot or a comment on that line, or just above it, says
// why the order does not matter (it must contain the word "order").
func mapOrderIsHarmless(s *source, info *types.Info) (found []string) {
	if !isPure(s) {
		return nil
	}
	explained := linesAboutOrder(s)
	sorted := map[ast.Expr]bool{}
	ast.Inspect(s.file, func(n ast.Node) bool {
		walks := false
		switch n := n.(type) {
		case *ast.RangeStmt:
			if t := info.TypeOf(n.X); t != nil {
				_, walks = t.Underlying().(*types.Map)
			}
		case *ast.CallExpr:
			switch callee(info, n) {
			case "slices.Sorted", "slices.SortedFunc", "slices.SortedStableFunc":
				sorted[n.Args[0]] = true // visited before the argument is
			case "maps.Keys", "maps.Values", "maps.All":
				walks = !sorted[n]
			}
		}
		if walks && !explained[s.line(n.Pos())] {
			found = append(found, s.at(n, "pure package %s walks a map: sort it, or say why the order does not matter", s.dir()))
		}
		return true
	})
	return found
}

// callee names the function that is called, "pkg.Name", if it is one of a
// package.
func callee(info *types.Info, call *ast.CallExpr) string {
	if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
		if f, ok := info.Uses[sel.Sel].(*types.Func); ok && f.Pkg() != nil {
			return f.Pkg().Path() + "." + f.Name()
		}
	}
	return ""
}

// linesAboutOrder are the lines that a comment about order covers: its own,
// and the one after its end.
func linesAboutOrder(s *source) map[int]bool {
	lines := map[int]bool{}
	for _, group := range s.file.Comments {
		if strings.Contains(group.Text(), "order") {
			for line := s.line(group.Pos()); line <= s.line(group.End())+1; line++ {
				lines[line] = true
			}
		}
	}
	return lines
}

// listed is one package as `go list -export` prints it.
type listed struct {
	ImportPath string
	Export     string // file with its types
	Dir        string
	GoFiles    []string
	DepOnly    bool
}

// list asks the go command for packages, with the types of all that they
// import.
func list(packages ...string) ([]listed, error) {
	args := append([]string{"list", "-export", "-deps", "-json=ImportPath,Export,Dir,GoFiles,DepOnly"}, packages...)
	out, err := exec.Command("go", args...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil, errors.New(string(exit.Stderr))
	} else if err != nil {
		return nil, err
	}
	var all []listed
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for decoder.More() {
		var p listed
		if err := decoder.Decode(&p); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// typesFrom is an importer over the listed packages.
func typesFrom(fset *token.FileSet, packages []listed) types.Importer {
	return importer.ForCompiler(fset, "gc", func(importPath string) (io.ReadCloser, error) {
		i := slices.IndexFunc(packages, func(p listed) bool { return p.ImportPath == importPath })
		if i < 0 {
			return nil, errors.New("not listed: " + importPath)
		}
		return os.Open(packages[i].Export)
	})
}

// typed checks the types of one package's files.
func typed(importPath string, sources []*source, from types.Importer) (*types.Info, error) {
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	var files []*ast.File
	for _, s := range sources {
		files = append(files, s.file)
	}
	config := types.Config{Importer: from}
	_, err := config.Check(importPath, sources[0].fset, files, info)
	return info, err
}

// TestMapOrderDecidesNothing needs types, so it looks at the files of this
// build only: `go vet` of the other tags sees the rest compile, and a person
// reads it.
func TestMapOrderDecidesNothing(t *testing.T) {
	var patterns []string
	dirs := slices.Clone(pure)
	for _, pattern := range pureFiles {
		if found, _ := filepath.Glob(pattern); found == nil {
			t.Errorf("no file is called %s any more", pattern)
		}
		dirs = append(dirs, path.Dir(pattern))
	}
	for _, dir := range dirs {
		if found, _ := filepath.Glob(dir + "/*.go"); found != nil {
			patterns = append(patterns, "./"+dir)
		}
	}
	packages, err := list(patterns...)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	from := typesFrom(fset, packages)
	for _, p := range packages {
		if p.DepOnly {
			continue
		}
		dir, _ := ours(p.ImportPath)
		var sources []*source
		for _, name := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			s, err := parseSource(fset, dir+"/"+name, text)
			if err != nil {
				t.Fatal(err)
			}
			sources = append(sources, s)
		}
		info, err := typed(p.ImportPath, sources, from)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sources {
			for _, finding := range mapOrderIsHarmless(s, info) {
				t.Error(finding)
			}
		}
	}
}
