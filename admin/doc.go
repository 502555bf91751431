// Package admin is the HTTP side of a node: keys and scans for those who have no
// client, the state of the cluster for people and programs, probes, metrics, and
// a stream of events.
//
// It decides nothing about data. A request for a key becomes the same
// wire.Request that a client would send, goes through the node's own router by
// Node.Ask, and its answer is told in HTTP's words. Three statuses therefore
// mean one thing only:
//
//   - 404 under /v1/keys/: the level agrees that the key is absent (under weaken,
//     the one that the receipt names). A route that does not exist is 404 too, with
//     the code NO_SUCH_ROUTE, elsewhere.
//   - 504: a write is in doubt.
//   - 200 on a key: the level was met (under weaken, the one that the receipt
//     names).
//
// Everything that was refused is application/problem+json (RFC 9457), with what
// to do next in `hint`. A query parameter that a route does not know is refused,
// so that a misspelt consistency never runs at another level.
//
// The types: Server serves; Node is what it needs of the node that it runs in,
// and a fake in tests; Snapshot is the cluster as that node sees it. The routes
// are one table (routes.go), which the router walks and docs/HTTP.md is
// generated from.
//
// A browser is a stranger here: no CORS header is ever sent, what changes state
// must not come from another origin, and Host has to be a name of this node, or
// a page whose name was bound to our address could talk to us.
//
// Connections that ask nothing make room for those that do (places.go); probes are
// served whatever the others do.
//
// The caller's duties: Run a Server on a bound listener; call Changed when
// something in the Snapshot may have changed, so that events are told at once
// (else they are within a quarter of a second); and Stop it before what Node
// stands on is closed.
package admin
