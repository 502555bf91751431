package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
)

func ringShowLeaf(e *env) leaf {
	return leaf{
		name: "show", about: "print the members and their share of the partitions",
		examples: []string{
			"candor ring show",
			"candor ring show --addr 10.0.0.1:7400 -o json",
		},
		flags: clusterFlags(),
		run: func(ctx context.Context, c *cli.Context) error {
			t, err := targetOf(c)
			if err != nil {
				return err
			}
			return ringShow(ctx, e, t, asJSON(c))
		},
	}
}

type ringJSON struct {
	APIVersion string       `json:"apiVersion"`
	Kind       string       `json:"kind"`
	Epoch      uint64       `json:"epoch"`
	Replicas   int          `json:"replicas"`
	Partitions int          `json:"partitions"`
	Members    []memberJSON `json:"members"`
}

type memberJSON struct {
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

func ringShow(ctx context.Context, e *env, t target, inJSON bool) error {
	return t.with(ctx, func(_ context.Context, c *client.Client) error {
		r := c.Ring()
		if inJSON {
			j := ringJSON{APIVersion: apiVersion, Kind: "Ring", Epoch: r.Epoch(), Replicas: r.Copies(), Partitions: r.Partitions()}
			for _, m := range r.Members() {
				j.Members = append(j.Members, memberJSON{m.Name, m.ID, m.State, m.Zone, m.Region, m.Client, m.Peer, m.Gossip, m.HTTP, m.Partitions})
			}
			return writeJSON(e.stdout, j)
		}
		rows := [][]string{{"NODE", "STATE", "CLIENT", "PEER", "ADMIN", "ZONE", "PARTITIONS", "ID"}}
		for _, m := range r.Members() {
			rows = append(rows, []string{m.Name, m.State, m.Client, m.Peer, m.HTTP, orDash(m.Zone), grouped(m.Partitions), m.ID})
		}
		_, err := fmt.Fprintf(e.stdout, "ring  N=%d   %s partitions   epoch %d   %s\n%s",
			r.Copies(), grouped(r.Partitions()), r.Epoch(), counted(len(r.Members()), "node"), columns(rows))
		return err
	})
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// counted is a number of things.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return grouped(n) + " " + thing + "s"
}
