package admin

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// aliveTimeout bounds the look at the loops of the node.
const aliveTimeout = time.Second

func (s *Server) serveLive(c *call) error {
	ctx, cancel := context.WithTimeout(c.r.Context(), aliveTimeout)
	defer cancel()
	return c.probe("not alive", s.node.Alive(ctx))
}

func (s *Server) serveReady(c *call) error { return c.probe("not ready", s.node.Ready()) }

func (s *Server) serveStarted(c *call) error { return c.probe("not started", s.node.Started()) }

// probe answers in plain text: 200 if all checks hold but for
// warnings, else 503. verbose has a
// line for each.
func (c *call) probe(not string, checks []Check) error {
	var lines strings.Builder
	status := http.StatusOK
	for _, check := range checks {
		if check.Why == "" {
			fmt.Fprintf(&lines, "[+] %s ok\n", check.Name)
			continue
		}
		if check.Warn {
			fmt.Fprintf(&lines, "[!] %s: %s\n", check.Name, check.Why)
			continue
		}
		status = http.StatusServiceUnavailable
		fmt.Fprintf(&lines, "[-] %s: %s\n", check.Name, check.Why)
	}
	c.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	c.w.WriteHeader(status)
	switch {
	case c.query.has("verbose"):
		_, _ = fmt.Fprint(c.w, lines.String()) // here and below: the reader may be gone
	case status == http.StatusOK:
		_, _ = fmt.Fprintln(c.w, "ok")
	default:
		_, _ = fmt.Fprintln(c.w, not+"; ?verbose says why")
	}
	return nil
}

func (s *Server) serveMetrics(c *call) error {
	s.o.Metrics.ServeHTTP(c.w, c.r)
	return nil
}
