package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/candordb/candor/verdict"
)

func TestGoldenAcceptLoss(t *testing.T) {
	plan := &lossView{
		Partitions: 614, Bare: 2,
		Nodes: []lossNode{{Node: "n2", Partitions: verdict.Partitions{0, 1, 2, 7}, Votes: true}, {Node: "n4", Partitions: verdict.Partitions{2, 7}, Away: true}},
		Lost:  []string{"In 614 of 1024 partitions acknowledged writes are lost that only the copies that are given up had.", "When n4 comes back, its copies are not served but rebuilt from the others."},
	}
	goldenView(t, "accept-loss", plan)
	plan.Applied, plan.Epoch = true, 42
	golden(t, "accepted-loss", plan.screen(false).String())
}

// lossServer is the admin API of a node n1 of three, that plans and accepts what it is
// asked for, and notes it.
func lossServer(t *testing.T) (addr string, asked func() []string) {
	var mu sync.Mutex
	var all []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/ring" {
			_ = json.NewEncoder(w).Encode(map[string]any{"members": []member{{"n1", "01", r.Host}, {"n2", "02", ""}, {"n3", "03", ""}}})
			return
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, r.Method+" "+r.URL.String())
		v := lossView{Kind: "AcceptedLoss", Nodes: []lossNode{{Node: "n2"}, {Node: "n3"}}, Lost: []string{"Something is lost."}}
		if v.Applied = r.URL.Query().Get("dry_run") == ""; v.Applied {
			v.Epoch = 8
		}
		_ = json.NewEncoder(w).Encode(v)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://"), func() []string {
		mu.Lock()
		defer mu.Unlock()
		return all
	}
}

// Nothing is given up that was only looked at, or not confirmed; the plan comes first.
func TestAcceptLossAsksFirst(t *testing.T) {
	for _, tc := range []struct {
		name  string
		args  []string
		exit  bool // it fails
		asked []string
		text  string
	}{
		{"a dry run", []string{"--accept-loss", "n2,n3", "--dry-run"}, false, []string{"POST /v1/repair/accept-loss?dry_run=1&nodes=02%2C03"}, "plan: give up"},
		{"no terminal", []string{"--accept-loss", "n2,n3"}, true, []string{"POST /v1/repair/accept-loss?dry_run=1&nodes=02%2C03"}, "--yes"},
		{"confirmed", []string{"--accept-loss", "n2,n3", "--yes"}, false, []string{"POST /v1/repair/accept-loss?dry_run=1&nodes=02%2C03", "POST /v1/repair/accept-loss?nodes=02%2C03"}, "epoch 8 gives up"},
		{"a stranger", []string{"--accept-loss", "n2,n9", "--yes"}, true, nil, "no node \"n9\""},
		{"with a pass", []string{"--accept-loss", "n2", "--full"}, true, nil, "does not go with --full"},
		{"a dry pass", []string{"--dry-run"}, true, nil, "go with --accept-loss"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			addr, asked := lossServer(t)
			e, stdout, stderr := quietEnv()
			code := e.run(context.Background(), append([]string{"repair", "--admin", addr}, tc.args...))
			got := stdout.String() + stderr.String()
			if (code != 0) != tc.exit || strings.Join(asked(), "; ") != strings.Join(tc.asked, "; ") || !strings.Contains(got, tc.text) {
				t.Errorf("exit %d, asked %q\n%s", code, asked(), got)
			}
		})
	}
}
