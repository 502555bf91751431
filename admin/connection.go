package admin

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/candordb/candor/contract"
)

// connectionKey is under what a request has its connection.
type connectionKey struct{}

func withConnection(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, c)
}

// connectionOf is the connection of a request; nil if it came without one.
func connectionOf(r *http.Request) net.Conn {
	c, _ := r.Context().Value(connectionKey{}).(net.Conn)
	return c
}

// connectionIs follows what the HTTP server says of a connection. It is new, or
// idle, until the header of a request has come to its end.
func (s *Server) connectionIs(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		victim, ok := s.places.enter(c)
		if victim != nil {
			_ = victim.Close() // it has nothing to say
		}
		if !ok {
			_, _ = c.Write(noPlace()) // it is only a courtesy
			_ = c.Close()
		}
	case http.StateActive:
		s.places.work(c)
	case http.StateIdle:
		s.places.rest(c)
	case http.StateClosed, http.StateHijacked:
		s.places.leave(c)
	}
}

// crowded refuses a request for which there is no place, and ends its connection;
// nil: there is one.
func (s *Server) crowded(w http.ResponseWriter, r *http.Request) *problem {
	c := connectionOf(r)
	why := s.places.crowded(c)
	if why == "" {
		return nil
	}
	s.places.rest(c)
	w.Header().Set("Connection", "close")
	return noPlaceFor(why)
}

func noPlaceFor(why string) *problem {
	p := refuse(contract.Overloaded, "%s", why)
	p.RetryAfterMS = retryPlacesMS
	return p
}

// noPlace answers a connection of which nothing is read. It fits the socket's
// buffer, so that sending it does not hold up the accept loop.
func noPlace() []byte {
	w := &plainWriter{header: make(http.Header)}
	noPlaceFor("every place for connections is taken").write(w)
	w.header.Set("Connection", "close")
	var out bytes.Buffer
	fmt.Fprintf(&out, "HTTP/1.1 %d %s\r\n", w.status, http.StatusText(w.status))
	_ = w.header.Write(&out) // here and below: a buffer takes it all
	out.WriteString("\r\n")
	_, _ = w.body.WriteTo(&out)
	return out.Bytes()
}

// plainWriter keeps an answer that goes out without an HTTP server.
type plainWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *plainWriter) Header() http.Header         { return w.header }
func (w *plainWriter) WriteHeader(status int)      { w.status = status }
func (w *plainWriter) Write(b []byte) (int, error) { return w.body.Write(b) }
