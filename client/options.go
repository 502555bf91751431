package client

import (
	"context"
	"net"
)

// Option changes a Client as it is opened.
type Option func(*options)

type options struct {
	name     string
	dial     func(ctx context.Context, address string) (net.Conn, error)
	defaults []CallOption
	session  bool
	zone     string
	budget   int
	hooks    *Hooks // nil: none
}

// WithName is the name under which nodes know this client, in their logs.
func WithName(name string) Option { return func(o *options) { o.name = name } }

// WithDialer replaces the way in which connections are opened (TCP).
func WithDialer(dial func(ctx context.Context, address string) (net.Conn, error)) Option {
	return func(o *options) { o.dial = dial }
}

// WithDefaults puts options before those of every call.
func WithDefaults(defaults ...CallOption) Option {
	return func(o *options) { o.defaults = append(o.defaults, defaults...) }
}

// WithSession makes the client remember, for each of the last 4,096 keys, the
// highest version that it has seen (see Namespace.Seen). The version goes along
// with every Get of that key as After does, so that the client never goes back
// in time, at any level and on any node; and with every write of that key as
// Seen does, so that Receipt.Buried tells what it has overwritten without
// having seen it. After and Seen of a call take precedence. Scans neither use
// nor feed the memory. The DSN's session=true does the same.
func WithSession() Option { return func(o *options) { o.session = true } }

// WithZone is the failure domain that this client is in: replicas in the same
// one are asked first. It takes precedence over the DSN's zone.
func WithZone(zone string) Option { return func(o *options) { o.zone = zone } }

// WithRetryBudget bounds retries to that many percent of the requests, 0 to 100;
// the default is 10. Unused ones are saved up, 512 at most, so that the loss of a
// node does not exceed the budget. 0: nothing is ever sent twice.
func WithRetryBudget(percent int) Option { return func(o *options) { o.budget = percent } }

// WithHooks has hooks called around every attempt.
func WithHooks(h Hooks) Option { return func(o *options) { o.hooks = &h } }
