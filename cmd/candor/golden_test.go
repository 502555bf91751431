package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
)

var rewrite = flag.Bool("rewrite", false, "write the files under testdata/golden anew; look at what has changed")

// golden compares what a command prints with testdata/golden/NAME.txt, byte for
// byte.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name+".txt")
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: run this test with -rewrite, and look at the file", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// goldenView compares all that people see of a view.
func goldenView(t *testing.T, name string, v view) {
	t.Helper()
	golden(t, name, v.screen(false).String())
	golden(t, name+"-wide", v.screen(true).String())
	golden(t, name+"-name", strings.Join(append(v.names(), ""), "\n"))
}

func TestDevScreen(t *testing.T) {
	var nodes []*devNode
	for i, pid := range []int{48211, 48212, 48213} {
		n := nodeAt("/tmp/candor-dev-1", i)
		d := string(rune('0' + i))
		n.client, n.admin = "127.0.0.1:74"+d+"0", "127.0.0.1:74"+d+"3"
		n.process = &process{cmd: &exec.Cmd{Process: &os.Process{Pid: pid}}}
		nodes = append(nodes, n)
	}
	screen, next := devScreen(nodes, false)
	golden(t, "dev", screen+next)
	screen, next = devScreen(nodes[:1], true)
	golden(t, "dev-kept", screen+next)
}

func TestDoubtScreen(t *testing.T) {
	e, _, stderr := quietEnv()
	refused := &client.Error{Op: "put", Key: []byte("order:77")}
	refused.Receipt.Version = mustVersion(t, "01a20322120200008f21c07d55aa1e04")
	e.tell(errorJSON{
		Message: doubtText(refused.Op, refused.Key, "in doubt: all needs 3, got 2 (n1, n2 durable) in 500ms, n4 is silent; it may be seen now, later or never"),
		Hint:    doubtHint(refused, refused),
	}, false)
	golden(t, "put-in-doubt", stderr.String())
}

func mustVersion(t *testing.T, text string) client.Version {
	t.Helper()
	v, err := client.ParseVersion(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPutScreen(t *testing.T) {
	v := mustVersion(t, "01a20325e5a800008f21c07d55aa1e04")
	e, stdout, _ := quietEnv()
	var o writeOptions
	o.format.form = "table"
	r := client.Receipt{Version: v, Need: 2, Acked: 2, Durable: 2, Asked: 2, Level: client.Quorum}
	if err := e.written("put", []byte("cart:9921"), &r, nil, o); err != nil {
		t.Error(err)
	}
	golden(t, "put", stdout.String())
	stdout.Reset()
	r.SupersededBy = mustVersion(t, "01a20325e5a900008f21c07d55aa1e04")
	if err := e.written("put", []byte("cart:9921"), &r, nil, o); err == nil {
		t.Error("a superseded write exits 0")
	}
	golden(t, "put-superseded", stdout.String())

	// Where several keys are written, each line says which one it is about.
	stdout.Reset()
	r.SupersededBy, o.several = client.Version{}, true
	if err := e.written("delete", []byte("cart:9921"), &r, nil, o); err != nil || !strings.HasPrefix(stdout.String(), `done      "cart:9921"   `+v.String()) {
		t.Errorf("%v: %s", err, stdout)
	}
}

func TestTraceScreen(t *testing.T) {
	golden(t, "get-trace", traceText(traceOf(&client.Trace{Steps: []client.TraceStep{
		{At: 0, Node: "client", What: "-> n2 (replica 1)"},
		{At: 210 * time.Microsecond, Node: "n2", What: "record, version 01a20320a73300008f21c07d55aa1e04"},
		{At: 220 * time.Microsecond, Node: "n1", What: "read sent"},
		{At: 1340 * time.Microsecond, Node: "n1", What: "the same version"},
		{At: 12360 * time.Microsecond, Node: "n2", What: "answered"},
	}})))
}

// shopRing is the ring of a small cluster.
func shopRing() *ringView {
	v := &ringView{Epoch: 41, Replicas: 3, Partitions: 1024}
	for i, n := range shop().Nodes[:4] {
		v.Members = append(v.Members, memberRow{n.Name, n.ID, n.State, n.Zone, "", n.Client, n.Peer, n.GossipAddr, n.HTTP, 768})
		v.Members[i].Region = "eu"
	}
	return v
}

func TestRingScreens(t *testing.T) {
	goldenView(t, "ring-show", shopRing())
	first, last := tokensOf(157, 1024)
	p := &partitionView{Partition: 157, Partitions: 1024, Epoch: 41, Copies: 3, First: tokenText(first), Last: tokenText(last)}
	for i, n := range shop().Nodes[1:4] {
		p.Replicas = append(p.Replicas, partitionReplica{i + 1, n.Name, n.ID, n.State, n.Zone, n.Client})
	}
	goldenView(t, "ring-partition", p)
	p.Replicas = p.Replicas[:1]
	golden(t, "ring-partition-few", p.screen(false).String())
	goldenView(t, "ring-owners", &ownersView{Epoch: 41, Copies: 3, Partitions: []ownersRow{
		{0, tokenText(0), []string{"n1", "n2", "n3"}}, {1, tokenText(1 << 63), []string{"n2", "n3", "n4"}},
	}})
}

// The slices of the token space follow each other without a gap.
func TestTokensOf(t *testing.T) {
	for _, partitions := range []int{1, 2, 8, 1024, 65536} {
		next := uint64(0)
		for p := range partitions {
			first, last := tokensOf(p, partitions)
			if first != next || last < first {
				t.Fatalf("partition %d of %d covers %x to %x, want it to begin at %x", p, partitions, first, last, next)
			}
			next = last + 1
		}
		if next != 0 {
			t.Errorf("the last of %d ends at %x", partitions, next-1)
		}
	}
}

func TestConfigScreens(t *testing.T) {
	settings := []settingRow{
		{"cluster.name", "shop", "file candor.yaml:2"}, {"cluster.seeds", "", "default"}, {"log.level", "debug", "--set"},
	}
	goldenView(t, "config-show", &configView{Settings: settings})
	golden(t, "config-show-origin", (&configView{Settings: settings, origin: true}).screen(false).String())
	other := []settingRow{{"cluster.name", "shop", "default"}, {"log.level", "info", "default"}, {"log.color", "true", "default"}}
	d := differenceOf([2]string{"n1", "n2"}, [2]*configView{{Settings: settings}, {Settings: other}})
	goldenView(t, "config-diff", d)
	same := differenceOf([2]string{"n1", "n2"}, [2]*configView{{Settings: settings}, {Settings: settings}})
	golden(t, "config-diff-none", same.screen(false).String())
}

// namesCommand says whether a test names a command: as a line of a script, or by
// a golden file that bears its name.
func namesCommand(tests map[string]string, path []string) bool {
	line := regexp.MustCompile(`(?m)^(exec|! exec|exits \d+|eventually|until \d+ ('[^\n]*'|[^ \n]+)) candor ` + strings.Join(path, " ") + `( |$)|[^\n]*sh -c .*candor ` + strings.Join(path, " ") + `[ ;"|]`)
	for name, content := range tests {
		switch {
		case strings.HasSuffix(name, ".txtar") && line.MatchString(content):
			return true
		case filepath.Base(filepath.Dir(name)) == "golden" && strings.TrimSuffix(filepath.Base(name), ".txt") == strings.Join(path, "-"):
			return true
		}
	}
	return false
}

func TestEveryCommandHasAGolden(t *testing.T) {
	tests := map[string]string{}
	for _, pattern := range []string{"testdata/script/*.txtar", "testdata/golden/*.txt"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tests[file] = string(content)
		}
	}
	e, _, _ := quietEnv()
	leaves(newApp(e).Commands, nil, func(path []string, _ *cli.Command) {
		if !namesCommand(tests, path) {
			t.Errorf("no script runs candor %s, and testdata/golden has no %s.txt", strings.Join(path, " "), strings.Join(path, "-"))
		}
	})
}

// The test above can fail: a command that nobody has tested is found out, and so
// is one whose name is only the beginning of another's.
func TestACommandWithoutAGoldenIsFound(t *testing.T) {
	tests := map[string]string{"testdata/script/a.txtar": "exec candor ring shower\n# exec candor ring show\n", "testdata/golden/ring-show-wide.txt": ""}
	if namesCommand(tests, []string{"ring", "show"}) {
		t.Error("ring show counts as tested")
	}
	tests["testdata/script/b.txtar"] = "exits 2 candor ring show\n"
	if !namesCommand(tests, []string{"ring", "show"}) {
		t.Error("ring show does not count as tested")
	}
}
