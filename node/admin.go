package node

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/candordb/candor/admin"
	"github.com/candordb/candor/config"
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hinted"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/stored"
	"github.com/candordb/candor/topology"
)

// metricsInFlight bounds the scrapes at once.
const metricsInFlight = 4

// startAdmin serves the admin API until it is stopped.
func (n *Node) startAdmin() *admin.Server {
	c := n.config
	n.admin = admin.New(n, admin.Options{
		Hosts: n.httpHosts(), Data: c.HTTP.Data, ValueBytes: int64(c.Limits.Value), Timeout: c.Timeouts.Max,
		PerIP: c.Limits.PerIP, Log: n.log,
		Metrics: promhttp.HandlerFor(n.metrics.registry, promhttp.HandlerOpts{
			MaxRequestsInFlight: metricsInFlight, Timeout: c.Timeouts.Max, EnableOpenMetrics: true,
		}),
	})
	n.background(func(ctx context.Context) error { return n.admin.Run(ctx, n.httpListener) })
	return n.admin
}

// httpHosts are the names by which this node may be asked over HTTP.
func (n *Node) httpHosts() []string {
	hosts := append([]string(nil), n.config.HTTP.Hosts...)
	for _, addr := range []string{n.config.Listen.HTTP, n.self().HTTP} {
		if host, _, err := net.SplitHostPort(addr); err == nil && host != "" {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// Ready implements admin.Node.
func (n *Node) Ready() []admin.Check {
	checks := []admin.Check{{Name: "storage"}, {Name: "epoch"}, {Name: "clock"}, {Name: "not draining"}}
	if err := n.engine.Err(); err != nil {
		checks[0].Why = err.Error()
	}
	if n.state.Load() == nil {
		checks[1].Why = "not part of a cluster yet"
		if why := n.control.waiting.Load(); why != nil {
			checks[1].Why = *why
		}
	}
	if why := n.lost.waits(); why != "" && n.state.Load() != nil {
		checks = append(checks, admin.Check{Name: "memory", Why: why})
	}
	if !n.boundHolds() {
		checks[2].Why = "the clock has reached its persisted bound"
	}
	if n.clock.fenced.Load() {
		checks[2].Why = "this node's clock is off by more than clock.max_drift, or was not compared with the others yet"
	}
	if why := n.control.unequal.Load(); why != nil {
		checks = append(checks, admin.Check{Name: "settings", Why: *why, Warn: true})
	}
	if why := n.control.behind.Load(); why != nil {
		checks = append(checks, admin.Check{Name: "data", Why: *why, Warn: true})
	}
	if n.draining.Load() {
		checks[3].Why = "this node is shutting down"
	}
	return checks
}

// boundHolds says whether the clock is below its persisted bound, which a commit
// every second keeps ahead of it.
func (n *Node) boundHolds() bool {
	return hlc.Within(n.clock.read(), hlc.Timestamp(n.clock.bound.Load()))
}

// Alive implements admin.Node: the control goroutine takes up an event, and the
// committer has lately made a bound durable. A storage that has stopped does not
// commit, and is not ready; that is known, and no reason to kill the node.
func (n *Node) Alive(ctx context.Context) []admin.Check {
	checks := []admin.Check{{Name: "event loop"}, {Name: "commit loop"}}
	turned := make(chan struct{})
	n.control.post(func(*topology.Effects) { close(turned) })
	select {
	case <-turned:
	case <-ctx.Done():
		checks[0].Why = "the control goroutine does not turn"
	}
	if n.engine.Err() == nil && !n.boundHolds() {
		checks[1].Why = "nothing was committed for seconds: the disk or the committer hangs"
	}
	return checks
}

// Started implements admin.Node. HTTP is served only after all that.
func (n *Node) Started() []admin.Check {
	return []admin.Check{{Name: "storage verified"}, {Name: "listeners bound"}}
}

// Settings implements admin.Node.
func (n *Node) Settings() (list []admin.Setting) {
	for _, key := range config.Keys() {
		list = append(list, admin.Setting{Key: key, Value: n.config.Value(key), Origin: n.config.Origin(key)})
	}
	return list
}

// Namespaces implements admin.Node.
func (n *Node) Namespaces() (list []admin.Namespace) {
	st := n.state.Load()
	if st == nil {
		return nil
	}
	for _, row := range st.meta.Namespaces {
		list = append(list, n.namespace(&row))
	}
	return list
}

// namespace is a row of the metadata with its defaults filled in.
func (n *Node) namespace(row *topology.NamespaceRow) admin.Namespace {
	ns := admin.Namespace{
		Name: row.Name, Number: row.Number, Mode: row.Mode, Read: contract.Level(row.Read), Write: contract.Level(row.Write),
		TTL: time.Duration(row.TTLMS) * time.Millisecond, ValueBytes: int64(n.config.Limits.Value), AllowStale: row.AllowStale,
	}
	for _, level := range []*contract.Level{&ns.Read, &ns.Write} {
		if *level == contract.Default {
			*level = contract.Quorum
		}
	}
	if row.MaxValue > 0 {
		ns.ValueBytes = min(ns.ValueBytes, int64(row.MaxValue))
	}
	return ns
}

// CountedHints implements admin.Hinter.
func (n *Node) CountedHints(id ring.NodeID) (count int64, err error) {
	var bad error
	err = stored.Hints{Engine: n.engine}.Hints(id, hinted.Place{}, func(p hinted.Place, value []byte) bool {
		_, counted, err := hinted.ParseValue(p.Version, value)
		if counted {
			count++
		}
		bad = err
		return err == nil
	})
	return count, errors.Join(err, bad)
}

var _ admin.Node = (*Node)(nil)
