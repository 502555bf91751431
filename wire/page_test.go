package wire

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/candordb/candor/contract"
)

// The page for users names every op and code with its number, and the frames
// that it shows are frames.
func TestThePageAndTheCodeAgree(t *testing.T) {
	text, err := os.ReadFile("../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for op := range opNames {
		if named := fmt.Sprintf("0x%02x %v", int(op), op); op < OpWrite && !strings.Contains(page, named) {
			t.Errorf("the page lacks %s", named)
		}
		if row := fmt.Sprintf("| 0x%02x | %v |", int(op), op); op >= OpWrite && !strings.Contains(page, row) {
			t.Errorf("the page lacks %s", row)
		}
	}
	for _, c := range contract.Codes() {
		if row := fmt.Sprintf("| %d | %v |", uint16(c), c); !strings.Contains(page, row) {
			t.Errorf("the page lacks %s", row)
		}
	}
	frames := map[string]bool{}
	for _, f := range filedVectors(t) {
		frames[f.Hex] = true
	}
	shown := regexp.MustCompile(`(?m)^    ([0-9a-f]{20,})$`).FindAllStringSubmatch(page, -1)
	if len(shown) == 0 {
		t.Error("the page shows no frame")
	}
	for _, m := range shown {
		if !frames[m[1]] {
			t.Errorf("%s is no vector", m[1])
		}
	}
}

// The field lists of the page are those that the vectors are named by, in the
// same order.
func TestThePageNamesTheFieldsInOrder(t *testing.T) {
	text, err := os.ReadFile("../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ = bytes.Cut(text, []byte("## Requests of clients"))
	text, _, _ = bytes.Cut(text, []byte("## Codes"))
	lists := regexp.MustCompile(`(?m)^    (request|answer|PUT|DELETE) +(.*)$`)
	listed := func(text string) string {
		text = regexp.MustCompile(`\([^)]*\)`).ReplaceAllString(strings.ReplaceAll(text, `"CNDR"`, "magic"), "")
		return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }), " ")
	}
	named := func(layout string) string {
		var all []string
		for _, f := range names(layout) {
			all = append(all, f.name)
		}
		return strings.Join(all, " ")
	}
	got := map[string]string{}
	for _, chapter := range strings.Split(string(text), "\n### ")[1:] {
		title, _, _ := strings.Cut(chapter, "\n")
		for _, op := range regexp.MustCompile(`[A-Z]{3,}`).FindAllString(title, -1) {
			for _, m := range lists.FindAllStringSubmatch(chapter, -1) {
				switch m[1] {
				case op, "request":
					got[op+" request"] = listed(m[2])
				case "answer":
					got[op+" answer"] = listed(m[2])
				}
			}
		}
	}
	for op := range opNames {
		if op >= OpWrite || op == OpWatch {
			continue
		}
		request := requestNames[op]
		if fields := operationNames[op]; fields != "" {
			request = "deadline_ms " + fields
		}
		if want := named(request); got[op.String()+" request"] != want {
			t.Errorf("%v: the page has the fields %q, the vectors %q", op, got[op.String()+" request"], want)
		}
		if want := named(answerNames[op]); got[op.String()+" answer"] != want {
			t.Errorf("answer to %v: the page has the fields %q, the vectors %q", op, got[op.String()+" answer"], want)
		}
	}
}
