package wire

import (
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
