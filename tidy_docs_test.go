package candor_test

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// named is what the pages may point at.
type named struct {
	files    map[string]bool            // and folders
	anchors  map[string]map[string]bool // of each page
	tests    map[string]bool            // package.TestName
	checkers map[string]bool            // of the simulator
	presets  map[string]bool            // its scenarios
	code     map[string]string          // of each package, without its tests
}

var (
	aTest = regexp.MustCompile(`^([a-z][a-z/]*)\.((?:Test|Fuzz|Example)_?[A-Za-z]\w*)(?:/(\w+))?$`)
	// aChecker is what a checker fails a run with.
	aChecker = regexp.MustCompile(`fail(?:Key)?\((?:[^"\n]*, )?"([A-Z]{2,})",`)
	aPreset  = regexp.MustCompile(`"([A-Z][0-9]+)"`)
	aFunc    = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)\w*)\(`)
	aHead    = regexp.MustCompile(`(?m)^#+ (.*)$`)
	aLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	aSpan    = regexp.MustCompile("`([^`]+)`")
	aMethod  = regexp.MustCompile(`^([a-z/]+)\.\(\*?(\w+)\)\.(\w+)$`)
	anIdent  = regexp.MustCompile(`^([a-z/]+)\.([A-Z]\w*)$`)
	aFence   = regexp.MustCompile("(?ms)^```.*?^```$")
)

// nameAll reads the tree.
func nameAll(files []textFile) *named {
	n := &named{files: map[string]bool{".": true}, anchors: map[string]map[string]bool{}, tests: map[string]bool{}, checkers: map[string]bool{}, presets: map[string]bool{}, code: map[string]string{}}
	for _, f := range files {
		for at := f.path; at != "."; at = path.Dir(at) {
			n.files[at] = true
		}
		text, dir := string(f.text), path.Dir(f.path)
		switch {
		case strings.HasSuffix(f.path, "_test.go"):
			for _, m := range aFunc.FindAllStringSubmatch(text, -1) {
				n.tests[dir+"."+m[1]] = true
			}
		case path.Ext(f.path) == ".go":
			n.code[dir] += text
		case path.Ext(f.path) == ".md":
			n.anchors[f.path] = map[string]bool{}
			for _, m := range aHead.FindAllStringSubmatch(text, -1) {
				n.anchors[f.path][anchor(m[1])] = true
			}
		}
		if dir == "sim" && path.Ext(f.path) == ".go" {
			for _, m := range aChecker.FindAllStringSubmatch(text, -1) {
				n.checkers[m[1]] = true
			}
			for _, m := range aPreset.FindAllStringSubmatch(text, -1) {
				n.presets[m[1]] = true
			}
		}
	}
	return n
}

// anchor is the name by which a heading can be linked to.
func anchor(heading string) string {
	kept := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		case r == ' ':
			return '-'
		}
		return -1
	}, strings.ToLower(heading))
	return kept
}

func hasMethod(code, receiver, name string) bool {
	return regexp.MustCompile(`(?m)^func \((?:\w+ )?\*?` + receiver + `(?:\[\w+\])?\) ` + name + `\(`).MatchString(code)
}

func hasWord(code, name string) bool { return regexp.MustCompile(`\b` + name + `\b`).MatchString(code) }

// pagesPointSomewhere is the rule that what a page names exists: tests, checkers,
// methods and exported names between backquotes, and the ends of links.
func pagesPointSomewhere(f textFile, n *named) (found []string) {
	text := aFence.ReplaceAllStringFunc(string(f.text), func(fence string) string { return strings.Repeat("\n", strings.Count(fence, "\n")) })
	at := func(i int, format string, args ...any) {
		found = append(found, fmt.Sprintf("%s:%d: ", f.path, 1+strings.Count(text[:i], "\n"))+fmt.Sprintf(format, args...))
	}
	for _, m := range aSpan.FindAllStringSubmatchIndex(text, -1) {
		span := strings.Join(strings.Fields(text[m[2]:m[3]]), "")
		if checker, is := strings.CutPrefix(span, "sim:"); is && !n.checkers[checker] && !n.presets[checker] {
			at(m[0], "the simulator has no checker and no scenario %s", checker)
		}
		if method := aMethod.FindStringSubmatch(span); method != nil && !hasMethod(n.code[method[1]], method[2], method[3]) {
			at(m[0], "there is no method %s", span)
		}
		test := aTest.FindStringSubmatch(span)
		if test == nil {
			if ident := anIdent.FindStringSubmatch(span); ident != nil && n.code[ident[1]] != "" && !hasWord(n.code[ident[1]], ident[2]) {
				at(m[0], "package %s has no %s", ident[1], ident[2])
			}
			continue
		}
		dir := test[1]
		if dir == "tidy" {
			dir = "."
		}
		switch {
		case !n.tests[dir+"."+test[2]]:
			at(m[0], "there is no test %s", span)
		case test[2] == "TestStories" && test[3] != "" && !n.files[test[1]+"/testdata/"+test[3]+".txt"]:
			at(m[0], "there is no story %s", span)
		}
	}
	for _, m := range aLink.FindAllStringSubmatchIndex(text, -1) {
		link := text[m[2]:m[3]]
		target, where, _ := strings.Cut(link, "#")
		if strings.Contains(target, "://") {
			continue
		}
		page := f.path
		if target != "" {
			page = path.Join(path.Dir(f.path), target)
		}
		switch {
		case !n.files[page]:
			at(m[0], "the link to %s ends nowhere", link)
		case where != "" && !n.anchors[page][where]:
			at(m[0], "%s has no heading for #%s", page, where)
		}
	}
	return found
}

func TestPagesPointSomewhere(t *testing.T) {
	all := mustTree(t)
	n := nameAll(all)
	if len(n.tests) < 300 || len(n.checkers) < 8 {
		t.Fatalf("%d tests and the checkers %v were found: the search is broken", len(n.tests), n.checkers)
	}
	for _, f := range all {
		if path.Ext(f.path) == ".md" {
			for _, finding := range pagesPointSomewhere(f, n) {
				t.Error(finding)
			}
		}
	}
}

// guarantees is the page of promises, and withoutPromises are its chapters that
// make none.
const guarantees = "docs/GUARANTEES.md"

var withoutPromises = []string{"Words", "Not yet", "So in the code, without a test of its own", "Not promised"}

// promisesNameTheirTests is the rule that every point of the page of promises names
// a test or a checker of the simulator.
func promisesNameTheirTests(f textFile) (found []string) {
	chapter, point, begins := "", "", 0
	check := func() {
		if point != "" && !slices.Contains(withoutPromises, chapter) && !regexp.MustCompile("`([a-z/]+\\.(Test|Fuzz|Example)|sim:)").MatchString(point) {
			found = append(found, fmt.Sprintf("%s:%d: a promise without a test: %s", f.path, begins, point))
		}
		point = ""
	}
	for i, line := range strings.Split(string(f.text), "\n") {
		heading, isChapter := strings.CutPrefix(line, "## ")
		switch {
		case strings.HasPrefix(line, "- "):
			check()
			point, begins = line, i+1
		case point != "" && strings.HasPrefix(line, "  "):
			point += " " + strings.TrimSpace(line)
		default:
			check()
		}
		if isChapter {
			chapter = heading
		}
	}
	check()
	return found
}

func TestPromisesNameTheirTests(t *testing.T) {
	for _, f := range mustTree(t) {
		if f.path == guarantees {
			for _, finding := range promisesNameTheirTests(f) {
				t.Error(finding)
			}
			return
		}
	}
	t.Errorf("there is no %s", guarantees)
}

func TestDocRulesBite(t *testing.T) {
	n := nameAll([]textFile{
		{"hlc/a_test.go", []byte("func TestTick(t *testing.T) {}\n")},
		{"tidy_test.go", []byte("func TestLargest(t *testing.T) {}\n")},
		{"coordinator/a_test.go", []byte("func TestStories(t *testing.T) {}\n")},
		{"coordinator/testdata/get.txt", nil},
		{"sim/check.go", []byte("s.failKey(k, \"REG\", \"ghost\")\n")},
		{"sim/scenario.go", []byte("\"A2\": clocks,\n")},
		{"docs/A.md", []byte("# A page: of `code`\n")},
		{"hlc/clock.go", []byte("type Clock struct{}\n\nfunc (c *Clock) Tick() {}\n")},
	})
	for text, good := range map[string]bool{
		"`hlc.TestTick`": true, "`hlc.TestTock`": false, "`hlc.\n  TestTick`": true, "`tidy.TestLargest`": true, "`tidy.TestTick`": false,
		"`coordinator.TestStories/get`": true, "`coordinator.TestStories/put`": false,
		"`sim:REG`": true, "`sim:A2`": true, "`sim:TRUTH`": false,
		"`hlc.(*Clock).Tick`": true, "`hlc.(*Clock).Tock`": false, "`hlc.Clock`": true, "`hlc.Clack`": false, "`client.HLC`": true,
		"[a](../hlc/a_test.go)": true, "[a](../hlc)": true, "[a](../hcl)": false, "[a](A.md#a-page-of-code)": true, "[a](A.md#another)": false,
		"[a](https://example.org/x)": true, "```\n`hlc.TestTock`\n```": true,
	} {
		if found := pagesPointSomewhere(textFile{"docs/B.md", []byte(text)}, n); (len(found) == 0) != good {
			t.Errorf("%q: %q", text, found)
		}
	}
	for text, good := range map[string]bool{
		"## Reads\n\n- It is so. (`hlc.TestTick`)\n": true, "## Reads\n\n- It is so.\n": false, "## Reads\n\n- It is so.\n- Too. (`sim:REG`)\n": false,
		"## Reads\n\n- It is\n  so. (`sim:REG`)\n": true, "## Words\n\n- It is so.\n": true, "## Reads\n\nIt is so.\n": true,
	} {
		if found := promisesNameTheirTests(textFile{guarantees, []byte(text)}); (len(found) == 0) != good {
			t.Errorf("%q: %q", text, found)
		}
	}
}

// mapPage has the table of packages; a row is `| floor | package | what | imports |`.
const mapPage = "docs/ARCHITECTURE.md"

var mapRow = regexp.MustCompile("(?m)^\\| ([0-9]) \\| `([a-z/]+)` \\| .* \\| ([^|]*) \\|$")

// mapIsCurrent is the rule that the map has every package that ships, on its floor,
// with what it imports of ours.
func mapIsCurrent(page string, imports map[string][]string, ships []string) (found []string) {
	rows := map[string]bool{}
	for _, m := range mapRow.FindAllStringSubmatch(page, -1) {
		floor, dir, listed := m[1], m[2], m[3]
		rows[dir] = true
		if own := fmt.Sprint(floors[dir].floor); own != floor {
			found = append(found, fmt.Sprintf("%s: %s is on floor %s, not %s", mapPage, dir, own, floor))
		}
		names := strings.Split(strings.TrimPrefix(listed, "-"), ", ")
		for _, i := range imports[dir] {
			if !strings.HasPrefix(listed, "all below") && !slices.Contains(names, i) {
				found = append(found, fmt.Sprintf("%s: %s imports %s too", mapPage, dir, i))
			}
		}
	}
	for _, dir := range ships {
		if !rows[dir] {
			found = append(found, fmt.Sprintf("%s: the map has no %s", mapPage, dir))
		}
	}
	return found
}

// shipped are the packages below the program and the simulator, and what each package
// imports of ours.
func shipped(sources []*source) (ships []string, imports map[string][]string) {
	imports = map[string][]string{}
	for _, s := range sources {
		for _, spec := range s.file.Imports {
			if dir, is := ours(importPath(spec)); is && !s.isTest() && !slices.Contains(imports[s.dir()], dir) {
				imports[s.dir()] = append(imports[s.dir()], dir)
			}
		}
	}
	ships = []string{"cmd/candor", "sim"}
	for i := 0; i < len(ships); i++ {
		for _, dir := range imports[ships[i]] {
			if !slices.Contains(ships, dir) && !slices.Contains(doubles, dir) {
				ships = append(ships, dir)
			}
		}
	}
	return ships, imports
}

func TestMapIsCurrent(t *testing.T) {
	ships, imports := shipped(mustSources(t))
	for _, f := range mustTree(t) {
		if f.path == mapPage {
			for _, finding := range mapIsCurrent(string(f.text), imports, ships) {
				t.Error(finding)
			}
		}
	}
	// It is known to bite.
	page := "| 0 | `hlc` | clocks | - |\n| 3 | `record` | records | hlc |\n"
	if got := mapIsCurrent(page, map[string][]string{"record": {"hlc", "ring"}}, []string{"hlc", "record", "wire"}); len(got) != 3 {
		t.Errorf("a wrong floor, a missing import and a missing package: %q", got)
	}
}
