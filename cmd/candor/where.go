package main

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
)

func whereLeaf(e *env) leaf {
	return leaf{
		name: "where", args: "KEY", about: "print the partition of a key and its replicas, in the order in which they are asked", views: true, least: 1, most: 1,
		examples: []string{
			"candor where user:42",
			"candor where user:42 -o name                 the nodes, for scripts",
			"candor where '{cart:1}:items'                keys that share a {tag} are in one partition",
		},
		flags: adminFlags(namespaceFlag()),
		run: func(ctx context.Context, c *cli.Context) error {
			o, err := adminOptionsOf(c)
			if err != nil {
				return err
			}
			return where(ctx, e, o, []byte(c.Args().Get(0)))
		},
	}
}

// whereView is where a key is.
type whereView struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Key        *string        `json:"key,omitempty"`
	KeyB64     *string        `json:"key_b64,omitempty"`
	Namespace  string         `json:"ns"`
	Partition  int            `json:"partition"`
	Partitions int            `json:"partitions"`
	Epoch      uint64         `json:"epoch"`
	SeenBy     string         `json:"seen_by,omitempty"` // whose the states are
	AgeMS      int64          `json:"age_ms"`            // of the states
	Partial    bool           `json:"partial"`           // the states are not known
	Replicas   []whereReplica `json:"replicas"`
}

// whereReplica is a natural replica; the first is asked first.
type whereReplica struct {
	Order     int    `json:"order"` // from 1
	Name      string `json:"name"`
	ID        string `json:"id"`
	State     string `json:"state"`     // joining, normal, leaving: as the owner table has it
	Reachable *bool  `json:"reachable"` // null: not known
	Suspect   bool   `json:"suspect"`
	Zone      string `json:"zone"`
	Region    string `json:"region"`
	Client    string `json:"client"`
	HTTP      string `json:"http"`
	Error     string `json:"error,omitempty"`
}

// shownState is what people call it.
func (r *whereReplica) shownState() string {
	if r.Reachable == nil {
		return "?"
	}
	n := nodeStatus{State: r.State, Reachable: *r.Reachable, Suspect: r.Suspect}
	return n.shownState()
}

func (v *whereView) screen(wide bool) screen {
	seen := "states not known"
	if !v.Partial {
		seen = fmt.Sprintf("as seen by %s, %.1fs ago", v.SeenBy, float64(v.AgeMS)/1000)
	}
	s := screen{
		above: fmt.Sprintf("key %s   namespace %s   partition %s of %s   epoch %d   %s\n",
			keyNames(v.Key, v.KeyB64)[0], v.Namespace, grouped(v.Partition), grouped(v.Partitions), v.Epoch, seen),
		rows: [][]string{{"#", "NODE", "STATE", "CLIENT", "ZONE"}},
	}
	if wide {
		s.rows[0] = append(s.rows[0], "ID", "WHY")
	}
	for i := range v.Replicas {
		r := &v.Replicas[i]
		row := []string{fmt.Sprint(r.Order), r.Name, r.shownState(), r.Client, orDash(r.Zone)}
		if wide {
			row = append(row, r.ID, orDash(r.Error))
		}
		s.rows = append(s.rows, row)
	}
	return s
}

func (v *whereView) names() (names []string) {
	for _, r := range v.Replicas {
		names = append(names, r.Name)
	}
	return names
}

// where finds the replicas in the owner table, which every client has, and asks
// a node which of them it can reach. Where no node tells, the replicas are
// printed all the same.
func where(ctx context.Context, e *env, o adminOptions, key []byte) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	c, err := o.open(ctx)
	if err != nil {
		return err
	}
	ring := c.Ring()
	closeClient(c)
	v := whereOf(ring, o.ns(), key)
	unknown := o.states(ctx, ring, v)
	if err := o.format.print(e.stdout, v); err != nil {
		return err
	}
	if unknown != nil {
		fmt.Fprintf(e.stderr, "the states are not known: %v\n", unknown)
		return exitWith(exitPartly)
	}
	return nil
}

func whereOf(ring client.RingView, ns string, key []byte) *whereView {
	k, partition, members := textOf(key), ring.Partition(ns, key), ring.Members()
	v := &whereView{
		APIVersion: apiVersion, Kind: "Where", Key: k.plain, KeyB64: k.b64, Namespace: ns, Partition: partition, Partitions: ring.Partitions(),
		Epoch: ring.Epoch(), Partial: true, Replicas: []whereReplica{},
	}
	for i, at := range ring.Replicas(partition) {
		m := members[at]
		v.Replicas = append(v.Replicas, whereReplica{
			Order: i + 1, Name: m.Name, ID: m.ID, State: m.State, Zone: m.Zone, Region: m.Region, Client: m.Client, HTTP: m.HTTP,
		})
	}
	return v
}

// states fills in what a node sees of the replicas.
func (o adminOptions) states(ctx context.Context, ring client.RingView, v *whereView) error {
	admins := []string{o.admin}
	if o.admin == "" {
		admins = adminsOf(ring)
	}
	asked := time.Now()
	body, err := firstAnswer(ctx, admins, "/v1/cluster/status")
	if err != nil {
		return err
	}
	var s clusterStatus
	if err := decodeAnswer(body, &s); err != nil {
		return err
	}
	v.SeenBy, v.AgeMS, v.Partial = s.SeenBy.Name, time.Since(asked).Milliseconds(), false
	for i := range v.Replicas {
		v.Partial = !v.Replicas[i].fill(s.Nodes) || v.Partial
	}
	return nil
}

// fill is false if the node does not know the replica: its epoch is another.
func (r *whereReplica) fill(nodes []nodeStatus) bool {
	for i := range nodes {
		if n := &nodes[i]; n.ID == r.ID {
			r.Reachable, r.Suspect, r.Error = &n.Reachable, n.Suspect, n.Error
			return true
		}
	}
	return false
}
