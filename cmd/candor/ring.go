package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
)

func ringLeaves(e *env) []*cli.Command {
	return []*cli.Command{
		ringShowLeaf(e).command("ring"), ringPartitionLeaf(e).command("ring"), ringOwnersLeaf(e).command("ring"),
	}
}

func ringShowLeaf(e *env) leaf {
	return leaf{
		name: "show", about: "print the members and their share of the partitions", views: true,
		examples: []string{
			"candor ring show",
			"candor ring show -o wide                     with all addresses and ids",
			"candor ring show -o name                     the names of the nodes, for scripts",
			"candor ring show --addr 10.0.0.1:7400 -o json",
		},
		flags: clusterFlags(),
		run: func(ctx context.Context, c *cli.Context) error {
			return printRing(ctx, e, c, func(r client.RingView) (view, error) { return ringOf(r), nil })
		},
	}
}

// printRing learns the ring, and prints the view that is made of it.
func printRing(ctx context.Context, e *env, c *cli.Context, of func(client.RingView) (view, error)) error {
	t, err := targetOf(c)
	if err != nil {
		return err
	}
	f, err := formatOf(c)
	if err != nil {
		return err
	}
	return t.with(ctx, func(_ context.Context, c *client.Client) error {
		v, err := of(c.Ring())
		if err != nil {
			return err
		}
		return f.print(e.stdout, v)
	})
}

// ringView is the ring: its members, and what each owns.
type ringView struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Epoch      uint64      `json:"epoch"`
	Replicas   int         `json:"replicas"`
	Partitions int         `json:"partitions"`
	Members    []memberRow `json:"members"`
}

type memberRow struct {
	Name       string `json:"name"`
	ID         string `json:"id"`
	State      string `json:"state"`
	Zone       string `json:"zone"`
	Region     string `json:"region"`
	Client     string `json:"client"`
	Peer       string `json:"peer"`
	Gossip     string `json:"gossip"`
	HTTP       string `json:"http"`
	Partitions int    `json:"partitions"`
}

func ringOf(r client.RingView) *ringView {
	v := &ringView{APIVersion: apiVersion, Kind: "Ring", Epoch: r.Epoch(), Replicas: r.Copies(), Partitions: r.Partitions(), Members: []memberRow{}}
	for _, m := range r.Members() {
		v.Members = append(v.Members, memberRow{m.Name, m.ID, m.State, m.Zone, m.Region, m.Client, m.Peer, m.Gossip, m.HTTP, m.Partitions})
	}
	return v
}

func (v *ringView) screen(wide bool) screen {
	s := screen{above: fmt.Sprintf("ring  N=%d   %s partitions   epoch %d   %s\n",
		v.Replicas, grouped(v.Partitions), v.Epoch, counted(len(v.Members), "node"))}
	if wide {
		s.rows = [][]string{{"NODE", "STATE", "CLIENT", "PEER", "GOSSIP", "ADMIN", "ZONE", "REGION", "PARTITIONS", "ID"}}
	} else {
		s.rows = [][]string{{"NODE", "STATE", "CLIENT", "ADMIN", "ZONE", "PARTITIONS", "OWNS"}}
	}
	for _, m := range v.Members {
		if wide {
			s.rows = append(s.rows, []string{m.Name, m.State, m.Client, m.Peer, m.Gossip, m.HTTP, orDash(m.Zone), orDash(m.Region), grouped(m.Partitions), m.ID})
		} else {
			s.rows = append(s.rows, []string{m.Name, m.State, m.Client, m.HTTP, orDash(m.Zone), grouped(m.Partitions), share(m.Partitions, v.Partitions)})
		}
	}
	return s
}

func (v *ringView) names() (names []string) {
	for _, m := range v.Members {
		names = append(names, m.Name)
	}
	return names
}

// share is a part of all partitions in per cent, rounded down.
func share(part, all int) string {
	if all == 0 {
		return "?"
	}
	return strconv.Itoa(100*part/all) + "%"
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
