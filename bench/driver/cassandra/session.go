package cassandra

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"
)

// sessionWithin is how long opening a connection and each request of a session may
// take at most. Making a table takes seconds on a slow machine.
const sessionWithin = 30 * time.Second

// session asks one thing after the other, for all that is not measured.
type session struct {
	nc net.Conn
}

// open connects to a node and greets it.
func open(ctx context.Context, address string) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, sessionWithin)
	defer cancel()
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cassandra: %w", err)
	}
	s := &session{nc}
	f, err := s.ask(opStartup, func(dst []byte) []byte {
		dst = binary.BigEndian.AppendUint16(dst, 1) // one option
		return appendString(appendString(dst, "CQL_VERSION"), "3.0.0")
	})
	if err == nil && f.opcode != opReady {
		err = fmt.Errorf("cassandra: %s answers a greeting with opcode %#x, not with READY: is it one that was started here?", address, f.opcode)
	}
	if err != nil {
		_ = nc.Close() // the first error is the one that says something
		return nil, err
	}
	return s, nil
}

// query carries out a statement as it stands.
func (s *session) query(statement string, level uint16) error {
	_, err := s.ask(opQuery, func(dst []byte) []byte {
		dst = binary.BigEndian.AppendUint16(appendLongString(dst, statement), level)
		return append(dst, 0) // no flags
	})
	if err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// prepare returns the id of a statement on this connection.
func (s *session) prepare(statement string) ([]byte, error) {
	f, err := s.ask(opPrepare, func(dst []byte) []byte { return appendLongString(dst, statement) })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", statement, err)
	}
	r := reader{rest: f.body}
	kind := r.int()
	id := r.take(r.short())
	if f.opcode != opResult || kind != resultPrepared || r.broken {
		return nil, fmt.Errorf("%s: %w: it does not say how it was prepared", statement, errProtocol)
	}
	return id, nil
}

// ask sends a request and waits for its answer, the only one under way. An ERROR is
// an error.
func (s *session) ask(opcode byte, body func(dst []byte) []byte) (f frame, err error) {
	if err := s.nc.SetDeadline(time.Now().Add(sessionWithin)); err != nil {
		return f, fmt.Errorf("cassandra: %w", err)
	}
	if _, err := s.nc.Write(appendFrame(nil, 0, opcode, body)); err != nil {
		return f, fmt.Errorf("cassandra: %w", err)
	}
	if f, err = s.answer(); err != nil {
		return f, err
	}
	if f.opcode == opError {
		r := reader{rest: f.body}
		code := r.int()
		return f, fmt.Errorf("cassandra: error %#x: %s", code, r.take(r.short()))
	}
	return f, s.nc.SetDeadline(time.Time{})
}

// answer reads one frame, and not a byte more.
func (s *session) answer() (f frame, err error) {
	b := make([]byte, headerBytes)
	if _, err := io.ReadFull(s.nc, b); err != nil {
		return f, fmt.Errorf("cassandra: %w", err)
	}
	length := binary.BigEndian.Uint32(b[5:])
	if length > bodyBytesMax {
		return f, fmt.Errorf("%w: a body of %d bytes", errProtocol, length)
	}
	b = append(b, make([]byte, length)...)
	if _, err := io.ReadFull(s.nc, b[headerBytes:]); err != nil {
		return f, fmt.Errorf("cassandra: %w", err)
	}
	_, f, err = parseFrame(b)
	return f, err
}

func (s *session) close() error { return s.nc.Close() }
