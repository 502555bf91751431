package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/candordb/candor/contract"
)

const (
	// heartbeatEvery keeps a stream from looking dead to whatever is in between.
	heartbeatEvery = 15 * time.Second
	// eventTimeout is how long a reader may take for what is sent to it at once.
	eventTimeout = 10 * time.Second
	// reconnectMS is what readers are told to wait before they come again.
	reconnectMS = 1000
)

// eventJSON is the data of one event.
type eventJSON struct {
	kind
	ID     string `json:"id"`
	Time   string `json:"time"`
	Event  string `json:"event"`
	Node   string `json:"node"`
	NodeID string `json:"node_id"`
	Detail string `json:"detail"`
}

// Names of events that a stream itself tells.
const (
	connected  = "connected"   // the stream begins behind its id
	eventsLost = "events-lost" // some were missed: look at the whole state again
)

// serveEvents is a stream of events. It begins behind Last-Event-ID (or `after`,
// for those who cannot set a header) and with what comes from now on if there is
// none. It ends when the node shuts down.
func (s *Server) serveEvents(c *call) error {
	if !s.events.join() {
		p := refuse(contract.Overloaded, "%d readers of events are the most that this node has", readersMax)
		p.RetryAfterMS = reconnectMS
		return p
	}
	defer s.events.leave()
	last := c.r.Header.Get("Last-Event-ID")
	if last == "" {
		last = c.query.text("after")
	}
	t := &stream{s: s, w: c.w, control: http.NewResponseController(c.w), seen: s.node.Snapshot()}
	// The request was read: the bound on reading it would cut the stream. Not every
	// ResponseWriter has one.
	_ = t.control.SetReadDeadline(time.Time{})
	c.w.Header().Set("Content-Type", "text/event-stream")
	c.w.WriteHeader(http.StatusOK)
	if c.r.Method == http.MethodHead {
		return nil
	}
	t.begin(last)
	heartbeat := time.NewTicker(heartbeatEvery)
	defer heartbeat.Stop()
	for t.err == nil {
		p := s.events.since(t.at)
		t.page(p)
		if p.closed {
			return nil
		}
		select {
		case <-p.more:
		case <-heartbeat.C:
			t.send(": still here\n\n")
		case <-c.r.Context().Done():
			return nil
		}
	}
	return nil
}

// stream is one reader of events.
type stream struct {
	s       *Server
	w       io.Writer
	control *http.ResponseController
	seen    *Snapshot // for names
	at      uint64    // the last event that was sent
	err     error     // the reader is gone
}

// id is how an event is called outside: it names the start of the node that
// counts it, so that another node's or another start's is not taken for it.
func (t *stream) id(n uint64) string {
	return fmt.Sprintf("%.8s-%d-%d", t.seen.Self, t.seen.Incarnation, n)
}

// begin places the stream behind the last event that the reader has seen.
func (t *stream) begin(last string) {
	t.at = t.s.events.newest()
	t.send(fmt.Sprintf("retry: %d\n\n", reconnectMS))
	if last == "" {
		t.own(connected, "events from now on")
		return
	}
	count := last[strings.LastIndexByte(last, '-')+1:]
	n, err := strconv.ParseUint(count, 10, 64)
	if err != nil || n > t.at || last != t.id(n) {
		t.own(eventsLost, "the last event that was seen is not one of this start of this node")
		return
	}
	t.at = n
}

// page sends what is new.
func (t *stream) page(p page) {
	if p.lost {
		t.own(eventsLost, "more events came than are kept")
	}
	if len(p.events) == 0 {
		return
	}
	t.seen = t.s.node.Snapshot()
	var b bytes.Buffer
	for i := range p.events {
		e := &p.events[i]
		of := e.node
		if of.IsZero() {
			of = t.seen.Self
		}
		t.append(&b, &eventJSON{kindOf("Event"), t.id(e.id), timeText(e.time), e.name, t.seen.label(of), of.String(), e.detail})
		t.at = e.id
	}
	t.send(b.String())
}

// own sends an event about the stream itself.
func (t *stream) own(name, detail string) {
	var b bytes.Buffer
	t.append(&b, &eventJSON{kindOf("Event"), t.id(t.at), timeText(t.seen.Time), name, t.seen.Name, t.seen.Self.String(), detail})
	t.send(b.String())
}

func (t *stream) append(b *bytes.Buffer, e *eventJSON) {
	data, err := json.Marshal(e)
	if err != nil {
		panic("admin: an event of our own cannot be encoded: " + err.Error())
	}
	fmt.Fprintf(b, "id: %s\nevent: %s\ndata: %s\n\n", e.ID, e.Event, data)
}

// send sends text within eventTimeout.
func (t *stream) send(text string) {
	if t.err != nil {
		return
	}
	_ = t.control.SetWriteDeadline(time.Now().Add(eventTimeout)) // not every ResponseWriter has one
	if _, t.err = io.WriteString(t.w, text); t.err == nil {
		t.err = t.control.Flush()
	}
}
