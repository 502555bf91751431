package candor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/load/process"
)

const (
	host        = "127.0.0.1"
	startWithin = time.Minute
)

// durability is what the setting of class D1 is called, wherever it stands; its
// value is periodic.
var durability = regexp.MustCompile(`"key":"([a-z_.]*durability)"`)

// ports are what a node listens at, in the order of its addresses.
var ports = [...]string{"client", "peer", "gossip", "http"}

// Peer is a cluster.
type Peer struct {
	Program  string     // the path of candor
	Nodes    int        // and copies of each key
	Durable  peer.Class // D1 or D2
	Settings []string   // KEY=VALUE
	Procs    int        // GOMAXPROCS of each node; 0: Go's own choice

	readOne  bool   // reads ask one replica
	periodic string // the setting of class D1, found by Missing
	group    peer.Group
	nodes    []*node
}

// node is one node: where it listens, in the order of ports.
type node struct {
	process *process.Node
	at      []string
}

func (n *node) client() string { return n.at[0] }
func (n *node) http() string   { return n.at[3] }

// Name implements peer.Peer.
func (p *Peer) Name() string {
	return fmt.Sprintf("candor-%d-%s", p.Nodes, p.Durable)
}

// Class implements peer.Peer.
func (p *Peer) Class() peer.Class { return p.Durable }

// Version implements peer.Peer.
func (p *Peer) Version(ctx context.Context) string {
	text, err := exec.CommandContext(ctx, p.Program, "version").Output()
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	return first
}

// SetReadOne has reads of connections that are dialled from now on ask one replica.
func (p *Peer) SetReadOne(one bool) { p.readOne = one }

// Missing implements peer.Peer.
func (p *Peer) Missing(ctx context.Context) error {
	if _, err := peer.FindProgram(p.Program, "go build -o candor ./cmd/candor, and name it with -candor"); err != nil {
		return err
	}
	if p.Durable == peer.D2 {
		return nil
	}
	text, err := exec.CommandContext(ctx, p.Program, "config", "show", "--set", "cluster.name=bench", "-o", "json").Output()
	if err != nil {
		return fmt.Errorf("%s config show: %w", p.Program, err)
	}
	found := durability.FindSubmatch(text)
	if found == nil {
		return errors.New("this build of candor has no setting durability: it syncs before each answer")
	}
	p.periodic = string(found[1]) + "=periodic"
	return nil
}

// Start implements peer.Peer.
func (p *Peer) Start(ctx context.Context, dir string) error {
	p.nodes = nil
	var bootstrap, seeds []string
	for range p.Nodes {
		at, err := process.FreeAddresses(host, len(ports))
		if err != nil {
			return err
		}
		p.nodes = append(p.nodes, &node{at: at})
		bootstrap, seeds = append(bootstrap, at[1]), append(seeds, at[2])
	}
	for i, n := range p.nodes {
		cmd := exec.Command(p.Program, p.arguments(i, dir, bootstrap, seeds)...)
		// Go's own line for each collection says what share of CPU they take.
		cmd.Env = append(os.Environ(), "GODEBUG=gctrace=1")
		if p.Procs > 0 {
			cmd.Env = append(cmd.Env, fmt.Sprint("GOMAXPROCS=", p.Procs))
		}
		var err error
		if n.process, err = p.group.Launch(dir, fmt.Sprint("candor-", i+1), cmd); err != nil {
			return err
		}
	}
	return p.group.Await(ctx, startWithin, "all nodes of candor", func() bool { return p.ready(ctx) })
}

func (p *Peer) arguments(i int, dir string, bootstrap, seeds []string) []string {
	name := fmt.Sprint("n", i+1)
	sets := []string{
		"cluster.name=bench", "cluster.bootstrap=" + strings.Join(bootstrap, ","), "cluster.seeds=" + strings.Join(seeds, ","),
		fmt.Sprint("cluster.replicas=", p.Nodes), "node.name=" + name, "node.data_dir=" + filepath.Join(dir, name),
		"limits.per_ip=4096", "limits.preauth_per_ip=4096", // all connections come from one address
	}
	for j, port := range ports {
		sets = append(sets, "listen."+port+"="+p.nodes[i].at[j])
	}
	if p.Durable == peer.D1 {
		sets = append(sets, p.periodic)
	}
	args := []string{"serve"}
	for _, s := range append(sets, p.Settings...) {
		args = append(args, "--set", s)
	}
	return args
}

// ready says whether all nodes take requests and reach each other.
func (p *Peer) ready(ctx context.Context) bool {
	for _, n := range p.nodes {
		if !process.Ready(ctx, n.http()) {
			return false
		}
		m, err := n.metrics(ctx)
		if err != nil || sum(m, "candor_peer_reachable") != float64(p.Nodes-1) {
			return false
		}
	}
	return true
}

// PIDs implements peer.Peer.
func (p *Peer) PIDs() []int { return p.group.PIDs() }

// Stop implements peer.Peer.
func (p *Peer) Stop() error { return p.group.Stop() }
