package main

import (
	"context"
	"errors"

	"github.com/candordb/candor/client"
)

// openFailure says what may be done about a cluster that cannot be talked to.
func openFailure(t target, err error) error {
	switch {
	case errors.Is(err, client.ErrNotReady):
		var e *client.Error
		errors.As(err, &e)
		return &failure{
			code: "NOT_READY", err: wrapped{"not ready: " + e.Message, err},
			hint: "candor status --admin HOST:PORT (the node's listen.http) says what it waits for",
		}
	case errors.Is(err, client.ErrUnavailable):
		var e *client.Error
		errors.As(err, &e)
		return &failure{
			code: "UNAVAILABLE", err: wrapped{e.Reason(), err},
			hint: "name the client address of a node that runs with --addr or CANDOR_ADDR, or start a cluster with candor dev",
		}
	}
	return err
}

// wrapped is an error in other words.
type wrapped struct {
	words string
	err   error
}

func (w wrapped) Error() string { return w.words }
func (w wrapped) Unwrap() error { return w.err }

// with runs f on a client, within the deadline of the command.
func (t target) with(ctx context.Context, f func(context.Context, *client.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	c, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer closeClient(c)
	return f(ctx, c)
}

// closeClient closes a client that nobody uses any more; there is nothing to
// wait for.
func closeClient(c *client.Client) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = c.Close(ctx) // it is closed here and nowhere else
}
