package admin

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// tries are requests of every route, good and bad.
var tries = []struct {
	method, path, body string
	status             int
	header             string // "Name: value" that the answer has
	text               string // that the body has
}{
	{"GET", "/v1/keys/a", "", 200, "Content-Disposition: attachment", "<b>value</b>"},
	{"GET", "/v1/keys/a", "", 200, "Content-Type: application/octet-stream", ""},
	{"GET", "/v1/keys/a", "", 200, "X-Content-Type-Options: nosniff", ""},
	{"GET", "/v1/keys/a", "", 200, "Content-Security-Policy: sandbox", ""},
	{"GET", "/v1/keys/a", "", 200, "Candor-Outcome: done", ""},
	{"GET", "/v1/keys/a", "", 200, "Candor-Epoch: 7", ""},
	{"GET", "/v1/keys/a", "", 200, "Candor-Expires: 2026-03-01T13:00:01.331Z", ""},
	{"GET", "/v1/keys/a", "", 200, "Candor-Repaired-As-Of: ", ""},
	{"GET", "/v1/keys/a?consistency=two&ns=sessions&weaken=1&timeout=100ms", "", 200, "Candor-Receipt: need=2, asked=3, acked=2, durable=2, hinted=0, level=quorum, repaired=0", ""},
	{"GET", "/v1/keys/a/b%2fc?after=" + testVersion.String(), "", 200, "", ""},
	{"GET", "/v1/keys?key_b64=YS-_", "", 200, "", ""},
	{"GET", "/v1/keys/a?replicas=1", "", 200, "Content-Type: application/json", `"state": "down"`},
	{"GET", "/v1/keys/a?trace=1", "", 200, "", `"at_ms": 0.21`},
	{"HEAD", "/v1/keys/a", "", 200, "Content-Length: 12", ""},
	{"GET", "/v1/keys/absent", "", 404, "Candor-Outcome: done", "NOT_FOUND"},
	{"GET", "/v1/keys/absent?replicas=1", "", 404, "", `"replicas"`},
	{"GET", "/v1/keys/a?consistancy=one", "", 400, "", "consistancy"},
	{"GET", "/v1/keys/a?consistency=qourum", "", 400, "", "qourum"},
	{"GET", "/v1/keys/a?consistency=one&consistency=all", "", 400, "", "more than once"},
	{"GET", "/v1/keys/a?consistency=%zz", "", 400, "", "cannot be read"},
	{"GET", "/v1/keys/a?consistency=one;ns=x", "", 400, "", "cannot be read"},
	{"GET", "/v1/keys/a?consistency=", "", 400, "", "consistency="},
	{"GET", "/v1/keys/a?weaken=yes", "", 400, "", "1 or 0"},
	{"GET", "/v1/keys/a?weaken=", "", 400, "", "1 or 0"},
	{"GET", "/v1/keys/a?timeout=5", "", 400, "", "500ms"},
	{"GET", "/v1/keys/a?timeout=1us", "", 400, "", "at least 1ms"},
	{"GET", "/v1/keys/a?after=7", "", 400, "", "32 hex digits"},
	{"GET", "/v1/keys/a?consistency=zz", "", 400, "", "want one, two, three, a number, quorum, all, any, local_one, local_quorum or each_quorum\""},
	{"GET", "/v1/keys/a?consistency=any", "", 400, "", "level any is for writes"},
	{"GET", "/v1/keys/a?ttl=1h", "", 400, "", "ttl"},
	{"GET", "/v1/keys/a?sloppy=1", "", 400, "", "sloppy"},
	{"GET", "/v1/keys/a?ns=NO", "", 400, "Content-Type: application/problem+json", "BAD_REQUEST"},
	{"GET", "/v1/keys/", "", 400, "", "the key is empty"},
	{"GET", "/v1/keys", "", 400, "", "the key is empty"},
	{"GET", "/v1/keys?key_b64=", "", 400, "", "the key is empty"},
	{"GET", "/v1/keys?key_b64=*", "", 400, "", "base64"},
	{"GET", "/v1/keys/a?key_b64=YQ", "", 400, "", "one of the two"},
	{"GET", "/v1/keys/a//b", "", 400, "", "a%2F%2Fb"},
	{"GET", "/v1/keys/a/", "", 400, "", "a%2F"},
	{"GET", "/v1/keys/a/../b", "", 400, "", "a%2F%2E%2E%2Fb"},
	{"GET", "/v1/keys/.", "", 400, "", "%2E"},
	{"POST", "/v1/keys/a", "", 405, "Allow: DELETE, GET, HEAD, PUT", "BAD_METHOD"},

	{"PUT", "/v1/keys/a", "one", 200, "Candor-Version: " + testVersion.String(), `"kind": "WriteResult"`},
	{"PUT", "/v1/keys/a", "one", 200, `ETag: "` + testVersion.String() + `"`, ""},
	{"PUT", "/v1/keys/a?ttl=1h&version=" + testVersion.String() + "&seen=" + testVersion.String(), "one", 200, "", ""},
	{"PUT", "/v1/keys/a?ordered=1&sloppy=true&replicas=1", "", 200, "", `"replicas"`},
	{"PUT", "/v1/keys/lost", "", 200, "Candor-Superseded-By: " + newer.String(), `"outcome": "superseded"`},
	{"PUT", "/v1/keys/buried?seen=" + strings.Repeat("0", 32), "", 200, "Candor-Buried: " + newer.String(), `"buried"`},
	{"PUT", "/v1/keys/a?ttl=-1s", "x", 400, "", "ttl"},
	{"PUT", "/v1/keys/a?ttl=1us", "x", 400, "", "at least 1ms"},
	{"PUT", "/v1/keys/a?ttl=", "x", 400, "", "0: it never expires"},
	{"PUT", "/v1/keys/a?weaken=1", "x", 400, "", "weaken"},
	{"PUT", "/v1/keys/a?ordered=1&version=" + testVersion.String(), "x", 400, "", "ordered"},
	{"PUT", "/v1/keys/a?version=" + strings.Repeat("0", 32), "x", 400, "", "version"},
	{"PUT", "/v1/keys/a?if_version=absent", "x", 409, "", "WRONG_MODE"},
	{"PUT", "/v1/keys/a?if_version=never", "x", 400, "", "absent or exists"},
	{"PUT", "/v1/keys/a", strings.Repeat("v", 1<<10+1), 413, "", `"limit": 1024`},
	{"PUT", "/v1/keys/a?ns=sessions", strings.Repeat("v", 101), 413, "", `"limit": 100`},

	{"DELETE", "/v1/keys/a", "", 200, "Candor-Outcome: done", `"op": "delete"`},
	{"DELETE", "/v1/keys/a?ttl=1h", "", 400, "", "ttl"},
	{"DELETE", "/v1/keys/a?if_version=exists", "", 409, "", `"mode": "lww"`},
	{"DELETE", "/v1/keys/a", "body", 400, "", "no body"},

	{"GET", "/v1/scan", "", 200, "", `"kind": "Scan"`},
	{"GET", "/v1/scan?prefix=user%3A&limit=10&consistency=all&weaken=1&cursor=Af8D", "", 200, "", `"next": "Af8D"`},
	{"GET", "/v1/scan?prefix_b64=dXNlcjo&keys_only=1", "", 200, "", `"key_b64": "/w=="`},
	{"GET", "/v1/scan?prefix=a&prefix_b64=YQ", "", 400, "", "one of the two"},
	{"GET", "/v1/scan?limit=0", "", 400, "", "at least 1"},
	{"GET", "/v1/scan?limit=-1", "", 400, "", "whole number"},
	{"GET", "/v1/scan?cursor=*", "", 400, "", "base64"},
	{"PUT", "/v1/scan", "", 405, "Allow: GET, HEAD", ""},

	{"GET", "/v1/where/user:42", "", 200, "", `"token": "0x27525313dfa73c54"`},
	{"GET", "/v1/where?key_b64=dXNlcjo0Mg", "", 200, "", `"partition": 0`},
	{"GET", "/v1/where/user:42?ns=none", "", 400, "", "UNKNOWN_NAMESPACE"},
	{"GET", "/v1/where/", "", 400, "", "the key is empty"},
	{"GET", "/v1/where/a?consistency=one", "", 400, "", "consistency"},

	{"GET", "/v1/explain/user:42?timeout=1s", "", 200, "Candor-Repaired-As-Of: 2026-03-01T12:00:01.331Z", `"role": "stand-in"`},
	{"GET", "/v1/explain/a//b", "", 400, "", "%2F"},
	{"GET", "/v1/explain/a?timeout=x", "", 400, "", "timeout"},

	{"GET", "/v1/outcome/a?version=" + testVersion.String(), "", 200, "Candor-Superseded-By: " + newer.String(), `"fate": "superseded"`},
	{"GET", "/v1/outcome/a?sloppy=1&version=" + testVersion.String(), "", 200, "", ""},
	{"GET", "/v1/outcome/a", "", 400, "", "version is missing"},
	{"GET", "/v1/outcome/a?version=7", "", 400, "", "32 hex digits"},

	{"GET", "/v1/cluster/status", "", 200, "Content-Type: application/json", `"kind": "ClusterStatus"`},
	{"POST", "/v1/cluster/status", "", 405, "Allow: GET, HEAD", ""},
	{"GET", "/v1/cluster/status?x=1", "", 400, "", "there are none"},

	{"GET", "/v1/cluster/health", "", 200, "", `"possible": true`},
	{"GET", "/v1/cluster/health?consistency=all", "", 503, "Content-Type: application/json", `"possible": false`},
	{"GET", "/v1/cluster/health?ns=sessions", "", 503, "", `"level": "all"`},
	{"GET", "/v1/cluster/health?consistency=one", "", 200, "", `"failing": []`},
	{"GET", "/v1/cluster/health?consistency=local_one", "", 503, "", ""}, // the only replica of partition 1 in the region is down
	{"GET", "/v1/cluster/health?consistency=local_quorum", "", 503, "", ""},
	{"GET", "/v1/cluster/health?consistency=4", "", 400, "", "above the number of copies"},
	{"GET", "/v1/cluster/health?consistency=any", "", 200, "", `"level": "any"`}, // others can stand in
	{"GET", "/v1/cluster/health?consistency=serial", "", 409, "", "WRONG_MODE"},
	{"GET", "/v1/cluster/health?consistency=x", "", 400, "", "x"},
	{"GET", "/v1/cluster/health?ns=none", "", 400, "", "UNKNOWN_NAMESPACE"},

	{"HEAD", "/v1/cluster/events", "", 200, "Content-Type: text/event-stream", ""},
	{"GET", "/v1/cluster/events?since=1", "", 400, "", "since"},

	{"GET", "/v1/ring", "", 200, "", `"kind": "Ring"`},
	{"GET", "/v1/ring?epoch=7", "", 200, "", ""},
	{"GET", "/v1/ring?epoch=6", "", 400, "", "the present epoch is 7"},
	{"GET", "/v1/ring?epoch=x", "", 400, "", "whole number"},

	{"GET", "/v1/partitions", "", 200, "", `"complete": 1`},
	{"GET", "/v1/partitions?state=degraded", "", 200, "", `"degraded": 3`},
	{"GET", "/v1/partitions?state=bad", "", 400, "", "complete, degraded or failing"},
	{"GET", "/v1/partitions?state=", "", 400, "", "complete, degraded or failing"},

	{"GET", "/v1/nodes", "", 200, "", "connection refused"},
	{"GET", "/v1/nodes?ns=a", "", 400, "", "ns"},
	{"GET", "/v1/namespaces", "", 200, "", `"ttl_ms": 1800000`},
	{"GET", "/v1/namespaces?x", "", 400, "", "x"},
	{"GET", "/v1/namespaces/sessions", "", 200, "", `"write_level": "all"`},
	{"GET", "/v1/namespaces/none", "", 400, "", "UNKNOWN_NAMESPACE"},
	{"GET", "/v1/config", "", 200, "", `"origin": "file /etc/candor.yaml:2"`},
	{"GET", "/v1/config?key=a", "", 400, "", "key"},

	{"GET", "/livez", "", 200, "", "ok"},
	{"GET", "/livez?x", "", 400, "", "x"},
	{"GET", "/readyz?verbose", "", 200, "", "[+] storage ok\n[+] clock ok\n"},
	{"GET", "/readyz?x", "", 400, "", "x"},
	{"GET", "/startupz", "", 200, "", "ok"},
	{"PUT", "/startupz", "", 405, "Allow: GET, HEAD", ""},
	{"GET", "/metrics", "", 200, "", "candor_epoch 7"},
	{"POST", "/metrics", "", 405, "", ""},

	{"GET", "/v1/doctor", "", 200, "", `"worst": "critical"`},
	{"GET", "/v1/doctor?since=1h", "", 400, "", "there are none"},
	{"GET", "/v1/hints", "", 200, "", `"kind": "HintList"`},
	{"GET", "/v1/hints?node=n3", "", 400, "", "there are none"},
	{"POST", "/v1/hints/n3/replay", "", 200, "", `"kind": "HintList"`},
	{"POST", "/v1/hints/n2/replay", "", 400, "", "no hints for"},
	{"POST", "/v1/hints/n3/drop?dry_run=1", "", 200, "", `"applied": false`},
	{"POST", "/v1/hints/n3/drop?dry_run=maybe", "", 400, "", "1 or 0"},
	{"POST", "/v1/plans", "{}", 501, "", "UNSUPPORTED"},
	{"POST", "/v1/plans/7f3a/apply?dry_run=1", "", 501, "", "UNSUPPORTED"},
	{"GET", "/v1/tasks", "", 200, "", `"kind": "TaskList"`},
	{"GET", "/v1/tasks?all=1", "", 400, "", "not known here"},
	{"POST", "/v1/tasks?kind=repair&id=a1", "", 200, "", `"state": "running"`},
	{"POST", "/v1/tasks", "", 400, "", "want repair"},
	{"GET", "/v1/tasks/9c1e", "", 200, "", `"id": "9c1e"`},
	{"GET", "/v1/tasks/none", "", 404, "", "NO_SUCH_TASK"},
	{"DELETE", "/v1/tasks/none", "", 404, "", "NO_SUCH_TASK"},
	{"GET", "/v1/repair?partition=1", "", 400, "", "not known here"},
	{"POST", "/v1/repair/pause", "", 400, "", "for is needed"},
	{"POST", "/v1/repair/accept-loss?nodes=n2,n3&dry_run=1", "", 200, "", `"applied": false`},
	{"POST", "/v1/repair/accept-loss?nodes=n1", "", 400, "", "its copies are good"},
	{"DELETE", "/v1/tasks/9c1e", "", 200, "", `"state": "cancelled"`},
	{"GET", "/v1/repair", "", 200, "", `"kind": "RepairStatus"`},
	{"POST", "/v1/repair/pause?for=1h", "", 200, "", `"paused_ms": 3600000`},
	{"PUT", "/v1/namespaces/new", "", 501, "", "UNSUPPORTED"},
	{"DELETE", "/v1/namespaces/new", "", 501, "", "UNSUPPORTED"},
	{"PATCH", "/v1/config", "", 501, "", "UNSUPPORTED"},

	{"GET", "/", "", 404, "", "NO_SUCH_ROUTE"},
	{"GET", "/v1/key/a", "", 404, "Candor-Outcome: not-applied", "this says nothing about any key"},
	{"GET", "//v1/keys/a", "", 404, "", "NO_SUCH_ROUTE"},
	{"GET", "/v1/namespaces/", "", 404, "", "NO_SUCH_ROUTE"},
	{"GET", "/v1%2Fkeys/a", "", 404, "", "NO_SUCH_ROUTE"},
	{"OPTIONS", "/v1/keys/a", "", 405, "", ""},
}

// Every route has its good and its bad input, and no answer lets a page of
// another origin in.
func TestRoutes(t *testing.T) {
	s := newServer(newFake(t))
	good, bad := map[string]bool{}, map[string]bool{}
	for _, try := range tries {
		w := do(s, try.method, try.path, try.body)
		if w.Code != try.status || !strings.Contains(w.Body.String(), try.text) {
			t.Errorf("%s %.80s: %d, want %d; %s, want %q", try.method, try.path, w.Code, try.status, w.Body, try.text)
		}
		if name, value, ok := strings.Cut(try.header, ": "); ok && w.Header().Get(name) != value {
			t.Errorf("%s %.80s: header %s is %q, want %q", try.method, try.path, name, w.Header().Get(name), value)
		}
		for name := range w.Header() {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s %.80s: the answer has %s", try.method, try.path, name)
			}
		}
		path, _, _ := strings.Cut(try.path, "?")
		for i := range routes {
			r := &routes[i]
			if _, on := r.match(path); !on {
				continue
			}
			if own := r.method == try.method || r.method == "GET" && try.method == "HEAD"; own && (w.Code == 200 || w.Code == 501) {
				good[r.method+" "+r.path] = true
			} else if own || w.Code == 405 {
				bad[r.method+" "+r.path] = true
			}
		}
	}
	for _, r := range routes {
		// What is not supported has no good input.
		if name := r.method + " " + r.path; !good[name] || !bad[name] && r.about != "" {
			t.Errorf("%s: tried with good input %v, with bad input %v", name, good[name], bad[name])
		}
	}
}

// Every refusal is a problem with all its fields; the statuses that mean one thing
// mean nothing else.
func TestProblemsHaveAllFields(t *testing.T) {
	s := newServer(newFake(t))
	for _, try := range tries {
		w := do(s, try.method, try.path, try.body)
		if w.Code < 400 || w.Header().Get("Content-Type") == "application/json" {
			continue
		}
		var fields map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &fields); err != nil {
			t.Fatalf("%s %.80s: %v", try.method, try.path, err)
		}
		for _, name := range []string{"type", "title", "status", "detail", "code", "class", "outcome", "retry_after_ms", "hint"} {
			if v, ok := fields[name]; !ok || v == "" {
				t.Errorf("%s %.80s: %s is missing: %s", try.method, try.path, name, w.Body)
			}
		}
		if fields["type"] != "urn:candor:error:"+fields["code"].(string) || fields["status"] != float64(w.Code) {
			t.Errorf("%s %.80s: %s", try.method, try.path, w.Body)
		}
		// A count speaks of replicas: there is none where no receipt came.
		if _, counted := fields["acked"]; counted != (w.Header().Get("Candor-Receipt") != "") {
			t.Errorf("%s %.80s: counts and receipt: %s", try.method, try.path, w.Body)
		}
		onKeys := strings.HasPrefix(try.path, "/v1/keys/")
		if w.Code == http.StatusNotFound && onKeys != (fields["code"] == codeNotFound) {
			t.Errorf("%s %.80s: 404 with %v", try.method, try.path, fields["code"])
		}
	}
}

// A path belongs to one route of each method at most, so that the order of the
// table means nothing.
func TestRoutesDoNotOverlap(t *testing.T) {
	for i := range routes {
		path := strings.NewReplacer("{key}", "k", "{name}", "n", "{id}", "i").Replace(routes[i].path)
		for j := range routes {
			if _, on := routes[j].match(path); on && i != j && routes[i].method == routes[j].method {
				t.Errorf("%s is of %s and of %s", path, routes[i].path, routes[j].path)
			}
		}
	}
}
