package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/candordb/candor/client"
	"github.com/candordb/candor/contract"
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
		if errors.Is(err, context.DeadlineExceeded) {
			if admin := speaksHTTP(strings.Split(t.addr, ",")); admin != "" {
				return &failure{
					code: "UNAVAILABLE", err: wrapped{"unavailable: " + admin + " is an HTTP port, not one for clients", err},
					hint: "name the node's client port (listen.client) with --addr; --admin takes the HTTP port",
				}
			}
			return &failure{
				code: "UNAVAILABLE", err: wrapped{fmt.Sprintf("unavailable: the time was over before it could be sent: %s %s not answer within %v",
					joined(strings.Split(t.addr, ",")), verb(strings.Split(t.addr, ","), "does", "do"), t.timeout), err},
				hint: "name another node with --addr or CANDOR_ADDR, or give it more time with --timeout",
			}
		}
		return &failure{
			code: "UNAVAILABLE", err: wrapped{e.Reason(), err},
			hint: "name the client address of a node that runs with --addr or CANDOR_ADDR, or start a cluster with candor dev",
		}
	}
	return err
}

// speaksHTTP is the first of some addresses that answers HTTP, as a port that is taken
// for another one does; "" if none does at once.
func speaksHTTP(addresses []string) string {
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	for _, addr := range addresses {
		if _, _, err := adminGet(ctx, addr, "/livez"); err == nil {
			return addr
		}
	}
	return ""
}

// probeTime is how long a port has to show what it is.
const probeTime = 500 * time.Millisecond

// wrapped is an error in other words.
type wrapped struct {
	words string
	err   error
}

func (w wrapped) Error() string { return w.words }
func (w wrapped) Unwrap() error { return w.err }

// opened connects within the timeout of a command, whose own work may take
// longer.
func (t target) opened(ctx context.Context) (*client.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	return t.open(ctx)
}

// with runs f on a client, within the deadline of the command.
func (t target) with(ctx context.Context, f func(context.Context, *client.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	c, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer closeClient(c)
	return t.placed(t.withCopies(f(ctx, c), c.Ring().Copies()))
}

// withCopies is an error that says how many copies of a key there are, where more were
// asked for.
func (t target) withCopies(err error, copies int) error {
	var refused *client.Error
	if t.level < client.One || t.level > contract.LevelsExact || int(t.level) <= copies || !errors.As(err, &refused) || refused.Code != contract.BadRequest {
		return err
	}
	return fmt.Errorf("%w; a key has %s here", err, copiesText(copies))
}

// placed is an error that knows which flags the next command needs, so that it
// asks the same cluster and namespace.
func (t target) placed(err error) error {
	if err == nil || t.repeated == "" {
		return err
	}
	return &placed{err, t.repeated}
}

type placed struct {
	error
	flags string
}

func (p *placed) Unwrap() error { return p.error }

// closeClient closes a client that nobody uses any more; there is nothing to
// wait for.
func closeClient(c *client.Client) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = c.Close(ctx) // it is closed here and nowhere else
}
