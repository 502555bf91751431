package candor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/load"
	"github.com/candordb/candor/wire"
)

// frameMax is the largest frame that is taken.
const frameMax = 16 << 20

// helloID is that of the HELLO. A request's is its own and one more than that, as the
// protocol has no id 0.
const helloID = 1

// Dial implements peer.Peer.
func (p *Peer) Dial(ctx context.Context, i int, o peer.Options) (peer.Link, error) {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", p.nodes[i%len(p.nodes)].client())
	if err != nil {
		return peer.Link{}, err
	}
	if err := greet(nc, o.Deadline); err != nil {
		return peer.Link{}, errors.Join(err, nc.Close())
	}
	proto := &Protocol{request: wire.Request{DeadlineMS: uint64(o.Deadline.Milliseconds())}}
	if p.readOne {
		proto.level = contract.One
	}
	return peer.Link{Net: nc, Protocol: proto}, nil
}

// greet says HELLO and takes its answer, and not a byte more.
func greet(nc net.Conn, within time.Duration) error {
	if err := nc.SetDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	h := wire.Hello{ID: helloID, ProtoMin: wire.ProtocolVersion, ProtoMax: wire.ProtocolVersion, ClientName: []byte("bench")}
	if _, err := nc.Write(h.Append(nil)); err != nil {
		return err
	}
	body, err := frame(nc)
	if err != nil {
		return fmt.Errorf("candor: HELLO: %w", err)
	}
	var a wire.Answer
	if err := wire.DecodeAnswer(body, &a); err != nil || a.Code != contract.OK {
		return fmt.Errorf("candor: HELLO: %v %s %w", a.Code, a.Error.Message, err)
	}
	return nc.SetDeadline(time.Time{})
}

// frame reads one frame and returns its body.
func frame(in io.Reader) ([]byte, error) {
	var head [wire.HeaderBytes]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, err
	}
	body := make([]byte, min(binary.BigEndian.Uint32(head[:]), frameMax))
	_, err := io.ReadFull(in, body)
	return body, err
}

// Protocol implements peer.Protocol.
type Protocol struct {
	request wire.Request
	level   contract.Level // of reads; zero: the namespace's
	answer  wire.Answer
}

// Ordered implements peer.Protocol.
func (*Protocol) Ordered() bool { return false }

// Append implements peer.Protocol.
func (p *Protocol) Append(dst []byte, id uint32, op *load.Op) []byte {
	q := &p.request
	q.ID, q.Key = uint64(id)+helloID+1, op.Key
	if op.Kind == load.Get {
		q.Op, q.Level, q.Value = wire.OpGet, p.level, nil
	} else {
		q.Op, q.Level, q.Value = wire.OpPut, contract.Default, op.Value
	}
	return q.Append(dst)
}

// Parse implements peer.Protocol.
func (p *Protocol) Parse(b []byte) (int, peer.Answer, error) {
	body, n, err := wire.NextFrame(b, frameMax)
	if n == 0 || err != nil {
		return 0, peer.Answer{}, err
	}
	a := &p.answer
	if err := wire.DecodeAnswer(body, a); err != nil {
		return n, peer.Answer{}, fmt.Errorf("candor: an answer: %w", err)
	}
	if a.ID <= helloID {
		return n, peer.Answer{}, fmt.Errorf("candor: the connection: %v %s", a.Code, a.Error.Message)
	}
	return n, peer.Answer{ID: uint32(a.ID - helloID - 1), Outcome: outcome(a), Value: a.Get.Value}, nil
}

// outcome is that of an answer.
func outcome(a *wire.Answer) peer.Outcome {
	switch a.Code.Class() {
	case contract.Done:
		if a.Op == wire.OpGet && !a.Get.Found {
			return peer.Absent
		}
		return peer.Done
	case contract.NoEffect:
		return peer.Refused
	case contract.Unknown:
		return peer.Unknown
	}
	return peer.Failed
}
