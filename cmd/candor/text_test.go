package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/candordb/candor/client"
	"github.com/candordb/candor/config"
)

func TestPartitionsAreListedInRuns(t *testing.T) {
	for _, tc := range []struct {
		numbers []int
		all     int
		want    string
	}{
		{[]int{3, 9, 14, 15, 16, 17}, 6, "3, 9, 14-17"},
		{[]int{0, 1, 2}, 352, "0-2 and 349 more"},
		{[]int{0, 2, 4, 6, 8, 10, 12, 14, 16, 17}, 1000, "0, 2, 4, 6, 8, 10, 12, 14 and 992 more"},
	} {
		if got := partitions(tc.numbers, tc.all); got != tc.want {
			t.Errorf("%v: %s", tc.numbers, got)
		}
	}
}

// A node that does not answer is a row, never an omission.
func TestStatusText(t *testing.T) {
	var s clusterStatus
	s.Cluster.Name, s.Cluster.Replicas, s.Cluster.Partitions, s.Cluster.Epoch = "shop", 3, 1024, 1
	s.SeenBy.Name = "n1"
	s.Quorum.Possible, s.Quorum.Of, s.Quorum.Failing = 1022, 1024, []int{3, 4}
	s.Nodes = []nodeStatus{
		{Name: "n1", State: "normal", Reachable: true, Client: "a:1", Peer: "a:2", HTTP: "a:3", Zone: "a", Partitions: 1024},
		{Name: "n2", State: "normal", Client: "b:1", Peer: "b:2", HTTP: "b:3", Partitions: 1024, Error: "connection refused"},
		{Name: "n3", State: "normal", Reachable: true, Suspect: true, Client: "c:1", Peer: "c:2", HTTP: "c:3", Partitions: 1024},
	}
	want := `cluster  shop   N=3   1,024 partitions   epoch 1   3 nodes: 2 up, 1 down   as seen by n1, 0.4s ago
quorum   possible in 1,022 of 1,024 partitions; not in 3-4
NODE  STATE    CLIENT  PEER  ADMIN  ZONE  PARTITIONS  WHY
n1    up       a:1     a:2   a:3    a     1,024
n2    DOWN     b:1     b:2   b:3    -     1,024       connection refused
n3    suspect  c:1     c:2   c:3    -     1,024
`
	if got := statusText(&s, 400*time.Millisecond); got != want {
		t.Errorf("got\n%s", got)
	}
	waiting := clusterStatus{Waiting: "waiting for 10.0.0.2:7401"}
	waiting.Cluster.Name, waiting.SeenBy.Name = "shop", "n1"
	want = "cluster  shop   no epoch yet   as seen by n1, 0.0s ago\nwaiting  waiting for 10.0.0.2:7401\n"
	if got := statusText(&waiting, 0); got != want {
		t.Errorf("got\n%s", got)
	}
}

// What dev writes down starts the same node: every setting comes back, whatever
// its type.
func TestWrittenSettingsLoadBack(t *testing.T) {
	sets := []string{
		"cluster.name=dev", "cluster.bootstrap=127.0.0.1:1,127.0.0.1:2", "cluster.seeds=", "cluster.replicas=2", `node.zone=a"b`,
		"storage.block_cache=32MiB", "timeouts.default=1500ms", "insecure=true", "log.level=debug", "node.name=n1", "limits.batch=7",
	}
	want, err := config.Load(config.Sources{Sets: sets})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "candor.yaml")
	if err := os.WriteFile(file, []byte(settingsYAML(want)), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := config.Load(config.Sources{File: file})
	if err != nil {
		t.Fatalf("%v\n%s", err, settingsYAML(want))
	}
	for _, key := range config.Keys() {
		if got.Value(key) != want.Value(key) {
			t.Errorf("%s is %q, was %q", key, got.Value(key), want.Value(key))
		}
	}
	if again := settingsYAML(got); again != settingsYAML(want) {
		t.Errorf("written again it is\n%s", again)
	}
}

// Every list of the settings is written as one.
func TestAllListsAreKnown(t *testing.T) {
	for _, key := range config.Keys() {
		_, err := config.Load(config.Sources{File: "f", FileBytes: nested(key, "[]")})
		if isList := err == nil; isList != slices.Contains(lists, key) {
			t.Errorf("%s: is a list: %v; %v", key, isList, err)
		}
	}
}

// nested is a file with one setting.
func nested(key, value string) []byte {
	section, name, ok := strings.Cut(key, ".")
	if !ok {
		return fmt.Appendf(nil, "%s: %s\n", key, value)
	}
	return fmt.Appendf(nil, "%s:\n  %s: %s\n", section, name, value)
}

func TestProgressLine(t *testing.T) {
	p := &progress{label: "import", size: 1000, bytes: 529, records: 33104}
	if got, want := p.line(4*time.Second), "import  [##########----------] 52%   33,104 records   529B   8,276/s"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	p.size = 0 // stdin
	if got, want := p.line(4*time.Second), "import  33,104 records   529B   8,276/s"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// The bar is drawn on a terminal only, and leaves nothing behind.
func TestProgressIsDrawnOnATerminalOnly(t *testing.T) {
	for width, drawn := range map[int]bool{0: false, 60: true} {
		var out bytes.Buffer
		e := &env{stderr: &out, width: func() int { return width }}
		p := newProgress(e, "import", 10)
		p.at(10)
		p.done()
		p.end()
		if got := out.Len() > 0; got != drawn {
			t.Errorf("width %d: %q", width, out.String())
		}
		if drawn && !strings.HasSuffix(out.String(), "\r"+strings.Repeat(" ", 59)+"\r") {
			t.Errorf("it stays behind: %q", out.String())
		}
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	for n, want := range map[int64]string{0: "0B", 1023: "1023B", 1024: "1.0KiB", 48 << 20: "48.0MiB", 5 << 40: "5.0TiB", 3 << 50: "3072.0TiB"} {
		if got := sized(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	if columns([][]string{{"a", "bb"}, {"ccc", ""}}) != "a    bb\nccc\n" {
		t.Error("columns")
	}
}

func TestParseEntry(t *testing.T) {
	for line, want := range map[string]string{
		`{"key":"a","value":"b"}`:                              "a=b",
		`{"key":"é\u00e9","value":"\ud83d\ude00"}`:             "éé=😀",
		`{"key_b64":"AP8=","value_b64":""}`:                    "\x00\xff=",
		`{"value":"","key":"k","ttl_ms":5}`:                    "k=",
		`{"key":"k","value":"` + "�" + `"}`:                    "k=�",
		`{"key":"k","value":"\uFFFD"}`:                         "k=�",
		`{"key":"k"}`:                                          "want exactly one of value",
		`{"key":"k","key_b64":"aw==","value":""}`:              "want exactly one of key",
		`{"key":"k","value":1}`:                                "want one JSON object",
		`{"key":"k","value":"","ttl_ms":-1}`:                   "want one JSON object",
		`{"key":"k","value":"","ttl_ms":1.5}`:                  "want one JSON object",
		`{"key":"k","value_b64":"*"}`:                          "want one JSON object",
		`["k","v"]`:                                            "want one JSON object",
		`{"key":"k","value":"\ud83d x"}`:                       "half of a surrogate pair",
		"{\"key\":\"k\",\"value\":\"\xff\"}":                   "not UTF-8",
		`{"key":"k","value":"v"}{"key":"k2","value":"v"}`:      "want one JSON object, and something follows",
		`{"key":"k","value":"v","version":"01a20325e5a80000"}`: "want one JSON object",
	} {
		e, why := parseEntry([]byte(line))
		if why == "" {
			why = string(e.key) + "=" + string(e.value)
		}
		if !strings.HasPrefix(why, want) {
			t.Errorf("%s: %s", line, why)
		}
	}
}

// A line may be longer than the buffer, and the last one may lack its end.
func TestLongLines(t *testing.T) {
	long := strings.Repeat("x", 3<<20)
	l := newLines(strings.NewReader(`{"key":"a","value":"` + long + `"}` + "\n\n" + `{"key":"b","value":"2"}`))
	first, err := l.next()
	if err != nil || string(first.value) != long {
		t.Fatalf("%v, %d bytes", err, len(first.value))
	}
	second, err := l.next()
	if err != nil || string(second.key) != "b" || second.number != 3 {
		t.Fatalf("%v %+v", err, second)
	}
	l = newLines(strings.NewReader(strings.Repeat("y", lineBytesMax+2<<20)))
	if _, err := l.next(); err == nil || !strings.Contains(err.Error(), "line 1 is longer") {
		t.Errorf("%v", err)
	}
}

// operations.md 1.3: what an import exits with.
func TestImportExitCodes(t *testing.T) {
	refusal := &client.Error{Code: 106}
	for _, tc := range []struct {
		s    writeSummary
		want int
	}{
		{writeSummary{Done: 1}, 0}, {writeSummary{Done: 1, InDoubt: 1}, exitInDoubt}, {writeSummary{Done: 1, Refused: 1, refusal: refusal}, exitPartly},
		{writeSummary{Refused: 1, refusal: refusal}, exitUnavailable}, {writeSummary{Superseded: 1}, exitPartly}, {writeSummary{BadLines: 1}, exitPartly},
	} {
		if got := tc.s.exit(); got != tc.want {
			t.Errorf("%+v exits with %d, want %d", tc.s, got, tc.want)
		}
	}
	for r, want := range map[readSummary]int{{Found: 3}: 0, {Different: 1}: exitPartly, {Missing: 1}: exitPartly, {InDoubt: 1}: exitPartly} {
		if got := r.exit(); got != want {
			t.Errorf("%+v exits with %d", r, got)
		}
	}
}

// Ctrl-C is 130; a write that it left in doubt stays 6.
func TestInterruptedExitCode(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	e, _, _ := quietEnv()
	if got := e.report(ctx, errors.New("cut off"), reporting{}); got != exitInterrupted {
		t.Errorf("exits with %d", got)
	}
	if got := e.report(ctx, exitWith(exitInDoubt), reporting{}); got != exitInDoubt {
		t.Errorf("exits with %d", got)
	}
}
