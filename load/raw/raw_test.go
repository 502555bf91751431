package raw

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/load"
	"github.com/candordb/candor/wire"
)

// mustServe answers HELLO and so many requests on each connection, and closes it.
func mustServe(t *testing.T, most int) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c, most)
		}
	}()
	return l.Addr().String()
}

func serve(c net.Conn, most int) {
	defer c.Close()
	body, err := readFrame(c)
	var h wire.Hello
	if err != nil || wire.DecodeHello(body, &h) != nil {
		return
	}
	hello := wire.HelloAnswer{Proto: wire.ProtocolVersion}
	c.Write(hello.Append(nil, wire.Head{Op: wire.OpHello, ID: h.ID, Code: contract.OK}))
	for range most {
		var q wire.Request
		if body, err = readFrame(c); err != nil || wire.DecodeRequest(body, &q) != nil {
			return
		}
		head := wire.Head{Op: q.Op, ID: q.ID, Code: contract.OK}
		if q.Op == wire.OpGet {
			c.Write((&wire.GetAnswer{}).Append(nil, head))
			continue
		}
		c.Write((&wire.WriteAnswer{}).Append(nil, head))
	}
}

func readFrame(c net.Conn) ([]byte, error) {
	var head [wire.HeaderBytes]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:]))
	_, err := io.ReadFull(c, body)
	return body, err
}

// What is answered is counted once, by every connection, and what a broken
// connection owes is silent, never lost from the sum.
func TestEachRequestHasItsPlace(t *testing.T) {
	const patience = time.Minute
	for name, most := range map[string]int{"all answered": 1 << 20, "a connection breaks": 10} {
		t.Run(name, func(t *testing.T) {
			target, err := Dial([]string{mustServe(t, most), mustServe(t, most)}, 2, patience)
			if err != nil {
				t.Fatal(err)
			}
			defer target.Close()
			w, err := load.Named("a", 100, 10)
			if err != nil {
				t.Fatal(err)
			}
			grace := patience
			if most == 10 {
				grace = 100 * time.Millisecond
			}
			r := load.Open(context.Background(), target, load.NewGenerator(w, 1), 1000, load.Options{Duration: 100 * time.Millisecond, Deadline: patience, Grace: grace})
			want := min(r.Offered, uint64(4*most))
			if r.Good != want && most > 10 || r.Good > want || r.Good+r.Silent != r.Offered {
				t.Errorf("%d offered, %d good, %d silent; want %d good", r.Offered, r.Good, r.Silent, want)
			}
		})
	}
}

func TestWhoIsNoNodeIsNotDialled(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if c, err := l.Accept(); err == nil {
			c.Close()
		}
	}()
	defer l.Close()
	if target, err := Dial([]string{l.Addr().String()}, 1, time.Second); err == nil {
		target.Close()
		t.Error("a connection without a HELLO counts")
	}
}
