package admin

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// problem is application/problem+json: why a request was not done, what that
// means for the key, and what to do next. It is an error, so that handlers
// return it.
type problem struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	Status  int    `json:"status"`
	Detail  string `json:"detail"`
	Code    string `json:"code"`
	Class   string `json:"class"`
	Outcome string `json:"outcome"` // done, not-applied, in-doubt
	Version string `json:"version,omitempty"`

	// Of the receipt; left out where none came. UNAVAILABLE has a need without one.
	Level   string `json:"level,omitempty"`
	Need    *int   `json:"need,omitempty"`
	Asked   *int   `json:"asked,omitempty"`
	Acked   *int   `json:"acked,omitempty"`
	Durable *int   `json:"durable,omitempty"`
	Hinted  *int   `json:"hinted,omitempty"`

	Reachable    *int          `json:"reachable,omitempty"`  // UNAVAILABLE: natural replicas that can be reached
	Copies       *int          `json:"copies,omitempty"`     // UNAVAILABLE: natural replicas
	Down         []string      `json:"down,omitempty"`       // UNAVAILABLE: nodes that cannot be reached
	Limit        uint64        `json:"limit,omitempty"`      // TOO_LARGE: bytes
	Mode         string        `json:"mode,omitempty"`       // WRONG_MODE: that of the namespace
	ClockKind    int           `json:"clock_kind,omitempty"` // CLOCK: of the protocol
	Current      *current      `json:"current,omitempty"`    // CONDITION_FAILED: what is stored
	Replicas     []replicaJSON `json:"replicas,omitempty"`
	RetryAfterMS uint64        `json:"retry_after_ms"`
	Hint         string        `json:"hint"`

	allow   string            // of 405
	unread  int64             // how much of the body is taken in, once the problem was sent, so that its sender reads it
	receipt *contract.Receipt // for its header; nil: none
}

// current is what a failed condition found.
type current struct {
	Version  string  `json:"version"`
	Value    *string `json:"value,omitempty"`
	ValueB64 *string `json:"value_b64,omitempty"`
}

// Error is the detail.
func (p *problem) Error() string { return p.Detail }

// Codes of HTTP alone, beside those of the contract.
const (
	codeNotFound  = "NOT_FOUND"     // the key is absent
	codeNoRoute   = "NO_SUCH_ROUTE" // there is nothing at this path
	codeBadMethod = "BAD_METHOD"
)

func newProblem(status int, code, title, detail, hint string) *problem {
	return &problem{
		Type: "urn:candor:error:" + code, Title: title, Status: status, Detail: detail, Code: code,
		Class: contract.NoEffect.String(), Outcome: notApplied, Hint: hint,
	}
}

// refuse is a refusal before anything was sent.
func refuse(code contract.Code, format string, args ...any) *problem {
	w := wordsOf(code)
	return newProblem(code.HTTPStatus(false), code.String(), w.title, fmt.Sprintf(format, args...), w.hint)
}

func badf(format string, args ...any) *problem { return refuse(contract.BadRequest, format, args...) }

// The outcomes, as Candor-Outcome and `outcome` name them.
const (
	done       = "done"
	superseded = "superseded" // a higher version stands
	notApplied = "not-applied"
	inDoubt    = "in-doubt"
)

// refused is a refusal or a failure that the router answered. key is how the key
// of a write is written in a path, for the hint; "" where there is none.
func (s *Server) refused(a *wire.Answer, q *wire.Request) *problem {
	e, write := &a.Error, q.Op.Writes()
	p := refuse(a.Code, "%s", e.Message)
	p.Status, p.Class, p.RetryAfterMS = a.Code.HTTPStatus(write), classOf(a.Code, write).String(), e.RetryAfterMS
	doubt := a.Code.Settled(write) == contract.Unknown
	switch {
	case doubt:
		p.Outcome = inDoubt
	case a.Code == contract.Clock && e.Kind == contract.ClockFenced:
		p.Status = http.StatusServiceUnavailable
	}
	s.details(p, e)
	switch {
	case doubt:
		p.Hint = doubtHint(q, p.Version)
	case a.Code == contract.Clock:
		p.Hint = clockHints[e.Kind]
	case a.Code == contract.Unavailable && !q.After.IsZero() && e.Reachable >= e.Need:
		p.Title, p.Hint = afterWords.title, afterWords.hint
	}
	return p
}

// classOf is the class of a code, but that a read is never in doubt.
func classOf(code contract.Code, write bool) contract.Class {
	if k := code.Class(); k != contract.Unknown {
		return k
	}
	return code.Settled(write)
}

// details are what an error has beside its sentence.
func (s *Server) details(p *problem, e *wire.Error) {
	if !e.Version.IsZero() && p.Code != contract.ConditionFailed.String() {
		p.Version = e.Version.String()
	}
	if e.Receipt != nil {
		s.reached(p, e.Receipt)
	}
	p.Limit, p.Mode, p.ClockKind = e.Limit, e.Mode, int(e.Kind)
	switch p.Code {
	case contract.Unavailable.String():
		p.Need, p.Reachable, p.Copies = &e.Need, &e.Reachable, &e.N
		seen := s.node.Snapshot()
		for _, id := range e.Down {
			p.Down = append(p.Down, seen.label(ring.NodeID(id)))
		}
	case contract.ConditionFailed.String():
		p.Current = &current{Version: versionText(e.Version)}
		if e.Value != nil {
			p.Current.Value, p.Current.ValueB64 = textOf(e.Value)
		}
	}
}

// reached puts a receipt into a problem.
func (s *Server) reached(p *problem, r *contract.Receipt) {
	p.receipt, p.Level = r, r.Level.String()
	p.Need, p.Asked, p.Acked, p.Durable, p.Hinted = &r.Need, &r.Asked, &r.Acked, &r.Durable, &r.Hinted
	if len(r.Rows) > 0 {
		p.Replicas = replicasOf(s.node.Snapshot(), r.Rows)
	}
}

// lost is a request whose answer did not come at all.
func (s *Server) lost(err error, q *wire.Request) *problem {
	return s.refused(&wire.Answer{
		Head: wire.Head{Op: q.Op, Code: contract.Internal}, Error: wire.Error{Message: err.Error(), Version: q.Version},
	}, q)
}

// write sends the problem.
func (p *problem) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Candor-Outcome", p.Outcome)
	if p.Version != "" {
		h.Set("Candor-Version", p.Version)
	}
	if p.receipt != nil {
		h.Set("Candor-Receipt", receiptLine(p.receipt))
	}
	if p.RetryAfterMS > 0 {
		h.Set("Retry-After", strconv.FormatUint((p.RetryAfterMS+999)/1000, 10))
	}
	if p.allow != "" {
		h.Set("Allow", p.allow)
	}
	writeJSONAs(w, p.Status, "application/problem+json", p)
}

// writeBeforeBody sends the problem and then takes in some of the body. Closing a
// connection with bytes unread resets it, and may destroy the answer on its way;
// so the sender of the usual mistake, a value not much too large, is heard out.
func (p *problem) writeBeforeBody(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex() // here and below: not every ResponseWriter can, and then there is no connection either
	p.write(w)
	_ = control.Flush()
	if r.Header.Get("Expect") != "" {
		return // the sender waits to be told to go on
	}
	_ = control.SetReadDeadline(time.Now().Add(drainTimeout))
	_, _ = io.CopyN(io.Discard, r.Body, p.unread)
}
