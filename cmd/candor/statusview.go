package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// statusView is a node's answer, whole, and how old it is.
type statusView struct {
	clusterStatus
	answer         json.RawMessage
	age            time.Duration
	check, classic bool // only the verdict; in the form of other stores
}

// MarshalJSON is what the node has answered, which may have more than is known
// here.
func (v *statusView) MarshalJSON() ([]byte, error) { return v.answer, nil }

func (v *statusView) names() (names []string) {
	for _, n := range v.Nodes {
		names = append(names, n.Name)
	}
	return names
}

func (v *statusView) screen(wide bool) screen {
	switch {
	case v.check:
		return screen{above: v.verdict().checkText(&v.clusterStatus)}
	case v.waits() != "":
		return screen{above: fmt.Sprintf("cluster  %s   no epoch yet   %s\nwaiting  %s\n", v.Cluster.Name, v.seen(), v.waits())}
	case v.classic:
		return v.classicScreen()
	}
	return screen{
		above: fmt.Sprintf("cluster  %s   N=%d   %s partitions   epoch %d   %s: %s   %s\nverdict  %s\n", v.Cluster.Name, v.Cluster.Replicas,
			grouped(v.Cluster.Partitions), v.Cluster.Epoch, counted(len(v.Nodes), "node"), v.census(), v.seen(), v.verdict().text(&v.clusterStatus)),
		rows: v.nodeRows(wide),
	}
}

// nodeRows is the table. The last column, why a node is not as it should be, is
// there only if one is not.
func (v *statusView) nodeRows(wide bool) [][]string {
	rows := [][]string{{"NODE", "STATE", "ADDR", "ZONE", "PARTITIONS", "PHI"}}
	if wide {
		rows[0] = append(rows[0], "CLIENT", "GOSSIP", "ADMIN", "ID")
	}
	reasons := slices.ContainsFunc(v.Nodes, func(n nodeStatus) bool { return n.Error != "" })
	if reasons {
		rows[0] = append(rows[0], "WHY")
	}
	for _, n := range v.Nodes {
		row := []string{n.Name, n.shownState(), n.Peer, orDash(n.Zone), grouped(n.Partitions), n.phiText()}
		if wide {
			row = append(row, n.Client, n.GossipAddr, n.HTTP, n.ID)
		}
		if reasons {
			row = append(row, n.Error)
		}
		rows = append(rows, row)
	}
	return rows
}

func (v *statusView) seen() string {
	return fmt.Sprintf("as seen by %s, %.1fs ago", v.SeenBy.Name, v.age.Seconds())
}

// waits is for what a node waits that has no epoch; "" if it has one.
func (s *clusterStatus) waits() string {
	switch {
	case s.Waiting != "":
		return s.Waiting
	case s.Cluster.Epoch == 0:
		return "this node is not part of a cluster yet"
	}
	return ""
}

// shownState is what people call the state of a node.
func (n *nodeStatus) shownState() string {
	switch {
	case !n.Reachable:
		return "DOWN"
	case n.Suspect:
		return "suspect"
	case n.State == "normal":
		return "up"
	}
	return n.State
}

// phiText is how surprising the silence of a node is to the one that was asked; of
// that itself, which does not measure its own, a dash.
func (n *nodeStatus) phiText() string {
	switch {
	case n.Self:
		return "-"
	case n.Phi == nil:
		return "?"
	}
	return fmt.Sprintf("%.1f", *n.Phi)
}

// census counts the nodes by state. Up and down are told always; a suspect node
// is up.
func (s *clusterStatus) census() string {
	counts := map[string]int{}
	for i := range s.Nodes {
		state := s.Nodes[i].shownState()
		if state == "suspect" {
			state = "up"
		}
		counts[state]++
	}
	text := fmt.Sprintf("%d up, %d down", counts["up"], counts["DOWN"])
	for _, state := range []string{"joining", "leaving"} {
		if counts[state] > 0 {
			text += fmt.Sprintf(", %d %s", counts[state], state)
		}
	}
	return text
}

// classicScreen is the status in the form that operators of other stores read.
func (v *statusView) classicScreen() screen {
	s := screen{
		above: fmt.Sprintf("Cluster: %s   epoch %d   %s\nU up, D down, ? unknown; N normal, J joining, L leaving\n", v.Cluster.Name, v.Cluster.Epoch, v.seen()),
		rows:  [][]string{{"--", "Address", "Load", "Partitions", "Owns", "Host ID", "Zone"}},
	}
	for _, n := range v.Nodes {
		s.rows = append(s.rows, []string{n.letters(), n.Peer, "?", grouped(n.Partitions), share(n.Partitions, v.Cluster.Partitions), n.ID, orDash(n.Zone)})
	}
	return s
}

// letters are the two that stand for the state of a node. One that does not
// answer, and that was never heard of, is unknown.
func (n *nodeStatus) letters() string {
	first := "U"
	switch {
	case !n.Reachable && n.Gossip == "unknown":
		first = "?"
	case !n.Reachable:
		first = "D"
	}
	switch n.State {
	case "joining":
		return first + "J"
	case "leaving":
		return first + "L"
	}
	return first + "N"
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
