package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// docPages are the pages that show commands.
func docPages(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("there are no docs: %v", err)
	}
	return append(pages, "../../README.md", "../../examples/python/README.md")
}

func mustPage(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestCommandsInDocs runs every command that the docs show behind a "$ ", in
// their order, each page on a cluster of its own, and compares what it prints
// with what the page says. Versions, addresses, process ids, times and the names
// of nodes may differ, but a version that a page shows twice is the same one both
// times; "..." stands for anything. Where a page ends an output with "exit N", that
// is the exit code. Blocks of Python are run too, and blocks of YAML are the file
// candor.yaml. What begins with curl needs no "$ "; it has to be answered.
func TestCommandsInDocs(t *testing.T) {
	if testing.Short() {
		t.Skip("not run under -short: it starts processes; go test ./cmd/candor runs it")
	}
	var scripts []string
	for _, page := range docPages(t) {
		if script := docScript(t, page); script != "" {
			name := filepath.Join(t.TempDir(), strings.ToLower(strings.TrimSuffix(filepath.Base(page), ".md"))+".txtar")
			if err := os.WriteFile(name, []byte(script), 0o600); err != nil {
				t.Fatal(err)
			}
			scripts = append(scripts, name)
		}
	}
	if len(scripts) < 2 {
		t.Fatalf("only %d pages show commands", len(scripts))
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Files: scripts, RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error { e.Setenv("ROOT", root); return nil },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"cluster": startDev, "agreed": awaitAgreed, "send": send, "shows": shows,
		},
	})
}

// docCommand is a command of a page, what the page says that it prints, and what
// it reads from stdin.
type docCommand struct {
	line    int
	command string
	output  []string
	stdin   string
}

// docScript turns the commands of a page into a script; "" if there are none.
func docScript(t *testing.T, page string) string {
	text := mustPage(t, page)
	commands := docCommands(text)
	if len(commands) == 0 {
		return ""
	}
	var script, files strings.Builder
	// Versions stay fresh however slow the machine is, and no read is hedged because
	// it is.
	script.WriteString("cluster --set repair.max_request_age=1h --set read.hedge_max=0%\n")
	for i, s := range commands {
		fmt.Fprintf(&script, "# %s:%d\n", filepath.Base(page), s.line)
		switch words := strings.Fields(s.command); {
		case strings.Contains(s.command, "candor dev"):
			// The cluster runs already.
		case words[0] == "kill":
			node := nodeOfPID(t, page, text, words[len(words)-1])
			fmt.Fprintf(&script, "send KILL $%s_PID\nagreed %s\n", node, strings.ToLower(node))
		case strings.HasPrefix(s.command, "candor serve --config ./cluster/"):
			fmt.Fprintf(&script, "exec %s &\nagreed\n", shownCommand(s.command))
		case words[0] == "candor", words[0] == "curl", words[0] == "python3":
			fmt.Fprintf(&script, "shows command%d\n", i)
			fmt.Fprintf(&files, "-- command%d --\n%s\n%s\n", i, shownCommand(s.command), strings.Join(s.output, "\n"))
			fmt.Fprintf(&files, "-- command%d.stdin --\n%s\n", i, s.stdin)
		default:
			t.Errorf("%s:%d: no test knows how to run %q", page, s.line, s.command)
		}
	}
	for _, b := range docBlocks(text) {
		if b.lang == "yaml" {
			fmt.Fprintf(&files, "-- candor.yaml --\n%s\n", strings.Join(b.lines, "\n"))
		}
	}
	return script.String() + files.String()
}

// nodeOfPID is the node that has this process id in the table of candor dev.
func nodeOfPID(t *testing.T, page, text, pid string) string {
	row := regexp.MustCompile(`(?m)^ *n([0-9]+) +` + pid + ` `).FindStringSubmatch(text)
	if row == nil {
		t.Fatalf("%s kills %s, which is no process of its table", page, pid)
	}
	return "N" + row[1]
}

// docCommands finds the commands in the code blocks of a page.
func docCommands(text string) (all []docCommand) {
	for _, b := range docBlocks(text) {
		if b.lang == "python" {
			all = append(all, pythonCommand(b))
			continue
		}
		var last *docCommand
		for i, line := range b.lines {
			switch command, is := strings.CutPrefix(line, "$ "); {
			case is:
				all = append(all, docCommand{line: b.line + i, command: command})
				last = &all[len(all)-1]
			case strings.HasPrefix(line, "curl "):
				all = append(all, docCommand{line: b.line + i, command: line, output: []string{"..."}})
				last = nil
			case last != nil:
				last.output = append(last.output, line)
			}
		}
	}
	return all
}

// pythonCommand runs a block of Python. It prints what stands behind its prints as
// comments.
func pythonCommand(b docBlock) docCommand {
	c := docCommand{line: b.line, command: "python3 -", stdin: strings.Join(b.lines, "\n")}
	for _, line := range b.lines {
		if printed, comment, is := strings.Cut(line, "  # "); is && strings.HasPrefix(printed, "print(") {
			c.output = append(c.output, comment)
		}
	}
	return c
}

// docBlock is a block of code, fenced or indented, without the fence or indent.
type docBlock struct {
	line  int // of its first
	lang  string
	lines []string
}

func docBlocks(text string) (all []docBlock) {
	fenced, open := false, false // whether the last of all goes on
	for i, line := range strings.Split(text, "\n") {
		if lang, is := strings.CutPrefix(line, "```"); is {
			if fenced, open = !fenced, !fenced; fenced {
				all = append(all, docBlock{line: i + 2, lang: lang})
			}
			continue
		}
		code, indented := strings.CutPrefix(line, "    ")
		switch {
		case !fenced && !indented:
			open = false
			continue
		case !open:
			all, open = append(all, docBlock{line: i + 1}), true
		case fenced:
			code = line
		}
		b := &all[len(all)-1]
		b.lines = append(b.lines, code)
	}
	return all
}

var (
	docComment = regexp.MustCompile(`(   |\s#\s).*$`)
	docVersion = regexp.MustCompile(`\b[0-9a-f]{32}\b`)
	docAddress = regexp.MustCompile(`127\.0\.0\.1:7[0-9]{3}`)
)

// shownCommand is a command without what the page says about it.
func shownCommand(text string) string {
	if strings.HasPrefix(text, "curl ") {
		return strings.Join(strings.Fields(text), " ") // these stand in columns
	}
	return docComment.ReplaceAllString(text, "")
}

// shows runs the command in the first line of a file and compares its output, both
// streams together, with the other lines, as far as it does not differ from run to
// run.
func shows(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: shows FILE")
	}
	command, output, _ := strings.Cut(strings.TrimRight(ts.ReadFile(args[0]), "\n"), "\n")
	want := strings.Split(output, "\n")
	code := "exit 0"
	if last := len(want) - 1; strings.HasPrefix(want[last], "exit ") {
		want, code = want[:last], want[last]
	}
	words, err := splitWords(command)
	ts.Check(err)
	for i := range words {
		freshVersions(ts, words[i])
		words[i] = here(ts, words[i])
	}
	var out, got string
	ran := true
	as := func() bool {
		out, got, ran = runShown(ts, words, here(ts, ts.ReadFile(args[0]+".stdin")))
		return !ran || got == code && matches(steady(want), steady(strings.Split(strings.TrimRight(out, "\n"), "\n")))
	}
	switch right := as() || looks(words) && within(patience, as); {
	case !ran:
		ts.Logf("%s is missing on this machine", words[0])
	case !right:
		ts.Fatalf("%s\nprints\n%s\n%s; the page says\n%s\n%s", command, out, got, strings.Join(want, "\n"), code)
	}
	sameVersions(ts, command, strings.Join(want, "\n"), out)
}

// freshVersions draws those that a command names and nothing has printed: as old as the
// page they would be forgotten as soon as the replicas have compared what they hold.
func freshVersions(ts *testscript.TestScript, word string) {
	for _, v := range docVersion.FindAllString(word, -1) {
		if ts.Getenv("VERSION_"+v) == "" {
			ts.Setenv("VERSION_"+v, fmt.Sprintf("%012x%s", time.Now().UnixMilli(), v[12:]))
		}
	}
}

// here is a text of a page in this run: its versions and addresses are those that
// really are.
func here(ts *testscript.TestScript, text string) string {
	text = docVersion.ReplaceAllStringFunc(text, func(v string) string {
		if now := ts.Getenv("VERSION_" + v); now != "" {
			return now
		}
		return v
	})
	return docAddress.ReplaceAllStringFunc(text, func(addr string) string {
		port, _ := strconv.Atoi(addr[len("127.0.0.1:"):]) // the pattern has seen to it
		switch node := fmt.Sprintf("N%d", (port-7400)/10+1); {
		case port == 7480: // listen.http where it is not set
			return ts.Getenv("N1_ADMIN")
		case port%10 == 3:
			return ts.Getenv(node + "_ADMIN")
		default:
			return ts.Getenv(node + "_CLIENT")
		}
	})
}

// runShown runs a command and returns its output and its exit code; false: the
// program is missing.
func runShown(ts *testscript.TestScript, words []string, stdin string) (out, code string, ran bool) {
	var err error
	switch words[0] {
	case "candor":
		err = ts.Exec("candor", words[1:]...)
		out = ts.ReadFile("stdout") + ts.ReadFile("stderr")
	case "curl":
		out, err = curl(words[1:])
	case "python3":
		interpreter, missing := exec.LookPath("python3")
		if missing != nil {
			return "", "", false
		}
		root := ts.Getenv("ROOT")
		cmd := exec.Command(interpreter, words[1:]...)
		cmd.Dir, cmd.Stdin = root, strings.NewReader(stdin)
		cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH="+filepath.Join(root, "examples", "python"))
		var all []byte
		all, err = cmd.CombinedOutput()
		out = string(all)
	}
	if err != nil {
		return out, strings.Replace(err.Error(), "exit status", "exit", 1), true
	}
	return out, "exit 0", true
}

// sameVersions notes which version of this run each one of the page is.
func sameVersions(ts *testscript.TestScript, command, want, got string) {
	shown, real := docVersion.FindAllString(want, -1), docVersion.FindAllString(got, -1)
	if len(shown) != len(real) {
		return // the page has left some out
	}
	for i, v := range shown {
		switch before := ts.Getenv("VERSION_" + v); before {
		case "":
			ts.Setenv("VERSION_"+v, real[i])
		case real[i]:
		default:
			ts.Fatalf("%s\nprints version %s, where the page repeats %s, which was %s", command, real[i], v, before)
		}
	}
}

// receiptFigures are those of a receipt. Who acknowledges beyond what is needed
// depends on who is faster, and who was asked on who is slow.
var receiptFigures = regexp.MustCompile(`need (\d+) +acked (\d+) +durable (\d+) +hinted (\d+) +asked (\d+)`)

// steadyReceipt is what is promised of the figures: enough replicas have it, and all
// of these on disk.
func steadyReceipt(text string) string {
	m := receiptFigures.FindStringSubmatch(text)
	figure := func(i int) int {
		n, _ := strconv.Atoi(m[i]) // the pattern has seen to it
		return n
	}
	if figure(2) < figure(1) || figure(3) != figure(2) || figure(5) < figure(2) {
		return text
	}
	return "need " + m[1] + " met hinted " + m[4]
}

var unsteady = []struct {
	what *regexp.Regexp
	text string
}{
	{docVersion, "VERSION"},
	{regexp.MustCompile(`0x[0-9a-f]{16}`), "TOKEN"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "ADDRESS"},
	{regexp.MustCompile(`\d\d:\d\d:\d\d\.\d+Z`), "TIME"},
	{regexp.MustCompile(`D1(08|10|17) [^(]*\((warning|critical)\) *`), ""}, // how fast this machine is
	{regexp.MustCompile(`[+]?(\d+m)?\d+(\.\d+)?(ms|µs|us|s)\b`), "DURATION"},
	{regexp.MustCompile(`\b\d+(\.\d+)?[KMG]i?B\b`), "BYTES"},
	{regexp.MustCompile(`\b(up|DOWN) +(\?|\d+\.\d) `), "$1 PHI "},
	{regexp.MustCompile(`\b\d+\.\d\b`), "FIGURE"},
	{regexp.MustCompile(`\bn[123]\b`), "NODE"},
	{regexp.MustCompile(`[ \t]+`), " "},
}

// nodeRow is a line of a table of nodes.
var nodeRow = regexp.MustCompile(`^n[123]  `)

// steady is what is left of lines when all is taken out that differs from run to
// run. Rows, which begin with spaces or a node, are put in order.
func steady(lines []string) []string {
	var out []string
	for _, line := range lines {
		row := strings.HasPrefix(line, " ") || nodeRow.MatchString(line)
		line = receiptFigures.ReplaceAllStringFunc(line, steadyReceipt)
		for _, u := range unsteady {
			line = u.what.ReplaceAllString(line, u.text)
		}
		if line = strings.TrimSpace(line); row {
			line = " " + line
		}
		out = append(out, line)
	}
	for from := 0; from < len(out); from++ {
		to := from
		for to < len(out) && strings.HasPrefix(out[to], " ") {
			to++
		}
		slices.Sort(out[from:to])
		from = max(from, to-1)
	}
	return out
}

// matches compares lines; a line of "..." matches any number of them, and one that
// holds "..." any text there.
func matches(want, got []string) bool {
	switch {
	case len(want) == 0:
		return len(got) == 0
	case strings.TrimSpace(want[0]) == "...":
		for skip := range len(got) + 1 {
			if matches(want[1:], got[skip:]) {
				return true
			}
		}
		return false
	case len(got) == 0:
		return false
	}
	pattern := strings.ReplaceAll(regexp.QuoteMeta(want[0]), `\.\.\.`, ".*")
	return regexp.MustCompile("^"+pattern+"$").MatchString(got[0]) && matches(want[1:], got[1:])
}

// The comparison is strict where it has to be, and only there.
func TestDocsAreComparedStrictly(t *testing.T) {
	for _, tc := range []struct {
		page, real string
		same       bool
	}{
		{"done  " + strings.Repeat("0a", 16) + "  acked 2", "done  " + strings.Repeat("1b", 16) + "  acked 2", true},
		{"acked 2", "acked 3", false},
		{"need 2  acked 2  durable 2  hinted 0  asked 3", "need 2  acked 3  durable 3  hinted 0  asked 3", true},
		{"need 2  acked 2  durable 2  hinted 0  asked 3", "need 2  acked 1  durable 1  hinted 0  asked 3", false},
		{"need 2  acked 2  durable 2  hinted 0  asked 3", "need 2  acked 2  durable 1  hinted 0  asked 3", false},
		{"need 2  acked 3  durable 3  hinted 0  asked 3", "need 3  acked 3  durable 3  hinted 0  asked 3", false},
		{"need 2  acked 2  durable 2  hinted 0  asked 3", "need 2  acked 2  durable 2  hinted 1  asked 3", false},
		{"x\n  n1  durable\n  n2  silent", "x\n  n3  silent\n  n1  durable", true},
		{"x\n  n1  durable\n  n2  silent", "x\n  n3  durable\n  n1  durable", false},
		{"a\n...\nz", "a\nb\nc\nz", true},
		{"a\n...\nz", "a\nb\nc", false},
		{"why ... refused", "why it was refused", true},
		{"1  n2  up  ?  value", "1  n3  up  0.3  value", true},
		{"n1  1,024  0.2", "n2  1,024  1.1", true},
		{"n1  1,024  0.2\nn2  1,024  -", "n1  1,024  -\nn2  1,024  1.1", true},
		{"n1  1,024  0.2", "n2  1,024  -", false},
		{"one line", "one line\nand more", false},
	} {
		lines := func(s string) []string { return steady(strings.Split(s, "\n")) }
		if matches(lines(tc.page), lines(tc.real)) != tc.same {
			t.Errorf("the page says\n%s\nit prints\n%s\nthe same: %v is wrong", tc.page, tc.real, !tc.same)
		}
	}
}

// Go in docs compiles: each block is the body of a function that has a context, a
// value, and the packages of the client's users.
func TestGoInDocsCompiles(t *testing.T) {
	if testing.Short() {
		t.Skip("not run under -short: it runs the compiler; go test ./cmd/candor runs it")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	var code bytes.Buffer
	code.WriteString("package shown\n\nimport (\n\t\"context\"\n\t\"errors\"\n\t\"time\"\n\n\t\"github.com/candordb/candor/client\"\n)\n\n" +
		"var _, _, _ = errors.Is, time.Hour, client.Open\n")
	blocks := 0
	names := regexp.MustCompile(`(?m)^([a-z]+), err :?=`)
	for _, page := range docPages(t) {
		for _, b := range docBlocks(mustPage(t, page)) {
			if b.lang != "go" {
				continue
			}
			text := strings.Join(b.lines, "\n")
			fmt.Fprintf(&code, "\nfunc block%d(ctx context.Context, value []byte) {\n//line %s:%d\n%s\n\t_ = err\n", blocks, filepath.Base(page), b.line, text)
			for _, m := range names.FindAllStringSubmatch(text, -1) {
				fmt.Fprintf(&code, "\t_ = %s\n", m[1])
			}
			code.WriteString("}\n")
			blocks++
		}
	}
	if blocks == 0 {
		t.Fatal("no page shows Go")
	}
	dir := t.TempDir()
	file, overlay := filepath.Join(dir, "shown.go"), filepath.Join(dir, "overlay.json")
	replace := fmt.Sprintf(`{"Replace": {%q: %q}}`, filepath.Join(root, "shown", "shown.go"), file)
	if err := os.WriteFile(file, code.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(overlay, []byte(replace), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-overlay", overlay, "./shown")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
