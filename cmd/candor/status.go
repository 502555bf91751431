package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

func statusLeaf(e *env) leaf {
	return leaf{
		name: "status", about: "print one line per node, and in how many partitions a quorum is possible",
		examples: []string{
			"candor status",
			"candor status -o json",
			"candor status --admin 127.0.0.1:7403         ask this node's admin port, if client ports are dead",
		},
		flags: clusterFlags(&cli.StringFlag{Name: "admin", Usage: "admin `ADDRESS` host:port of a node; learned from --addr if not given"}),
		run: func(ctx context.Context, c *cli.Context) error {
			t, err := targetOf(c)
			if err != nil {
				return err
			}
			return status(ctx, e, statusOptions{t, c.String("admin"), asJSON(c)})
		},
	}
}

type statusOptions struct {
	target
	admin string
	json  bool
}

// clusterStatus is what a node answers to GET /v1/cluster/status, as far as it
// is shown here.
type clusterStatus struct {
	Cluster struct {
		Name       string `json:"name"`
		Replicas   int    `json:"replicas"`
		Partitions int    `json:"partitions"`
		Epoch      uint64 `json:"epoch"`
	} `json:"cluster"`
	SeenBy struct {
		Name string `json:"name"`
		ID   string `json:"id"`
	} `json:"seen_by"`
	Waiting string       `json:"waiting"`
	Nodes   []nodeStatus `json:"nodes"`
	Quorum  struct {
		Possible int   `json:"possible"`
		Of       int   `json:"of"`
		Failing  []int `json:"failing"`
	} `json:"quorum"`
}

type nodeStatus struct {
	Name       string `json:"name"`
	Self       bool   `json:"self"`
	Zone       string `json:"zone"`
	State      string `json:"state"`
	Reachable  bool   `json:"reachable"`
	Suspect    bool   `json:"suspect"`
	Client     string `json:"client"`
	Peer       string `json:"peer"`
	HTTP       string `json:"http"`
	Partitions int    `json:"partitions"`
	Error      string `json:"error"`
}

func status(ctx context.Context, e *env, o statusOptions) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	admins := []string{o.admin}
	if o.admin == "" {
		var err error
		if admins, err = o.admins(ctx); err != nil {
			return err
		}
	}
	asked := time.Now()
	body, err := firstAnswer(ctx, admins, "/v1/cluster/status")
	if err != nil {
		return &failure{
			exit: exitUnavailable, code: "UNAVAILABLE", err: fmt.Errorf("no admin port answers: %w", err),
			hint: "candor status --admin HOST:PORT (listen.http of a node that runs)",
		}
	}
	if o.json {
		var any json.RawMessage
		if err := json.Unmarshal(body, &any); err != nil {
			return failf(exitFailed, "", "a node's status is no JSON: %w", err)
		}
		return writeJSON(e.stdout, any)
	}
	var s clusterStatus
	if err := json.Unmarshal(body, &s); err != nil {
		return failf(exitFailed, "", "a node's status is no JSON: %w", err)
	}
	_, err = fmt.Fprint(e.stdout, statusText(&s, time.Since(asked)))
	return err
}

// admins learns the admin addresses from the ring. Those of the nodes that were
// named come in no particular order: any view is as good as another.
func (o statusOptions) admins(ctx context.Context) (admins []string, err error) {
	c, err := o.open(ctx)
	var refused *failure
	if errors.As(err, &refused) {
		refused.hint = "candor status --admin HOST:PORT (listen.http of a node), which answers before there is a cluster too"
	}
	if err != nil {
		return nil, err
	}
	defer closeClient(c)
	for _, m := range c.Ring().Members() {
		admins = append(admins, m.HTTP)
	}
	return admins, nil
}

// statusText is what status prints.
func statusText(s *clusterStatus, age time.Duration) string {
	seen := fmt.Sprintf("as seen by %s, %.1fs ago", s.SeenBy.Name, age.Seconds())
	if s.Waiting != "" || s.Cluster.Epoch == 0 {
		why := s.Waiting
		if why == "" {
			why = "this node is not part of a cluster yet"
		}
		return fmt.Sprintf("cluster  %s   no epoch yet   %s\nwaiting  %s\n", s.Cluster.Name, seen, why)
	}
	up, suspect := 0, 0
	rows := [][]string{{"NODE", "STATE", "CLIENT", "PEER", "ADMIN", "ZONE", "PARTITIONS", "WHY"}}
	for _, n := range s.Nodes {
		state := n.State
		switch {
		case !n.Reachable:
			state = "DOWN"
		case n.Suspect:
			state, suspect, up = "suspect", suspect+1, up+1
		default:
			up++
			if state == "normal" {
				state = "up"
			}
		}
		rows = append(rows, []string{n.Name, state, n.Client, n.Peer, n.HTTP, orDash(n.Zone), grouped(n.Partitions), n.Error})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "cluster  %s   N=%d   %s partitions   epoch %d   %s: %d up, %d down   %s\n",
		s.Cluster.Name, s.Cluster.Replicas, grouped(s.Cluster.Partitions), s.Cluster.Epoch, counted(len(s.Nodes), "node"), up, len(s.Nodes)-up, seen)
	b.WriteString("quorum   " + quorumText(s) + "\n")
	b.WriteString(columns(rows))
	return b.String()
}

func quorumText(s *clusterStatus) string {
	q := &s.Quorum
	if q.Possible == q.Of {
		return fmt.Sprintf("possible in all %s partitions", grouped(q.Of))
	}
	return fmt.Sprintf("possible in %s of %s partitions; not in %s", grouped(q.Possible), grouped(q.Of), partitions(q.Failing, q.Of-q.Possible))
}

// shownPartitions is how many runs of partitions are listed.
const shownPartitions = 8

// partitions lists partition numbers, runs of them shortened, of which there are
// all in all.
func partitions(numbers []int, all int) string {
	var runs []string
	listed := 0
	for i := 0; i < len(numbers) && len(runs) < shownPartitions; {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 {
			j++
		}
		run := fmt.Sprint(numbers[i])
		if j > i {
			run = fmt.Sprintf("%d-%d", numbers[i], numbers[j])
		}
		runs, listed, i = append(runs, run), listed+j-i+1, j+1
	}
	text := strings.Join(runs, ", ")
	if listed < all {
		text += fmt.Sprintf(" and %s more", grouped(all-listed))
	}
	return text
}
