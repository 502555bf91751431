package main

import (
	"context"
	"fmt"
	"math/bits"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
)

func ringPartitionLeaf(e *env) leaf {
	return leaf{
		name: "partition", args: "NUMBER", about: "print the replicas of a partition, in order, and the tokens it covers", least: 1, most: 1, views: true,
		examples: []string{
			"candor ring partition 157",
			"candor ring partition 157 -o name            the names of its replicas, for scripts",
		},
		flags: clusterFlags(),
		run: func(ctx context.Context, c *cli.Context) error {
			number, err := strconv.Atoi(c.Args().Get(0))
			if err != nil || number < 0 {
				return usagef("candor where KEY, for the partition of a key", "candor ring partition: %q is no partition: want a number from 0", c.Args().Get(0))
			}
			return printRing(ctx, e, c, func(r client.RingView) (view, error) { return partitionOf(r, number) })
		},
	}
}

// partitionView is one partition.
type partitionView struct {
	APIVersion string             `json:"apiVersion"`
	Kind       string             `json:"kind"`
	Partition  int                `json:"partition"`
	Partitions int                `json:"partitions"`
	Epoch      uint64             `json:"epoch"`
	Copies     int                `json:"replicas_wanted"`
	First      string             `json:"first_token"`
	Last       string             `json:"last_token"`
	Replicas   []partitionReplica `json:"replicas"`
}

// partitionReplica is a natural replica; the first is asked first.
type partitionReplica struct {
	Order  int    `json:"order"` // from 1
	Name   string `json:"name"`
	ID     string `json:"id"`
	State  string `json:"state"`
	Zone   string `json:"zone"`
	Client string `json:"client"`
}

func partitionOf(r client.RingView, number int) (view, error) {
	if number >= r.Partitions() {
		return nil, usagef("candor where KEY, for the partition of a key", "there is no partition %d: they are numbered 0 to %d", number, r.Partitions()-1)
	}
	first, last := tokensOf(number, r.Partitions())
	v := &partitionView{
		APIVersion: apiVersion, Kind: "Partition", Partition: number, Partitions: r.Partitions(), Epoch: r.Epoch(), Copies: r.Copies(),
		First: tokenText(first), Last: tokenText(last), Replicas: []partitionReplica{},
	}
	members := r.Members()
	for i, at := range r.Replicas(number) {
		m := members[at]
		v.Replicas = append(v.Replicas, partitionReplica{i + 1, m.Name, m.ID, m.State, m.Zone, m.Client})
	}
	return v, nil
}

// tokensOf is the slice of the token space that a partition covers; there are a
// power of two of them.
func tokensOf(partition, partitions int) (first, last uint64) {
	width := 64 - bits.TrailingZeros(uint(partitions)) // in bits
	first = uint64(partition) << width
	return first, first | (1<<width - 1)
}

func tokenText(token uint64) string { return fmt.Sprintf("0x%016x", token) }

func (v *partitionView) screen(wide bool) screen {
	s := screen{
		above: fmt.Sprintf("partition %s of %s   epoch %d   N=%d   tokens %s to %s\n",
			grouped(v.Partition), grouped(v.Partitions), v.Epoch, v.Copies, v.First, v.Last),
		rows: [][]string{{"#", "NODE", "STATE", "ZONE", "CLIENT"}},
	}
	if wide {
		s.rows[0] = append(s.rows[0], "ID")
	}
	for _, r := range v.Replicas {
		row := []string{strconv.Itoa(r.Order), r.Name, r.State, orDash(r.Zone), r.Client}
		if wide {
			row = append(row, r.ID)
		}
		s.rows = append(s.rows, row)
	}
	if missing := v.Copies - len(v.Replicas); missing > 0 {
		s.below = fmt.Sprintf("%s fewer than N: there are too few nodes\n", counted(missing, "replica"))
	}
	return s
}

func (v *partitionView) names() (names []string) {
	for _, r := range v.Replicas {
		names = append(names, r.Name)
	}
	return names
}
