package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/candordb/candor/hlc"
)

// Bounds of the admin API's connections.
const (
	adminHeaderTimeout = 5 * time.Second
	adminReadTimeout   = 30 * time.Second
	adminHeaderBytes   = 64 << 10
	metricsInFlight    = 4
)

// startAdmin serves the admin API until the node stops.
func (n *Node) startAdmin() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", n.serveReady)
	mux.HandleFunc("GET /v1/cluster/status", n.serveStatus)
	mux.Handle("GET /metrics", promhttp.HandlerFor(n.metrics.registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: metricsInFlight, Timeout: adminHeaderTimeout,
	}))
	// Key routes are taken before the mux, which would clean their paths.
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if key, ok := strings.CutPrefix(r.URL.EscapedPath(), keysPath); ok {
			n.serveKey(w, r, key)
			return
		}
		mux.ServeHTTP(w, r)
	})
	s := &http.Server{
		Handler: http.NewCrossOriginProtection().Handler(handler), ReadHeaderTimeout: adminHeaderTimeout, ReadTimeout: adminReadTimeout,
		MaxHeaderBytes: adminHeaderBytes,
	}
	n.background(func(context.Context) error {
		if err := s.Serve(n.httpListener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	return s
}

// check is one line of /readyz.
type check struct {
	name string
	why  string // why it does not hold; "": it does
}

// ready lists what has to hold for this node to serve. It never depends on
// other nodes, but for the epoch that it waits for when it is new.
func (n *Node) ready() []check {
	checks := []check{{name: "storage"}, {name: "epoch"}, {name: "clock"}, {name: "not draining"}}
	if err := n.engine.Err(); err != nil {
		checks[0].why = err.Error()
	}
	if n.state.Load() == nil {
		checks[1].why = "not part of a cluster yet"
		if why := n.control.waiting.Load(); why != nil {
			checks[1].why = *why
		}
	}
	if !hlc.Within(n.clock.read(), hlc.Timestamp(n.clock.bound.Load())) {
		checks[2].why = "the clock has reached its persisted bound"
	}
	if n.clock.fenced.Load() {
		checks[2].why = "this node's clock is off by more than clock.max_drift, or was not compared with the others yet"
	}
	if n.draining.Load() {
		checks[3].why = "this node is shutting down"
	}
	return checks
}

func (n *Node) serveReady(w http.ResponseWriter, r *http.Request) {
	checks := n.ready()
	var lines strings.Builder
	status := http.StatusOK
	for _, c := range checks {
		if c.why == "" {
			fmt.Fprintf(&lines, "[+] %s ok\n", c.name)
			continue
		}
		status = http.StatusServiceUnavailable
		fmt.Fprintf(&lines, "[-] %s: %s\n", c.name, c.why)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	switch {
	case r.URL.Query().Has("verbose"):
		fmt.Fprint(w, lines.String())
	case status == http.StatusOK:
		fmt.Fprintln(w, "ok")
	default:
		fmt.Fprintln(w, "not ready; ?verbose says why")
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	writeJSONAs(w, status, "application/json", v)
}

func writeJSONAs(w http.ResponseWriter, status int, contentType string, v any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // the reader may be gone
}
