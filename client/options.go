package client

import (
	"context"
	"net"
	"time"

	"github.com/candordb/candor/contract"
)

// Option changes a Client as it is opened.
type Option func(*options)

type options struct {
	name     string
	dial     func(ctx context.Context, address string) (net.Conn, error)
	defaults []CallOption
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

// CallOption changes one call. An option that means nothing to a call (TTL to
// Get) is ignored by it.
type CallOption func(*call)

// call is what the options of a call say.
type call struct {
	level    Level
	ttl      time.Duration
	hasTTL   bool
	stamp    Version
	after    Version
	rows     bool
	keysOnly bool
}

// At asks for a level.
func At(l Level) CallOption { return func(k *call) { k.level = l } }

// TTL lets a Put expire that long after its version's time; 0: never. It is
// counted in whole milliseconds, rounded up.
func TTL(d time.Duration) CallOption {
	return func(k *call) { k.ttl, k.hasTTL = max(d, 0), true }
}

// Stamp gives a write its version. It is for repeating a write that ended in
// doubt: with the same key, value, options and version it is the same write.
func Stamp(v Version) CallOption { return func(k *call) { k.stamp = v } }

// After asks that a Get be answered with this version of its key or a newer one,
// at any level, or fail.
func After(v Version) CallOption { return func(k *call) { k.after = v } }

// PerReplica asks for what each replica did, in Receipt.Replicas.
func PerReplica() CallOption { return func(k *call) { k.rows = true } }

// KeysOnly leaves the values out of a scan.
func KeysOnly() CallOption { return func(k *call) { k.keysOnly = true } }

func (k *call) flags() contract.Flags {
	if k.rows {
		return contract.Rows
	}
	return 0
}

func (k *call) ttlMillis() uint64 {
	return uint64((k.ttl + time.Millisecond - 1) / time.Millisecond)
}
