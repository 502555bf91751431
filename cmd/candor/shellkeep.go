package main

import (
	"context"

	"github.com/candordb/candor/client"
)

// keeper holds the client of a shell from one line to the next, so that only the
// first line connects. Its zero value holds none. Lines run one after the other.
type keeper struct {
	of target
	c  *client.Client
}

type keeperKey struct{}

// withKeeper lets the commands under ctx share a client.
func withKeeper(ctx context.Context, k *keeper) context.Context {
	return context.WithValue(ctx, keeperKey{}, k)
}

// borrow is a client of the target, and what to call when it is not needed any
// more: a kept one stays open, any other is closed.
func (t target) borrow(ctx context.Context) (*client.Client, func(), error) {
	k, kept := ctx.Value(keeperKey{}).(*keeper)
	if !kept {
		c, err := t.open(ctx)
		return c, func() { closeClient(c) }, err
	}
	if k.c == nil || !k.of.sameCluster(t) {
		k.drop()
		c, err := t.open(ctx)
		if err != nil {
			return nil, nil, err
		}
		k.of, k.c = t, c
	}
	return k.c, func() {}, nil
}

// drop closes the client, if there is one.
func (k *keeper) drop() {
	if k.c != nil {
		closeClient(k.c)
		k.c = nil
	}
}

// sameCluster says whether a client of t serves u too: all but these travels
// with each request.
func (t target) sameCluster(u target) bool {
	return t.addr == u.addr && t.namespace == u.namespace && t.needs == u.needs
}
