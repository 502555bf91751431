package etcd

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/load"
)

// caller carries out requests with a client of etcd. Their deadline is that of the
// context.
type caller struct {
	store clientv3.KV
	close func() error
}

var _ peer.Caller = (*caller)(nil)

// Call implements peer.Caller.
func (c *caller) Call(ctx context.Context, op *load.Op) peer.Answer {
	if op.Kind != load.Get {
		_, err := c.store.Put(ctx, string(op.Key), string(op.Value))
		return peer.Answer{Outcome: outcomeOf(err)}
	}
	r, err := c.store.Get(ctx, string(op.Key))
	switch {
	case err != nil:
		return peer.Answer{Outcome: outcomeOf(err)}
	case len(r.Kvs) == 0:
		return peer.Answer{Outcome: peer.Absent}
	}
	return peer.Answer{Outcome: peer.Done, Value: r.Kvs[0].Value}
}

// Close implements peer.Caller.
func (c *caller) Close() error { return c.close() }

// outcomeOf says what an error of the client means for the request.
func outcomeOf(err error) peer.Outcome {
	var told rpctypes.EtcdError
	switch {
	case err == nil:
		return peer.Done
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return peer.Unknown
	case !errors.As(err, &told):
		return peer.Failed
	}
	switch told.Code() {
	case codes.ResourceExhausted, codes.InvalidArgument: // the store is full, or too many requests
		return peer.Refused
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled: // perhaps handed on to a leader before
		return peer.Unknown
	}
	return peer.Failed
}
