package admin

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/candordb/candor/ring"
)

// names are the events, with the node where it is another.
func names(list []event) (out []string) {
	for _, e := range list {
		if e.node.IsZero() {
			out = append(out, e.name)
		} else {
			out = append(out, e.name+" "+e.node.String()[:2])
		}
	}
	return out
}

func TestDifferencesAreEvents(t *testing.T) {
	base := newFake(t).snapshot
	changed := func(how func(*Snapshot)) *Snapshot {
		next := *base
		next.Members = slices.Clone(base.Members)
		how(&next)
		return &next
	}
	for _, tc := range []struct {
		what          string
		before, after *Snapshot
		want          []string
	}{
		{"nothing", base, base, nil},
		{"a start", nil, base, []string{"epoch", "node-up 01", "node-up 02", "node-up 04"}},
		{"a start before epoch 1", nil, changed(func(s *Snapshot) { s.View, s.Members = nil, nil }), nil},
		{"one goes", base, changed(func(s *Snapshot) { s.Members[1].Reachable = false }), []string{"node-down 02"}},
		{"one comes back", base, changed(func(s *Snapshot) { s.Members[2].Reachable = true }), []string{"node-up 03"}},
		{"the clock is fenced", base, changed(func(s *Snapshot) { s.Fenced = true }), []string{"clock-fenced"}},
		{"and agrees again", changed(func(s *Snapshot) { s.Fenced = true }), base, []string{"clock-unfenced"}},
		{"the storage stops", base, changed(func(s *Snapshot) { s.Stopped = "fsync failed" }), []string{"storage-stopped"}},
		{"a stop", base, changed(func(s *Snapshot) { s.Draining = true }), []string{"shutting-down"}},
		{"a new epoch", base, changed(func(s *Snapshot) { s.View = epoch8(t, base.View) }), []string{"epoch"}},
	} {
		if got := names(differences(tc.before, tc.after)); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", tc.what, got, tc.want)
		}
	}
}

func epoch8(t *testing.T, v *ring.View) *ring.View {
	next, err := ring.NewView(8, v.Q(), v.N(), v.Members(), v.OwnersTable())
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// The log is bounded; who falls behind is told that something is missing.
func TestLogForgetsTheOldest(t *testing.T) {
	var l eventLog
	l.init()
	if p := l.since(0); p.lost || len(p.events) > 0 {
		t.Errorf("an empty log: %+v", p)
	}
	for i := range eventsMax + 10 {
		l.add([]event{{detail: fmt.Sprint(i + 1)}})
	}
	for _, tc := range []struct {
		at    uint64
		lost  bool
		count int
	}{{0, true, eventsMax}, {9, true, eventsMax}, {10, false, eventsMax}, {11, false, eventsMax - 1}, {eventsMax + 10, false, 0}} {
		p := l.since(tc.at)
		if p.lost != tc.lost || len(p.events) != tc.count {
			t.Errorf("since %d: lost %v, %d events", tc.at, p.lost, len(p.events))
		}
		for i, e := range p.events {
			if want := uint64(eventsMax + 10 - tc.count + i + 1); e.id != want || e.detail != fmt.Sprint(want) {
				t.Fatalf("since %d: event %d is %+v", tc.at, i, e)
			}
		}
	}
}

// reader reads a stream of events over a socket.
type reader struct {
	t     *testing.T
	lines *bufio.Scanner
	close func()
}

func openStream(t *testing.T, url string, headers ...string) *reader {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	r, err := http.NewRequestWithContext(ctx, "GET", url+"/v1/cluster/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	closeIt := func() { cancel(); resp.Body.Close() }
	t.Cleanup(closeIt)
	if resp.StatusCode != 200 {
		t.Fatalf("the stream answers with %d", resp.StatusCode)
	}
	return &reader{t, bufio.NewScanner(resp.Body), closeIt}
}

// next is the id and the name of the next event; "" at the end of the stream.
func (r *reader) next() (id, name string) {
	r.t.Helper()
	for r.lines.Scan() {
		line := r.lines.Text()
		if v, ok := strings.CutPrefix(line, "id: "); ok {
			id = v
		}
		if v, ok := strings.CutPrefix(line, "event: "); ok {
			name = v
		}
		if line == "" && name != "" {
			return id, name
		}
	}
	if err := r.lines.Err(); err != nil {
		r.t.Fatal(err)
	}
	return "", ""
}

func (r *reader) want(names ...string) (id string) {
	r.t.Helper()
	for _, want := range names {
		var got string
		if id, got = r.next(); got != want {
			r.t.Fatalf("event %q, want %q", got, want)
		}
	}
	return id
}

// A stream begins with what comes from now on, goes on behind Last-Event-ID, says
// so if something is missing, and ends with the shutdown as its last word.
func TestEventStream(t *testing.T) {
	f := newFake(t)
	s := newServer(f)
	web := httptest.NewServer(s)
	defer web.Close()
	s.observe()
	first := openStream(t, web.URL)
	first.want(connected)
	f.change(func(s *Snapshot) { s.Members[1].Reachable = false })
	s.observe()
	down := first.want(nodeDown)
	first.close()

	f.change(func(s *Snapshot) { s.Members[1].Reachable = true; s.Fenced = true })
	s.observe()
	openStream(t, web.URL, "Last-Event-ID: "+down).want(nodeUp, clockFenced)
	for _, strange := range []string{"7", "x-y-z", strings.Replace(down, "-5-", "-4-", 1), down + "0"} {
		openStream(t, web.URL, "Last-Event-ID: "+strange).want(eventsLost)
	}

	last := openStream(t, web.URL, "Last-Event-ID: "+down)
	last.want(nodeUp, clockFenced)
	f.change(func(s *Snapshot) { s.Draining = true })
	s.observe()
	s.events.close()
	last.want(shuttingDown, "")
}

// A reader that asks by query, as one without headers of its own has to.
func TestEventsAfter(t *testing.T) {
	s := newServer(newFake(t))
	s.observe()
	s.events.close()
	w := do(s, "GET", "/v1/cluster/events?after=01cafe00-5-1", "")
	if got := strings.Count(w.Body.String(), "event: node-up"); w.Code != 200 || got != 3 || !strings.Contains(w.Body.String(), "id: 01cafe00-5-4\n") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	golden(t, "events.txt", w.Body.String())
}

func TestReadersAreBounded(t *testing.T) {
	s := newServer(newFake(t))
	s.events.close()
	for range readersMax {
		s.events.join()
	}
	if w := do(s, "GET", "/v1/cluster/events", ""); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d", w.Code)
	}
	s.events.leave()
	for range 3 {
		if w := do(s, "GET", "/v1/cluster/events", ""); w.Code != 200 {
			t.Errorf("a place was not given back: %d", w.Code)
		}
	}
}

// A quiet stream has a heartbeat, and the node is looked at without being told.
func TestQuietStreamInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := newServer(f)
		ctx, cancel := context.WithCancel(context.Background())
		var all sync.WaitGroup
		all.Go(func() { s.watch(ctx) })
		synctest.Wait()
		w := &lockedRecorder{}
		all.Go(func() {
			r := httptest.NewRequest("GET", "http://localhost/v1/cluster/events", nil)
			s.ServeHTTP(w, r.WithContext(ctx))
		})
		time.Sleep(2*heartbeatEvery + time.Second)
		if got := strings.Count(w.text(), ": still here\n\n"); got != 2 {
			t.Errorf("%d heartbeats: %s", got, w.text())
		}
		f.change(func(s *Snapshot) { s.Members[1].Reachable = false })
		time.Sleep(watchEvery + time.Millisecond)
		if !strings.Contains(w.text(), "event: node-down\n") {
			t.Errorf("%s", w.text())
		}
		f.change(func(s *Snapshot) { s.Members[1].Reachable = true })
		s.Changed()
		synctest.Wait()
		if !strings.Contains(w.text(), "event: node-up\n") {
			t.Errorf("%s", w.text())
		}
		cancel()
		all.Wait()
	})
}

// lockedRecorder is a ResponseWriter that can be read while it is written.
type lockedRecorder struct {
	mu   sync.Mutex
	body strings.Builder
	head http.Header
}

func (w *lockedRecorder) Header() http.Header {
	if w.head == nil {
		w.head = http.Header{}
	}
	return w.head
}

func (w *lockedRecorder) WriteHeader(int) {}
func (w *lockedRecorder) Flush()          {}

func (w *lockedRecorder) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.body.Write(b)
}

func (w *lockedRecorder) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.body.String()
}
