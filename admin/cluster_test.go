package admin

import (
	"net/http"
	"strings"
	"testing"

	"github.com/candordb/candor/contract"
)

// Before there is a cluster, status says for whom the node waits, and what needs a
// ring is NOT_READY.
func TestBeforeTheFirstEpoch(t *testing.T) {
	f := newFake(t)
	f.change(func(s *Snapshot) { s.View, s.Members, s.Waiting = nil, nil, "waiting for 10.0.0.2:7401" })
	f.namespaces = nil
	s := newServer(f)
	for target, status := range map[string]int{
		"/v1/cluster/status": 200, "/v1/config": 200, "/v1/where/a": 503, "/v1/ring": 503, "/v1/partitions": 503, "/v1/nodes": 503, "/v1/namespaces": 503,
		"/v1/namespaces/default": 503, "/v1/cluster/health": 503,
	} {
		w := do(s, "GET", target, "")
		if w.Code != status || target != "/v1/config" && !strings.Contains(w.Body.String(), "waiting for 10.0.0.2:7401") {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

// A quorum of each partition is possible while one node of four is down, and not
// while two are.
func TestQuorumIsCountedPerPartition(t *testing.T) {
	f := newFake(t)
	f.change(func(s *Snapshot) { s.Members[0].Reachable = false })
	s := newServer(f)
	if w := do(s, "GET", "/v1/cluster/status", ""); !strings.Contains(w.Body.String(), "\"possible\": 2,\n    \"certain\": 2,\n    \"of\": 4") {
		t.Errorf("%s", w.Body)
	}
	w := do(s, "GET", "/v1/cluster/health", "")
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "0,\n        2\n") || !strings.Contains(w.Body.String(), "\"n1\",\n    \"n3\"") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := do(s, "GET", "/v1/partitions?state=failing", ""); strings.Count(w.Body.String(), `"state": "failing"`) != 2 {
		t.Errorf("%s", w.Body)
	}
}

// A node that is silent may answer or not: a level that needs it is not known to
// be possible, and what is not known is not healthy.
func TestSilenceIsNoHealth(t *testing.T) {
	f := newFake(t)
	f.change(func(s *Snapshot) { s.Members[0].Suspect = true })
	s := newServer(f)
	if w := do(s, "GET", "/v1/cluster/status", ""); !strings.Contains(w.Body.String(), "\"possible\": 4,\n    \"certain\": 2,\n    \"of\": 4") {
		t.Errorf("%s", w.Body)
	}
	if w := do(s, "GET", "/v1/cluster/health", ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// Where a name would not tell which node is meant, its id stands in its place.
func TestNamesThatAreNotUnique(t *testing.T) {
	f := newFake(t)
	f.change(func(s *Snapshot) { s.Members[1].Name = "n1"; s.Members[3].Name = "" })
	body := do(newServer(f), "GET", "/v1/partitions", "").Body.String()
	for label, there := range map[string]bool{nodeID(1).String(): true, nodeID(2).String(): true, nodeID(4).String(): true, "n3": true, "n1": false, "": false} {
		if got := strings.Contains(body, "        \""+label+"\""); got != there {
			t.Errorf("%q: %v in %s", label, got, body)
		}
	}
}

// A damaged record is damaged: never nothing.
func TestDamageIsNotNothing(t *testing.T) {
	body := do(newServer(newFake(t)), "GET", "/v1/explain/a", "").Body.String()
	for _, kind := range []string{"value", "tombstone", "expired", "nothing", "damaged"} {
		if strings.Count(body, `"kind": "`+kind+`"`) != 1 {
			t.Errorf("want one %s: %s", kind, body)
		}
	}
}

func TestProbesSayWhatDoesNotHold(t *testing.T) {
	f := newFake(t)
	f.checks = []Check{{Name: "storage"}, {Name: "clock", Why: "it is off"}}
	s := newServer(f)
	for _, probe := range []string{"/livez", "/readyz", "/startupz"} {
		if w := do(s, "GET", probe, ""); w.Code != 503 || !strings.Contains(w.Body.String(), "?verbose says why") {
			t.Errorf("%s: %d %s", probe, w.Code, w.Body)
		}
		if w := do(s, "GET", probe+"?verbose", ""); w.Code != 503 || w.Body.String() != "[+] storage ok\n[-] clock: it is off\n" {
			t.Errorf("%s: %d %s", probe, w.Code, w.Body)
		}
	}
}

// The fates that OUTCOME tells, as outcomes of the write.
func TestFates(t *testing.T) {
	for fate, outcome := range map[contract.Fate]string{
		contract.Pending: inDoubt, contract.Committed: done, contract.FateSuperseded: superseded, contract.NotApplied: notApplied, contract.Forgotten: inDoubt,
	} {
		f := newFake(t)
		f.answer = fateOf(fate)
		w := do(newServer(f), "GET", "/v1/outcome/a?version="+testVersion.String(), "")
		if w.Code != 200 || w.Header().Get("Candor-Outcome") != outcome || !strings.Contains(w.Body.String(), `"fate": "`+fate.String()+`"`) {
			t.Errorf("%v: %d %v %s", fate, w.Code, w.Header(), w.Body)
		}
	}
}
