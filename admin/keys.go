package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/wire"
)

// request is the request of a call on a key: its key, namespace and deadline.
func (c *call) request(op wire.Op) (*wire.Request, error) {
	q := &wire.Request{Op: op, Namespace: []byte(c.query.text("ns")), DeadlineMS: c.query.millis("timeout")}
	var err error
	q.Key, err = c.key()
	return q, err
}

// key is the key of a call, from the path or from key_b64.
func (c *call) key() ([]byte, error) {
	switch {
	case c.query.has("key_b64") && c.rest != "":
		return nil, badf("the key stands in the path and in key_b64: send one of the two")
	case c.query.has("key_b64"):
		key := c.query.bytes("key_b64")
		if c.query.err == nil && len(key) == 0 {
			return nil, badf("the key is empty: a key has at least one byte")
		}
		return key, c.query.err
	case c.rest == "":
		return nil, badf("the key is empty: it stands behind the last / of the path, or in key_b64")
	}
	return unescapeKey(c.rest)
}

// options reads what the query and the headers say of how to read or write.
func (c *call) options(q *wire.Request) error {
	v := c.query
	q.Level = v.level("consistency")
	for name, flag := range map[string]contract.Flags{
		"sloppy": contract.Sloppy, "ordered": contract.Ordered, "weaken": contract.Weaken, "replicas": contract.Rows, "trace": contract.Trace,
	} { // in no order: they are added up
		if v.flag(name) {
			q.Flags |= flag
		}
	}
	q.After, _ = v.version("after")
	q.Version, q.HasVersion = v.version("version")
	q.Seen, q.HasSeen = v.version("seen")
	if q.HasTTL = v.has("ttl"); q.HasTTL {
		q.TTL = v.lifetime("ttl")
	}
	if q.HasVersion && q.Version.IsZero() {
		v.fail("version", "a version; 0 is none")
	}
	if v.err != nil {
		return v.err
	}
	if q.Op.Writes() {
		return c.condition(q)
	}
	if c.r.Header.Get("If-Match") != "" {
		return badf("If-Match is a condition for writes: leave it out of a read")
	}
	return nil
}

// ask sends a request to the cluster; a refusal comes back as an error.
func (s *Server) ask(c *call, q *wire.Request) (*wire.Answer, error) {
	ctx, cancel := context.WithTimeout(c.r.Context(), s.o.Timeout+answerGrace)
	defer cancel()
	a, err := s.node.Ask(ctx, q)
	if err != nil {
		return nil, s.lost(err, q)
	}
	c.w.Header().Set("Candor-Epoch", strconv.FormatUint(a.Epoch, 10))
	if a.Code != contract.OK {
		return nil, s.refused(a, q)
	}
	return a, nil
}

func (s *Server) serveGet(c *call) error {
	q, err := c.request(wire.OpGet)
	if err == nil {
		err = c.options(q)
	}
	if err != nil {
		return err
	}
	a, err := s.ask(c, q)
	if err != nil {
		return err
	}
	s.writeRead(c, q, &a.Get, a.Epoch)
	return nil
}

func (s *Server) servePut(c *call) error {
	q, err := c.request(wire.OpPut)
	if err == nil {
		err = c.options(q)
	}
	if err != nil {
		return err
	}
	release, err := s.readValue(c, q)
	defer release()
	if err != nil {
		return err
	}
	return s.write(c, q)
}

func (s *Server) serveDelete(c *call) error {
	q, err := c.request(wire.OpDelete)
	if err == nil {
		err = c.options(q)
	}
	switch {
	case err != nil:
		return err
	case c.r.ContentLength > 0:
		return badf("a DELETE has no body")
	}
	return s.write(c, q)
}

// write sends a write and answers with its receipt.
func (s *Server) write(c *call, q *wire.Request) error {
	a, err := s.ask(c, q)
	var p *problem
	if errors.As(err, &p) && p.Code == contract.ConditionFailed.String() && !c.query.has("if_version") {
		p.Status = http.StatusPreconditionFailed // the condition was a header
	}
	if err != nil {
		return err
	}
	s.writeWritten(c, q, &a.Write, a.Epoch)
	return nil
}

// readValue reads the body. What is known to be too large is refused before it is
// read; release gives back the room that was taken for the body.
func (s *Server) readValue(c *call, q *wire.Request) (release func(), err error) {
	release = func() {}
	limit, declared := s.valueLimit(q), c.r.ContentLength
	if declared > limit {
		return release, tooLarge(limit, "the value has %d bytes, the limit is %d", declared, limit)
	}
	room := limit
	if declared >= 0 {
		room = declared
	}
	if s.bodies.Add(room) > bodyBytesMax {
		s.bodies.Add(-room)
		p := refuse(contract.Overloaded, "this node is reading as many bodies as it has room for")
		p.RetryAfterMS = retryBodiesMS
		return release, p
	}
	release = func() { s.bodies.Add(-room) }
	q.Value, err = io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, limit))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return release, tooLarge(limit, "the value is larger than the limit of %d bytes", limit)
	case err != nil:
		return release, badf("the body cannot be read to its end: %v", err)
	}
	if q.Value == nil {
		q.Value = []byte{}
	}
	return release, nil
}

// retryBodiesMS is the advice to whom comes while the room for bodies is taken.
const retryBodiesMS = 100

// valueLimit is the largest value that the namespace of a request takes.
func (s *Server) valueLimit(q *wire.Request) int64 {
	if ns, err := s.namespace(string(q.Namespace)); err == nil && ns.ValueBytes > 0 {
		return min(ns.ValueBytes, s.o.ValueBytes)
	}
	return s.o.ValueBytes // the cluster will say what is wrong with the namespace
}

func tooLarge(limit int64, format string, args ...any) *problem {
	p := refuse(contract.TooLarge, format, args...)
	p.Limit, p.unread = uint64(limit), limit
	return p
}

// outcomePath is where the fate of a write is told.
func outcomePath(q *wire.Request, version string) string {
	path := fmt.Sprintf("GET /v1/outcome/%s?version=%s", escapeKey(q.Key), version)
	if len(q.Namespace) > 0 {
		path += "&ns=" + string(q.Namespace)
	}
	if q.Flags&contract.Sloppy != 0 || q.Level == contract.Any {
		path += "&sloppy=1"
	}
	return path
}

func etag(v hlc.Version) string { return `"` + v.String() + `"` }
