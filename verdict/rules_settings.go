package verdict

import (
	"fmt"
	"slices"

	"github.com/candordb/candor/contract"
)

// replicasShareAZone is D112.
func replicasShareAZone(e *evidence, c *check) string {
	owners, ok := e.owners(c)
	if !ok {
		return ""
	}
	var zones []string
	for i := range e.Members {
		if m := &e.Members[i]; m.State == "normal" && !slices.Contains(zones, m.Zone) {
			zones = append(zones, m.Zone)
		}
	}
	var sharing Partitions
	for p, row := range owners {
		for i, o := range row {
			if slices.ContainsFunc(row[:i], func(b uint16) bool { return e.Members[b].Zone == e.Members[o].Zone }) {
				sharing = append(sharing, p)
				break
			}
		}
	}
	if len(zones) < e.Cluster.Replicas {
		return "no more zones to spread over"
	}
	if len(sharing) > 0 {
		c.find(Finding{
			Severity: Warning, Short: "replicas share a zone", Title: fmt.Sprintf("replicas of %s share a zone, though there are %d", Counted(len(sharing), "partition"), len(zones)),
			Evidence: []Evidence{{Text: "partitions " + sharing.Text(runsShown)}}, Effect: "The loss of that zone takes more than one of their copies.",
			Action: "zones with few nodes have no room for a copy of everything: make zones of equal size.",
		})
	}
	return "replicas spread over zones"
}

// portsAreOpen is D115.
func portsAreOpen(e *evidence, c *check) string {
	f := Finding{
		Severity: Warning, Short: "ports are open", Effect: "Whoever reaches a port can read and change all data, and everything can be read on the way.",
		Action: "keep the network closed to everybody else, or listen on loopback only.",
	}
	e.everyone(c, func(n *node) {
		if open, ok := told(c, n, n.Insecure, "whether its ports are open"); ok && open {
			f.Nodes = append(f.Nodes, n.name)
			f.Evidence = append(f.Evidence, n.said(n.name+" has insecure: true"))
		}
	})
	if len(f.Nodes) > 0 {
		f.Title = fmt.Sprintf("%s %s without authentication or encryption beyond loopback", listed(f.Nodes), verb(len(f.Nodes), "listens", "listen"))
		c.find(f)
	}
	return "no open ports"
}

// durabilityKey is the setting that says when an acknowledged write is on the disk.
const durabilityKey = "storage.durability"

// settingsDiffer is D120.
func settingsDiffer(e *evidence, c *check) string {
	values := make(map[string][]string) // by key: who has what, in the order of the members
	distinct := make(map[string][]string)
	var keys []string
	var tellers []*node
	e.everyone(c, func(n *node) {
		settings, ok := told(c, n, n.Shared, "its settings")
		if !ok {
			return
		}
		tellers = append(tellers, n)
		for _, s := range settings {
			if _, seen := values[s.Key]; !seen {
				keys = append(keys, s.Key)
			}
			values[s.Key] = append(values[s.Key], n.name+" has "+s.Value)
			if !slices.Contains(distinct[s.Key], s.Value) {
				distinct[s.Key] = append(distinct[s.Key], s.Value)
			}
		}
	})
	for _, key := range keys {
		if len(values[key]) < len(tellers) {
			c.missing("not all nodes have reported " + key)
		}
		if len(distinct[key]) < 2 {
			continue
		}
		f := Finding{
			Severity: Warning, Short: key + " differs", Title: key + " is not the same on all nodes",
			Effect: "What one node takes another may refuse, so that it cannot be repaired.", Action: "make it the same everywhere.",
		}
		if key == durabilityKey {
			f.Effect = "How much of an acknowledged write a power cut can take depends on which replicas have it."
		}
		for _, text := range values[key] {
			f.Evidence = append(f.Evidence, Evidence{Text: text})
		}
		c.find(f)
	}
	return "the settings that have to be the same are"
}

// levelsDoNotOverlap is D124.
func levelsDoNotOverlap(e *evidence, c *check) string {
	namespaces, ok := e.Namespaces.Get()
	if !ok {
		c.missing("the default levels of the namespaces are not known")
	}
	if e.Cluster.Replicas < 1 {
		c.missing(e.waits())
		return ""
	}
	for _, ns := range namespaces {
		r, readable := contract.ParseLevel(ns.ReadLevel)
		w, writable := contract.ParseLevel(ns.WriteLevel)
		if !readable || !writable {
			c.missing("a level of namespace " + ns.Name + " is not known here")
			continue
		}
		if e.overlap(r, w) {
			continue
		}
		c.find(Finding{
			Severity: Warning, Short: ns.Name + " may read old values", Title: fmt.Sprintf("the default levels of namespace %s do not overlap: read %v, write %v, %s",
				ns.Name, r, w, Counted(e.Cluster.Replicas, "replica")),
			Effect: "A read may miss a write that was acknowledged before it began, show an older value or NOT FOUND, and go back between two reads.",
			Action: "choose levels whose numbers are together above the number of copies, or keep them if old values do no harm.",
		})
	}
	return "read and write levels overlap"
}

// overlap says whether every read at one level meets every write at the other. Local
// levels are those of a coordinator's region, and with several regions two requests
// may go to different ones.
func (e *evidence) overlap(read, write contract.Level) bool {
	if read == contract.Serial || write == contract.Serial {
		return read == write
	}
	n := e.Cluster.Replicas
	several := slices.ContainsFunc(e.Members, func(m Member) bool { return m.Region != e.Members[0].Region })
	global := func(l contract.Level) (int, bool) {
		switch l {
		case contract.LocalOne:
			l = contract.One
		case contract.LocalQuorum, contract.EachQuorum:
			l = contract.Quorum
		default:
			return l.Need(n)
		}
		need, _ := l.Need(n)
		return need, !several
	}
	r, plain := global(read)
	w, too := global(write)
	if plain && too {
		return r+w > n
	}
	quorums := []contract.Level{contract.LocalQuorum, contract.EachQuorum}
	each := read == contract.EachQuorum || write == contract.EachQuorum
	all := read == contract.All || write == contract.All
	weak := read == contract.Any || write == contract.Any
	return all && !weak || each && slices.Contains(quorums, read) && slices.Contains(quorums, write)
}
