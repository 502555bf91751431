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
		if epoch, ok := n.Epoch.Get(); ok && !n.isOutside() {
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
		if n.at == i {
			return
		}
		if says, _ := e.view(n, i); says != "" {
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
		var cut, suspected, back, heard []string
		for i := range e.Members {
			if i == n.at {
				continue
			}
			state, missing := e.view(n, i)
			switch answered := e.nodes[i] != nil; {
			case missing != "" && !e.silent(i):
				c.missing(missing)
			case state == Down && answered:
				cut = append(cut, e.name(i))
			case state == Suspect && answered && n.peer(e.Members[i].ID).Cooling:
				back = append(back, e.name(i))
			case state == Suspect && answered:
				suspected = append(suspected, e.name(i))
			case state == Up && e.silent(i):
				heard = append(heard, e.name(i))
			}
		}
		by := e.collector()
		e.findView(c, n, "does not reach", cut, "but "+by+" does")
		e.findView(c, n, "suspects", suspected, "but "+verb(len(suspected), "it answers ", "they answer ")+by)
		e.findBack(c, n, back)
		e.findView(c, n, "hears", heard, "but "+by+" does not")
	})
	return "all nodes see the same"
}

// findView reports that a node sees others otherwise than the collector does, which may
// be that node itself: it suspects whom it has an answer of.
func (e *evidence) findView(c *check, n *node, sees string, names []string, otherwise string) {
	if len(names) == 0 {
		return
	}
	what := fmt.Sprintf("%s %s %s", n.name, sees, listed(names))
	f := Finding{
		Severity: Warning, Short: what, Title: what + ", " + otherwise, Nodes: append([]string{n.name}, names...),
		Action: "look at the network between them: links may be lost in one direction only, and firewalls forget connections.",
		Effect: "Requests through " + n.name + " reach other replicas than those through " + e.collector() + ".",
	}
	if n.name == e.collector() {
		f.Title, f.Effect = what+", though "+verb(len(names), "it answers", "they answer"), "Requests through "+n.name+" ask "+listed(names)+" last."
	}
	for _, name := range names {
		for i := range e.Members {
			if p := n.peer(e.Members[i].ID); e.name(i) == name && p != nil {
				f.Evidence = append(f.Evidence, n.said(p.text(n.name, name)))
			}
		}
	}
	if lost, of := e.lostThrough(n); lost > 0 {
		f.Severity = Critical
		f.Effect = fmt.Sprintf("Through %s quorum is not possible in %s of %s.", n.name, Grouped(lost), Counted(of, "partition"))
	}
	c.find(f)
}

// findBack reports those that a node does not trust yet, as they are back for too short
// a time. Nothing is wrong with the network then.
func (e *evidence) findBack(c *check, n *node, names []string) {
	if len(names) == 0 {
		return
	}
	f := Finding{
		Severity: Warning, Short: n.name + " does not trust " + listed(names) + " yet", Nodes: append([]string{n.name}, names...),
		Effect: "Requests through " + n.name + " ask " + listed(names) + " last. No level is lost by that.",
		Action: "nothing: it ends by itself, and the later the more often " + verb(len(names), "it was", "they were") + " away of late.",
	}
	f.Title = f.Short + ": " + verb(len(names), "it is back, and was", "they are back, and were") + " not heard for long enough"
	for _, name := range names {
		for i := range e.Members {
			if p := n.peer(e.Members[i].ID); e.name(i) == name && p != nil {
				f.Evidence = append(f.Evidence, n.said(p.text(n.name, name)))
			}
		}
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
			if state, _ := e.view(n, int(o)); int(o) != n.at && state == Down {
				down++
			}
		}
		if len(row)-down < contract.QuorumOf(e.Cluster.Replicas) {
			lost++
		}
	}
	return lost, len(owners)
}
