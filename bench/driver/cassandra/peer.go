package cassandra

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/load/process"
)

const (
	nodes = 3
	// startWithin is how long one node may take to answer. On two busy cores it is half
	// a minute.
	startWithin = 3 * time.Minute
)

// Statements. Those with a %s are for a keyspace.
const (
	makeKeyspace = "CREATE KEYSPACE IF NOT EXISTS bench WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}"
	makeTable    = "CREATE TABLE IF NOT EXISTS %s.kv (k blob PRIMARY KEY, v blob)"
	writeReady   = "INSERT INTO %s.kv (k, v) VALUES (0x7265616479, 0x31)"
	getOne       = "SELECT v FROM %s.kv WHERE k = ?"
	putOne       = "INSERT INTO %s.kv (k, v) VALUES (?, ?)"
)

// Peer is Cassandra with three nodes.
type Peer struct {
	class  peer.Class
	group  peer.Group
	places []place
}

var _ peer.Peer = (*Peer)(nil)

// New makes the peer of a class, D1 (commit log synced periodically) or D2 (in
// batches, before the answer); nothing runs yet.
func New(class peer.Class) *Peer { return &Peer{class: class} }

// Name implements peer.Peer.
func (*Peer) Name() string { return "cassandra" }

// Class implements peer.Peer.
func (p *Peer) Class() peer.Class { return p.class }

// Version implements peer.Peer.
func (*Peer) Version(ctx context.Context) string {
	text, err := exec.CommandContext(ctx, "java", "-version").CombinedOutput()
	if err != nil {
		return "cassandra " + release
	}
	return "cassandra " + release + ", java " + parseJava(string(text))
}

// Missing implements peer.Peer. It fetches the jars if it can.
func (*Peer) Missing(ctx context.Context) error {
	_, err := find(ctx)
	return err
}

// Start implements peer.Peer.
func (p *Peer) Start(ctx context.Context, dir string) error {
	program, err := find(ctx)
	if err != nil {
		return err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return fmt.Errorf("cassandra: %w", err)
	}
	if p.places, err = findPlaces(); err != nil {
		return fmt.Errorf("cassandra: %w", err)
	}
	for i := range nodes {
		if err := p.startNode(ctx, program, i, dir); err != nil {
			return err
		}
	}
	if err := p.warmUp(ctx); err != nil {
		return err
	}
	return p.makeTable(ctx, makeKeyspace, "bench")
}

func findPlaces() (places []place, err error) {
	for i := range nodes {
		host := fmt.Sprintf("127.0.0.%d", i+1)
		free, err := process.FreeAddresses(host, 2)
		if err != nil {
			return nil, err
		}
		at := place{host: host}
		if _, at.native, err = net.SplitHostPort(free[0]); err != nil {
			return nil, err
		}
		if _, at.inner, err = net.SplitHostPort(free[1]); err != nil {
			return nil, err
		}
		places = append(places, at)
	}
	return places, nil
}

// startNode starts a node and waits until it greets.
func (p *Peer) startNode(ctx context.Context, program program, i int, dir string) error {
	name := fmt.Sprintf("n%d", i+1)
	own := filepath.Join(dir, name)
	err := errors.Join(
		os.MkdirAll(own, 0o755),
		os.WriteFile(filepath.Join(own, "cassandra.yaml"), []byte(settings(p.class, p.places[i], p.places[0])), 0o644),
		os.WriteFile(filepath.Join(own, "logback.xml"), []byte(logging), 0o644),
	)
	if err != nil {
		return fmt.Errorf("cassandra: %w", err)
	}
	cmd := exec.Command(program.java, program.arguments(own)...)
	cmd.Dir = own // what Java leaves behind when it breaks stays there
	if _, err := p.group.Launch(dir, name, cmd); err != nil {
		return err
	}
	return p.await(ctx, i, "cassandra "+name+" answers", func(*session) error { return nil })
}

// makeTable makes a keyspace and its table, and waits until each node can write to
// it at ALL: then all know it, and see each other.
func (p *Peer) makeTable(ctx context.Context, statement, keyspace string) error {
	err := p.await(ctx, 0, "a table is made", func(s *session) error {
		if err := s.query(statement, levelQuorum); err != nil {
			return err
		}
		return s.query(fmt.Sprintf(makeTable, keyspace), levelQuorum)
	})
	for i := 0; i < nodes && err == nil; i++ {
		err = p.await(ctx, i, "a write at ALL is done", func(s *session) error { return s.query(fmt.Sprintf(writeReady, keyspace), levelAll) })
	}
	return err
}

// await asks a node again and again, until it answers without an error.
func (p *Peer) await(ctx context.Context, i int, what string, ask func(*session) error) error {
	var last error
	err := p.group.Await(ctx, startWithin, what, func() bool {
		var s *session
		if s, last = open(ctx, p.places[i].clients()); last != nil {
			return false
		}
		last = ask(s)
		_ = s.close() // nothing is lost with it
		return last == nil
	})
	if err != nil && last != nil {
		return fmt.Errorf("%w\nand its last answer was: %w", err, last)
	}
	return err
}

// PIDs implements peer.Peer.
func (p *Peer) PIDs() []int { return p.group.PIDs() }

// Dial implements peer.Peer.
func (p *Peer) Dial(ctx context.Context, i int, _ peer.Options) (peer.Link, error) {
	return p.dial(ctx, i, "bench")
}

// dial opens a connection for the table of a keyspace.
func (p *Peer) dial(ctx context.Context, i int, keyspace string) (peer.Link, error) {
	s, err := open(ctx, p.places[i%nodes].clients())
	if err != nil {
		return peer.Link{}, err
	}
	get, err := s.prepare(fmt.Sprintf(getOne, keyspace))
	if err == nil {
		var put []byte
		if put, err = s.prepare(fmt.Sprintf(putOne, keyspace)); err == nil {
			return peer.Link{Net: s.nc, Protocol: newProtocol(get, put)}, nil
		}
	}
	_ = s.close() // the first error is the one that says something
	return peer.Link{}, err
}

// Stop implements peer.Peer.
func (p *Peer) Stop() error { return p.group.Stop() }
