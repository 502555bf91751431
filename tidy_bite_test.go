package candor_test

import (
	"fmt"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"
)

// bite is a small file, and what the rules must say about it: the findings of
// all rules together, one after the other, without their places.
type bite struct {
	name   string
	path   string
	text   string
	expect []string // a piece of each finding, in order; none: nothing is found
}

// bites has, for every rule and every row of its table with a mind of its own,
// a file that breaks it and its nearest neighbour that does not.
var bites = []bite{
	// The import table.
	{"up", "ring/a.go", `package ring; import _ "github.com/candordb/candor/router"`,
		[]string{"ring may not import router", "blank import"}},
	{"down", "router/a.go", `package router; import "github.com/candordb/candor/ring"; var _ ring.View`, nil},
	{"down, but not in its row", "storage/a.go", `package storage; import "github.com/candordb/candor/wire"; var _ wire.X`,
		[]string{"storage may not import wire"}},
	{"a test may reach any lower floor", "storage/a_test.go", `package storage; import "github.com/candordb/candor/wire"; var _ wire.X`, nil},
	{"a test may not reach up", "wire/a_test.go", `package wire; import "github.com/candordb/candor/storage"; var _ storage.X`,
		[]string{"wire may not import storage"}},
	{"node takes all below", "node/a.go", `package node; import "github.com/candordb/candor/router"; var _ router.X`, nil},
	{"node is no simulator", "node/a.go", `package node; import "github.com/candordb/candor/sim"; var _ sim.X`,
		[]string{"node may not import sim"}},
	{"a double in the product", "node/a.go", `package node; import "github.com/candordb/candor/storage/model"; var _ model.X`,
		[]string{"node may not import storage/model"}},
	{"a double in a test", "node/a_test.go", `package node; import "github.com/candordb/candor/storage/model"; var _ model.X`, nil},
	{"a double in a lower test", "hlc/a_test.go", `package hlc; import "github.com/candordb/candor/storage/model"; var _ model.X`,
		[]string{"hlc may not import storage/model"}},
	{"a double in the simulator", "sim/a.go", `package sim; import "github.com/candordb/candor/storage/model"; var _ model.X`, nil},
	{"a traitor in the shell", "node/a.go", `package node; import "github.com/candordb/candor/traitor"; var _ traitor.Bug`,
		[]string{"node may not import traitor"}},
	{"a package without a row", "util/a.go", `package util`, []string{"util is not in the import table"}},

	// Libraries.
	{"two importers", "node/a.go", `package node; import "github.com/syndtr/goleveldb/leveldb"; var _ leveldb.DB`,
		[]string{"node may not import github.com/syndtr/goleveldb: only storage"}},
	{"not in the table", "node/a_test.go", `package node; import "github.com/stretchr/testify/assert"; var _ = assert.True`,
		[]string{"testify/assert is not in the library table"}},
	{"a test library in the product", "node/a.go", `package node; import "github.com/google/go-cmp/cmp"; var _ = cmp.Diff`,
		[]string{"node may not import github.com/google/go-cmp: only tests"}},
	{"a test library in a test", "node/a_test.go", `package node; import "github.com/google/go-cmp/cmp"; var _ = cmp.Diff`, nil},

	// Purity.
	{"a file", "paxos/a.go", `package paxos; import "os"; var _ = os.Args`, []string{"paxos may not import os"}},
	{"a lock", "ring/a.go", `package ring; import "sync/atomic"; var _ atomic.Int64`, []string{"ring may not import sync/atomic"}},
	{"a context", "router/a.go", `package router; import "context"; var _ context.Context`, []string{"router may not import context"}},
	{"the clock", "hlc/a.go", `package hlc; import "time"; func f() { time.Now() }`, []string{"hlc may not use time.Now"}},
	{"a timer", "sim/a.go", `package sim; import "time"; var _ = time.NewTimer`, []string{"sim may not use time.NewTimer"}},
	{"a duration", "hlc/a.go", `package hlc; import "time"; const max = 5 * time.Second; var _ time.Duration`, nil},
	{"the clock, in a shell", "rpc/a.go", `package rpc; import "time"; var _ = time.Now`, nil},
	{"a status", "contract/a.go", `package contract; import "net/http"; const _ = http.StatusOK`, nil},
	{"a client", "contract/a.go", `package contract; import "net/http"; var _ = http.Get`, []string{"contract may not use net/http.Get"}},
	{"global randomness", "sim/a.go", `package sim; import "math/rand/v2"; var _ = rand.IntN(3)`, []string{"sim may not use math/rand/v2.IntN"}},
	{"seeded randomness", "sim/a.go", `package sim; import "math/rand/v2"; var _ = rand.New(rand.NewPCG(1, 2))`, nil},
	{"randomness in a decision", "ring/a.go", `package ring; import "math/rand/v2"; var _ = rand.New`, []string{"ring may not import math/rand/v2"}},
	{"printing", "replica/a.go", `package replica; import "fmt"; func f() { fmt.Println() }`, []string{"replica may not do I/O"}},
	{"a goroutine", "coordinator/a.go", `package coordinator; func f() { go f() }`, []string{"a go statement"}},
	{"a channel", "wire/a.go", `package wire; func f(c chan int) { c <- 1; <-c }`, []string{"a channel", "a channel send", "a channel receive"}},
	{"a select", "topology/a.go", `package topology; func f() { select {} }`, []string{"a select"}},
	{"a goroutine in a test", "coordinator/a_test.go", `package coordinator; func f() { go f() }`, nil},

	// The order of a map.
	{"a map walked", "ring/a.go", "package ring\nfunc f(m map[int]int) {\n\tfor range m {\n\t}\n}", []string{"walks a map"}},
	{"a map walked, with a reason", "ring/a.go",
		"package ring\nfunc f(m map[int]int) (n int) {\n\t// A sum: the order does not matter.\n\tfor _, x := range m {\n\t\tn += x\n\t}\n\treturn n\n}", nil},
	{"a map walked, with chatter", "ring/a.go",
		"package ring\nfunc f(m map[int]int) {\n\t// all of them\n\tfor range m {\n\t}\n}", []string{"walks a map"}},
	{"a slice walked", "ring/a.go", "package ring\nfunc f(m []int) {\n\tfor range m {\n\t}\n}", nil},
	{"a map's keys", "ring/a.go", "package ring\nimport \"maps\"\nfunc f(m map[int]int) {\n\tfor range maps.Keys(m) {\n\t}\n}",
		[]string{"walks a map"}},
	{"a map's keys, sorted", "ring/a.go", "package ring\nimport (\n\"maps\"\n\"slices\"\n)\nfunc f(m map[int]int) []int {\n\treturn slices.Sorted(maps.Keys(m))\n}", nil},

	// Calls.
	{"sleeping", "rpc/a_test.go", `package rpc; import "time"; func f() { time.Sleep(1) }`, []string{"time.Sleep"}},
	{"sleeping in a bubble", "rpc/a_test.go",
		`package rpc; import ("time"; "testing/synctest"); func f() { synctest.Test(nil, func() { time.Sleep(1) }) }`, nil},
	{"a bubble in the product", "rpc/a.go", `package rpc; import "time"; func inBubble() { time.Sleep(1) }`, []string{"time.Sleep"}},
	{"a hidden name", "rpc/a.go", `package rpc; import "time"; var _ time.Time; func f(time struct{ Sleep func() }) { time.Sleep() }`, nil},
	{"leaving", "storage/a.go", `package storage; import "os"; func f() { os.Exit(1) }`, []string{"os.Exit"}},
	{"leaving main", "cmd/candor/a.go", `package main; import "os"; func f() { os.Exit(1) }`, nil},
	{"leaving TestMain", "rpc/a_test.go", `package rpc; import "os"; func TestMain() { os.Exit(1) }`, nil},
	{"a fatal log", "node/a.go", `package node; import "log"; func f() { log.Fatalf("") }`, []string{"log.Fatalf"}},
	{"live members", "gossip/a.go", `package gossip; import "github.com/hashicorp/memberlist"; func f(m *memberlist.Memberlist) { m.Members() }`,
		[]string{"memberlist.Members"}},
	{"our own members", "gossip/a.go", `package gossip; import "github.com/hashicorp/memberlist"; func f(m *memberlist.Config, v View) { _ = v.Members }`, nil},
	{"recovery", "storage/a_test.go", `package storage; import "github.com/syndtr/goleveldb/leveldb"; var _ = leveldb.RecoverFile`,
		[]string{"leveldb.RecoverFile"}},
	{"a trap of murmur3", "ring/a.go", `package ring; import "github.com/spaolacci/murmur3"; var _, _ = murmur3.Sum128(nil); var _ = murmur3.Sum32(nil)`,
		[]string{"murmur3.Sum32"}},
	{"a bomb", "rpc/a.go", `package rpc; import "github.com/vmihailenco/msgpack/v5"; var _ = msgpack.Unmarshal(nil, nil)`,
		[]string{"rpc may not import", "v5.Unmarshal"}},
	{"the default registry", "node/a.go", `package node; import "github.com/prometheus/client_golang/prometheus"; func f() { prometheus.MustRegister() }`,
		[]string{"prometheus.MustRegister"}},
	{"a package that uses it", "node/a.go", `package node; import "github.com/prometheus/client_golang/prometheus/promauto"; var _ = promauto.With`,
		[]string{"import of github.com/prometheus/client_golang/prometheus/promauto"}},
	{"parallel commands", "cmd/candor/a_test.go", `package main; import "github.com/urfave/cli/v2"; var _ cli.App; func f(t T) { t.Parallel() }`,
		[]string{"v2.Parallel"}},
	{"a clock in a rate", "topology/a.go", `package topology; import "golang.org/x/time/rate"; func f(l *rate.Limiter) { l.Allow(); l.AllowN() }`,
		[]string{"rate.Allow"}},
	{"init", "node/a.go", `package node; func init() {}`, []string{"func init"}},
	{"a method named init", "node/a.go", `package node; type n int; func (n) init() {}`, nil},
	{"registration", "node/a.go", `package node; import _ "net/http/pprof"`, []string{"blank import"}},
	{"a workload of go-ycsb", "bench/ycsb/a.go", `package main; import _ "github.com/pingcap/go-ycsb/pkg/workload"`, nil},
	{"a peer in the product", "node/a.go", `package node; import _ "github.com/candordb/candor/bench/peer"`, []string{"node may not import bench/peer", "blank import"}},
	{"a peer's library in the benchmarks", "bench/driver/etcd/a.go", `package etcd; import "go.etcd.io/etcd/client/v3"; var _ = v3.New`, nil},
	{"registration in the benchmarks", "bench/engine/a.go", `package engine; import _ "net/http/pprof"`, []string{"blank import"}},
	{"embedding", "config/a.go", `package config; import _ "embed"`, nil},
	{"a dot import", "node/a.go", `package node; import . "fmt"; var _ = Sprint`, []string{"dot import"}},
	{"an array document", "wire/a.go", "package wire; type d struct { _ struct{} `msgpack:\",as_array\"` }", []string{"as_array"}},
}

// TestEachRuleBites: a rule that has never been seen to fail proves nothing.
func TestEachRuleBites(t *testing.T) {
	standard, err := list("maps", "slices")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bites {
		t.Run(b.name, func(t *testing.T) {
			fset := token.NewFileSet()
			s, err := parseSource(fset, b.path, []byte(b.text))
			if err != nil {
				t.Fatal(err)
			}
			// Most of these files name packages that are not there, so their
			// types are known in part; the rule copes.
			info, _ := typed(b.path, []*source{s}, typesFrom(fset, standard))
			expectFindings(t, findings(s, info), b.expect)
		})
	}
}

// findings runs all rules for a single file.
func findings(s *source, info *types.Info) []string {
	return slices.Concat(importsPointDown(s), librariesHaveOneImporter(s), pureImports(s), pureStatements(s),
		mapOrderIsHarmless(s, info), noBannedCalls(s), nothingHappensByImport(s), noArrayDocuments(s))
}

func expectFindings(t *testing.T, got, want []string) {
	t.Helper()
	ok := len(got) == len(want)
	for i := range min(len(got), len(want)) {
		ok = ok && strings.Contains(got[i], want[i])
	}
	if !ok {
		t.Errorf("found %q, expected %q", got, want)
	}
}

func TestWordRulesBite(t *testing.T) {
	for line, bad := range map[string]bool{
		"// TO" + "DO: later":                     true,
		"# FIX" + "ME":                            true,
		"// TO" + "DO(): later":                   true,
		"// TO" + "DO(ana): later":                false,
		"// to do so":                             false,
		"see /wo" + "rk/main/ring":                true,
		"`/ro" + "ot/.cache`":                     true,
		"cp a \"/fa" + "rm/x/y\"":                 true,
		"docs/wo" + "rk/notes":                    false,
		"$WORK/x and ~/wo" + "rk/x":               false,
		"GOPROXY=https://proxy.gol" + "ang.org":   true,
		"https://registry.np" + "mjs.org/left":    true,
		"https://www.apache.org/licenses/":        false,
		"the proxy of the organisation":           false,
		"import \"github.com/candordb/candor/x\"": false,
	} {
		found := noStrangeWords(textFile{"docs/PAGE.md", []byte("first\n" + line + "\n")})
		if (len(found) == 1 && strings.HasPrefix(found[0], "docs/PAGE.md:2: ")) != bad || !bad && len(found) > 0 {
			t.Errorf("%q: found %q", line, found)
		}
	}
}

func TestPackageCommentRuleBites(t *testing.T) {
	long := strings.Repeat("// more\n", 20)
	for name, c := range map[string]struct {
		files   []string
		expect  []string
		remarks int
	}{
		"none":        {[]string{"package a", "package a"}, []string{"no package comment"}, 0},
		"short":       {[]string{"// Package a is.\npackage a"}, []string{"comment of 1 lines"}, 0},
		"six lines":   {[]string{"// Package a is.\n" + strings.Repeat("// more\n", 5) + "package a"}, nil, 1},
		"good":        {[]string{"// Package a is.\n" + long + "package a", "package a"}, nil, 0},
		"two":         {[]string{"// Package a is.\n" + long + "package a", "// Package a too.\npackage a"}, []string{"a second package comment"}, 0},
		"other name":  {[]string{"// Package b is.\n" + long + "package a"}, []string{"begins with its subject"}, 0},
		"a build tag": {[]string{"//go:build linux\n\npackage a"}, []string{"no package comment"}, 0},
		"a command":   {[]string{"// Command a does.\npackage main"}, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			fset := token.NewFileSet()
			var sources []*source
			for i, text := range c.files {
				s, err := parseSource(fset, fmt.Sprintf("a/%d.go", i), []byte(text))
				if err != nil {
					t.Fatal(err)
				}
				sources = append(sources, s)
			}
			found, remarks := packageComments(sources)
			expectFindings(t, found, c.expect)
			if len(remarks) != c.remarks {
				t.Errorf("remarks %q, expected %d", remarks, c.remarks)
			}
		})
	}
}

func TestPinRuleBites(t *testing.T) {
	for name, c := range map[string]struct {
		goMod  string
		expect []string
	}{
		"as pinned": {"module x\n\ngo 1.26.0\n\nrequire (\n\tgithub.com/hashicorp/memberlist v0.7.0\n\tgithub.com/a/b v1.0.0 // indirect\n)\n", nil},
		"another version": {"require github.com/hashicorp/memberlist v0.7.1\n",
			[]string{"memberlist is v0.7.1, pinned is v0.7.0"}},
		"another version, indirectly": {"require (\n\tgolang.org/x/time v0.1.0 // indirect\n)\n",
			[]string{"golang.org/x/time is v0.1.0"}},
		"a stranger":  {"require github.com/a/b v1.0.0\n", []string{"github.com/a/b is not in the library table"}},
		"a tool":      {"require honnef.co/go/tools v0.8.2\n", []string{"honnef.co/go/tools is not in the library table"}},
		"replaced":    {"require github.com/google/go-cmp v0.7.0\nreplace github.com/a/b => ../b\n", []string{"a replace directive"}},
		"no requires": {"module x\n", []string{"the parser of this test is broken"}},
	} {
		t.Run(name, func(t *testing.T) {
			expectFindings(t, pins("go.mod", c.goMod, isProduct), c.expect)
		})
	}
}
