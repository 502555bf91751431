package nats

import (
	"context"
	"errors"
	"net/http"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/load"
)

// caller carries out requests over one connection. The library lets many wait on it
// at once. Their deadline is that of the context.
type caller struct {
	store jetstream.KeyValue
	close func()
}

var _ peer.Caller = (*caller)(nil)

// Call implements peer.Caller.
func (c *caller) Call(ctx context.Context, op *load.Op) peer.Answer {
	if op.Kind != load.Get {
		_, err := c.store.Put(ctx, string(op.Key), op.Value)
		return peer.Answer{Outcome: outcomeOf(err)}
	}
	e, err := c.store.Get(ctx, string(op.Key))
	if err != nil {
		return peer.Answer{Outcome: outcomeOf(err)}
	}
	return peer.Answer{Outcome: peer.Done, Value: e.Value()}
}

// Close implements peer.Caller.
func (c *caller) Close() error {
	c.close()
	return nil
}

// outcomeOf says what an error of the library means for the request.
func outcomeOf(err error) peer.Outcome {
	var told *jetstream.APIError
	switch {
	case err == nil:
		return peer.Done
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return peer.Absent
	case errors.Is(err, client.ErrNoResponders), errors.Is(err, jetstream.ErrNoStreamResponse): // there is no leader: nobody has got it
		return peer.Refused
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, client.ErrTimeout), errors.Is(err, client.ErrConnectionClosed):
		return peer.Unknown
	case !errors.As(err, &told):
		return peer.Failed
	}
	switch told.Code {
	case http.StatusBadRequest, http.StatusTooManyRequests: // the bucket is full, or its queue
		return peer.Refused
	case http.StatusServiceUnavailable: // perhaps handed on to a leader before
		return peer.Unknown
	}
	return peer.Failed
}
