package admin

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// writeRead answers a read. A stored page must not run in a browser beside the
// admin API, whatever its bytes are.
func (s *Server) writeRead(c *call, q *wire.Request, a *wire.GetAnswer, epoch uint64) {
	h := c.w.Header()
	h.Set("Candor-Outcome", done)
	h.Set("Candor-Receipt", receiptLine(&a.Receipt))
	if !a.Version.IsZero() {
		h.Set("Candor-Version", a.Version.String())
	}
	if !a.Found {
		s.absent(q, &a.Receipt).write(c.w)
		return
	}
	h.Set("ETag", etag(a.Version))
	if a.ExpiresAt != 0 {
		h.Set("Candor-Expires", milliText(a.ExpiresAt))
	}
	switch {
	case c.holds(a.Version):
		c.w.WriteHeader(http.StatusNotModified)
	case q.Flags&(contract.Rows|contract.Trace) != 0:
		writeJSON(c.w, http.StatusOK, s.item(q, a, epoch))
	default:
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Disposition", "attachment")
		h.Set("Content-Security-Policy", "sandbox")
		h.Set("Content-Length", strconv.Itoa(len(a.Value)))
		c.w.WriteHeader(http.StatusOK)
		_, _ = c.w.Write(a.Value) // the reader may be gone, or want the header only
	}
}

// absent is 404: the level agrees that there is nothing. Under weaken that is the
// level of the receipt, which may be lower than the one that was asked.
func (s *Server) absent(q *wire.Request, r *contract.Receipt) *problem {
	p := newProblem(http.StatusNotFound, codeNotFound, "the key is absent", fmt.Sprintf("level %v agrees that the key is absent", r.Level),
		"this is an answer, not a failure")
	if asked := s.levelAsked(q); q.Flags&contract.Weaken != 0 && asked != r.Level {
		p.Detail += fmt.Sprintf("; it is lower than %v, which was asked and could not be met", asked)
		p.Hint = "this is an answer of the lower level: replicas that did not answer may hold the key; without weaken the read is refused instead"
	}
	p.Class, p.Outcome = contract.Done.String(), done
	s.reached(p, r)
	return p
}

// levelAsked is the level of a read, that of its namespace if it named none.
func (s *Server) levelAsked(q *wire.Request) contract.Level {
	if q.Level != contract.Default {
		return q.Level
	}
	ns, err := s.namespace(string(q.Namespace))
	if err != nil {
		return contract.Default // gone since the answer was made
	}
	return ns.Read
}

// itemJSON is a key with its value and the receipt of its read.
type itemJSON struct {
	kind
	Namespace string      `json:"ns"`
	Key       *string     `json:"key,omitempty"`
	KeyB64    *string     `json:"key_b64,omitempty"`
	Found     bool        `json:"found"`
	Value     *string     `json:"value,omitempty"`
	ValueB64  *string     `json:"value_b64,omitempty"`
	Version   string      `json:"version"`
	Expires   string      `json:"expires,omitempty"`
	Receipt   receiptJSON `json:"receipt"`
	Trace     []stepJSON  `json:"trace,omitempty"`
}

func (s *Server) item(q *wire.Request, a *wire.GetAnswer, epoch uint64) *itemJSON {
	j := &itemJSON{
		kind: kindOf("Item"), Namespace: namespaceName(q), Found: true, Version: a.Version.String(), Expires: milliText(a.ExpiresAt),
		Receipt: s.receiptOf(&a.Receipt, epoch), Trace: s.traceOf(a.Trace),
	}
	j.Key, j.KeyB64 = textOf(q.Key)
	j.Value, j.ValueB64 = textOf(a.Value)
	return j
}

// writtenJSON is what became of a write that was done.
type writtenJSON struct {
	kind
	Op           string      `json:"op"` // put, delete
	Namespace    string      `json:"ns"`
	Key          *string     `json:"key,omitempty"`
	KeyB64       *string     `json:"key_b64,omitempty"`
	Outcome      string      `json:"outcome"` // done; superseded is done too, and a higher version stands
	Version      string      `json:"version"`
	SupersededBy string      `json:"superseded_by,omitempty"`
	Buried       string      `json:"buried,omitempty"` // the version that was replaced and not seen
	Receipt      receiptJSON `json:"receipt"`
	Trace        []stepJSON  `json:"trace,omitempty"`
}

func (s *Server) writeWritten(c *call, q *wire.Request, a *wire.WriteAnswer, epoch uint64) {
	h := c.w.Header()
	h.Set("Candor-Outcome", done)
	h.Set("Candor-Receipt", receiptLine(&a.Receipt))
	h.Set("Candor-Version", a.Version.String())
	h.Set("ETag", etag(a.Version))
	j := &writtenJSON{
		kind: kindOf("WriteResult"), Op: "put", Namespace: namespaceName(q), Outcome: done, Version: a.Version.String(),
		SupersededBy: versionText(a.Winner), Buried: versionText(a.Buried), Receipt: s.receiptOf(&a.Receipt, epoch), Trace: s.traceOf(a.Trace),
	}
	if q.Op == wire.OpDelete {
		j.Op = "delete"
	}
	if a.Outcome == contract.Superseded {
		j.Outcome = a.Outcome.String()
	}
	if j.SupersededBy != "" {
		h.Set("Candor-Superseded-By", j.SupersededBy)
	}
	if j.Buried != "" {
		h.Set("Candor-Buried", j.Buried)
	}
	j.Key, j.KeyB64 = textOf(q.Key)
	writeJSON(c.w, http.StatusOK, j)
}

// namespaceName is the namespace of a request by name.
func namespaceName(q *wire.Request) string {
	if len(q.Namespace) == 0 {
		return "default"
	}
	return string(q.Namespace)
}
