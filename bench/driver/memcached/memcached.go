package memcached

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/load"
	"github.com/candordb/candor/load/process"
)

const (
	host        = "127.0.0.1"
	startWithin = 10 * time.Second
)

// Peer is one server.
type Peer struct {
	group   peer.Group
	address string
}

// Name implements peer.Peer.
func (*Peer) Name() string { return "memcached" }

// Class implements peer.Peer.
func (*Peer) Class() peer.Class { return peer.D0 }

// Version implements peer.Peer.
func (*Peer) Version(ctx context.Context) string {
	text, err := exec.CommandContext(ctx, "memcached", "--version").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// Missing implements peer.Peer.
func (*Peer) Missing(context.Context) error {
	_, err := peer.FindProgram("memcached", "install the Debian package memcached")
	return err
}

// Start implements peer.Peer.
func (p *Peer) Start(ctx context.Context, dir string) error {
	at, err := process.FreeAddresses(host, 1)
	if err != nil {
		return err
	}
	p.address = at[0]
	_, port, err := net.SplitHostPort(p.address)
	if err != nil {
		return err
	}
	args := []string{"-l", host, "-p", port, "-m", "4096", "-t", "2", "-c", "2048", "-U", "0"}
	if os.Geteuid() == 0 {
		args = append(args, "-u", "nobody") // it refuses to be root
	}
	if _, err := p.group.Launch(dir, p.Name(), exec.Command("memcached", args...)); err != nil {
		return err
	}
	return p.group.Await(ctx, startWithin, "memcached", func() bool { return peer.Answers(ctx, p.address) })
}

// PIDs implements peer.Peer.
func (p *Peer) PIDs() []int { return p.group.PIDs() }

// Stop implements peer.Peer.
func (p *Peer) Stop() error { return p.group.Stop() }

// Dial implements peer.Peer.
func (p *Peer) Dial(ctx context.Context, _ int, _ peer.Options) (peer.Link, error) {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", p.address)
	return peer.Link{Net: nc, Protocol: Protocol{}}, err
}

// Protocol implements peer.Protocol.
type Protocol struct{}

// Ordered implements peer.Protocol.
func (Protocol) Ordered() bool { return true }

// Append implements peer.Protocol.
func (Protocol) Append(dst []byte, _ uint32, op *load.Op) []byte {
	if op.Kind == load.Get {
		return append(append(append(dst, "get "...), op.Key...), "\r\n"...)
	}
	dst = append(append(append(dst, "set "...), op.Key...), " 0 0 "...)
	dst = append(strconv.AppendInt(dst, int64(len(op.Value)), 10), "\r\n"...)
	return append(append(dst, op.Value...), "\r\n"...)
}

// ErrMalformed is returned for an answer that memcached does not give.
var ErrMalformed = errors.New("memcached: an answer is not understood")

var (
	stored  = []byte("STORED")
	nothing = []byte("END")
	value   = []byte("VALUE ")
	behind  = []byte("\r\nEND\r\n") // of a value
)

// Parse implements peer.Protocol.
func (Protocol) Parse(b []byte) (int, peer.Answer, error) {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		return 0, peer.Answer{}, nil
	}
	if end < 1 || b[end-1] != '\r' {
		return 0, peer.Answer{}, ErrMalformed
	}
	line, n := b[:end-1], end+1
	switch {
	case bytes.HasPrefix(line, value):
		return parseValue(b, line, n)
	case bytes.Equal(line, stored):
		return n, peer.Answer{}, nil
	case bytes.Equal(line, nothing):
		return n, peer.Answer{Outcome: peer.Absent}, nil
	}
	return n, peer.Answer{Outcome: peer.Refused}, nil
}

// parseValue parses a value whose first line has n bytes with its end.
func parseValue(b, line []byte, n int) (int, peer.Answer, error) {
	size, err := strconv.Atoi(string(line[bytes.LastIndexByte(line, ' ')+1:]))
	if err != nil || size < 0 {
		return 0, peer.Answer{}, ErrMalformed
	}
	if len(b) < n+size+len(behind) {
		return 0, peer.Answer{}, nil
	}
	if !bytes.Equal(b[n+size:n+size+len(behind)], behind) {
		return 0, peer.Answer{}, ErrMalformed
	}
	return n + size + len(behind), peer.Answer{Value: b[n : n+size]}, nil
}
