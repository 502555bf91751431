package admin

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/candordb/candor/contract"
)

// Options of a Server.
type Options struct {
	Hosts      []string      // names that Host may have, beside loopback and the address of the connection
	Data       bool          // keys are served
	ValueBytes int64         // the largest value of all namespaces
	Timeout    time.Duration // the longest deadline of a request (timeouts.max)
	PerIP      int           // requests at once from one address (limits.per_ip); 0: no bound of its own
	Metrics    http.Handler
	Log        *slog.Logger
}

// Bounds of what connections hold, and how long.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 30 * time.Second // of a whole request, its body included
	writeTimeout  = time.Minute      // from the header on; an event stream has a bound for each event
	idleTimeout   = 2 * time.Minute
	headerBytes   = 64 << 10 // room for the longest key, escaped
	bodyBytesMax  = 64 << 20 // of all bodies at once
	answerGrace   = time.Second
	drainTimeout  = 2 * time.Second
	retryPlacesMS = 1000 // the advice to whom comes while all places are taken
)

// Server serves the admin API of a node.
type Server struct {
	node   Node
	o      Options
	http   *http.Server
	origin *http.CrossOriginProtection
	hosts  map[string]bool

	places *places
	bodies atomic.Int64 // bytes that are reserved for bodies

	events  eventLog
	nudge   chan struct{}
	watched sync.Mutex // guards seen
	seen    *Snapshot  // what events were last told of
}

// New makes a Server; Run serves.
func New(node Node, o Options) *Server {
	s := &Server{
		node: node, o: o, origin: http.NewCrossOriginProtection(), hosts: make(map[string]bool), places: newPlaces(o.PerIP), nudge: make(chan struct{}, 1),
	}
	for _, h := range o.Hosts {
		s.hosts[plainHost(h)] = true
	}
	s.events.init()
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: headerBytes, ConnState: s.connectionIs, ConnContext: withConnection, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	s.http.RegisterOnShutdown(s.events.close)
	return s
}

// Run serves on l until Stop, or until ctx ends, which cuts off what is going on.
// When it returns, what it started has ended, but for requests that Stop waits
// for.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var watcher sync.WaitGroup
	watcher.Go(func() { s.watch(ctx) })
	unhook := context.AfterFunc(ctx, func() {
		s.events.close()
		_ = s.http.Close() // connections that are cut off have nothing to say
	})
	err := s.http.Serve(l)
	unhook()
	cancel()
	watcher.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Stop tells the last events, takes no new requests, and waits for those that are
// going on until ctx ends; then it cuts them off and returns ctx's error.
func (s *Server) Stop(ctx context.Context) error {
	s.observe()
	err := s.http.Shutdown(ctx)
	if err != nil {
		_ = s.http.Close() // so that none outlives what the node stands on
	}
	return err
}

// Connections is how many connections are open.
func (s *Server) Connections() int { return s.places.count() }

// ServeHTTP serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c := connectionOf(r); c != nil && !s.places.holds(c) {
		panic(http.ErrAbortHandler) // it is closed: nobody would hear what became of the request
	}
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if err := s.serve(w, r); err != nil {
		var p *problem
		if !errors.As(err, &p) {
			p = refuse(contract.Internal, "%v", err)
		}
		if p.unread > 0 {
			p.writeBeforeBody(w, r)
			return
		}
		p.write(w)
	}
}

// serve checks what all routes have in common, and serves the route.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) error {
	if err := s.admit(r); err != nil {
		return err
	}
	rt, rest, err := routeOf(r.Method, sentPath(r.URL))
	if err != nil {
		return err
	}
	if rt.probe() {
		defer s.places.rest(connectionOf(r)) // it is answered: what may still come of its body holds no place
	} else if p := s.crowded(w, r); p != nil {
		return p
	}
	if rt.data && !s.o.Data {
		return refuse(contract.Forbidden, "http.data is false: this node serves no keys over HTTP; use a client")
	}
	q, err := parseQuery(r.URL.RawQuery, strings.Fields(rt.query))
	if err != nil {
		return err
	}
	return rt.serve(s, &call{w: w, r: r, rest: rest, query: q})
}
