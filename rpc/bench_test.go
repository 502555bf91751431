package rpc

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
)

// Once its buffers have grown a connection allocates nothing per frame.
func TestNoAllocationPerFrame(t *testing.T) {
	_, address := serve(t, Options{}, func(c *Conn) Handler { return newEcho(c) })
	nc := mustDial(t, address)
	batch := batchOf(16)
	turn := func() {
		mustWrite(t, nc, batch)
		if _, err := io.ReadFull(nc, batch); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 {
		turn()
	}
	if got := testing.AllocsPerRun(1000, turn); got > 0 {
		t.Errorf("%v allocations for 16 frames", got)
	}
}

func batchOf(depth int) []byte {
	var batch []byte
	for range depth {
		batch = append(batch, frame(make([]byte, 128))...)
	}
	return batch
}

// BenchmarkEcho compares the server with the same traffic on bare sockets, whose
// server copies bytes back without looking at them. ns/op is per frame.
func BenchmarkEcho(b *testing.B) {
	for _, depth := range []int{1, 16} {
		b.Run(fmt.Sprintf("rpc/depth=%d", depth), func(b *testing.B) {
			_, address := serve(b, Options{}, func(c *Conn) Handler { return newEcho(c) })
			benchEcho(b, address, depth)
		})
		b.Run(fmt.Sprintf("raw/depth=%d", depth), func(b *testing.B) {
			benchEcho(b, rawEcho(b), depth)
		})
	}
}

func benchEcho(b *testing.B, address string, depth int) {
	const conns = 64
	var ready, ended sync.WaitGroup
	start := make(chan struct{})
	rounds := b.N/(conns*depth) + 1
	for range conns {
		nc := mustDial(b, address)
		ready.Add(1)
		ended.Go(func() {
			batch := batchOf(depth)
			for i := range rounds + 1 {
				if i == 1 {
					ready.Done()
					<-start
				}
				if _, err := nc.Write(batch); err != nil {
					b.Error(err)
				}
				if _, err := io.ReadFull(nc, batch); err != nil {
					b.Error(err)
				}
			}
		})
	}
	ready.Wait()
	b.ReportAllocs()
	b.ResetTimer()
	close(start)
	ended.Wait()
	b.StopTimer()
}

func rawEcho(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer nc.Close()
				buf := make([]byte, 64<<10)
				for {
					n, err := nc.Read(buf)
					if err != nil {
						return
					}
					if _, err := nc.Write(buf[:n]); err != nil {
						return
					}
				}
			})
		}
	})
	b.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	return l.Addr().String()
}
