package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
	"github.com/candordb/candor/verdict"
)

func explainLeaf(e *env) leaf {
	return leaf{
		name: "explain", args: "KEY", about: "print what every replica of a key holds, and what reads would answer", views: true, least: 1, most: 1,
		examples: []string{"candor explain user:42", "candor explain user:42 -o json"},
		flags:    clusterFlags(namespaceFlag()),
		run: func(ctx context.Context, c *cli.Context) error {
			f, err := formatOf(c)
			if err != nil {
				return err
			}
			t, err := targetOf(c)
			if err != nil {
				return err
			}
			return explain(ctx, e, t, f, []byte(c.Args().Get(0)))
		},
	}
}

// explainView is what the replicas of a key hold. Null is what is not known.
type explainView struct {
	APIVersion   string         `json:"apiVersion"`
	Kind         string         `json:"kind"`
	Key          *string        `json:"key,omitempty"`
	KeyB64       *string        `json:"key_b64,omitempty"`
	Namespace    string         `json:"ns"`
	Token        string         `json:"token"`
	Partition    int            `json:"partition"`
	Partitions   int            `json:"partitions"`
	Epoch        uint64         `json:"epoch"`
	Asked        string         `json:"asked"`   // name of the node whose hints and phi these are
	Partial      bool           `json:"partial"` // a replica does not answer
	Replicas     []explainRow   `json:"replicas"`
	Winner       string         `json:"winner,omitempty"`
	RepairedAsOf *string        `json:"repaired_as_of"`
	Answers      explainAnswers `json:"answers"`
}

// explainRow is one replica.
type explainRow struct {
	Order      int      `json:"order"` // from 1
	Name       string   `json:"name"`
	ID         string   `json:"id"`
	Role       string   `json:"role"` // natural, joining, stand-in
	Reachable  bool     `json:"reachable"`
	Down       bool     `json:"down"` // and a node knows it, so that it is not even asked
	Phi        *float64 `json:"phi"`
	Rebuilds   bool     `json:"rebuilds"` // it answers, and does not serve the partition until it is rebuilt
	Version    *string  `json:"version"`  // "": it holds nothing
	Written    string   `json:"written,omitempty"`
	Kind       *string  `json:"kind"` // value, tombstone, expired, nothing
	Expires    string   `json:"expires,omitempty"`
	Size       *int     `json:"size_bytes"`
	ChecksumOK *bool    `json:"checksum_ok"`
	Hints      *int     `json:"hints_pending"`
}

// roles are the parts that a node plays for a key.
var roles = map[client.Role]string{client.RoleNatural: "natural", client.RoleJoining: "joining", client.RoleStandIn: "stand-in"}

// explainAnswers is what a read would answer now, by level: returns (the
// winner), may be older (it depends on who is asked), refused, or refused or
// timeout (it is asked of a node that does not answer, unless that is known by
// then).
type explainAnswers struct {
	One    string `json:"one"`
	Quorum string `json:"quorum"`
	All    string `json:"all"`
}

const (
	readReturns = "returns"
	readMay     = "may be older"
	readRefused = "refused"
	readSilent  = "refused or timeout"
)

func explain(ctx context.Context, e *env, t target, f format, key []byte) error {
	return t.with(ctx, func(ctx context.Context, c *client.Client) error {
		x, err := c.Explain(ctx, key)
		if err != nil {
			return err
		}
		v := explainOf(&x, t.ns(), c.Ring().Partitions(), lookedUp(ctx, c.Ring(), &x), time.Now())
		v.Asked = askedOf(c.Ring(), &x)
		if err := f.print(e.stdout, v); err != nil {
			return err
		}
		if v.Partial {
			fmt.Fprintf(e.stderr, "partial: %s\n", v.partialText())
			return exitWith(exitPartly)
		}
		return nil
	})
}

// askedOf is the name of the node that was asked.
func askedOf(ring client.RingView, x *client.Explanation) string {
	for _, m := range ring.Members() {
		if m.ID == x.Asked {
			return m.Name
		}
	}
	return x.Asked
}

// aside is what nodes know of replicas that did not answer, by their ids: the answer to
// EXPLAIN has nothing of those. What cannot be learned is not known.
type aside struct {
	// down are those which another node knows to be down. One that only is silent is
	// none of them: requests are sent to it, and wait.
	down map[string]bool
	// rebuilding are those that answer, and do not serve the partition of the key.
	rebuilding map[string]bool
	phi        map[string]float64 // measured by the node that was asked
	hints      map[string]int     // kept by the node that was asked; nil: not known
}

// refuses says whether it is known of a replica that did not answer that it will not.
func (s *aside) refuses(id string) bool { return s.down[id] || s.rebuilding[id] }

// lookedUp asks over HTTP what there is to know, if a replica did not answer.
func lookedUp(ctx context.Context, ring client.RingView, x *client.Explanation) (s aside) {
	s.down, s.phi, s.rebuilding = make(map[string]bool), make(map[string]float64), make(map[string]bool)
	if !slices.ContainsFunc(x.Rows, func(r client.ExplainRow) bool { return !r.Reachable }) {
		return s
	}
	all, asked := adminsOf(ring), []string(nil)
	for _, m := range ring.Members() {
		if m.ID == x.Asked {
			asked = []string{m.HTTP}
		}
	}
	var status struct {
		Nodes []struct {
			nodeStatus
			Report *verdict.Report `json:"report"`
		} `json:"nodes"`
	}
	if askAside(ctx, asked, "/v1/cluster/status", &status) {
		for _, n := range status.Nodes {
			if n.Phi != nil {
				s.phi[n.ID] = *n.Phi
			}
		}
	} else {
		askAside(ctx, all, "/v1/cluster/status", &status)
	}
	for _, n := range status.Nodes {
		s.down[n.ID] = !n.Reachable
		if n.Report != nil && n.Reachable {
			s.rebuilding[n.ID] = known(n.Report.Quarantine).Partitions.Has(x.Partition)
		}
	}
	var kept hintHolder
	if askAside(ctx, asked, "/v1/hints", &kept) {
		s.hints = make(map[string]int)
		for _, t := range kept.Targets {
			s.hints[t.ID] = int(t.Hints)
		}
	}
	return s
}

// askAside is whether one of the nodes has answered.
func askAside(ctx context.Context, admins []string, path string, into any) bool {
	if len(admins) == 0 {
		return false
	}
	body, err := firstAnswer(ctx, admins, path)
	return err == nil && decodeAnswer(body, into) == nil
}

func explainOf(x *client.Explanation, ns string, partitions int, aside aside, now time.Time) *explainView {
	k := textOf(x.Key)
	v := &explainView{
		APIVersion: apiVersion, Kind: "Explanation", Key: k.plain, KeyB64: k.b64, Namespace: ns, Token: tokenText(x.Token), Partition: x.Partition,
		Partitions: partitions, Epoch: x.Epoch, Asked: x.Asked, Replicas: []explainRow{}, Winner: versionText(x.Winner), Answers: answersOf(x, aside.refuses),
	}
	if !x.RepairedAsOf.IsZero() {
		as := timeText(x.RepairedAsOf)
		v.RepairedAsOf = &as
	}
	for i := range x.Rows {
		row := explainRowOf(i+1, &x.Rows[i], now)
		if !row.Reachable {
			row.tellOf(&aside)
		}
		v.Replicas = append(v.Replicas, row)
		v.Partial = v.Partial || !x.Rows[i].Reachable
	}
	return v
}

// tellOf fills in what others know of a replica that did not answer.
func (r *explainRow) tellOf(s *aside) {
	r.Down, r.Rebuilds = s.down[r.ID], s.rebuilding[r.ID]
	if phi, ok := s.phi[r.ID]; ok {
		r.Phi = &phi
	}
	if s.hints != nil {
		hints := s.hints[r.ID]
		r.Hints = &hints
	}
}

func explainRowOf(order int, row *client.ExplainRow, now time.Time) explainRow {
	r := explainRow{Order: order, Name: row.Node, ID: row.ID, Role: roles[row.Role], Reachable: row.Reachable}
	if row.HasPhi {
		r.Phi = &row.Phi
	}
	if !row.Reachable {
		return r
	}
	version, kind := versionText(row.Version), "value"
	switch {
	case row.Version.IsZero():
		kind = "nothing"
	case row.Tombstone:
		kind = "tombstone"
	case !row.Expires.IsZero() && !row.Expires.After(now):
		kind = "expired"
	}
	r.Version, r.Kind, r.Hints = &version, &kind, &row.HintsPending
	if version != "" {
		r.Written, r.Expires = timeText(row.Version.Time.Time()), timeText(row.Expires)
		r.Size, r.ChecksumOK = &row.ValueBytes, &row.ChecksumOK
	}
	return r
}

// answersOf finds out what a read of each level would answer, from the replicas
// that can answer it now: a damaged one refuses. A read of k replicas is certain
// to find the winner if fewer than k of them lack it. Where a silent one is needed,
// a read may be sent to it and end in a timeout.
func answersOf(x *client.Explanation, refuses func(id string) bool) explainAnswers {
	natural, reachable, silent, lacking := 0, 0, 0, 0
	for i := range x.Rows {
		row := &x.Rows[i]
		if row.Role != client.RoleNatural {
			continue
		}
		natural++
		if !row.Reachable && !refuses(row.ID) {
			silent++
		}
		if row.Reachable && (row.ChecksumOK || row.Version.IsZero()) {
			reachable++
			if row.Version != x.Winner {
				lacking++
			}
		}
	}
	word := func(need int) string {
		switch {
		case reachable+silent < need || need == 0:
			return readRefused
		case reachable < need:
			return readSilent
		case lacking < need:
			return readReturns
		}
		return readMay
	}
	return explainAnswers{word(min(natural, 1)), word(natural/2 + min(natural, 1)), word(natural)}
}
