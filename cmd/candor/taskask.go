package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/urfave/cli/v2"
)

// member is a node of the cluster, as it can be asked over HTTP.
type member struct {
	Name string `json:"name"`
	ID   string `json:"id"`
	HTTP string `json:"http"`
}

// members are all nodes, whether they answer or not, as any of them knows them.
func (o adminOptions) members(ctx context.Context) ([]member, error) {
	ring, err := o.ring(ctx)
	return ring.Members, err
}

// nodeRing is what a node answers to GET /v1/ring, as far as it is of use here.
type nodeRing struct {
	Partitions int      `json:"partitions"`
	Members    []member `json:"members"`
}

// ring asks any node.
func (o adminOptions) ring(ctx context.Context) (ring nodeRing, err error) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	err = o.ask(ctx, "/v1/ring", &ring)
	return ring, err
}

// only are the nodes that are named, by name or id; all of them if none is.
func only(all []member, names []string) ([]member, error) {
	if len(names) == 0 {
		return all, nil
	}
	var some []member
	var known []string
	for _, m := range all {
		known = append(known, m.Name)
	}
	for _, name := range names {
		i := slices.IndexFunc(all, func(m member) bool { return m.Name == name || m.ID == name })
		if i < 0 {
			return nil, usagef("candor node ls", "there is no node %q%s", name, didYouMean(name, known))
		}
		some = append(some, all[i])
	}
	return some, nil
}

// nodeFlag names the nodes that a command is for.
func nodeFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "node", Usage: "only this `NODE`; may be given several times"}
}

// refusal is a problem that a node has answered.
type refusal struct {
	Status int
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Hint   string `json:"hint"`
}

func (r *refusal) Error() string { return r.Detail }

// adminSend makes a request of one node's admin API, and reads its answer.
func adminSend(ctx context.Context, method, admin, path string, into any) error {
	if admin == "" {
		return errors.New("it has no admin port (listen.http)")
	}
	q, err := http.NewRequestWithContext(ctx, method, "http://"+admin+path, nil)
	if err != nil {
		return fmt.Errorf("%q is no admin address: want host:port", admin)
	}
	a, err := adminClient.Do(q)
	if err != nil {
		return fmt.Errorf("%s: %w", admin, plainError(err))
	}
	defer a.Body.Close()
	body, err := io.ReadAll(io.LimitReader(a.Body, adminBytesMax))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", admin, plainError(err))
	case a.StatusCode != http.StatusOK:
		r := &refusal{Status: a.StatusCode}
		if json.Unmarshal(body, r) != nil || r.Detail == "" {
			r.Detail = fmt.Sprintf("%s: answered with HTTP status %d", admin, a.StatusCode)
		}
		return r
	}
	return decodeAnswer(body, into)
}

// adminAll makes the same request of all nodes at once, within the timeout. The
// answers and errors are in the order of the nodes; a pointer is nil where there is
// an error.
func adminAll[T any](ctx context.Context, o adminOptions, nodes []member, method, path string) ([]*T, []error) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	answers, errs := make([]*T, len(nodes)), make([]error, len(nodes))
	var all sync.WaitGroup
	for i, n := range nodes {
		all.Go(func() {
			into := new(T)
			if errs[i] = adminSend(ctx, method, n.HTTP, path, into); errs[i] == nil {
				answers[i] = into
			}
		})
	}
	all.Wait()
	return answers, errs
}

// isRefusal says whether a node has answered with this code.
func isRefusal(err error, code string) bool {
	var r *refusal
	return errors.As(err, &r) && r.Code == code
}

// answers says whether the node has answered, be it with a refusal.
func hasAnswered(err error) bool {
	var r *refusal
	return err == nil || errors.As(err, &r)
}

// noneAnswered is the error of a command that no node has answered.
func noneAnswered(nodes []member, errs []error) error {
	reasons := make([]error, len(nodes))
	for i, n := range nodes {
		reasons[i] = fmt.Errorf("%s: %w", n.Name, errs[i])
	}
	return &failure{exit: exitUnavailable, code: "UNAVAILABLE", err: fmt.Errorf("no node that was asked answers: %w", oneLine(reasons)), hint: "candor node ls"}
}
