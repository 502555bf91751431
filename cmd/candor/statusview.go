package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/candordb/candor/verdict"
)

// statusView is a node's answer, whole, how old it is, and what follows from it.
type statusView struct {
	clusterStatus
	answer   json.RawMessage
	age      time.Duration
	evidence *verdict.Snapshot
	result   *verdict.Result
	findings []verdict.Finding

	check, classic, partitions bool // only the verdict; in the form of other stores; where levels are possible
}

// read takes the answer apart, and judges it. It is as old as asking took.
func (v *statusView) read(age time.Duration) error {
	v.age, v.evidence = age, new(verdict.Snapshot)
	if err := decodeAnswer(v.answer, &v.clusterStatus); err != nil {
		return err
	}
	if err := decodeAnswer(v.answer, v.evidence); err != nil {
		return err
	}
	v.judge()
	return nil
}

func (v *statusView) judge() {
	v.evidence = v.evidence.Aged(v.age.Milliseconds())
	v.result, v.findings = verdict.Verdict(v.evidence), verdict.Check(v.evidence)
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
		return screen{above: v.result.Screen()}
	case v.waits() != "":
		return screen{above: fmt.Sprintf("cluster  %s   no epoch yet   %s\nwaiting  %s\n", v.Cluster.Name, v.seen(), v.waits())}
	case v.classic:
		return v.classicScreen()
	case v.partitions:
		return screen{above: v.result.Line() + "\n", rows: v.levelRows(), below: v.seen() + "\n"}
	}
	s := screen{
		above: fmt.Sprintf("cluster  %s   N=%d   %s partitions   epoch %d   %s: %s   %s\n%s\n", v.Cluster.Name, v.Cluster.Replicas,
			grouped(v.Cluster.Partitions), v.Cluster.Epoch, counted(len(v.Nodes), "node"), v.census(), v.seen(), v.result.Line()),
		rows: v.nodeRows(wide),
	}
	for _, d := range verdict.Disagreements(v.evidence) {
		s.below += "differ  " + d.Text() + "\n"
	}
	if why := verdict.Why(v.result, v.findings); why != "" {
		s.below += why + "          candor doctor\n"
	}
	return s
}

func (v *statusView) seen() string {
	return fmt.Sprintf("as seen by %s, %.1fs ago", v.SeenBy.Name, float64(v.evidenceAge())/1000)
}

// evidenceAge is the age of the oldest evidence that this view rests on, in
// milliseconds: a node answers at once with what it has heard some time ago.
func (v *statusView) evidenceAge() int64 {
	return max(v.age.Milliseconds(), known(v.evidence.OldestMS()))
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
	case !n.Reachable && n.Self: // it is there to say so
		return "not serving"
	case !n.Reachable && n.Answer == verdict.NotAsked:
		return "unknown"
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

// otherStates are what a node can be beside up and down, in the order in which they are
// counted. A suspect node is up.
var otherStates = []string{"stopped", "fenced", "rebuilding", "silent", "not serving", "unknown", "draining", "joining", "leaving"}

// census counts the nodes by the state that their rows show. Up and down are told
// always.
func (v *statusView) census() string {
	counts := map[string]int{}
	for i := range v.Nodes {
		n := &v.Nodes[i]
		state, _ := v.stateWord(n, v.member(n))
		if state == "suspect" {
			state = "up"
		}
		counts[state]++
	}
	text := fmt.Sprintf("%d up, %d down", counts["up"], counts["DOWN"])
	told := counts["up"] + counts["DOWN"]
	for _, state := range otherStates {
		if counts[state] > 0 {
			text += fmt.Sprintf(", %d %s", counts[state], state)
			told += counts[state]
		}
	}
	if others := len(v.Nodes) - told; others > 0 {
		text += fmt.Sprintf(", %d other", others)
	}
	return text
}

// levelRows say where each level that matters is possible, all partitions listed.
func (v *statusView) levelRows() [][]string {
	rows := [][]string{{"LEVEL", "FOR", "DEFAULT OF", "POSSIBLE IN", "BECAUSE", "NOT POSSIBLE IN", "NOT KNOWN IN"}}
	for _, p := range v.result.Levels {
		what := "reads, writes"
		switch {
		case !p.Writes:
			what = "reads"
		case !p.Reads:
			what = "writes"
		}
		rows = append(rows, []string{
			p.Level, what, orDash(strings.Join(p.Namespaces, ", ")), fmt.Sprintf("%s of %s", grouped(p.Certain), grouped(p.Of)), orDash(p.Because),
			orDash(p.Failing.Text(len(p.Failing))), orDash(p.Unknown.Text(len(p.Unknown))),
		})
	}
	return rows
}

// classicScreen is the status in the form that operators of other stores read.
func (v *statusView) classicScreen() screen {
	s := screen{
		above: fmt.Sprintf("Cluster: %s   epoch %d   %s\nU up, D down, ? unknown; N normal, J joining, L leaving\n", v.Cluster.Name, v.Cluster.Epoch, v.seen()),
		rows:  [][]string{{"--", "Address", "Load", "Partitions", "Owns", "Host ID", "Zone"}},
	}
	for i := range v.Nodes {
		n := &v.Nodes[i]
		s.rows = append(s.rows, []string{n.letters(), n.Peer, v.member(n).data(), grouped(n.Partitions), share(n.Partitions, v.Cluster.Partitions), n.ID, orDash(n.Zone)})
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
