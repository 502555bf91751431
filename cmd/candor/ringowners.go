package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
)

func ringOwnersLeaf(e *env) leaf {
	return leaf{
		name: "owners", about: "print the owner table: the replicas of every partition, in order", views: true,
		examples: []string{
			"candor ring owners",
			"candor ring owners --no-headers | grep n3    the partitions of a node",
		},
		flags: clusterFlags(),
		run: func(ctx context.Context, c *cli.Context) error {
			return printRing(ctx, e, c, func(r client.RingView) (view, error) { return ownersOf(r), nil })
		},
	}
}

// ownersView is the owner table of an epoch.
type ownersView struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Epoch      uint64      `json:"epoch"`
	Copies     int         `json:"replicas_wanted"`
	Partitions []ownersRow `json:"partitions"`
}

type ownersRow struct {
	Partition int      `json:"partition"`
	First     string   `json:"first_token"`
	Replicas  []string `json:"replicas"` // names; the first is asked first
}

func ownersOf(r client.RingView) *ownersView {
	v := &ownersView{APIVersion: apiVersion, Kind: "RingOwners", Epoch: r.Epoch(), Copies: r.Copies(), Partitions: []ownersRow{}}
	members := r.Members()
	for p := range r.Partitions() {
		first, _ := tokensOf(p, r.Partitions())
		row := ownersRow{Partition: p, First: tokenText(first), Replicas: []string{}}
		for _, at := range r.Replicas(p) {
			row.Replicas = append(row.Replicas, members[at].Name)
		}
		v.Partitions = append(v.Partitions, row)
	}
	return v
}

func (v *ownersView) screen(bool) screen {
	s := screen{
		above: fmt.Sprintf("owners  epoch %d   %s partitions   N=%d\n", v.Epoch, grouped(len(v.Partitions)), v.Copies),
		rows:  [][]string{{"PARTITION", "FIRST TOKEN", "REPLICAS"}},
	}
	for _, row := range v.Partitions {
		s.rows = append(s.rows, []string{strconv.Itoa(row.Partition), row.First, strings.Join(row.Replicas, " ")})
	}
	return s
}

// names are the partitions with their replicas, separated by spaces.
func (v *ownersView) names() (names []string) {
	for _, row := range v.Partitions {
		names = append(names, strconv.Itoa(row.Partition)+" "+strings.Join(row.Replicas, " "))
	}
	return names
}
