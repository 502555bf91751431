package sim

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every mark has a name of its own and is set somewhere: a name that nothing sets
// would be missed for ever.
func TestEveryMarkIsSetSomewhere(t *testing.T) {
	seen := map[string]bool{}
	for m, name := range markNames {
		if name == "" || seen[name] {
			t.Errorf("mark %d has the name %q", m, name)
		}
		seen[name] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var table, code string
	for _, f := range files {
		b, err := os.ReadFile(f)
		switch {
		case err != nil:
			t.Fatal(err)
		case f == "marks.go":
			table = string(b)
		case !strings.HasSuffix(f, "_test.go"):
			code += string(b)
		}
	}
	all := regexp.MustCompile(`\tmark[A-Z]\w+: `).FindAllString(table, -1)
	if len(all) != int(markCount) {
		t.Errorf("%d names, %d marks", len(all), markCount)
	}
	for _, m := range all {
		if ident := strings.Trim(m, "\t: "); !regexp.MustCompile(`mark\(` + ident + `\)`).MatchString(code) {
			t.Errorf("nothing sets %s", ident)
		}
	}
}

// Marks of the founding count only where a run began without metadata, those of silent
// rot where there was such.
func TestMarksOfTheFoundingCountWhereThereIsOne(t *testing.T) {
	var f Figures
	if _, all := f.Reach(); all != int(foundingMarks) {
		t.Errorf("%d marks", all)
	}
	f.Founded, f.Marks[markFounded] = 1, 1
	if hit, all := f.Reach(); hit != 1 || all != int(rotMarks) {
		t.Errorf("%d of %d marks", hit, all)
	}
	if missed := f.Missed(); len(missed) != int(rotMarks)-1 {
		t.Errorf("missed: %q", missed)
	}
	if f.Rotten = 1; len(f.counted()) != int(markCount) {
		t.Errorf("%d marks, with silent rot", len(f.counted()))
	}
}
