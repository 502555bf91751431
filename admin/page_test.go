package admin

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The routes of docs/HTTP.md are those of the table, word for word.
func TestHTTPPageHasTheRoutes(t *testing.T) {
	const page, from, to = "../docs/HTTP.md", "<!-- routes: written by `go test ./admin -run HTTPPage -rewrite` -->\n", "<!-- end -->"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), from)
	_, after, ended := strings.Cut(rest, to)
	if !found || !ended {
		t.Fatalf("%s has lost the marks between which the routes stand", page)
	}
	want := before + from + routesInWords() + to + after
	if *rewrite {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("%s is not current, -rewrite writes it anew:\n%s", page, diff)
	}
}

// routesInWords is the table for people, and the list of what is not there yet.
func routesInWords() string {
	var b strings.Builder
	var missing []string
	b.WriteString("| method | path | parameters | what |\n|---|---|---|---|\n")
	for _, r := range routes {
		if r.about == "" {
			missing = append(missing, "`"+r.method+" "+r.path+"`")
			continue
		}
		query := "-"
		if r.query != "" {
			query = "`" + strings.Join(strings.Fields(r.query), "` `") + "`"
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", r.method, r.path, query, r.about)
	}
	fmt.Fprintf(&b, "\nThese have their place and are not supported by this build (501): %s.\n", strings.Join(missing, ", "))
	return b.String()
}

// What the page says of names is what is there.
func TestHTTPPageNamesEveryEventAndCode(t *testing.T) {
	text, err := os.ReadFile("../docs/HTTP.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{
		nodeUp, nodeDown, epochChanged, storageStopped, clockFenced, clockUnfenced, shuttingDown, verdictChanged, connected, eventsLost,
		codeNotFound, codeNoRoute, codeBadMethod, codeTaskBusy, codeTaskOther, codeNoTask, fmt.Sprint(eventsMax), fmt.Sprint(readersMax), fmt.Sprint(connectionsMax), fmt.Sprint(reserveMax, " more"),
		fmt.Sprintf("%d MiB of bodies", bodyBytesMax>>20), fmt.Sprintf("%d KiB", headerBytes>>10), fmt.Sprintf("every %.0f s", heartbeatEvery.Seconds()),
	} {
		if !strings.Contains(string(text), word) {
			t.Errorf("docs/HTTP.md does not have %s", word)
		}
	}
	for _, r := range routes {
		for _, name := range strings.Fields(r.query) {
			if r.about != "" && !strings.Contains(string(text), "`"+name) {
				t.Errorf("docs/HTTP.md does not have the parameter %s of %s", name, r.path)
			}
		}
	}
}
