package verdict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/candordb/candor/contract"
)

// nodeIsDown is D101.
func nodeIsDown(e *evidence, c *check) string {
	if len(e.Members) == 0 {
		c.missing(e.waits())
	}
	for i := range e.Members {
		switch words := e.absent(i); {
		case e.silent(i):
			e.findDown(c, i)
		case words != "":
			c.missing(words)
		}
	}
	return Counted(len(e.Members), "node") + " " + verb(len(e.Members), "answers", "answer")
}

func (e *evidence) findDown(c *check, i int) {
	m, name := &e.Members[i], e.name(i)
	age, _ := m.AgeMS.Get()
	now, timed := e.Time.Get()
	heard, sometime := m.Since.Get()
	text := name + " does not answer"
	if timed && sometime {
		text = fmt.Sprintf("%s has not answered for %s", name, span(int64(now)-int64(heard)))
	}
	agree, doubt, phi := e.opinions(i)
	if phi > 0 {
		text += " (phi " + thousandths(phi) + ")"
	}
	if len(agree) > 0 {
		text += fmt.Sprintf("; %s %s", listed(agree), verb(len(agree), "agrees", "agree"))
	}
	if len(doubt) > 0 {
		text += fmt.Sprintf("; %s %s it still", listed(doubt), verb(len(doubt), "hears", "hear"))
	}
	if timed && sometime {
		text += "; last heard " + heard.clock(now)
	}
	if m.Error != "" {
		text += "; " + m.Error
	}
	f := Finding{
		Severity: Critical, Short: name + " is down", Title: name + " is down", Nodes: []string{name},
		Evidence: []Evidence{{text, age}}, Effect: e.lossOf(i),
		Action: "start it again. If only its database is lost, start it all the same: it is rebuilt from the others, as long as node.json is there.",
	}
	if other, member := e.index[m.AnswersAs]; member {
		f.Title = name + " is down: " + e.name(other) + " answers at its address"
	} else if m.AnswersAs != "" {
		f.Title = name + " is down: another node answers at its address"
		f.Action = "its data folder, or the node.json in it, is not the one that was there: stop what runs at " + m.Peer + ", bring back the folder with the node.json that names " + m.ID +
			", and start it again. If only its database is lost, that is enough: it is rebuilt from the others."
	}
	if hints := e.hintsFor(m.ID, now); hints != "" {
		f.Evidence = append(f.Evidence, Evidence{Text: hints})
	}
	c.find(f)
}

// opinions are who holds a member for down or suspect, who for up, and the highest phi
// that anybody has measured.
func (e *evidence) opinions(i int) (down, up []string, phi uint64) {
	id := e.Members[i].ID
	e.each(func(n *node) {
		switch state, _ := e.view(n, i); state {
		case Down, Suspect:
			down = append(down, n.name)
		case Up:
			up = append(up, n.name)
		}
		if p := n.peer(id); p != nil {
			measured, _ := p.Phi.Get()
			phi = max(phi, measured)
		}
	})
	return down, up, phi
}

// lossOf is what the loss of a member means for the partitions that it owns.
func (e *evidence) lossOf(lost int) string {
	owners, ok := e.owners(&check{})
	if !ok {
		return ""
	}
	services, own, least, sure, below := e.services(false), 0, e.Cluster.Replicas, true, 0
	for p, row := range owners {
		if !slices.Contains(row, uint16(lost)) {
			continue
		}
		own++
		least = min(least, served(row, p, services))
		if served(row, p, services) < contract.QuorumOf(e.Cluster.Replicas) {
			below++
		}
		sure = sure && !slices.ContainsFunc(row, func(o uint16) bool { serves, _ := services[o].in(p); return serves == unknown })
	}
	quorum := contract.QuorumOf(e.Cluster.Replicas)
	of := Grouped(own) + " of " + Counted(len(owners), "partition")
	switch {
	case own == 0:
		return "It owns no partition."
	case !sure:
		return of + " have one replica less; how many serve all of them is not known."
	case least < quorum:
		where := Grouped(below) + " of them"
		if below == own {
			where = "all of them"
		}
		return fmt.Sprintf("%s have, at worst, %d of %d replicas. In %s, quorum does not work.", of, least, e.Cluster.Replicas, where)
	}
	how := "have"
	if least < e.Cluster.Replicas-1 {
		how = "have, at worst,"
	}
	text := fmt.Sprintf("%s %s %d of %d replicas. quorum works, all does not.", of, how, least, e.Cluster.Replicas)
	if worst, lose := e.nextLoss(owners, services, quorum); lose > 0 {
		text += fmt.Sprintf(" If %s fails too, %s lose quorum.", e.name(worst), Grouped(lose))
	}
	return text
}

// served is how many of a partition's owners serve it.
func served(row []uint16, p int, services []service) (n int) {
	for _, o := range row {
		if serves, _ := services[o].in(p); serves == yes {
			n++
		}
	}
	return n
}

// nextLoss is the member whose loss would take quorum from the most partitions.
func (e *evidence) nextLoss(owners [][]uint16, services []service, quorum int) (worst, lose int) {
	losses := make([]int, len(e.Members))
	for p, row := range owners {
		if served(row, p, services) != quorum {
			continue
		}
		for _, o := range row {
			if serves, _ := services[o].in(p); serves == yes {
				losses[o]++
			}
		}
	}
	for i, n := range losses {
		if n > lose {
			worst, lose = i, n
		}
	}
	return worst, lose
}

// hintsFor says what others keep for a member.
func (e *evidence) hintsFor(id string, now Time) string {
	count, bytes, oldest, holders := 0, int64(0), int64(0), 0
	e.each(func(n *node) {
		hints, _ := n.Hints.Get()
		for _, h := range hints {
			if h.Target == id && h.Count > 0 {
				count, bytes, oldest, holders = count+h.Count, bytes+h.Bytes, max(oldest, saturated(h.OldestAgeMS, n.age)), holders+1
			}
		}
	})
	if count == 0 {
		return ""
	}
	return fmt.Sprintf("Hints for %s: %s (%s on %s, oldest %s). What they have no room or time for is marked for repair instead; no write is lost by that.",
		e.named(id), Grouped(count), Sized(bytes), Counted(holders, "node"), span(oldest))
}

// epochSlackMS is for how long epochs may differ: so long it takes to spread one.
const epochSlackMS = 10_000

// epochsDiffer is D103.
func epochsDiffer(e *evidence, c *check) string {
	newest := e.newest()
	var behind []*node
	known := false // how long the newest has been there
	since := int64(0)
	e.everyone(c, func(n *node) {
		epoch, ok := told(c, n, n.Epoch, itsEpoch)
		if n.isOutside() {
			c.missing(n.name + outside)
			return
		}
		if ok && epoch != newest {
			behind = append(behind, n)
		}
		if age, aged := n.EpochAgeMS.Get(); ok && epoch == newest && aged {
			known, since = true, max(since, saturated(age, n.age))
		}
	})
	switch {
	case len(behind) == 0:
	case !known:
		c.missing(fmt.Sprintf("it is not known since when there is epoch %d", newest))
	case since > epochSlackMS:
		f := Finding{
			Severity: Warning, Short: "epochs differ", Title: fmt.Sprintf("epoch %d has been there for %s, and not all nodes act on it", newest, span(since)),
			Effect: "Requests between nodes of different epochs are refused until the older one has fetched the newer.",
			Action: "look whether they reach a node of the newer epoch (D102); they fetch it by themselves.",
		}
		for _, n := range behind {
			epoch, _ := n.Epoch.Get()
			f.Nodes = append(f.Nodes, n.name)
			f.Evidence = append(f.Evidence, n.said(fmt.Sprintf("%s acts on epoch %d", n.name, epoch)))
		}
		c.find(f)
	default:
		return "epochs spread"
	}
	return "epochs agree"
}

// tooFewReplicas is D113.
func tooFewReplicas(e *evidence, c *check) string {
	owners, ok := e.owners(c)
	if !ok {
		return ""
	}
	serving, n := 0, e.Cluster.Replicas
	for _, s := range e.services(false) {
		for _, words := range s.words {
			c.missing(words)
		}
		if s.serves != no {
			serving++
		}
	}
	f := Finding{Severity: Warning, Short: "too few nodes", Effect: "No write there can reach all its copies.", Action: "start the missing nodes, or add nodes."}
	switch short := shortRows(owners, n); {
	case serving < n:
		f.Title = fmt.Sprintf("each key should have %d copies, and %s %s", n, Counted(serving, "node"), verb(serving, "serves", "serve"))
		c.find(f)
	case len(short) > 0:
		f.Title = fmt.Sprintf("%s %s fewer than %s", Counted(len(short), "partition"), verb(len(short), "has", "have"), Counted(n, "replica"))
		f.Evidence = []Evidence{{Text: "partitions " + short.Text(runsShown)}}
		c.find(f)
	}
	for _, p := range e.possibilities(&check{}) {
		if p.level != contract.Quorum || p.state() != no {
			continue
		}
		c.find(Finding{
			Severity: Critical, Short: "partitions below " + p.subject(), Title: upper(p.phrase(true)),
			Effect: p.consequence(), Action: p.wayOut(e),
		})
	}
	return "quorum everywhere"
}

// mixedMS is for how long versions may be mixed.
const mixedMS = dayMS

// versionsAreMixed is D114.
func versionsAreMixed(e *evidence, c *check) string {
	type running struct {
		name, version string
		uptime        int64
		known         bool
	}
	var all []running
	var versions []string
	e.everyone(c, func(n *node) {
		version, ok := told(c, n, n.Version, "its version")
		if !ok {
			return
		}
		uptime, known := n.UptimeMS.Get()
		all = append(all, running{n.name, version, saturated(uptime, n.age), known && uptime >= 0})
		if !slices.Contains(versions, version) {
			versions = append(versions, version)
		}
	})
	if len(versions) < 2 {
		return "one version"
	}
	// Two nodes differ for as long as the younger of them runs.
	longest := int64(0)
	for i, a := range all {
		for _, b := range all[:i] {
			if a.version == b.version {
				continue
			}
			if !a.known || !b.known {
				c.missing("it is not known for how long " + b.name + " and " + a.name + " run")
				continue
			}
			longest = max(longest, min(a.uptime, b.uptime))
		}
	}
	if longest < mixedMS {
		return "an upgrade is under way"
	}
	f := Finding{
		Severity: Warning, Short: "versions are mixed", Title: fmt.Sprintf("%d versions have run side by side for %s", len(versions), span(longest)),
		Effect: "New features stay off, and what is mixed for long is tested little.", Action: "end the upgrade, node by node.",
	}
	for _, v := range versions {
		var names []string
		for _, a := range all {
			if a.version == v {
				names = append(names, a.name)
			}
		}
		f.Evidence = append(f.Evidence, Evidence{Text: v + ": " + strings.Join(names, ", ")})
	}
	c.find(f)
	return ""
}

// votersAreFew is D127.
func votersAreFew(e *evidence, c *check) string {
	few := Finding{
		Severity: Warning, Short: "no majority of voters", Title: "fewer than a majority of the voters of the metadata can be reached",
		Effect: "No new epoch can be decided: rebuilds and changes of the cluster wait. Reads and writes go on.",
		Action: "start the voters that are down, or heal the links to them.",
	}
	e.everyone(c, func(n *node) {
		v, ok := told(c, n, n.Voters, "how many voters it reaches")
		switch words := e.unsettled(n); {
		case !ok || v.Reachable >= contract.QuorumOf(v.Of):
		case words != "":
			c.missing(words)
		default:
			few.Nodes = append(few.Nodes, n.name)
			few.Evidence = append(few.Evidence, n.said(fmt.Sprintf("%s reaches %d of %d voters", n.name, v.Reachable, v.Of)))
		}
	})
	if len(few.Nodes) > 0 {
		c.find(few)
	}
	return "a majority of voters"
}

// unwellMS is for how long a node may be unwell in the gossip.
const unwellMS = 5 * minuteMS

// gossipIsUnwell is D123.
func gossipIsUnwell(e *evidence, c *check) string {
	e.everyone(c, func(n *node) {
		h, ok := told(c, n, n.Gossip, "its health in the gossip")
		if since := saturated(h.SinceMS, n.age); ok && h.Score > 0 && since > unwellMS {
			c.find(Finding{
				Severity: Warning, Short: n.name + " is slow", Title: fmt.Sprintf("%s itself has been slow for %s", n.name, span(since)), Nodes: []string{n.name},
				Evidence: []Evidence{n.said(fmt.Sprintf("its health score in the gossip is %d, and should be 0", h.Score))},
				Effect:   "It answers probes late, or misses answers, so it may hold others for dead and be held for dead.",
				Action:   "look at its processor, its network and its pauses.",
			})
		}
	})
	return "gossip is well"
}

// seedsLeadNowhere is D121.
func seedsLeadNowhere(e *evidence, c *check) string {
	e.everyone(c, func(n *node) {
		seeds, ok := told(c, n, n.Seeds, "its seeds")
		why := ""
		switch {
		case !ok || seeds.Listed == 0:
		case seeds.OnlySelf:
			why = "all of them are this node itself"
		case len(seeds.Unresolved) > 0:
			why = strings.Join(seeds.Unresolved, ", ") + " cannot be resolved"
		}
		if why != "" {
			c.find(Finding{
				Severity: Warning, Short: "seeds of " + n.name + " lead nowhere", Title: fmt.Sprintf("the seeds of %s lead nowhere: %s", n.name, why), Nodes: []string{n.name},
				Effect: "It finds the others only at addresses that it has stored.", Action: "correct cluster.seeds.",
			})
		}
	})
	return "seeds resolve"
}
