package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/candordb/candor/client"
	"github.com/candordb/candor/config"
	"github.com/candordb/candor/contract"
)

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
	for n, want := range map[int64]string{0: "0B", 1023: "1023B", 1024: "1.0KiB", 48 << 20: "48.0MiB", 5 << 40: "5.0TiB", 3 << 50: "3.0PiB"} {
		if got := sized(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	if columns([][]string{{"a", "bb"}, {"ccc", ""}}) != "a    bb\nccc\n" {
		t.Error("columns")
	}
}

func TestParseEntry(t *testing.T) {
	const want = "want one JSON object with key, value (or key_b64, value_b64) and perhaps ttl_ms: "
	for line, begin := range map[string]string{
		`{"key":"a","value":"b"}`:                              "a=b",
		`{"key":"é\u00e9","value":"\ud83d\ude00"}`:             "éé=😀",
		`{"key_b64":"AP8=","value_b64":""}`:                    "\x00\xff=",
		`{"value":"","key":"k","ttl_ms":5}`:                    "k=",
		`{"key":"k","value":"` + "�" + `"}`:                    "k=�",
		`{"key":"k","value":"\uFFFD"}`:                         "k=�",
		`{"key":"k"}`:                                          "want exactly one of value",
		`{"key":"k","key_b64":"aw==","value":""}`:              "want exactly one of key",
		`{"key":"k","value":1}`:                                want + "value is a number: want a string",
		`{"key":"k","value":"","ttl_ms":-1}`:                   want + "ttl_ms is -1: want a whole number that is not negative",
		`{"key":"k","value":"","ttl_ms":1.5}`:                  want + "ttl_ms is 1.5: want a whole number that is not negative",
		`{"key":"k","value":"","ttl_ms":"1h"}`:                 want + "ttl_ms is a string: want a whole number",
		`{"key":"k","value":"","line":true}`:                   want + "line is true or false: want a whole number",
		`{"key":"k","value_b64":"*"}`:                          want + "a text that has to be base64 is none from its byte 1 on",
		`{"key":"k","value_b64":{}}`:                           want + "value_b64 is an object: want base64 in a string",
		`["k","v"]`:                                            want + "it is an array",
		`{"key":"k","val`:                                      want + "it ends too early",
		`{"key":"k","val":1}`:                                  want + `unknown field "val"`,
		`{"key":"k","value":"\ud83d x"}`:                       "half of a surrogate pair",
		"{\"key\":\"k\",\"value\":\"\xff\"}":                   "not UTF-8",
		`{"key":"k","value":"v"}{"key":"k2","value":"v"}`:      "want one JSON object, and something follows",
		`{"key":"k","value":"v","version":"01a20325e5a80000"}`: "version: not a version",
	} {
		e, why := parseEntry([]byte(line))
		if why == "" {
			why = string(e.key) + "=" + string(e.value)
		}
		if !strings.HasPrefix(why, begin) {
			t.Errorf("%s: %s", line, why)
		}
	}
}

// The words of a fault are those of JSON: none names a type of Go.
func TestJSONFaultsNameNoGo(t *testing.T) {
	for _, line := range []string{`1`, `"x"`, `true`, `[]`, `{"key":[]}`, `{"key":{}}`, `{"line":"x"}`, `{"key_b64":1}`, `{"key_b64":"a"}`, `{"ttl_ms":99999999999999999999}`, `{`, ``} {
		_, why := parseEntry([]byte(line))
		for _, word := range []string{"Go", "struct", "uint", "int ", "illegal", "unmarshal", "EOF", "entryJSON", "[]"} {
			if why == "" || strings.Contains(why, word) {
				t.Errorf("%s: %q", line, why)
			}
		}
	}
}

// The lines that an export's import has refused are no export, so that no last
// line is missed.
func TestRefusedLinesOfAnExportAreNoExport(t *testing.T) {
	line := `{"ns":"default","key":"a","value":"b","version":"` + newer + `"}`
	for text, want := range map[string]string{line: trailerMissing, `{"line":1,"outcome":"refused","reason":"","text":` + strconv.Quote(line) + `}`: trailerNone} {
		l := newLines(strings.NewReader(text))
		if _, err := l.next(); err != nil || l.verdict() != want {
			t.Errorf("%s: %s, %v", text, l.verdict(), err)
		}
	}
}

// Every line of a file is in one column of what --verify prints.
func TestVerifyColumnsAddUp(t *testing.T) {
	s := readSummary{Found: 20001, Different: 1, Missing: 2, NotRead: 3, BadLines: 4, Expired: 5}
	const want = "verify  20,001 found   1 different   2 missing   3 not read   4 bad   5 expired   0B in 0s (0/s)   least acked 0"
	if got := s.text(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
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
		{writeSummary{writeCounts: writeCounts{Done: 1}}, 0}, {writeSummary{writeCounts: writeCounts{Done: 1, InDoubt: 1}}, exitInDoubt}, {writeSummary{writeCounts: writeCounts{Done: 1, Refused: 1}, refusal: refusal}, exitPartly},
		{writeSummary{writeCounts: writeCounts{Refused: 1}, refusal: refusal}, exitUnavailable}, {writeSummary{writeCounts: writeCounts{Superseded: 1}}, exitPartly}, {writeSummary{writeCounts: writeCounts{BadLines: 1}}, exitPartly},
		{writeSummary{writeCounts: writeCounts{Done: 1}, Trailer: trailerMissing}, exitPartly}, {writeSummary{writeCounts: writeCounts{Done: 1}, Trailer: trailerDiffers}, exitPartly},
		{writeSummary{writeCounts: writeCounts{Done: 1}, Trailer: trailerOK}, 0}, {writeSummary{writeCounts: writeCounts{Done: 1}, Trailer: trailerNone}, 0},
	} {
		if got := tc.s.exit(); got != tc.want {
			t.Errorf("%+v exits with %d, want %d", tc.s, got, tc.want)
		}
	}
	for r, want := range map[readSummary]int{{Found: 3, Trailer: trailerNone}: 0, {Different: 1}: exitPartly, {Missing: 1}: exitPartly, {NotRead: 1}: exitPartly, {Trailer: trailerMissing}: exitPartly, {Found: 1, Trailer: trailerOK}: 0} {
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

// A write that is done and could not be told is not one without effect.
func TestDoneAndNotPrinted(t *testing.T) {
	version, err := client.ParseVersion(newer)
	if err != nil {
		t.Fatal(err)
	}
	j, exit := describe(doneUntold("put", []byte("k"), &client.Receipt{Version: version}, errors.New("no space left on device")))
	if want := `put "k" is done, version ` + newer + `, but that could not be printed: no space left on device`; j.Message != want || j.Class != "done" || exit != exitPartly {
		t.Errorf("exit %d, %+v", exit, j)
	}
}

// What became of a line in doubt can be asked with its version.
func TestRejectsInDoubtHaveTheirVersion(t *testing.T) {
	version, err := client.ParseVersion(newer)
	if err != nil {
		t.Fatal(err)
	}
	lost := &client.Error{Op: "put", Receipt: client.Receipt{Version: version}}
	if v := rejectOf(3, isInDoubt, lost, []byte("x")); v.Version != newer || v.Outcome != "in doubt" {
		t.Errorf("%+v", v)
	}
	if v := rejectOf(3, wasRefused, lost, []byte("x")); v.Version != "" || v.Outcome != "refused" {
		t.Errorf("%+v", v)
	}
}

// A replica that had not answered when a request was done is told so: "silent" sounds as
// if something were wrong with it. The JSON has the word of the contract.
func TestAReplicaThatHadNotAnsweredYet(t *testing.T) {
	r := &client.Receipt{Replicas: []client.ReplicaAnswer{{Node: "n1", State: contract.Durable}, {Node: "n3", State: contract.Silent}}}
	if rows := receiptRows(r); !strings.Contains(rows, "  n3  had not answered yet") || strings.Contains(rows, "silent") {
		t.Errorf("%s", rows)
	}
	if v := receiptOf(r); v.Replicas[1].State != "silent" {
		t.Errorf("%+v", v)
	}
}

// The end of a long key is left out of a sentence, and its length told.
func TestALongKeyIsCut(t *testing.T) {
	key := []byte(strings.Repeat("k", 9000))
	want := `"` + strings.Repeat("k", 64) + `"... (9,000 bytes)`
	if got := shownKey(key); got != want || shownKey(key[:64]) != `"`+want[1:65]+`"` {
		t.Errorf("%s", got)
	}
	if got := doubtText("put", key, "in doubt: x"); got != "IN DOUBT  put "+want+": x." {
		t.Errorf("%s", got)
	}
}

// Who asks for more copies than there are is told how many there are.
func TestALevelAboveTheCopiesNamesThem(t *testing.T) {
	refused := &client.Error{Op: "get", Code: contract.BadRequest, Message: "the level is too high"}
	for _, tc := range []struct {
		level client.Level
		err   error
		told  bool
	}{
		{5, refused, true}, {3, refused, false}, {client.Quorum, refused, false}, {0, refused, false}, {5, &client.Error{Code: contract.Timeout}, false}, {5, nil, false},
	} {
		err := target{level: tc.level}.withCopies(tc.err, 3)
		if told := err != nil && strings.HasSuffix(err.Error(), "; a key has 3 copies here"); told != tc.told || !errors.Is(err, tc.err) {
			t.Errorf("%v: %v", tc.level, err)
		}
	}
}
