package admin

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// What the query and the headers say is what the cluster is asked for.
func TestRequestsAsTheyAreAsked(t *testing.T) {
	v := testVersion.String()
	for _, tc := range []struct {
		method, target string
		headers        []string
		want           wire.Request
	}{
		{"GET", "/v1/keys/a+b%2Bc%00", nil, wire.Request{Op: wire.OpGet, Key: []byte("a+b+c\x00")}},
		{"GET", "/v1/keys/a?ns=sessions&consistency=all&weaken=1&replicas=1&trace=true&timeout=1.5s&after=" + v, nil, wire.Request{
			Op: wire.OpGet, Key: []byte("a"), Namespace: []byte("sessions"), Level: contract.All, Flags: contract.Weaken | contract.Rows | contract.Trace,
			DeadlineMS: 1500, After: testVersion,
		}},
		{"GET", "/v1/keys/a?weaken=0", nil, wire.Request{Op: wire.OpGet, Key: []byte("a")}},
		{"PUT", "/v1/keys/a?consistency=5&sloppy=1&ttl=1m&version=" + v + "&seen=" + newer.String(), nil, wire.Request{
			Op: wire.OpPut, Key: []byte("a"), Value: []byte("body"), Level: 5, Flags: contract.Sloppy, HasTTL: true, TTL: 60_000,
			Version: testVersion, HasVersion: true, Seen: newer, HasSeen: true,
		}},
		{"PUT", "/v1/keys/a?ttl=0", nil, wire.Request{Op: wire.OpPut, Key: []byte("a"), Value: []byte("body"), HasTTL: true}},
		{"PUT", "/v1/keys/a?ttl=0s", nil, wire.Request{Op: wire.OpPut, Key: []byte("a"), Value: []byte("body"), HasTTL: true}},
		{"PUT", "/v1/keys/a?ordered=1&seen=" + strings.Repeat("0", 32), nil, wire.Request{
			Op: wire.OpPut, Key: []byte("a"), Value: []byte("body"), Flags: contract.Ordered, HasSeen: true,
		}},
		{"PUT", "/v1/keys/a?if_version=absent", nil, wire.Request{
			Op: wire.OpPut, Key: []byte("a"), Value: []byte("body"), Condition: wire.Condition{Kind: wire.IfAbsent},
		}},
		{"PUT", "/v1/keys/a?if_version=" + v, nil, wire.Request{
			Op: wire.OpPut, Key: []byte("a"), Value: []byte("body"), Condition: wire.Condition{Kind: wire.VersionEquals, Version: testVersion},
		}},
		{"PUT", "/v1/keys/a", []string{`If-Match: "` + v + `"`}, wire.Request{
			Op: wire.OpPut, Key: []byte("a"), Value: []byte("body"), Condition: wire.Condition{Kind: wire.VersionEquals, Version: testVersion},
		}},
		{"PUT", "/v1/keys/a", []string{"If-None-Match: *"}, wire.Request{
			Op: wire.OpPut, Key: []byte("a"), Value: []byte("body"), Condition: wire.Condition{Kind: wire.IfAbsent},
		}},
		{"DELETE", "/v1/keys/a", []string{"If-Match: *"}, wire.Request{Op: wire.OpDelete, Key: []byte("a"), Condition: wire.Condition{Kind: wire.IfExists}}},
		{"DELETE", "/v1/keys/a?if_version=exists", nil, wire.Request{Op: wire.OpDelete, Key: []byte("a"), Condition: wire.Condition{Kind: wire.IfExists}}},
		{"GET", "/v1/scan?ns=a&prefix=x%00&limit=7&keys_only=1&consistency=one&weaken=1&cursor=Af8D&timeout=2s", nil, wire.Request{
			Op: wire.OpScan, Namespace: []byte("a"), Prefix: []byte("x\x00"), Limit: 7, KeysOnly: true, Level: contract.One, Flags: contract.Weaken,
			Cursor: []byte{1, 0xff, 3}, DeadlineMS: 2000,
		}},
		{"GET", "/v1/scan?prefix_b64=%2B/8=", nil, wire.Request{Op: wire.OpScan, Prefix: []byte{0xfb, 0xff}}},
		{"GET", "/v1/scan?cursor=", nil, wire.Request{Op: wire.OpScan}},
		{"GET", "/v1/scan?prefix_b64=+/8=", nil, wire.Request{Op: wire.OpScan, Prefix: []byte{0xfb, 0xff}}},
		{"GET", "/v1/explain?key_b64=_w&timeout=1s", nil, wire.Request{Op: wire.OpExplain, Key: []byte{0xff}, DeadlineMS: 1000}},
		{"GET", "/v1/outcome/a?ns=b&sloppy=1&version=" + v, nil, wire.Request{
			Op: wire.OpOutcome, Key: []byte("a"), Namespace: []byte("b"), Version: testVersion, HasVersion: true, Flags: contract.OutcomeSloppy,
		}},
	} {
		f := newFake(t)
		body := ""
		if tc.method == "PUT" {
			body = "body"
		}
		do(newServer(f), tc.method, tc.target, body, tc.headers...)
		if f.asked == nil {
			t.Errorf("%s %s: nothing was asked", tc.method, tc.target)
			continue
		}
		if diff := cmp.Diff(&tc.want, f.asked, equateEmptyButCursor, cmpopts.IgnoreUnexported(wire.Request{})); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", tc.method, tc.target, diff)
		}
	}
}

// equateEmptyButCursor: an empty cursor is one, and no beginning.
var equateEmptyButCursor = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() != ".Cursor" }, cmpopts.EquateEmpty())

// A condition that cannot be taken as it stands is refused before anything is
// asked: never ignored.
func TestBadConditionsAreRefused(t *testing.T) {
	v := testVersion.String()
	for _, tc := range []struct {
		method, target string
		headers        []string
	}{
		{"PUT", "/v1/keys/a", []string{"If-Match: " + v}},
		{"PUT", "/v1/keys/a", []string{`If-Match: W/"` + v + `"`}},
		{"PUT", "/v1/keys/a", []string{`If-Match: "` + v + `", "` + v + `"`}},
		{"PUT", "/v1/keys/a", []string{`If-Match: "x"`}},
		{"PUT", "/v1/keys/a", []string{`If-None-Match: "` + v + `"`}},
		{"PUT", "/v1/keys/a", []string{"If-Match: *", "If-None-Match: *"}},
		{"PUT", "/v1/keys/a?if_version=absent", []string{"If-None-Match: *"}},
		{"PUT", "/v1/keys/a", []string{"If-Unmodified-Since: Sun, 01 Mar 2026 12:00:00 GMT"}},
		{"DELETE", "/v1/keys/a?if_version=", nil},
		{"GET", "/v1/keys/a", []string{"If-Match: *"}},
		{"GET", "/v1/keys/a?if_version=exists", nil},
	} {
		f := newFake(t)
		if w := do(newServer(f), tc.method, tc.target, "", tc.headers...); w.Code != http.StatusBadRequest || f.asked != nil {
			t.Errorf("%s %s %v: %d, asked %v", tc.method, tc.target, tc.headers, w.Code, f.asked)
		}
	}
}

// operations.md, section 2: CONDITION_FAILED is 409, or 412 if the condition was a
// header; current version and value attached.
func TestFailedConditions(t *testing.T) {
	f := newFake(t)
	f.answer = refusal(contract.ConditionFailed, wire.Error{Message: "another version is stored", Version: newer, Value: []byte{0xff}})
	s := newServer(f)
	for _, tc := range []struct {
		target, header string
		status         int
	}{
		{"/v1/keys/serial?if_version=absent", "X-None: 1", 409}, {"/v1/keys/serial", "If-None-Match: *", 412},
	} {
		w := do(s, "PUT", tc.target, "x", tc.header)
		if w.Code != tc.status || !strings.Contains(w.Body.String(), newer.String()) || !strings.Contains(w.Body.String(), `"value_b64": "/w=="`) {
			t.Errorf("%s %s: %d %s", tc.target, tc.header, w.Code, w.Body)
		}
		if w.Header().Get("Candor-Version") != "" {
			t.Errorf("the version of what is stored is taken for the write's: %v", w.Header())
		}
	}
}

func TestNotModified(t *testing.T) {
	s := newServer(newFake(t))
	tag := `"` + testVersion.String() + `"`
	for header, status := range map[string]int{
		tag: 304, "W/" + tag: 304, `"x", ` + tag: 304, "*": 304, `"x"`: 200, testVersion.String(): 200,
	} {
		w := do(s, "GET", "/v1/keys/a", "", "If-None-Match: "+header)
		if w.Code != status || w.Header().Get("ETag") != tag || w.Header().Get("Candor-Receipt") == "" {
			t.Errorf("%s: %d %v", header, w.Code, w.Header())
		}
		if status == 304 && w.Body.Len() > 0 {
			t.Errorf("%s: a body of 304: %s", header, w.Body)
		}
	}
	if w := do(s, "GET", "/v1/keys/absent", "", "If-None-Match: *"); w.Code != 404 {
		t.Errorf("an absent key: %d", w.Code)
	}
}

// operations.md, section 3: 504 means one thing only: a write is in doubt. Every
// code has words of its own, and a write that is in doubt says how to settle it.
func TestEveryCode(t *testing.T) {
	for _, code := range append(contract.Codes()[1:], 150, 250, 350) {
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			f := newFake(t)
			e := wire.Error{Message: "why", RetryAfterMS: 1500}
			if code == contract.Timeout || code == contract.InDoubt {
				e.Version, e.Receipt = testVersion, &contract.Receipt{Need: 2, Asked: 3, Acked: 1, Durable: 1, Level: contract.Quorum}
			}
			f.answer = refusal(code, e)
			w := do(newServer(f), method, "/v1/keys/serial", "")
			write := method != "GET"
			doubt := code.Settled(write) == contract.Unknown
			if got := w.Header().Get("Candor-Outcome") == inDoubt; got != doubt {
				t.Errorf("%v of a %s: outcome %s", code, method, w.Header().Get("Candor-Outcome"))
			}
			if w.Code == http.StatusGatewayTimeout && !doubt || w.Code < 400 || w.Code == http.StatusNotFound {
				t.Errorf("%v of a %s: %d", code, method, w.Code)
			}
			if class := `"class": "in doubt"`; strings.Contains(w.Body.String(), class) && !doubt {
				t.Errorf("%v of a %s is in doubt: %s", code, method, w.Body)
			}
			if w.Header().Get("Retry-After") != "2" {
				t.Errorf("%v of a %s: Retry-After %s", code, method, w.Header().Get("Retry-After"))
			}
			if doubt && e.Receipt != nil && !strings.Contains(w.Body.String(), "GET /v1/outcome/serial?version="+testVersion.String()) {
				t.Errorf("%v of a %s does not say how it is settled: %s", code, method, w.Body)
			}
			if e.Receipt == nil && strings.Contains(w.Body.String(), `"acked"`) {
				t.Errorf("%v of a %s claims to know what was reached: %s", code, method, w.Body)
			}
		}
		if _, ok := table[code]; !ok && code.String() != fmt.Sprintf("CODE_%d", code) {
			t.Errorf("%v has no words", code)
		}
	}
}

// A sloppy write in doubt is settled by asking those too who may keep it.
func TestSloppyWritesAreSettledAsSuch(t *testing.T) {
	for query, sloppy := range map[string]bool{"": false, "?consistency=two": false, "?sloppy=1": true, "?consistency=any": true} {
		f := newFake(t)
		f.answer = refusal(contract.InDoubt, wire.Error{Message: "why", Version: testVersion, Receipt: &contract.Receipt{Need: 2, Acked: 1, Hinted: 1}})
		w := do(newServer(f), "PUT", "/v1/keys/k"+query, "")
		hint, _, _ := strings.Cut(strings.SplitN(w.Body.String()+"GET /v1/outcome/k", "GET /v1/outcome/k", 2)[1], "\"")
		if w.Code != http.StatusGatewayTimeout || !strings.Contains(hint, testVersion.String()) || strings.Contains(hint, "sloppy=1") != sloppy {
			t.Errorf("%s: %d, %q in %s", query, w.Code, hint, w.Body)
		}
	}
}

// CLOCK is 409 for a stamp and 503 for the node's own clock.
func TestClockKinds(t *testing.T) {
	for kind := contract.StampAhead; kind <= contract.RepeatUnknown; kind++ {
		f := newFake(t)
		f.answer = refusal(contract.Clock, wire.Error{Message: "why", Kind: kind})
		w, want := do(newServer(f), "PUT", "/v1/keys/a", ""), http.StatusConflict
		if kind == contract.ClockFenced {
			want = http.StatusServiceUnavailable
		}
		if w.Code != want || !strings.Contains(w.Body.String(), clockHints[kind]) || clockHints[kind] == "" ||
			!strings.Contains(w.Body.String(), fmt.Sprintf(`"clock_kind": %d,`, kind)) {
			t.Errorf("kind %d: %d %s", kind, w.Code, w.Body)
		}
	}
}

func TestUnavailableNamesWhoIsDown(t *testing.T) {
	f := newFake(t)
	f.answer = refusal(contract.Unavailable, wire.Error{Message: "too few", Need: 3, Reachable: 2, N: 3, Down: [][16]byte{nodeID(3), nodeID(9)}})
	w := do(newServer(f), "GET", "/v1/keys/a?consistency=all", "")
	for _, text := range []string{`"need": 3`, `"reachable": 2`, `"copies": 3`, `"n3"`, nodeID(9).String(), "too few replicas can be reached"} {
		if w.Code != 503 || !strings.Contains(w.Body.String(), text) {
			t.Errorf("%d %s: want %s", w.Code, w.Body, text)
		}
	}
}

// Where the level can be had and the version of after= cannot, a lower level is no
// way out, and is not advised.
func TestUnavailableBecauseOfAfter(t *testing.T) {
	for reachable, title := range map[int]string{3: afterWords.title, 1: table[contract.Unavailable].title} {
		f := newFake(t)
		f.answer = refusal(contract.Unavailable, wire.Error{Message: "no replica that can be reached has the version", Need: 2, Reachable: reachable, N: 3})
		w := do(newServer(f), "GET", "/v1/keys/a?after="+newer.String(), "")
		if w.Code != 503 || !strings.Contains(w.Body.String(), title) || strings.Contains(w.Body.String(), "lower consistency") != (reachable == 1) {
			t.Errorf("%d reachable: %d %s", reachable, w.Code, w.Body)
		}
	}
}

// 404 names the level that agrees, and says if it is lower than the one that was
// asked for.
func TestAbsentNamesItsLevel(t *testing.T) {
	for target, lower := range map[string]string{
		"/v1/keys/absent": "",
		"/v1/keys/absent?consistency=quorum&weaken=1": "",
		"/v1/keys/absent?weaken=1":                    "",
		"/v1/keys/absent?consistency=all&weaken=1":    "lower than all",
		"/v1/keys/absent?ns=lasting&weaken=1":         "lower than all",
	} {
		f := newFake(t)
		f.namespaces = append(f.namespaces, Namespace{Name: "lasting", Number: 3, Mode: "lww", Read: contract.All, Write: contract.All})
		w := do(newServer(f), "GET", target, "")
		for _, text := range []string{`"level": "quorum"`, "level quorum agrees that the key is absent", lower} {
			if w.Code != 404 || !strings.Contains(w.Body.String(), text) {
				t.Errorf("%s: %d %s: want %q", target, w.Code, w.Body, text)
			}
		}
		if lower == "" && strings.Contains(w.Body.String(), "lower") {
			t.Errorf("%s: %s", target, w.Body)
		}
	}
}

// An answer that never comes leaves a write in doubt, with its version if it had
// one, and says nothing of what was reached.
func TestNoAnswer(t *testing.T) {
	f := newFake(t)
	f.answer = func(*wire.Request) (*wire.Answer, error) { return nil, errors.New("no answer came in time") }
	s := newServer(f)
	w := do(s, "PUT", "/v1/keys/a?version="+testVersion.String(), "x")
	if w.Code != 500 || w.Header().Get("Candor-Outcome") != inDoubt || w.Header().Get("Candor-Version") != testVersion.String() {
		t.Errorf("PUT: %d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := do(s, "GET", "/v1/keys/a", ""); w.Code != 500 || w.Header().Get("Candor-Outcome") != notApplied {
		t.Errorf("GET: %d %v", w.Code, w.Header())
	}
}

// late is a body that must not be read before the answer was sent.
type late struct {
	t *testing.T
	w *httptest.ResponseRecorder
}

func (l late) Read(b []byte) (int, error) {
	if !l.w.Flushed {
		l.t.Error("the body was read before the answer was sent")
	}
	return len(b), nil
}

// operations.md, section 2: TOO_LARGE is refused before the body is read where its
// length is declared.
func TestDeclaredLengthIsCheckedFirst(t *testing.T) {
	f := newFake(t)
	s := newServer(f)
	w := httptest.NewRecorder()
	r := httptest.NewRequest("PUT", "http://localhost/v1/keys/a", late{t, w})
	r.ContentLength = 1<<10 + 1
	s.ServeHTTP(w, r)
	if w.Code != 413 || f.asked != nil {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	r = httptest.NewRequest("PUT", "http://localhost/v1/keys/a", io.LimitReader(neverEnding{}, 1<<20))
	r.ContentLength = -1
	w = httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != 413 || f.asked != nil {
		t.Errorf("of unknown length: %d %s", w.Code, w.Body)
	}
	if n := s.bodies.Load(); n != 0 {
		t.Errorf("%d bytes of room for bodies were not given back", n)
	}
}

type neverEnding struct{}

func (neverEnding) Read(b []byte) (int, error) { return len(b), nil }

// cut is a body whose sender goes away.
type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A body that ends too early is not stored as a shorter value.
func TestCutOffBodyIsNotStored(t *testing.T) {
	f := newFake(t)
	r := httptest.NewRequest("PUT", "http://localhost/v1/keys/a", cut{})
	r.ContentLength = 10
	w := httptest.NewRecorder()
	newServer(f).ServeHTTP(w, r)
	if w.Code != 400 || f.asked != nil {
		t.Errorf("%d %v", w.Code, f.asked)
	}
}

func TestRoomForBodiesIsBounded(t *testing.T) {
	f := newFake(t)
	s := newServer(f)
	s.bodies.Store(bodyBytesMax)
	if w := do(s, "PUT", "/v1/keys/a", "x"); w.Code != 503 || w.Header().Get("Retry-After") == "" || f.asked != nil {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	s.bodies.Store(0)
	if w := do(s, "PUT", "/v1/keys/a", "x"); w.Code != 200 || s.bodies.Load() != 0 {
		t.Errorf("%d, %d left", w.Code, s.bodies.Load())
	}
}

func TestDataCanBeTurnedOff(t *testing.T) {
	f := newFake(t)
	s := newServer(f)
	s.o.Data = false
	for _, r := range routes {
		target := strings.NewReplacer("{key}", "k", "{name}", "default", "{id}", "i").Replace(r.path)
		if r.path == "/v1/cluster/events" {
			continue // it would go on for ever
		}
		w := do(s, r.method, target, "")
		if refused := w.Code == 403; refused != r.data || refused && !strings.Contains(w.Body.String(), "http.data") {
			t.Errorf("%s %s: %d", r.method, r.path, w.Code)
		}
	}
	if f.asked != nil {
		t.Errorf("%+v was asked", f.asked)
	}
}

// FuzzKeyPath: a key in a path is the same bytes on the other side of a server's
// parser, and what is accepted of any path is decoded once.
func FuzzKeyPath(f *testing.F) {
	for _, key := range []string{"a", "a/b", "a//b", "..", ".", "a+b", "%2F", "%", " ", "\x00\xff", "ä", "?#;", "~-_.", "a\r\nb", "{tag}x", "*"} {
		f.Add([]byte(key), key)
	}
	parse := func(target string) (*http.Request, error) {
		return http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n")))
	}
	f.Fuzz(func(t *testing.T, key []byte, sent string) {
		if len(key) > 0 {
			r, err := parse("/v1/keys/" + escapeKey(key) + "?ns=a")
			if err != nil {
				t.Fatalf("%q as %s: %v", key, escapeKey(key), err)
			}
			_, rest, err := routeOf("GET", sentPath(r.URL))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := unescapeKey(rest); err != nil || !bytes.Equal(got, key) {
				t.Fatalf("%q as %s came as %q, %v", key, escapeKey(key), got, err)
			}
		}
		// A path as anybody may send it.
		if strings.ContainsAny(sent, " ?\r\n") {
			return
		}
		r, err := parse("/v1/keys/" + sent)
		if err != nil {
			return // the server has refused it
		}
		if got := sentPath(r.URL); got != "/v1/keys/"+sent {
			t.Fatalf("%q was sent, and %q taken", "/v1/keys/"+sent, got)
		}
		if sent == "" {
			return
		}
		got, err := unescapeKey(sent)
		if err != nil {
			return
		}
		if again, err := unescapeKey(escapeKey(got)); err != nil || !bytes.Equal(again, got) {
			t.Fatalf("%q is %q, and that as %q is %q, %v", sent, got, escapeKey(got), again, err)
		}
		if !strings.Contains(sent, "%") && string(got) != sent {
			t.Fatalf("%q was decoded without an escape to %q", sent, got)
		}
	})
}
