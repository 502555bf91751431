package raw

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/load"
	"github.com/candordb/candor/wire"
)

// Target spreads operations over raw connections, so that nothing stands between
// the load and the nodes: no retries, no limits of a client's own.
type Target struct {
	conns    []*conn
	next     int
	deadline uint64 // milliseconds
	wave     []*conn
}

// conn is one connection. A goroutine writes what was gathered and another one
// reads answers; whoever issues never waits for a socket.
type conn struct {
	nc   net.Conn
	wake chan struct{} // one slot: something waits to be written
	all  sync.WaitGroup

	mu      sync.Mutex // guards what follows
	out     []byte
	touched bool
	id      uint64
	open    map[uint64]load.Ticket
	closed  bool
}

// Dial opens so many connections to each address. Requests carry the deadline.
func Dial(addrs []string, each int, deadline time.Duration) (*Target, error) {
	t := &Target{deadline: uint64(deadline.Milliseconds())}
	for range each {
		for _, addr := range addrs {
			c, err := dial(addr)
			if err != nil {
				t.Close()
				return nil, err
			}
			t.conns = append(t.conns, c)
		}
	}
	return t, nil
}

func dial(addr string) (*conn, error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &conn{nc: nc, wake: make(chan struct{}, 1), id: 1, open: make(map[uint64]load.Ticket)}
	in := bufio.NewReaderSize(nc, 64<<10)
	h := wire.Hello{ID: 1, ProtoMin: wire.ProtocolVersion, ProtoMax: wire.ProtocolVersion, ClientName: []byte("load")}
	if _, err := nc.Write(h.Append(nil)); err != nil {
		return nil, errors.Join(err, nc.Close())
	}
	var a wire.Answer
	if _, err := readAnswer(in, nil, &a); err != nil || a.Code != contract.OK {
		return nil, errors.Join(fmt.Errorf("HELLO: %v %s %w", a.Code, a.Error.Message, err), nc.Close())
	}
	c.all.Go(c.write)
	c.all.Go(func() { c.read(in) })
	return c, nil
}

// readAnswer reads one frame into buf and decodes it.
func readAnswer(in io.Reader, buf []byte, a *wire.Answer) ([]byte, error) {
	var head [wire.HeaderBytes]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return buf, err
	}
	n := int(binary.BigEndian.Uint32(head[:]))
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	if _, err := io.ReadFull(in, buf[:n]); err != nil {
		return buf, err
	}
	return buf, wire.DecodeAnswer(buf[:n], a)
}

// Issue implements load.Target.
func (t *Target) Issue(op *load.Op, ticket load.Ticket) {
	c := t.conns[t.next]
	t.next = (t.next + 1) % len(t.conns)
	q := wire.Request{Op: wire.OpGet, DeadlineMS: t.deadline, Key: op.Key}
	if op.Kind != load.Get {
		q.Op, q.Value = wire.OpPut, op.Value
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return // never answered: silent
	}
	c.id++
	q.ID = c.id
	c.out = q.Append(c.out)
	c.open[c.id] = ticket
	if !c.touched {
		c.touched = true
		t.wave = append(t.wave, c)
	}
}

// Flush implements load.Target.
func (t *Target) Flush() {
	for _, c := range t.wave {
		c.mu.Lock()
		c.touched = false
		c.mu.Unlock()
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
	t.wave = t.wave[:0]
}

// Close closes all connections. What is not answered by then never is.
func (t *Target) Close() {
	for _, c := range t.conns {
		_ = c.nc.Close() // nothing is lost with it
		c.shut()
		c.all.Wait()
	}
}

// shut notes that nothing more can be sent, and ends the writer.
func (c *conn) shut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		close(c.wake)
	}
}

func (c *conn) write() {
	var buf []byte
	for range c.wake {
		c.mu.Lock()
		buf, c.out = c.out, buf[:0]
		c.mu.Unlock()
		if _, err := c.nc.Write(buf); err != nil {
			return
		}
	}
}

func (c *conn) read(in io.Reader) {
	defer c.shut()
	var buf []byte
	var a wire.Answer
	for {
		var err error
		if buf, err = readAnswer(in, buf, &a); err != nil {
			return
		}
		c.mu.Lock()
		ticket, found := c.open[a.ID]
		delete(c.open, a.ID)
		c.mu.Unlock()
		if found {
			ticket.Done(a.Code)
		}
	}
}
