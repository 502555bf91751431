package candor_test

import (
	"go/ast"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// row says what a package may import of ours. Its floor is there for tests:
// a test may also reach whatever lies on a lower floor.
type row struct {
	floor int
	may   string
}

// below is the row of those who assemble: everything on a lower floor.
const below = "*"

// floors is the import table of docs/ARCHITECTURE.md. A package that is not in
// it fails the test: it needs a line here first. Rows of packages that do not
// exist yet are harmless.
var floors = map[string]row{
	// The command line turns flags into levels and prints codes and versions,
	// so it speaks the words of contract and hlc itself, and judges the evidence of
	// verdict itself; its bench makes requests by load; all else goes through client,
	// config and node.
	"cmd/candor":  {6, "config node client verdict load contract hlc"},
	"sim/cmd/sim": {6, "sim traitor"},
	// The simulator is a second assembly beside node, and never imports it.
	"sim":  {5, below},
	"node": {5, below},
	// Programs that the scripts run: clients of a real cluster, like anybody's.
	"scripts/jsonl":    {5, ""},
	"scripts/killloop": {5, "client load/process contract hlc"},
	// A measurement: nodes of its own, and raw connections to them.
	"load/cmd/overload": {6, "load load/raw load/process node config contract"},
	// Real processes that are broken, and what clients were told of them.
	"load/cmd/gauntlet": {6, "load/history load/linkproxy load/process client storage contract hlc"},
	// Figures of healing, of real processes.
	"load/cmd/accept": {6, "load load/raw load/linkproxy load/process client storage record contract"},
	"load/raw":        {5, "load wire contract"},

	"router": {4, "coordinator replica wire ring record contract hlc traitor"},
	// The admin API's health uses the coordinator's own rule of what a level asks.
	"admin":  {4, "verdict coordinator wire ring contract hlc"},
	"client": {4, "rpc wire ring record contract hlc"},
	"load":   {4, "contract"},
	// The gauntlet's parts: what clients were told, and links that are bad.
	"load/history":   {4, "record contract hlc"},
	"load/linkproxy": {4, ""},
	// Tests only: all runs of a little world, by the code of a replica.
	"models": {4, ""},
	// Where replica and hinted meet an engine; both assemblies stand on it.
	"stored": {4, "storage replica hinted ring hlc"},
	// On this floor only so that its tests can ask the coordinator.
	"verdict": {4, "contract"},

	"coordinator": {3, "ring paxos record contract hlc traitor"},
	"repair":      {3, "ring merkle record hlc traitor"},
	"hinted":      {3, "ring record contract hlc"},                    // contract: what a replica says to a delivery
	"topology":    {3, "ring paxos wire record contract hlc traitor"}, // contract: the code of an answer that refuses
	// contract, because a replica's refusal is a code of the contract.
	"replica": {3, "paxos merkle ring record contract hlc traitor"},
	"gossip":  {3, "ring"},
	// Processes and where they listen: so low that the tests of what runs beside nodes reach it.
	"load/process": {3, ""},

	"rpc":     {2, "wire"},
	"storage": {2, "record hlc"},

	"paxos":  {1, "record hlc"},
	"wire":   {1, "record contract hlc"},
	"ring":   {1, "hlc"},
	"merkle": {1, ""},

	"record":   {0, "hlc"},
	"contract": {0, ""},
	"hlc":      {0, "traitor"},
	"config":   {0, "contract"}, // the levels of namespaces
	// The names of planted bugs, asked by those that can betray.
	"traitor": {0, ""},

	// Doubles that ship with a seam, for tests and for the simulator.
	"storage/faulty":      {3, "storage"},
	"storage/model":       {3, "storage record hlc"},
	"storage/conformance": {3, "storage record hlc"},
	"gossip/gossiptest":   {3, "gossip ring"},
	// Real nodes for the tests of programs that use the client; gossip is in
	// memory, so that nodes can be cut off from each other.
	"client/clienttest": {6, "client node config gossip/gossiptest"},
}

// doubles are the packages that no product code may import: tests and the
// simulator only.
var doubles = []string{"storage/faulty", "storage/model", "storage/conformance", "gossip/gossiptest", "client/clienttest"}

// library is a third-party module, its pinned version, and the packages that
// may import it.
type library struct {
	module    string
	version   string
	importers string // "tests": test files, the doubles and the simulator; "tools": nobody
}

// libraries is the whole list. A new dependency needs a line here first, with
// its one importer; the reasons for two odd pins: goleveldb's last tag lacks
// three years of fixes, among them the sync of a new MANIFEST; memberlist
// before 0.7 allocates without a bound what a peer claims.
var libraries = []library{
	{"github.com/hashicorp/memberlist", "v0.7.0", "gossip gossip/gossiptest"},
	{"github.com/hashicorp/golang-lru/v2", "v2.0.7", "storage"},
	{"github.com/syndtr/goleveldb", "v1.0.1-0.20220721030215-126854af5e6d", "storage storage/faulty"},
	{"github.com/spaolacci/murmur3", "v1.1.0", "ring record"},
	{"github.com/vmihailenco/msgpack/v5", "v5.4.1", "wire"},
	{"github.com/urfave/cli/v2", "v2.27.7", "cmd/candor"},
	{"github.com/goccy/go-yaml", "v1.19.2", "config"},
	{"github.com/prometheus/client_golang", "v1.25.0", "node"},
	{"github.com/klauspost/compress", "v1.20.3", "node cmd/candor rpc"},
	{"golang.org/x/sync", "v0.24.0", "node client"},
	{"golang.org/x/time", "v0.16.0", "repair hinted topology"},
	{"golang.org/x/term", "v0.47.0", "cmd/candor"},

	{"github.com/google/go-cmp", "v0.7.0", "tests"},
	{"pgregory.net/rapid", "v1.3.0", "tests"},
	{"github.com/anishathalye/porcupine", "v1.3.1", "tests"},
	{"go.uber.org/goleak", "v1.3.0", "tests"},
	{"github.com/rogpeppe/go-internal", "v1.16.0", "tests"},

	{"honnef.co/go/tools", "v0.8.2", "tools"},
	{"golang.org/x/vuln", "v1.8.0", "tools"},
	{"golang.org/x/perf", "v0.0.0-20260908200009-22c9c6c9d4da", "tools"},
}

func importPath(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		panic("the parser let pass the import " + spec.Path.Value)
	}
	return p
}

// ours cuts the module path off one of our own import paths.
func ours(importPath string) (dir string, ok bool) {
	return strings.CutPrefix(importPath, modulePath+"/")
}

// importsPointDown is the rule of the import table. Benchmarks stand above it all.
func importsPointDown(s *source) (found []string) {
	if s.isBench() {
		return nil
	}
	own, known := floors[s.dir()]
	if !known && s.dir() != "." {
		return []string{s.at(s.file.Name, "package %s is not in the import table of tidy_imports_test.go", s.dir())}
	}
	for _, spec := range s.file.Imports {
		dir, isOurs := ours(importPath(spec))
		if isOurs && dir != s.dir() && !mayImport(s, own, dir) {
			found = append(found, s.at(spec, "%s may not import %s: imports point down, by the table in tidy_imports_test.go", s.dir(), dir))
		}
	}
	return found
}

func mayImport(s *source, own row, dir string) bool {
	if slices.Contains(strings.Fields(own.may), dir) {
		return true
	}
	target, known := floors[dir]
	isDouble := slices.Contains(doubles, dir)
	switch {
	case !known:
		return false
	case s.isTest():
		return target.floor < own.floor || isDouble && own.floor >= floors[strings.Split(dir, "/")[0]].floor
	case isDouble:
		return s.dir() == "sim"
	case dir == "traitor":
		return s.dir() == "sim"
	}
	return own.may == below && target.floor < own.floor
}

func TestImportsPointDown(t *testing.T) { mustHold(t, importsPointDown) }

// TestTheTableItselfPointsDown keeps a careless row from opening a way up.
func TestTheTableItselfPointsDown(t *testing.T) {
	for dir, own := range floors {
		for _, target := range strings.Fields(own.may) {
			if target != below && floors[target].floor > own.floor {
				t.Errorf("the row of %s allows %s, which is on a higher floor", dir, target)
			}
		}
	}
}

// librariesHaveOneImporter is the rule of the library table, which is of this module.
func librariesHaveOneImporter(s *source) (found []string) {
	if s.isBench() {
		return nil
	}
	for _, spec := range s.file.Imports {
		p := importPath(spec)
		host, _, _ := strings.Cut(p, "/")
		if _, isOurs := ours(p); isOurs || p == modulePath || !strings.Contains(host, ".") {
			continue // ours, or the standard library
		}
		lib, known := libraryOf(p)
		switch {
		case !known:
			found = append(found, s.at(spec, "%s is not in the library table of tidy_imports_test.go", p))
		case !mayUse(s, lib):
			found = append(found, s.at(spec, "%s may not import %s: only %s may", s.dir(), lib.module, lib.importers))
		}
	}
	return found
}

func libraryOf(importPath string) (library, bool) {
	for _, lib := range libraries {
		if importPath == lib.module || strings.HasPrefix(importPath, lib.module+"/") {
			return lib, true
		}
	}
	return library{}, false
}

func mayUse(s *source, lib library) bool {
	if lib.importers == "tests" {
		return s.isTest() || s.dir() == "sim" || slices.Contains(doubles, s.dir())
	}
	return slices.Contains(strings.Fields(lib.importers), s.dir())
}

func TestLibrariesHaveOneImporter(t *testing.T) { mustHold(t, librariesHaveOneImporter) }

// requirement is one line of a go.mod.
type requirement struct {
	module, version string
	indirect        bool
}

var requireLine = regexp.MustCompile(`(?m)^\s*(?:require\s+)?(\S+\.\S+/\S+|\S+\.\S+)\s+(v\d\S*)(\s*// indirect)?\s*$`)

func parseRequirements(goMod string) (all []requirement) {
	for _, m := range requireLine.FindAllStringSubmatch(goMod, -1) {
		all = append(all, requirement{m[1], m[2], m[3] != ""})
	}
	return all
}

// pins compares a go.mod with the table. The product's go.mod may require
// directly only what the table names, and the table's versions hold for what
// comes in indirectly too.
func pins(name, goMod string, ours func(library) bool) (found []string) {
	if regexp.MustCompile(`(?m)^\s*replace\b`).MatchString(goMod) {
		found = append(found, name+": a replace directive makes the pins meaningless")
	}
	required := parseRequirements(goMod)
	if len(required) == 0 {
		found = append(found, name+": no requirement was found: the parser of this test is broken")
	}
	for _, r := range required {
		i := slices.IndexFunc(libraries, func(lib library) bool { return lib.module == r.module && ours(lib) })
		switch {
		case i < 0 && !r.indirect:
			found = append(found, name+": "+r.module+" is not in the library table")
		case i >= 0 && libraries[i].version != r.version:
			found = append(found, name+": "+r.module+" is "+r.version+", pinned is "+libraries[i].version)
		}
	}
	return found
}

func isTool(lib library) bool    { return lib.importers == "tools" }
func isProduct(lib library) bool { return lib.importers != "tools" }

// TestPins reads go.mod, because in a test binary debug.ReadBuildInfo lists no
// dependency at all.
func TestPins(t *testing.T) {
	for name, ours := range map[string]func(library) bool{"go.mod": isProduct, "tools/go.mod": isTool} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, finding := range pins(name, string(text), ours) {
			t.Error(finding)
		}
	}
}

// TestToolsArePinned: each tool of the table is required by tools/go.mod,
// where Go marks what only a tool directive needs as indirect.
func TestToolsArePinned(t *testing.T) {
	text, err := os.ReadFile("tools/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	required := parseRequirements(string(text))
	for _, lib := range libraries {
		if isTool(lib) && !slices.ContainsFunc(required, func(r requirement) bool { return r.module == lib.module }) {
			t.Errorf("tools/go.mod does not require %s", lib.module)
		}
	}
}
