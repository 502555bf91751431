package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/wire"
)

// keysPath is where the keys are; all behind it, as it was sent, is the key.
const keysPath = "/v1/keys/"

// serveKey is GET, HEAD, PUT and DELETE of one key, through this node's own
// router. 404 means one thing only: the level agrees that the key is absent.
func (n *Node) serveKey(w http.ResponseWriter, r *http.Request, escaped string) {
	q, err := n.keyRequest(w, r, escaped)
	if err != nil {
		n.problem(w, requestProblem(err), false)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), n.config.Timeouts.Max+time.Second)
	defer cancel()
	a, err := n.ask(ctx, q)
	if err != nil {
		// The router answers at the deadline at the latest, so only a reader
		// that is gone gets here.
		n.problem(w, &wire.Answer{Head: wire.Head{Op: q.Op, Code: contract.Internal}, Error: wire.Error{Message: err.Error()}}, q.Op.Writes())
		return
	}
	h := w.Header()
	h.Set("Candor-Epoch", strconv.FormatUint(a.Epoch, 10))
	switch {
	case a.Code != contract.OK:
		n.problem(w, a, q.Op.Writes())
	case q.Op == wire.OpGet:
		writeValue(w, r, a)
	default:
		writeWritten(w, a)
	}
}

// badRequest is an error of the request's form, with its code.
type badRequest struct {
	code    contract.Code
	message string
}

// Error is the message.
func (b *badRequest) Error() string { return b.message }

func badf(code contract.Code, format string, args ...any) error {
	return &badRequest{code, fmt.Sprintf(format, args...)}
}

func requestProblem(err error) *wire.Answer {
	var b *badRequest
	if !errors.As(err, &b) {
		b = &badRequest{contract.BadRequest, err.Error()}
	}
	return &wire.Answer{Head: wire.Head{Code: b.code}, Error: wire.Error{Message: b.message}}
}

// keyRequest reads key, query and body.
func (n *Node) keyRequest(w http.ResponseWriter, r *http.Request, escaped string) (*wire.Request, error) {
	key, err := unescapeKey(escaped)
	if err != nil {
		return nil, err
	}
	q := &wire.Request{Key: key}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		q.Op = wire.OpGet
	case http.MethodPut:
		q.Op = wire.OpPut
	case http.MethodDelete:
		q.Op = wire.OpDelete
	default:
		return nil, badf(contract.BadRequest, "a key has GET, HEAD, PUT and DELETE, not %s", r.Method)
	}
	if err := keyQuery(q, r.URL.Query()); err != nil {
		return nil, err
	}
	if q.Op == wire.OpPut {
		limit := int64(n.config.Limits.Value)
		if r.ContentLength > limit {
			// A body that is cut off unread resets the connection, and the answer
			// with it; so much is read that the usual mistake is told.
			_, _ = io.CopyN(io.Discard, r.Body, limit)
			return nil, badf(contract.TooLarge, "the value has %d bytes, the limit is %d", r.ContentLength, limit)
		}
		q.Value, err = io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, badf(contract.TooLarge, "the value is larger than the limit of %d bytes", limit)
		}
	}
	return q, err
}

// unescapeKey decodes each %XX once into a byte; a plus is a plus.
func unescapeKey(escaped string) ([]byte, error) {
	key, err := url.PathUnescape(escaped)
	if err != nil {
		return nil, badf(contract.BadRequest, "the key has a bad escape: %v", err)
	}
	for _, segment := range strings.Split(escaped, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return nil, badf(contract.BadRequest, "a key in a path has no empty, . or .. segment, as proxies change these: escape it as %s", escapeKey(key))
		}
	}
	return []byte(key), nil
}

// escapeKey writes every byte that is not plain as %XX, dots and slashes too.
func escapeKey(key string) string {
	var b strings.Builder
	for i := range len(key) {
		switch c := key[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '~':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// keyQuery reads the query; a name that is not known is an error, so that a
// misspelt consistency never runs at another level.
func keyQuery(q *wire.Request, values url.Values) error {
	for name, given := range values { // in no order: each name sets a field of its own
		if len(given) != 1 {
			return badf(contract.BadRequest, "the query names %s more than once", name)
		}
		if err := keyParameter(q, name, given[0]); err != nil {
			return err
		}
	}
	return nil
}

func keyParameter(q *wire.Request, name, v string) (err error) {
	ok := true
	switch name {
	case "ns":
		q.Namespace = []byte(v)
	case "consistency":
		q.Level, ok = contract.ParseLevel(v)
	case "ttl":
		var d time.Duration
		d, err = time.ParseDuration(v)
		ok = d >= time.Millisecond && q.Op == wire.OpPut
		q.TTL, q.HasTTL = uint64(d.Milliseconds()), true
	case "timeout":
		var d time.Duration
		d, err = time.ParseDuration(v)
		ok = d >= time.Millisecond
		q.DeadlineMS = uint64(d.Milliseconds())
	case "version":
		q.Version, err = hlc.ParseVersion(v)
		q.HasVersion, ok = true, q.Op != wire.OpGet
	case "after":
		q.After, err = hlc.ParseVersion(v)
		ok = q.Op == wire.OpGet
	default:
		return badf(contract.BadRequest, "the query parameter %q is not known: there are ns, consistency, ttl, timeout, version and after", name)
	}
	if err != nil || !ok {
		return badf(contract.BadRequest, "%s=%s is not a good value for %v", name, v, q.Op)
	}
	return nil
}

// receiptHeader is the receipt as one header line.
func receiptHeader(c *contract.Receipt) string {
	return fmt.Sprintf("need=%d, asked=%d, acked=%d, durable=%d, hinted=%d, level=%v, repaired=%d",
		c.Need, c.Asked, c.Acked, c.Durable, c.Hinted, c.Level, c.Repaired)
}

func versionHeaders(h http.Header, v hlc.Version) {
	if !v.IsZero() {
		h.Set("Candor-Version", v.String())
		h.Set("ETag", `"`+v.String()+`"`)
	}
}

// writeValue answers a read. A stored page must not run in a browser beside
// the admin API.
func writeValue(w http.ResponseWriter, r *http.Request, a *wire.Answer) {
	h := w.Header()
	versionHeaders(h, a.Get.Version)
	h.Set("Candor-Outcome", "done")
	h.Set("Candor-Receipt", receiptHeader(&a.Get.Receipt))
	if !a.Get.Found {
		problemJSON(w, http.StatusNotFound, problem{
			Type: "urn:candor:error:NOT_FOUND", Title: "NOT_FOUND", Status: http.StatusNotFound, Detail: "the level agrees that the key is absent",
			Code: "NOT_FOUND", Class: contract.Done.String(), Outcome: "done", Receipt: a.Get.Receipt.String(),
		})
		return
	}
	if a.Get.ExpiresAt != 0 {
		h.Set("Candor-Expires", time.UnixMilli(a.Get.ExpiresAt).UTC().Format(time.RFC3339Nano))
	}
	h.Set("Content-Type", "application/octet-stream")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Disposition", "attachment")
	h.Set("Content-Security-Policy", "sandbox")
	h.Set("Content-Length", strconv.Itoa(len(a.Get.Value)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.Get.Value) // the reader may be gone
	}
}

// written is the JSON that answers a PUT or DELETE.
type written struct {
	Version string `json:"version"`
	Outcome string `json:"outcome"`
	Winner  string `json:"superseded_by,omitempty"`
	Need    int    `json:"need"`
	Asked   int    `json:"asked"`
	Acked   int    `json:"acked"`
	Durable int    `json:"durable"`
	Hinted  int    `json:"hinted"`
	Level   string `json:"level"`
}

func writeWritten(w http.ResponseWriter, a *wire.Answer) {
	h, c := w.Header(), &a.Write.Receipt
	versionHeaders(h, a.Write.Version)
	h.Set("Candor-Outcome", "done")
	h.Set("Candor-Receipt", receiptHeader(c))
	body := written{
		Version: a.Write.Version.String(), Outcome: a.Write.Outcome.String(), Need: c.Need, Asked: c.Asked, Acked: c.Acked,
		Durable: c.Durable, Hinted: c.Hinted, Level: c.Level.String(),
	}
	if !a.Write.Winner.IsZero() {
		body.Winner = a.Write.Winner.String()
		h.Set("Candor-Superseded-By", body.Winner)
	}
	writeJSON(w, http.StatusOK, body)
}

// problem is application/problem+json.
type problem struct {
	Type         string `json:"type"`
	Title        string `json:"title"`
	Status       int    `json:"status"`
	Detail       string `json:"detail"`
	Code         string `json:"code"`
	Class        string `json:"class"`
	Outcome      string `json:"outcome"`
	Version      string `json:"version,omitempty"`
	Receipt      string `json:"receipt,omitempty"`
	Need         int    `json:"need"`
	Reachable    int    `json:"reachable"`
	RetryAfterMS uint64 `json:"retry_after_ms,omitempty"`
}

// problem answers a refusal or a failure.
func (n *Node) problem(w http.ResponseWriter, a *wire.Answer, write bool) {
	e := &a.Error
	p := problem{
		Type: "urn:candor:error:" + a.Code.String(), Title: a.Code.String(), Status: a.Code.HTTPStatus(write), Detail: e.Message,
		Code: a.Code.String(), Class: a.Code.Class().String(), Outcome: "not-applied", Need: e.Need, Reachable: e.Reachable, RetryAfterMS: e.RetryAfterMS,
	}
	if a.Code.Settled(write) == contract.Unknown {
		p.Outcome = "in-doubt"
	}
	if a.Code == contract.Clock && (e.Kind == contract.ClockFenced) {
		p.Status = http.StatusServiceUnavailable
	}
	if !e.Version.IsZero() {
		p.Version = e.Version.String()
		w.Header().Set("Candor-Version", p.Version)
	}
	if e.Receipt != nil {
		p.Receipt, p.Need = e.Receipt.String(), e.Receipt.Need
		w.Header().Set("Candor-Receipt", receiptHeader(e.Receipt))
	}
	w.Header().Set("Candor-Outcome", p.Outcome)
	if e.RetryAfterMS > 0 {
		w.Header().Set("Retry-After", strconv.FormatUint((e.RetryAfterMS+999)/1000, 10))
	}
	problemJSON(w, p.Status, p)
}

func problemJSON(w http.ResponseWriter, status int, p problem) {
	writeJSONAs(w, status, "application/problem+json", p)
}
