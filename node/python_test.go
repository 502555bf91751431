package node

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// python runs a program of examples/python.
func python(t *testing.T, args ...string) (string, error) {
	t.Helper()
	interpreter, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is missing: install Python 3.9 or later and put it on PATH")
	}
	cmd := exec.CommandContext(t.Context(), interpreter, args...)
	cmd.Dir, cmd.Env = "../examples/python", append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// A client that was written from docs/PROTOCOL.md alone understands every
// vector, and finds in a live cluster what the page says. docs/protocol/check.py prints
// one line for each thing that it looks at.
func TestTheClientInPythonInteroperates(t *testing.T) {
	c := startCluster(t, 3)
	addr := c.nodes[0].config.Listen.Client
	eventually(t, "a read at ALL is possible", func() bool {
		w := greet(t, addr)
		return w.ask(&wire.Request{Op: wire.OpGet, ID: 2, Key: []byte("k"), Level: contract.All}).Code == contract.OK
	})
	out, err := python(t, "../../docs/protocol/check.py", "--vectors", "../../docs/protocol/vectors.json", "--addr", addr)
	fine := 0
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "ok ") {
			fine++
		} else {
			t.Log(line)
		}
	}
	if err != nil || fine < 800 {
		t.Errorf("%d things were looked at and right: %v", fine, err)
	}
}

// The commands that its README shows.
func TestTheCommandsOfTheClientInPython(t *testing.T) {
	c := startCluster(t, 1)
	run := func(args ...string) map[string]any {
		t.Helper()
		out, err := python(t, append([]string{"candor.py", "--addr", c.nodes[0].config.Listen.Client}, args...)...)
		answer := map[string]any{}
		if list := strings.TrimSuffix(strings.TrimPrefix(out, "["), "]\n"); err != nil || json.Unmarshal([]byte(list), &answer) != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return answer
	}
	version := run("--level", "all", "--flag", "rows", "put", "hello", "world")["version"]
	for _, r := range []struct {
		args []string
		name string
		want any
	}{
		{[]string{"get", "hello"}, "value", "world"}, {[]string{"scan", "hel"}, "cursor", nil},
		{[]string{"outcome", "hello", version.(string)}, "state", 1.0}, {[]string{"explain", "hello"}, "winner", version},
		{[]string{"ring"}, "N", 1.0}, {[]string{"--flag", "ordered", "del", "hello"}, "outcome", 0.0}, {[]string{"get", "hello"}, "found", false},
	} {
		if got, given := run(r.args...)[r.name]; got != r.want || !given {
			t.Errorf("%v: %s is %v, want %v", r.args, r.name, got, r.want)
		}
	}
	out, err := python(t, "candor.py", "--addr", c.nodes[0].config.Listen.Client, "--level", "3", "get", "hello")
	if err == nil || !strings.HasPrefix(out, "BAD_REQUEST (no effect): ") {
		t.Errorf("an error is shown as %q, %v", out, err)
	}
}

// A stranger can read it in one sitting.
func TestTheClientInPythonIsSmall(t *testing.T) {
	text, err := os.ReadFile("../examples/python/candor.py")
	if err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(text, []byte("\n")); lines > 300 {
		t.Errorf("candor.py has %d lines, want at most 300", lines)
	}
	for i, line := range bytes.Split(text, []byte("\n")) {
		if len(line) > 110 {
			t.Errorf("line %d of candor.py has %d columns, want at most 110", i+1, len(line))
		}
	}
}
