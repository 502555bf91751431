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

// shop is a cluster of five nodes, three of them up, with invented figures.
func shop() *statusView {
	v := &statusView{age: 400 * time.Millisecond}
	v.Cluster.Name, v.Cluster.Replicas, v.Cluster.Partitions, v.Cluster.Epoch = "shop-prod", 3, 1024, 41
	v.SeenBy.Name = "n1"
	v.Quorum.Possible, v.Quorum.Certain, v.Quorum.Of = 1024, 1024, 1024
	for i, n := range []nodeStatus{
		{State: "normal", Reachable: true, Partitions: 701, Self: true},
		{State: "normal", Reachable: true, Partitions: 700, Gossip: "alive"},
		{State: "normal", Partitions: 701, Gossip: "dead"},
		{State: "normal", Reachable: true, Partitions: 700, Gossip: "alive"},
		{State: "joining", Reachable: true, Partitions: 270, Gossip: "alive"},
	} {
		d := string(rune('1' + i))
		n.Name, n.ID, n.Zone = "n"+d, strings.Repeat("0"+d, 16), string(rune('a'+i))
		n.Client, n.Peer, n.GossipAddr, n.HTTP = "10.0.0."+d+":7400", "10.0.0."+d+":7401", "10.0.0."+d+":7402", "10.0.0."+d+":7480"
		if phi := []float64{0, 0.4, 300, 0.3}; !n.Self && i < len(phi) { // the joining node was not heard yet
			n.Phi = &phi[i]
		}
		v.Nodes = append(v.Nodes, n)
	}
	return v
}

// The screens of operations.md 1.5, for the columns and lines that exist.
func TestStatusScreens(t *testing.T) {
	v := shop()
	goldenView(t, "status", v)
	v.classic = true
	golden(t, "status-classic", v.screen(false).String())

	v = shop()
	v.check = true
	golden(t, "status-check-degraded", v.screen(false).String())
	v.Nodes[3].Reachable, v.Nodes[3].Gossip, v.Nodes[3].Error = false, "unknown", "connection refused"
	v.Quorum.Possible, v.Quorum.Failing = 672, append([]int{3, 9, 14, 15, 16, 17}, 20, 22, 24, 26, 28, 30)
	golden(t, "status-check-failing", v.screen(false).String())
	v.check = false
	golden(t, "status-failing", v.screen(false).String())
	v.classic = true
	golden(t, "status-classic-unknown", v.screen(false).String())

	v = shop()
	v.Nodes = append(v.Nodes[:2], v.Nodes[3])
	golden(t, "status-no-fault", v.screen(false).String())
	v.check = true
	golden(t, "status-check-no-fault", v.screen(false).String())
	v.Waiting, v.check = "waiting for 10.0.0.2:7401", false
	golden(t, "status-waiting", v.screen(false).String())
	v.check = true
	golden(t, "status-check-unknown", v.screen(false).String())
}

// Two reasons why a node does not answer are two, and one that is told twice is
// one.
func TestNodeInfoTellsItsReasonsApart(t *testing.T) {
	v := &nodeView{Error: "10.0.0.3:7480: connection refused", status: shop()}
	v.Node = v.status.Nodes[2]
	for own, want := range map[string]string{"": v.Error, "no heartbeat": v.Error + "; no heartbeat", v.Error: v.Error} {
		v.Node.Error = own
		if got := v.screen(false).String(); !strings.HasSuffix(got, "\nwhy         "+want+"\n") {
			t.Errorf("%q:\n%s", own, got)
		}
	}
}

// Each thing that is wrong takes the best verdict away, and nothing brings it
// back.
func TestVerdict(t *testing.T) {
	healthy := func() *clusterStatus {
		s := shop().clusterStatus
		s.Nodes = append(s.Nodes[:2], s.Nodes[3])
		return &s
	}
	joining := healthy()
	joining.Nodes[1].State = "joining" // a rebalance is no fault
	for _, s := range []*clusterStatus{healthy(), joining} {
		if got := s.verdict(); got != verdictNoFault {
			t.Fatalf("a healthy cluster is %s", got)
		}
	}
	for want, breakages := range map[verdict][]func(*clusterStatus){
		verdictDegraded: {
			func(s *clusterStatus) { s.Nodes[1].Reachable = false },
			func(s *clusterStatus) { s.Nodes[1].Suspect = true },
			func(s *clusterStatus) { s.Nodes[0].Error = "storage has stopped" },
		},
		verdictFailing: {func(s *clusterStatus) { s.Quorum.Possible-- }},
		verdictUnknown: {
			func(s *clusterStatus) { s.Waiting = "waiting" },
			func(s *clusterStatus) { s.Cluster.Epoch = 0 },
			func(s *clusterStatus) { s.Quorum.Of, s.Quorum.Possible = 0, 0 },
			func(s *clusterStatus) { s.Quorum.Certain--; s.Nodes[1].Suspect = true },
		},
	} {
		for i, breakIt := range breakages {
			s := healthy()
			breakIt(s)
			if got := s.verdict(); got != want {
				t.Errorf("breakage %d: %s, want %s", i, got, want)
			}
		}
	}
	for v, want := range map[verdict]bool{verdictNoFault: true, verdictDegraded: true, verdictFailing: false, verdictUnknown: false} {
		if v.passes() != want {
			t.Errorf("%s passes: %v", v, v.passes())
		}
	}
}

// What is not known of overlapping losses is told as a range, not as a number.
func TestWhereAllIsPossible(t *testing.T) {
	s := shop().clusterStatus
	if got := s.allText(); got != "not possible in 701 (n3 does not answer)" {
		t.Error(got)
	}
	s.Nodes[3].Reachable = false
	if got := s.allText(); got != "not possible in 701 to 1,024 (n3, n4 do not answer)" {
		t.Error(got)
	}
	s.Nodes[2].Partitions = 1024
	if got := s.allText(); got != "not possible in 1,024 (n3, n4 do not answer)" {
		t.Error(got)
	}
	if got := s.oneText(); got != "one: possible in all 1,024." {
		t.Error(got)
	}
	s.Nodes[1].Reachable = false
	if got := s.oneText(); got != "one: not known where." {
		t.Error(got)
	}
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
	line := regexp.MustCompile(`(?m)^(exec|! exec|exits \d+|eventually) candor ` + strings.Join(path, " ") + `( |$)|[^\n]*sh -c .*candor ` + strings.Join(path, " ") + `[ ;"|]`)
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
