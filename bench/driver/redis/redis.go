package redis

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/candordb/candor/bench/driver/resp"
	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/load/process"
)

// Log is when writes are in the append-only file.
type Log string

// The logs.
const (
	Off      Log = "off"
	EverySec Log = "everysec"
	Always   Log = "always"
)

const (
	startWithin = 30 * time.Second
	// Of WAIT: how many replicas, and for how long.
	waitReplicas, waitMilliseconds = 1, 1000
	host                           = "127.0.0.1"
)

// Peer is one server, with so many replicas.
type Peer struct {
	Log      Log
	Replicas int

	group     peer.Group
	addresses []string // the first is that of the one that takes writes
}

// Name implements peer.Peer.
func (p *Peer) Name() string {
	name := "redis"
	if p.Replicas > 0 {
		name = "redis-wait"
	}
	return name + "-" + string(p.Log)
}

// Class implements peer.Peer.
func (p *Peer) Class() peer.Class {
	return map[Log]peer.Class{Off: peer.D0, EverySec: peer.D1, Always: peer.D2}[p.Log]
}

// Version implements peer.Peer.
func (*Peer) Version(ctx context.Context) string {
	text, err := exec.CommandContext(ctx, "redis-server", "--version").Output()
	if err != nil {
		return ""
	}
	return parseVersion(string(text))
}

// parseVersion reads "Redis server v=7.0.15 sha=...".
func parseVersion(text string) string {
	for word := range strings.FieldsSeq(text) {
		if v, ok := strings.CutPrefix(word, "v="); ok {
			return "redis " + v
		}
	}
	return ""
}

// Missing implements peer.Peer.
func (*Peer) Missing(context.Context) error {
	_, err := peer.FindProgram("redis-server", "install the Debian package redis-server")
	return err
}

// Start implements peer.Peer.
func (p *Peer) Start(ctx context.Context, dir string) error {
	var err error
	if p.addresses, err = process.FreeAddresses(host, 1+p.Replicas); err != nil {
		return err
	}
	for i := range p.addresses {
		data := filepath.Join(dir, fmt.Sprint("r", i+1))
		if err := os.MkdirAll(data, 0o755); err != nil {
			return err
		}
		cmd := exec.Command("redis-server", p.arguments(i, data)...)
		if _, err := p.group.Launch(dir, fmt.Sprint("redis-", i+1), cmd); err != nil {
			return err
		}
	}
	return p.group.Await(ctx, startWithin, "redis and its replicas", func() bool { return p.ready(ctx) })
}

func (p *Peer) arguments(i int, data string) []string {
	port := func(i int) string { return p.addresses[i][strings.LastIndexByte(p.addresses[i], ':')+1:] }
	args := []string{"--port", port(i), "--bind", host, "--dir", data, "--save", "", "--io-threads", "1", "--repl-diskless-sync-delay", "0", "--daemonize", "no"}
	if p.Log == Off {
		args = append(args, "--appendonly", "no")
	} else {
		args = append(args, "--appendonly", "yes", "--appendfsync", string(p.Log))
	}
	if i > 0 {
		args = append(args, "--replicaof", host+" "+port(0))
	}
	return args
}

// ready says whether all answer and all replicas follow.
func (p *Peer) ready(ctx context.Context) bool {
	for i, a := range p.addresses {
		info, err := ask(ctx, a, "INFO replication")
		if err != nil || i > 0 && field(info, "master_link_status") != "up" {
			return false
		}
		if i == 0 && field(info, "connected_slaves") != strconv.Itoa(p.Replicas) {
			return false
		}
	}
	return true
}

// ask sends one command and returns its answer, which is a string.
func ask(ctx context.Context, address, command string) (string, error) {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer nc.Close()
	if err := nc.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintf(nc, "%s\r\n", command); err != nil {
		return "", err
	}
	in := bufio.NewReader(nc)
	var all []byte
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return "", err
		}
		all = append(all, line...)
		n, a, err := new(resp.Protocol).Parse(all)
		if err != nil {
			return "", err
		}
		if n > 0 && a.Outcome != peer.Done {
			return "", errors.New("redis: " + string(all))
		}
		if n > 0 {
			return string(a.Value), nil
		}
	}
}

// field is the value of name:value of an INFO.
func field(info, name string) string {
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// PIDs implements peer.Peer.
func (p *Peer) PIDs() []int { return p.group.PIDs() }

// Stop implements peer.Peer.
func (p *Peer) Stop() error { return p.group.Stop() }

// Dial implements peer.Peer. All connections go to the one that takes writes.
func (p *Peer) Dial(ctx context.Context, _ int, _ peer.Options) (peer.Link, error) {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", p.addresses[0])
	if p.Replicas > 0 {
		return peer.Link{Net: nc, Protocol: resp.NewWaiting(resp.Redis, waitReplicas, waitMilliseconds)}, err
	}
	return peer.Link{Net: nc, Protocol: resp.NewProtocol(resp.Redis)}, err
}
