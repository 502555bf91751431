package main

import (
	"context"
	"errors"
	"time"

	"github.com/candordb/candor/client"
)

// outcomeOf is what became of a write.
type outcomeOf uint8

const (
	wroteIt outcomeOf = iota
	wasSuperseded
	isInDoubt
	wasRefused
	wasExpired // before it could be written
	// The import was interrupted, with more tries to come.
	wasGivenUp
	wasLeftInDoubt
)

// Refusals that can pass are tried again, and writes in doubt repeated, that
// often; the pause doubles from pauseFirst.
const (
	triesMax   = 6
	pauseFirst = 100 * time.Millisecond
)

// writeOne writes one entry. A write that ended in doubt is repeated with its
// stamp, so that it stays the same write; a later refusal does not change that.
// The end of ctx lets the attempt that is under way end by itself: so little is
// left in doubt by Ctrl-C.
func (o importOptions) writeOne(ctx context.Context, c *client.Client, en *entry) (client.Receipt, outcomeOf, error) {
	opts := o.call()
	switch {
	case en.ttlMS != nil:
		opts = append(opts, client.TTL(time.Duration(*en.ttlMS)*time.Millisecond))
	case !en.expires.IsZero():
		left := time.Until(en.expires)
		if left <= 0 {
			return client.Receipt{}, wasExpired, nil
		}
		opts = append(opts, client.TTL(left))
	}
	outcome, pause := wasRefused, pauseFirst
	var doubt client.Receipt
	for try := 1; ; try++ {
		r, err := o.keys(c, en).Put(context.WithoutCancel(ctx), en.key, en.value, opts...)
		switch {
		case err == nil && r.Superseded():
			return r, wasSuperseded, nil
		case err == nil:
			return r, wroteIt, nil
		case errors.Is(err, client.ErrInDoubt) && outcome != isInDoubt:
			outcome, doubt = isInDoubt, r
			opts = append(opts, client.Stamp(r.Version))
		}
		more := try < triesMax && (outcome == isInDoubt || passing(err))
		switch {
		case more && ctx.Err() == nil:
			wait(ctx, pause)
			pause *= 2
			continue
		case outcome == isInDoubt && more:
			return doubt, wasLeftInDoubt, err
		case outcome == isInDoubt:
			return doubt, outcome, err
		case more:
			return r, wasGivenUp, err
		}
		return r, outcome, err
	}
}

// keys is the namespace that an entry belongs in: the one that was asked for,
// else its own.
func (o importOptions) keys(c *client.Client, en *entry) *client.Namespace {
	if o.namespace != "" || en.ns == "" {
		return c.Namespace
	}
	return c.In(en.ns)
}

// passing says whether a refusal may not be repeated a little later.
func passing(err error) bool {
	for _, code := range []error{client.ErrUnavailable, client.ErrOverloaded, client.ErrNotReady, client.ErrShuttingDown, client.ErrTimeout} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
