package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
)

// adminBytesMax bounds what is read of an answer of the admin API.
const adminBytesMax = 64 << 20

// adminClient is for the admin API. A proxy would only be in the way, and a command
// asks too seldom to keep connections.
var adminClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// adminFlags are those of commands that ask the admin API.
func adminFlags(more ...cli.Flag) []cli.Flag {
	return clusterFlags(append(more,
		&cli.StringFlag{Name: "admin", Usage: "admin `ADDRESS` host:port of a node; learned from --addr if not given"})...)
}

// adminOptions are what these commands have in common.
type adminOptions struct {
	target
	format format
	admin  string // empty: learned from the ring
}

func adminOptionsOf(c *cli.Context) (o adminOptions, err error) {
	o.admin = c.String("admin")
	if o.format, err = formatOf(c); err != nil {
		return o, err
	}
	o.target, err = targetOf(c)
	return o, err
}

// ask gives the first answer of any node; a *json.RawMessage takes it whole.
func (o adminOptions) ask(ctx context.Context, path string, into any) error {
	admins := []string{o.admin}
	if o.admin == "" {
		var err error
		if admins, err = o.admins(ctx); err != nil {
			return err
		}
	}
	body, err := firstAnswer(ctx, admins, path)
	if err != nil {
		return &failure{
			exit: exitUnavailable, code: "UNAVAILABLE", err: fmt.Errorf("no admin port answers: %w", err),
			hint: "candor status --admin HOST:PORT (listen.http of a node that runs)",
		}
	}
	return decodeAnswer(body, into)
}

func decodeAnswer(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return failf(exitFailed, "", "a node's answer is not the JSON that was asked for: %w", err)
	}
	return nil
}

// admins learns the admin addresses from the ring. Those of the nodes that were
// named come in no particular order: any view is as good as another.
func (t target) admins(ctx context.Context) (admins []string, err error) {
	c, done, err := t.borrow(ctx)
	var refused *failure
	if errors.As(err, &refused) {
		refused.hint = "candor status --admin HOST:PORT (listen.http of a node), which answers before there is a cluster too"
	}
	if err != nil {
		return nil, err
	}
	defer done()
	return adminsOf(c.Ring()), nil
}

func adminsOf(ring client.RingView) (admins []string) {
	for _, m := range ring.Members() {
		admins = append(admins, m.HTTP)
	}
	return admins
}

// adminGet asks one node's admin API.
func adminGet(ctx context.Context, admin, path string) (status int, body []byte, err error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+path, nil)
	if err != nil {
		return 0, nil, fmt.Errorf("%q is no admin address: want host:port", admin)
	}
	a, err := adminClient.Do(q)
	if err != nil {
		return 0, nil, fmt.Errorf("%s: %w", admin, plainError(err))
	}
	defer a.Body.Close()
	body, err = io.ReadAll(io.LimitReader(a.Body, adminBytesMax))
	return a.StatusCode, body, err
}

// firstAnswer asks all admin addresses at once and returns the first 200 of a node
// that is in an epoch. One that is in none sees nothing of the cluster, and answers
// soonest for that: it is heard only if nobody else answers while ctx lasts. If there
// is no answer, the error has every address's reason.
func firstAnswer(ctx context.Context, admins []string, path string) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		body []byte
		err  error
	}
	answers := make(chan answer, len(admins))
	for _, admin := range admins {
		go func() {
			status, body, err := adminGet(ctx, admin, path)
			if err == nil && status != http.StatusOK {
				err = fmt.Errorf("%s: answered with HTTP status %d", admin, status)
			}
			answers <- answer{body, err}
		}()
	}
	var reasons []error
	var outside []byte
	for range admins {
		a := <-answers
		switch {
		case a.err != nil:
			reasons = append(reasons, a.err)
		case !isOutside(a.body):
			return a.body, nil
		case outside == nil:
			outside = a.body
		}
	}
	if outside != nil {
		return outside, nil
	}
	return nil, oneLine(reasons)
}

// isOutside says whether an answer is that of a node that is in no epoch: it waits for
// a cluster to be formed, or has the address of a member and another identity. An
// answer that tells no epoch at all is not.
func isOutside(body []byte) bool {
	var top struct {
		Epoch   *uint64         `json:"epoch"`
		Cluster json.RawMessage `json:"cluster"` // has the epoch in the status; elsewhere a name
	}
	if json.Unmarshal(body, &top) != nil {
		return false
	}
	if top.Epoch == nil && json.Unmarshal(top.Cluster, &top) != nil {
		return false
	}
	return top.Epoch != nil && *top.Epoch == 0
}

// strangerError is that another node answers at the address of a member: one of a new
// identity, or another member, where two advertise the same address.
type strangerError struct {
	at, id string
	member string // that has the address
	as     string // the member that answers; "": it is none
}

func (e *strangerError) Error() string {
	if e.as != "" {
		return fmt.Sprintf("%s answers at %s, which %s advertises", e.as, e.at, e.member)
	}
	return fmt.Sprintf("another node answers at %s (id %s), which is no member", e.at, e.id)
}

// among says which of the members it is that has answered.
func (e *strangerError) among(nodes []nodeStatus) {
	if i := slices.IndexFunc(nodes, func(n nodeStatus) bool { return n.ID == e.id }); i >= 0 {
		e.as = nodes[i].Name
	}
}

// advice is what to do about it.
func (e *strangerError) advice() string {
	if e.as != "" {
		return fmt.Sprintf("give each node an address of its own: look at listen.http and advertise.host of %s and %s", e.member, e.as)
	}
	return fmt.Sprintf("give it the data folder of %s again, or the node.json of that and an empty db folder: a new identity does not take a member's address", e.member)
}

// plainError is the innermost reason why a connection was not made.
func plainError(err error) error {
	var number syscall.Errno
	var op *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("no answer in time")
	case errors.Is(err, io.EOF):
		return errors.New("it closed the connection: is it an HTTP port (listen.http)?")
	case errors.As(err, &number):
		return number
	case errors.As(err, &op):
		return op.Err
	}
	return err
}

// oneLine joins errors in one line.
func oneLine(errs []error) error {
	words := make([]string, len(errs))
	for i, err := range errs {
		words[i] = err.Error()
	}
	return errors.New(strings.Join(words, "; "))
}
