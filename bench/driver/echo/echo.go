package echo

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/load"
	"github.com/candordb/candor/load/process"
	"github.com/candordb/candor/wire"
)

// Argument, as the first of the command line, makes the program an echo server; the
// second is the address where it listens.
const Argument = "serve-echo"

// readyWithin is how long the server has to start.
const readyWithin = 10 * time.Second

// Peer is an echo server.
type Peer struct {
	group   peer.Group
	address string
}

// Name implements peer.Peer.
func (*Peer) Name() string { return "echo" }

// Class implements peer.Peer.
func (*Peer) Class() peer.Class { return peer.D0 }

// Version implements peer.Peer.
func (*Peer) Version(context.Context) string { return "" }

// Missing implements peer.Peer.
func (*Peer) Missing(context.Context) error { return nil }

// Start implements peer.Peer.
func (p *Peer) Start(ctx context.Context, dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	at, err := process.FreeAddresses("127.0.0.1", 1)
	if err != nil {
		return err
	}
	p.address = at[0]
	if _, err := p.group.Launch(dir, p.Name(), exec.Command(self, Argument, p.address)); err != nil {
		return err
	}
	return p.group.Await(ctx, readyWithin, "the echo", func() bool { return peer.Answers(ctx, p.address) })
}

// PIDs implements peer.Peer.
func (p *Peer) PIDs() []int { return p.group.PIDs() }

// Stop implements peer.Peer.
func (p *Peer) Stop() error { return p.group.Stop() }

// Dial implements peer.Peer.
func (p *Peer) Dial(ctx context.Context, _ int, o peer.Options) (peer.Link, error) {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", p.address)
	return peer.Link{Net: nc, Protocol: Protocol{ValueSize: o.ValueSize}}, err
}

// headBytes is what stands before the key: length, filler and id.
const headBytes = wire.HeaderBytes + 5

// Protocol implements peer.Protocol.
type Protocol struct {
	ValueSize int
}

// Ordered implements peer.Protocol.
func (Protocol) Ordered() bool { return false }

// Append implements peer.Protocol.
func (p Protocol) Append(dst []byte, id uint32, op *load.Op) []byte {
	start := len(dst)
	dst = append(wire.BeginFrame(dst), 0)
	dst = binary.BigEndian.AppendUint32(dst, id)
	dst = append(dst, op.Key...)
	value := op.Value
	if op.Kind == load.Get {
		value = filler[:min(p.ValueSize, len(filler))]
	}
	return wire.EndFrame(append(dst, value...), start)
}

// filler stands where a write has its value.
var filler [64 << 10]byte

// frameMax is the largest frame that is taken.
const frameMax = 16 << 20

// Parse implements peer.Protocol.
func (p Protocol) Parse(b []byte) (int, peer.Answer, error) {
	body, n, err := wire.NextFrame(b, frameMax)
	if n == 0 || err != nil {
		return 0, peer.Answer{}, err
	}
	if n < headBytes+p.ValueSize {
		return 0, peer.Answer{}, fmt.Errorf("echo: a frame of %d bytes came back", n)
	}
	return n, peer.Answer{ID: binary.BigEndian.Uint32(body[1:]), Value: b[n-p.ValueSize : n]}, nil
}

// Serve answers all who come, until the listener is closed.
func Serve(l net.Listener) error {
	for {
		nc, err := l.Accept()
		if err != nil {
			return err
		}
		go answer(nc)
	}
}

// answer sends whole frames back until the connection ends.
func answer(nc net.Conn) {
	defer nc.Close()
	in := make([]byte, 64<<10)
	have := 0
	for {
		n, err := nc.Read(in[have:])
		if err != nil {
			return
		}
		have += n
		whole := 0
		for {
			_, n, err := wire.NextFrame(in[whole:have], frameMax)
			if err != nil {
				return
			}
			if n == 0 {
				break
			}
			whole += n
		}
		if _, err := nc.Write(in[:whole]); whole > 0 && err != nil {
			return
		}
		have = copy(in, in[whole:have])
		if have == len(in) {
			in = append(in, make([]byte, len(in))...)
		}
	}
}
