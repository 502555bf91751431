package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/candordb/candor/config"
	product "github.com/candordb/candor/node"
	"github.com/candordb/candor/traitor"
)

// nodeVariable in the environment makes this program a node, as candor serve is.
// Its value is a planted bug, or "honest".
const nodeVariable = "GAUNTLET_TEST_NODE"

func TestMain(m *testing.M) {
	if bug := os.Getenv(nodeVariable); bug != "" {
		betray(traitor.Bug(bug))
		if err := serve(os.Args[len(os.Args)-1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	// goleveldb ends this one within a second after its database is closed.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"))
}

func serve(file string) error {
	c, err := config.Load(config.Sources{File: file})
	if err != nil {
		return err
	}
	if err := c.Validate(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return product.Run(ctx, c, product.Options{Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Version: "gauntlet"})
}

// mustRun runs the gauntlet with this program as the nodes.
func mustRun(t *testing.T, bug string, change func(*options)) (string, error) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("not run: it needs the loopback addresses of Linux")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(nodeVariable, bug)
	o := options{
		candor: self, dir: t.TempDir(), minutes: 0.12, seed: 1, nodes: 5, workers: 8, rate: 200, rootless: true,
		nemeses: "kill,killsome,pause,halves,oneway,slow", reconverge: time.Second,
	}
	change(&o)
	var out bytes.Buffer
	err = run(context.Background(), o, &out)
	var missing notRun
	if errors.As(err, &missing) {
		t.Skip("not run:", missing)
	}
	return out.String(), err
}

// The whole of it, short: real processes, a proxy between them, kills and cuts, and
// every key judged in the end.
func TestARunOfAnHonestBuildPasses(t *testing.T) {
	if testing.Short() {
		t.Skip("not run under -short: it takes half a minute; go test ./load/cmd/gauntlet runs it")
	}
	out, err := mustRun(t, "honest", func(*options) {})
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"SIGKILL of", "links: ", "all nodes were killed and are up again", "the disks of all nodes were compared", "acked lost 0, resurrected 0, ghosts 0"} {
		if !strings.Contains(out, want) {
			t.Errorf("the run does not say %q:\n%s", want, out)
		}
	}
}

func TestWhatCannotBeMeantIsRefused(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*options)
	}{
		{"-candor", func(o *options) { o.candor = "" }},
		{"-nodes is 2", func(o *options) { o.nodes = 2 }},
		{"above 0", func(o *options) { o.rate = 0 }},
		{`no nemesis "flood"`, func(o *options) { o.nemeses = "kill,flood" }},
	} {
		o := options{candor: "x", nodes: 5, workers: 1, rate: 1, minutes: 1, nemeses: "default"}
		c.change(&o)
		if _, err := o.valid(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want %q, got %v", c.want, err)
		}
	}
}
