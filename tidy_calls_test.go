package candor_test

import (
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ban is a library call that has hurt somebody, and where it may stand all
// the same.
type ban struct {
	pkg     string // import path of the package whose call it is
	call    string // regular expression over the whole name; "" for the import itself
	method  bool   // a method of one of its values: any x.Name() in a file that imports pkg
	allowed func(*source, *ast.FuncDecl) bool
	why     string
}

func nowhere(*source, *ast.FuncDecl) bool { return false }

// inMain allows what ends the process to those who own it: a main package,
// and TestMain.
func inMain(s *source, f *ast.FuncDecl) bool {
	return s.file.Name.Name == "main" || s.isTest() && f != nil && f.Name.Name == "TestMain"
}

// inBubble allows a test to let virtual time pass, in a function that shows
// that it runs in a bubble.
func inBubble(s *source, f *ast.FuncDecl) (bubble bool) {
	if !s.isTest() || f == nil {
		return false
	}
	ast.Inspect(f, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		bubble = bubble || ok && (id.Name == "synctest" || strings.Contains(strings.ToLower(id.Name), "bubble"))
		return !bubble
	})
	return bubble
}

func inDir(dirs ...string) func(*source, *ast.FuncDecl) bool {
	return func(s *source, _ *ast.FuncDecl) bool { return slices.Contains(dirs, s.dir()) }
}

// outsidePure bans in the deciding packages only.
func outsidePure(s *source, _ *ast.FuncDecl) bool { return !isPure(s) }

func outsideCommand(s *source, _ *ast.FuncDecl) bool { return s.dir() != "cmd/candor" }

var bans = []ban{
	{"time", "Sleep", false, inBubble,
		"wait for the condition itself: a channel, a reply, a bubble's clock"},
	{"os", "Exit", false, inMain, "return an error; only main ends the process"},
	{"log", "Fatal.*|Panic.*", false, inMain, "return an error; only main ends the process"},
	{"github.com/vmihailenco/msgpack/v5", "Unmarshal|NewDecoder|GetDecoder", false, inDir("wire"),
		"five bytes can claim gigabytes: use wire.SafeUnmarshal"},
	{"github.com/vmihailenco/msgpack/v5", "RegisterExt.*", false, nowhere, "it is global to the process"},
	{"github.com/hashicorp/memberlist", "Members", true, nowhere,
		"it hands out live pointers: races. Read gossip's own view"},
	{"github.com/hashicorp/memberlist", "SendTo|SendToTCP|SendToUDP", true, nowhere, "deprecated"},
	{"github.com/syndtr/goleveldb/leveldb", "Recover.*", false, nowhere,
		"it puts obsolete tables back: purged deletes and old values return"},
	// Sum32 dies under the race detector, New64 and New128 allocate.
	{"github.com/spaolacci/murmur3", "New.*|Sum32.*|Sum64.*", false, nowhere, "only Sum128 and Sum128WithSeed"},
	{"github.com/prometheus/client_golang/prometheus", "Register|MustRegister|Unregister|Default.*", false, nowhere,
		"a second node in the process would panic: one registry per node"},
	{"github.com/prometheus/client_golang/prometheus/promauto", "", false, nowhere, "it uses the default registry"},
	{"github.com/prometheus/client_golang/prometheus/promhttp", "Handler", false, nowhere,
		"it uses the default registry: HandlerFor"},
	{"golang.org/x/time/rate", "Wait|WaitN|Allow|Reserve|SetLimit|SetBurst", true, outsidePure,
		"it reads the clock: the forms that take the time"},
	{"github.com/urfave/cli/v2/altsrc", "", false, nowhere, "config reads files, with origins"},
	// Every App changes the library's global HelpFlag and VersionFlag.
	{"github.com/urfave/cli/v2", "Parallel", true, outsideCommand, "cli's globals race in parallel tests"},
}

// localName is the name by which a file knows an imported package.
func localName(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	p := importPath(spec)
	if regexp.MustCompile(`^v\d+$`).MatchString(path.Base(p)) {
		p = path.Dir(p)
	}
	return path.Base(p)
}

// selection is one x.Name in a file. x is the import path if x names an
// imported package, else "".
type selection struct {
	node   *ast.SelectorExpr
	pkg    string
	called bool
	in     *ast.FuncDecl // nil outside functions
}

// selections lists every x.Name of the file.
func selections(s *source) (all []selection) {
	names := map[string]string{}
	for _, spec := range s.file.Imports {
		names[localName(spec)] = importPath(spec)
	}
	for _, decl := range s.file.Decls {
		in, _ := decl.(*ast.FuncDecl)
		called := map[ast.Expr]bool{}
		ast.Inspect(decl, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				called[call.Fun] = true // visited before the function is
			}
			if sel, ok := n.(*ast.SelectorExpr); ok {
				one := selection{node: sel, called: called[sel], in: in}
				// A name that the parser could resolve is a variable that
				// hides the package.
				if id, ok := sel.X.(*ast.Ident); ok && id.Obj == nil {
					one.pkg = names[id.Name]
				}
				all = append(all, one)
			}
			return true
		})
	}
	return all
}

// noBannedCalls is the rule of the table above.
func noBannedCalls(s *source) (found []string) {
	imported := map[string]*ast.ImportSpec{}
	for _, spec := range s.file.Imports {
		imported[importPath(spec)] = spec
	}
	selected := selections(s)
	for _, b := range bans {
		spec := imported[b.pkg]
		if spec == nil {
			continue
		}
		if b.call == "" && !b.allowed(s, nil) {
			found = append(found, s.at(spec, "import of %s: %s", b.pkg, b.why))
		}
		name := regexp.MustCompile("^(?:" + b.call + ")$")
		for _, sel := range selected {
			meant := sel.pkg == b.pkg || b.method && sel.called && sel.pkg == ""
			if meant && name.MatchString(sel.node.Sel.Name) && !b.allowed(s, sel.in) {
				found = append(found, s.at(sel.node, "%s.%s: %s", path.Base(b.pkg), sel.node.Sel.Name, b.why))
			}
		}
	}
	return found
}

func TestBannedCalls(t *testing.T) { mustHold(t, noBannedCalls) }

// nothingHappensByImport: no init, no blank or dot import. A program does what
// its main says.
func nothingHappensByImport(s *source) (found []string) {
	for _, decl := range s.file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			found = append(found, s.at(f, "func init: construct it where it is needed, and hand it down"))
		}
	}
	for _, spec := range s.file.Imports {
		switch name := localName(spec); {
		case name == ".":
			found = append(found, s.at(spec, "dot import: the reader no longer sees where a name comes from"))
		case name == "_" && importPath(spec) != "embed" && s.dir() != "bench/ycsb": // go-ycsb knows its workloads by import only
			found = append(found, s.at(spec, "blank import: registration by import"))
		}
	}
	return found
}

func TestNothingHappensByImport(t *testing.T) { mustHold(t, nothingHappensByImport) }

// noArrayDocuments: a struct that msgpack writes as an array cannot gain a
// field without breaking both old and new readers.
func noArrayDocuments(s *source) (found []string) {
	if s.isTest() { // wire's own test shows that it refuses such a struct
		return nil
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		if field, ok := n.(*ast.Field); ok && field.Tag != nil && strings.Contains(field.Tag.Value, "as_array") {
			found = append(found, s.at(field, "as_"+"array: no rolling upgrade once a field is added"))
		}
		return true
	})
	return found
}

func TestNoArrayDocuments(t *testing.T) { mustHold(t, noArrayDocuments) }
