package nats

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/load/process"
)

const (
	nodes  = 3
	bucket = "bench"

	startWithin = 60 * time.Second
	dialWithin  = 5 * time.Second
)

// Peer is NATS JetStream with three servers and a bucket.
type Peer struct {
	class   peer.Class
	group   peer.Group
	clients []string // addresses for clients, of each server
}

var _ peer.Peer = (*Peer)(nil)

// New makes the peer of a class, D1 or D2; nothing runs yet.
func New(class peer.Class) *Peer { return &Peer{class: class} }

// Name implements peer.Peer.
func (p *Peer) Name() string { return "nats" }

// Class implements peer.Peer.
func (p *Peer) Class() peer.Class { return p.class }

// Version implements peer.Peer.
func (p *Peer) Version(ctx context.Context) string {
	path, err := program(ctx)
	if err != nil {
		return ""
	}
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return ""
	}
	return parseVersion(string(out))
}

// Missing implements peer.Peer. It builds the server if it can.
func (p *Peer) Missing(ctx context.Context) error {
	_, err := program(ctx)
	return err
}

// Start implements peer.Peer.
func (p *Peer) Start(ctx context.Context, dir string) error {
	path, err := program(ctx)
	if err != nil {
		return err
	}
	p.clients = nil
	var routes []string
	for i := range nodes {
		free, err := process.FreeAddresses(fmt.Sprintf("127.0.0.%d", i+1), 2)
		if err != nil {
			return fmt.Errorf("nats: %w", err)
		}
		p.clients, routes = append(p.clients, free[0]), append(routes, free[1])
	}
	for i := range nodes {
		file := filepath.Join(dir, nameOf(i)+".conf")
		if err := os.WriteFile(file, []byte(p.configuration(i, dir, routes)), 0o644); err != nil {
			return fmt.Errorf("nats: %w", err)
		}
		if _, err := p.group.Launch(dir, nameOf(i), exec.Command(path, "-c", file)); err != nil {
			return err
		}
	}
	return p.makeBucket(ctx)
}

func nameOf(i int) string { return fmt.Sprintf("n%d", i+1) }

// configuration is the file of the i-th server.
func (p *Peer) configuration(i int, dir string, routes []string) string {
	sync := "2m" // what it is by default
	if p.class == peer.D2 {
		sync = "always"
	}
	urls := make([]string, len(routes))
	for j, r := range routes {
		urls[j] = "nats://" + r
	}
	return fmt.Sprintf(`server_name: %s
listen: %s
jetstream { store_dir: %q, sync_interval: %q }
cluster { name: bench, listen: %s
  routes: [%s] }
`, nameOf(i), p.clients[i], filepath.Join(dir, "data-"+nameOf(i)), sync, routes[i], strings.Join(urls, ", "))
}

// makeBucket waits until the servers have found each other and take a bucket of
// three replicas, and until each of them answers for it.
func (p *Peer) makeBucket(ctx context.Context) error {
	for i := range nodes {
		var last error
		err := p.group.Await(ctx, startWithin, "the bucket answers at "+nameOf(i), func() bool {
			last = p.try(ctx, i)
			return last == nil
		})
		if err != nil {
			return fmt.Errorf("nats: %w (%w)", err, last)
		}
	}
	return nil
}

// try makes the bucket by way of the i-th server, if it is not there, and writes to
// it.
func (p *Peer) try(ctx context.Context, i int) error {
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	nc, err := p.connect(i)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: bucket, Replicas: nodes, History: 1, Storage: jetstream.FileStorage})
	if err != nil {
		return err
	}
	_, err = kv.PutString(ctx, "ready", nameOf(i))
	return err
}

// connect opens a connection to the i-th server alone.
func (p *Peer) connect(i int) (*client.Conn, error) {
	return client.Connect("nats://"+p.clients[i%nodes], client.Timeout(dialWithin), client.NoReconnect(), client.IgnoreDiscoveredServers())
}

// PIDs implements peer.Peer.
func (p *Peer) PIDs() []int { return p.group.PIDs() }

// Dial implements peer.Peer.
func (p *Peer) Dial(ctx context.Context, i int, _ peer.Options) (peer.Link, error) {
	nc, err := p.connect(i)
	if err != nil {
		return peer.Link{}, fmt.Errorf("nats: connect to %s: %w", p.clients[i%nodes], err)
	}
	js, err := jetstream.New(nc)
	if err == nil {
		var kv jetstream.KeyValue
		if kv, err = js.KeyValue(ctx, bucket); err == nil {
			return peer.Link{Caller: &caller{store: kv, close: nc.Close}}, nil
		}
	}
	nc.Close()
	return peer.Link{}, fmt.Errorf("nats: bucket by way of %s: %w", p.clients[i%nodes], err)
}

// Stop implements peer.Peer.
func (p *Peer) Stop() error { return p.group.Stop() }
