package verdict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/candordb/candor/contract"
)

// Disagreement is one thing that nodes see differently.
type Disagreement struct {
	About string `json:"about"` // a node, by name; or "epoch"
	Views []View `json:"views"` // everybody's, in the order of the members, the collector's finding last
}

// View is what one node says.
type View struct {
	By    string `json:"by"`
	Says  string `json:"says"` // up, suspect, down; of the collector answers, does not answer; or the epoch
	AgeMS int64  `json:"age_ms"`
}

// Disagreements lists what nodes see differently: each other, and the epoch.
func Disagreements(s *Snapshot) (all []Disagreement) {
	e := evidenceOf(s)
	var epochs Disagreement
	e.each(func(n *node) {
		if epoch, ok := n.Epoch.Get(); ok {
			epochs.Views = append(epochs.Views, View{n.name, fmt.Sprint(epoch), n.age})
		}
	})
	if len(epochs.Views) > 0 && slices.ContainsFunc(epochs.Views, func(v View) bool { return v.Says != epochs.Views[0].Says }) {
		epochs.About = "epoch"
		all = append(all, epochs)
	}
	for i := range e.Members {
		if views := e.viewsOf(i); e.differ(i, views) {
			all = append(all, Disagreement{e.name(i), views})
		}
	}
	return all
}

// viewsOf are all views of a member.
func (e *evidence) viewsOf(i int) (views []View) {
	e.each(func(n *node) {
		if says := n.sees(e.Members[i].ID); n.at != i && says != "" {
			views = append(views, View{n.name, says, n.age})
		}
	})
	age, _ := e.Members[i].AgeMS.Get()
	switch {
	case e.nodes[i] != nil:
		views = append(views, View{e.collector(), "answers", age})
	case e.silent(i):
		views = append(views, View{e.collector(), "does not answer", age})
	}
	return views
}

// differ says whether views of a member do not go together. To suspect a member
// that does not answer is no contradiction.
func (e *evidence) differ(i int, views []View) bool {
	has := func(says ...string) bool {
		return slices.ContainsFunc(views, func(v View) bool { return slices.Contains(says, v.Says) })
	}
	switch {
	case e.nodes[i] != nil:
		return has(Suspect, Down)
	case e.silent(i):
		return has(Up)
	}
	return has(Up) && has(Down, Suspect)
}

// Text is the disagreement on one line.
func (d *Disagreement) Text() string {
	var words []string
	for _, v := range d.Views {
		words = append(words, v.By+": "+v.Says)
	}
	return d.About + "   " + strings.Join(words, "   ")
}

// nodesDisagree is D102.
func nodesDisagree(e *evidence, c *check) string {
	e.everyone(c, func(n *node) {
		if _, ok := told(c, n, n.Peers, itsPeers); !ok {
			return
		}
		var cut, suspected, heard []string
		for i := range e.Members {
			state := n.sees(e.Members[i].ID)
			switch {
			case i == n.at:
			case state == "":
				c.missing(n.name + " has not reported whether it reaches " + e.name(i))
			case state == Down && !e.silent(i):
				cut = append(cut, e.name(i))
			case state == Suspect && !e.silent(i):
				suspected = append(suspected, e.name(i))
			case state == Up && e.silent(i):
				heard = append(heard, e.name(i))
			}
		}
		e.findView(c, n, "does not reach", cut, "it answers", "they answer")
		e.findView(c, n, "suspects", suspected, "it answers", "they answer")
		e.findView(c, n, "hears", heard, "it does not answer", "they do not answer")
	})
	return "all nodes see the same"
}

// findView reports that a node sees others otherwise than the collector does.
func (e *evidence) findView(c *check, n *node, sees string, names []string, one, more string) {
	if len(names) == 0 {
		return
	}
	f := Finding{
		Severity: Warning, Short: fmt.Sprintf("%s %s %s", n.name, sees, listed(names)), Nodes: append([]string{n.name}, names...),
		Title:  fmt.Sprintf("%s %s %s, but %s %s", n.name, sees, listed(names), verb(len(names), one, more), e.collector()),
		Action: "look at the network between them: links may be lost in one direction only, and firewalls forget connections.",
	}
	for _, name := range names {
		for i := range e.Members {
			if p := n.peer(e.Members[i].ID); e.name(i) == name && p != nil {
				f.Evidence = append(f.Evidence, n.said(p.text(n.name, name)))
			}
		}
	}
	f.Effect = "Requests through " + n.name + " reach other replicas than those through " + e.collector() + "."
	if lost, of := e.lostThrough(n); lost > 0 {
		f.Severity = Critical
		f.Effect = fmt.Sprintf("Through %s quorum is not possible in %s of %s.", n.name, grouped(lost), counted(of, "partition"))
	}
	c.find(f)
}

// text is how a node sees a peer.
func (p *Peer) text(by, of string) string {
	text := fmt.Sprintf("%s sees %s as %s", by, of, p.State)
	if phi, ok := p.Phi.Get(); ok {
		text += " (phi " + thousandths(phi) + ")"
	}
	if heard, ok := p.HeardAgeMS.Get(); ok {
		text += ", last heard " + span(heard) + " before"
	}
	return text
}

// lostThrough is in how many partitions a quorum is certainly not possible by way of a
// node, of how many.
func (e *evidence) lostThrough(n *node) (lost, of int) {
	owners, ok := e.owners(&check{})
	if !ok {
		return 0, 0
	}
	for _, row := range owners {
		down := 0
		for _, o := range row {
			if int(o) != n.at && n.sees(e.Members[o].ID) == Down {
				down++
			}
		}
		if len(row)-down < contract.QuorumOf(e.Cluster.Replicas) {
			lost++
		}
	}
	return lost, len(owners)
}
