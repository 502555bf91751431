package rpc

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// How long Accept is left alone after it failed, from the first failure on.
const (
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = time.Second
)

// Server accepts connections and runs a reader goroutine for each.
type Server struct {
	l      net.Listener
	o      Options
	accept func(*Conn) Handler
	log    *slog.Logger

	stopping atomic.Bool // the listener is closed on purpose
	readers  sync.WaitGroup

	mu    sync.Mutex // guards what follows
	conns map[*Conn]struct{}
	doors doors
	shut  bool // no connection is added any more
}

// NewServer builds a server on l. accept is called for each connection, on its
// own goroutine, and returns its handler; nil closes the connection.
func NewServer(l net.Listener, o Options, accept func(*Conn) Handler, log *slog.Logger) *Server {
	o = o.withDefaults()
	return &Server{l: l, o: o, accept: accept, log: log, conns: make(map[*Conn]struct{}), doors: newDoors(o)}
}

// Run serves until ctx ends, then closes the listener and every connection and
// returns nil when all its goroutines have ended. It returns earlier, with an
// error, only if somebody else closed the listener.
func (s *Server) Run(ctx context.Context) error {
	accepting := make(chan error, 1)
	go func() { accepting <- s.acceptAll(ctx) }()

	var err error
	select {
	case <-ctx.Done():
		s.StopAccepting()
		<-accepting
	case err = <-accepting:
		if err == nil { // StopAccepting
			<-ctx.Done()
		}
	}
	s.closeAll()
	s.readers.Wait()
	return err
}

// StopAccepting closes the listener; the connections stay.
func (s *Server) StopAccepting() {
	if !s.stopping.Swap(true) {
		s.l.Close()
	}
}

// Connections is the number of open connections.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Refused counts the connections that were closed at a limit.
func (s *Server) Refused() Refusals {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.doors.refused
}

// Each calls f for every open connection, for goodbyes. f may close it.
func (s *Server) Each(f func(*Conn)) {
	s.mu.Lock()
	conns := make([]*Conn, 0, len(s.conns))
	for c := range s.conns { // in no order: each gets the same
		conns = append(conns, c)
	}
	s.mu.Unlock()
	for _, c := range conns {
		f(c)
	}
}

func (s *Server) acceptAll(ctx context.Context) error {
	pause := acceptPauseMin
	for {
		nc, err := s.l.Accept()
		switch {
		case err == nil:
			pause = acceptPauseMin
			s.start(nc)
			continue
		case s.stopping.Load():
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		}
		// Out of file descriptors, most often: only time helps, and spinning
		// would take the processor from those who could give some back.
		s.log.Warn("cannot accept a connection; trying again", "listener", s.l.Addr(), "after", pause, "err", err)
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
		pause = min(2*pause, acceptPauseMax)
	}
}

// start takes a newcomer in, or closes it at a limit.
func (s *Server) start(nc net.Conn) {
	from := originOf(nc.RemoteAddr())
	s.mu.Lock()
	if s.shut {
		s.mu.Unlock()
		nc.Close()
		return
	}
	limit, first := s.doors.enter(from)
	if limit != "" {
		s.mu.Unlock()
		if first {
			s.log.Warn("connection refused at a limit; later ones are only counted", "listener", s.l.Addr(), "limit", limit, "from", from)
		}
		nc.Close() // it is counted before the peer can know
		return
	}
	c := newConn(nc, s.o)
	c.throttle = true
	c.entered = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.doors.introduced(from)
	}
	s.conns[c] = struct{}{}
	s.readers.Add(1)
	s.mu.Unlock()
	go s.serve(c, from)
}

func (s *Server) serve(c *Conn, from netip.Addr) {
	defer s.readers.Done()
	defer s.forget(c, from)
	if h := s.accept(c); h != nil {
		err := c.run(h)
		s.log.Debug("connection ended", "peer", c.RemoteAddr(), "why", err)
		return
	}
	c.Close()
}

func (s *Server) forget(c *Conn, from netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	s.doors.leave(from, c.established)
}

func (s *Server) closeAll() {
	s.mu.Lock()
	s.shut = true
	s.mu.Unlock()
	s.Each(func(c *Conn) { c.Close() })
}
