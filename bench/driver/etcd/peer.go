package etcd

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/load/process"
)

const (
	nodes = 3
	// quotaBytes is how large the store may become: the most that etcd advises.
	quotaBytes = 8 << 30

	startWithin = 60 * time.Second
	dialWithin  = 5 * time.Second
)

// Peer is etcd with three nodes.
type Peer struct {
	group   peer.Group
	clients []string // addresses for clients, of each node
}

var _ peer.Peer = (*Peer)(nil)

// New makes the peer; nothing runs yet.
func New() *Peer { return &Peer{} }

// Name implements peer.Peer.
func (*Peer) Name() string { return "etcd" }

// Class implements peer.Peer.
func (*Peer) Class() peer.Class { return peer.D2 }

// Version implements peer.Peer.
func (*Peer) Version(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "etcd", "--version").Output()
	if err != nil {
		return ""
	}
	return parseVersion(string(out))
}

// parseVersion makes "etcd 3.4.23" of what etcd --version prints.
func parseVersion(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	number, found := strings.CutPrefix(line, "etcd Version: ")
	if !found {
		return ""
	}
	return "etcd " + strings.TrimSpace(number)
}

// Missing implements peer.Peer.
func (*Peer) Missing(context.Context) error {
	_, err := find()
	return err
}

func find() (string, error) { return peer.FindProgram("etcd", "apt-get install etcd-server") }

// Start implements peer.Peer.
func (p *Peer) Start(ctx context.Context, dir string) error {
	program, err := find()
	if err != nil {
		return err
	}
	p.clients = nil
	var peers []string
	for i := range nodes {
		free, err := process.FreeAddresses(fmt.Sprintf("127.0.0.%d", i+1), 2)
		if err != nil {
			return fmt.Errorf("etcd: %w", err)
		}
		p.clients, peers = append(p.clients, free[0]), append(peers, free[1])
	}
	for i := range nodes {
		cmd := exec.Command(program, arguments(i, dir, p.clients, peers)...)
		if _, err := p.group.Launch(dir, nameOf(i), cmd); err != nil {
			return err
		}
	}
	for i := range nodes {
		if err := p.answers(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

func nameOf(i int) string { return fmt.Sprintf("n%d", i+1) }

// arguments are those of the i-th node.
func arguments(i int, dir string, clients, peers []string) []string {
	cluster := make([]string, len(peers))
	for j, address := range peers {
		cluster[j] = nameOf(j) + "=http://" + address
	}
	return []string{
		"--name", nameOf(i), "--data-dir", filepath.Join(dir, "data-"+nameOf(i)),
		"--listen-client-urls", "http://" + clients[i], "--advertise-client-urls", "http://" + clients[i],
		"--listen-peer-urls", "http://" + peers[i], "--initial-advertise-peer-urls", "http://" + peers[i],
		"--initial-cluster", strings.Join(cluster, ","), "--initial-cluster-token", "bench",
		"--quota-backend-bytes", fmt.Sprint(quotaBytes),
	}
}

// answers waits until a node answers a linearizable get, which it does only when
// there is a leader that it knows.
func (p *Peer) answers(ctx context.Context, i int) error {
	c, err := p.client(i)
	if err != nil {
		return err
	}
	err = p.group.Await(ctx, startWithin, "etcd "+nameOf(i)+" answers", func() bool {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := c.Get(ctx, "ready")
		return err == nil
	})
	if closed := c.Close(); err == nil && closed != nil {
		err = fmt.Errorf("etcd: %w", closed)
	}
	return err
}

// client makes a client that speaks to the i-th node alone.
func (p *Peer) client(i int) (*clientv3.Client, error) {
	c, err := clientv3.New(clientv3.Config{
		Endpoints: []string{"http://" + p.clients[i%nodes]}, DialTimeout: dialWithin, Logger: zap.NewNop(),
	})
	if err != nil {
		return nil, fmt.Errorf("etcd: connect to %s: %w", p.clients[i%nodes], err)
	}
	return c, nil
}

// PIDs implements peer.Peer.
func (p *Peer) PIDs() []int { return p.group.PIDs() }

// Dial implements peer.Peer.
func (p *Peer) Dial(ctx context.Context, i int, _ peer.Options) (peer.Link, error) {
	c, err := p.client(i)
	if err != nil {
		return peer.Link{}, err
	}
	// A client connects with its first request: let that not be a measured one.
	warm, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	if _, err := c.Get(warm, "ready"); err != nil {
		_ = c.Close() // the first error is the one that says something
		return peer.Link{}, fmt.Errorf("etcd: connect to %s: %w", p.clients[i%nodes], err)
	}
	return peer.Link{Caller: &caller{store: c, close: c.Close}}, nil
}

// Stop implements peer.Peer.
func (p *Peer) Stop() error { return p.group.Stop() }
