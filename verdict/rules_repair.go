package verdict

import (
	"fmt"
	"slices"
	"strings"
)

// hintsPileUp is D104.
func hintsPileUp(e *evidence, c *check) string {
	e.everyone(c, func(n *node) {
		hints, ok := told(c, n, n.Hints, itsHints)
		alarm, bounded := told(c, n, n.Bounds.HintsAlarmAgeMS, "hints.alarm_age")
		dirty, marked := told(c, n, n.Dirty, "which partitions it has marked for repair")
		if !ok || !bounded || !marked {
			return
		}
		for i := range hints {
			h := &hints[i]
			due := 0
			for _, d := range dirty {
				if d.Target == h.Target {
					due += d.Partitions
				}
			}
			if why := h.alarm(saturated(h.OldestAgeMS, n.age), alarm, due); why != "" {
				e.findHints(c, n, h, why)
			}
		}
	})
	// On a line with others, all targets are told in one.
	var targets []string
	for i := range c.found {
		if target := c.found[i].Nodes[1]; !slices.Contains(targets, target) {
			targets = append(targets, target)
		}
	}
	for i := range c.found {
		c.found[i].Short = "hints for " + e.whom(targets) + " pile up"
	}
	return "hints are young and few"
}

// alarm is why hints for a target are worth a look; "": they are not. That some were
// given up matters as long as partitions wait for the repair that does their work. Those
// that a node does not keep because it is rebuilt are no matter of hints: D126 tells of it.
func (h *Hints) alarm(oldest, alarm int64, due int) string {
	switch {
	case h.Count > 0 && (oldest < 0 || oldest >= alarm):
		return "the oldest is " + span(oldest) + " old"
	case h.BoundBytes > 0 && h.Bytes > h.BoundBytes/2:
		return fmt.Sprintf("they fill %s of %s", Sized(h.Bytes), Sized(h.BoundBytes))
	case h.Overflowed+h.Expired > 0 && due > 0:
		return fmt.Sprintf("%d had no room or came too late and %d were too old, so %s %s due for repair", h.Overflowed, h.Expired, Counted(due, "partition"), verb(due, "is", "are"))
	}
	return ""
}

func (e *evidence) findHints(c *check, n *node, h *Hints, why string) {
	target := e.named(h.Target)
	c.find(Finding{
		Severity: Warning, Short: "hints for " + target + " pile up", Nodes: []string{n.name, target},
		Title:    fmt.Sprintf("hints for %s pile up at %s: %s", target, n.name, why),
		Evidence: []Evidence{n.said(fmt.Sprintf("%s holds %s, %s, for %s", n.name, Counted(h.Count, "hint"), Sized(h.Bytes), target))},
		Effect:   "Nothing is lost. What hints do not deliver, repair compares and sends, which takes longer.",
		Action:   "start " + target + " if it is down; else look why it takes them slowly.",
	})
}

// repairIsBehind is D105. It reports, beyond what makes a verdict, proofs that wait
// for a member that does not answer: purging waits with them, however young they are.
func repairIsBehind(e *evidence, c *check) string {
	if len(e.Members) == 0 {
		c.missing(e.waits())
	}
	for i := range e.Members {
		if words := e.absent(i); words != "" && !e.silent(i) {
			c.missing(words)
		}
	}
	now, ok := e.Time.Get()
	if !ok {
		c.missing("the time is not known")
	}
	owners, fits := e.owners(c)
	if fits && ok {
		e.findHeldBack(c, owners, now)
	}
	e.findResting(c, "is paused", func(r *Repair) bool { return r.Paused })
	e.findResting(c, "does not run", func(r *Repair) bool { return !r.Paused && !r.Running })
	return "replicas were compared of late"
}

// findHeldBack reports the partitions whose proofs are old, or wait for a member that is
// away.
func (e *evidence) findHeldBack(c *check, owners [][]uint16, now Time) {
	var behind Partitions
	var waitsFor, pairs []string
	oldest := now
	for _, l := range e.lags(owners, c) {
		away := e.awayOf(l.heldBy)
		if !l.behind && len(away) == 0 {
			continue
		}
		behind, oldest = append(behind, l.partitions...), min(oldest, l.asOf)
		for _, name := range away {
			if !slices.Contains(waitsFor, name) {
				waitsFor = append(waitsFor, name)
			}
		}
		if pair := e.pair(l.heldBy); len(away) == 0 && pair != "" && !slices.Contains(pairs, pair) {
			pairs = append(pairs, pair)
		}
	}
	if len(behind) > 0 {
		e.findBehind(c, PartitionsOf(behind...), oldest, waitsFor, pairs, owners)
	}
}

// findResting reports the nodes that do not compare, in one.
func (e *evidence) findResting(c *check, how string, rests func(*Repair) bool) {
	f := Finding{
		Severity: Warning, Effect: "Replicas that differ stay so until they are read, and nothing deleted is purged.",
		Action: "let it go on when what it waits for is done (candor repair pause --for 0).",
	}
	e.each(func(n *node) {
		if r, ok := n.Repair.Get(); ok && rests(&r) {
			f.Nodes = append(f.Nodes, n.name)
			f.Evidence = append(f.Evidence, n.said(n.name+" says so"))
		}
	})
	if len(f.Nodes) > 0 {
		f.Short = "repair " + how + " at " + e.whom(f.Nodes)
		f.Title = f.Short
		c.find(f)
	}
}

// awayOf are those of a pair that do not answer, by name.
func (e *evidence) awayOf(ids []string) (names []string) {
	for _, id := range ids {
		if i, ok := e.index[id]; ok && e.silent(i) {
			names = append(names, e.name(i))
		}
	}
	return names
}

// pair is a pair of replicas in words.
func (e *evidence) pair(ids []string) string {
	if len(ids) != 2 {
		return ""
	}
	return "the comparison of " + e.named(ids[0]) + " with " + e.named(ids[1])
}

// pairsShown is how many pairs of replicas are named.
const pairsShown = 2

func (e *evidence) findBehind(c *check, behind Partitions, oldest Time, waitsFor, pairs []string, owners [][]uint16) {
	now, _ := e.Time.Get()
	who := listed(waitsFor)
	for _, pair := range pairs[:min(len(pairs), pairsShown)] {
		if who != "" {
			who += " and "
		}
		who += pair
	}
	title := fmt.Sprintf("%s %s repaired as of %s (%s ago)", Counted(len(behind), "partition"), verb(len(behind), "is", "are"),
		oldest.clock(now), span(int64(now)-int64(oldest)))
	f := Finding{
		Severity: Warning, Short: "repair is behind", Title: title, Nodes: waitsFor,
		Evidence: []Evidence{{Text: "partitions " + behind.Text(runsShown)}},
		Effect:   "Deleted and expired records stay on disk. Deleted keys cannot come back, however long it takes.",
		Action:   "nothing is urgent and there is no deadline. When they were compared, purging goes on by itself.",
	}
	if rest := e.ownedBeside(waitsFor, behind, owners); rest > 0 {
		f.Evidence = append(f.Evidence, Evidence{Text: fmt.Sprintf("counted are partitions in which no comparison is older than the last one with %s; in %s more with a replica there another one is older still, or not known",
			listed(waitsFor), Grouped(rest))})
	}
	if who != "" {
		f.Short, f.Title = "purging waits for "+who, title+"; purging waits for "+who
	}
	if len(waitsFor) > 0 {
		f.Action = fmt.Sprintf("nothing is urgent and there is no deadline. When %s %s back, purging goes on by itself.", listed(waitsFor), verb(len(waitsFor), "is", "are"))
	}
	c.find(f)
}

// ownedBeside is how many partitions have a replica at any of some members, beside those
// that are counted already.
func (e *evidence) ownedBeside(names []string, counted Partitions, owners [][]uint16) (n int) {
	for partition, row := range owners {
		if !counted.Has(partition) && slices.ContainsFunc(row, func(o uint16) bool { return slices.Contains(names, e.name(int(o))) }) {
			n++
		}
	}
	return n
}

// watermarkWasPassed is D125.
func watermarkWasPassed(e *evidence, c *check) string {
	e.everyone(c, func(n *node) {
		arrived, ok := told(c, n, n.Arrived, "what it refused below a watermark")
		if !ok || total(arrived) == 0 {
			return
		}
		f := Finding{
			Severity: Critical, Short: "writes below a watermark at " + n.name, Nodes: []string{n.name},
			Title:  fmt.Sprintf("what arrived at %s was at or below a watermark, which cannot be: %s", n.name, foundWords(arrived)),
			Effect: "It was refused and kept, so no deleted key has come back by it. That it exists means that a rule was broken somewhere.",
			Action: "keep all data directories and report it.",
		}
		for _, a := range arrived {
			for _, where := range a.Where {
				f.Evidence = append(f.Evidence, n.said(a.What+": "+where))
			}
		}
		c.find(f)
	})
	return "nothing below a watermark"
}

// dataIsDamaged is D126.
func dataIsDamaged(e *evidence, c *check) string {
	scrubbed, all := Time(0), true
	beyond := e.beyondRebuild()
	e.everyone(c, func(n *node) {
		quarantine, known := told(c, n, n.Quarantine, whetherQuarantined)
		damage, ok := told(c, n, n.Damage, itsDamage)
		scrub, _ := n.Scrub.Get()
		asOf, read := scrub.AsOf.Get()
		if all = all && read; all && (scrubbed == 0 || asOf < scrubbed) {
			scrubbed = asOf
		}
		if known && len(quarantine.Partitions) > 0 {
			f := quarantine.finding(n)
			if beyond.waits[n.at] {
				f.Severity, f.Action = Critical, beyond.action(e)
				f.Title = strings.TrimSuffix(f.Title, "; it waits") + "; it cannot go on by itself"
			}
			c.find(f)
		}
		if ok && total(damage) > 0 {
			c.find(damageFinding(n, damage))
		}
	})
	if now, ok := e.Time.Get(); ok && all && scrubbed > 0 {
		return "no damage, all records read since " + scrubbed.clock(now)
	}
	return "no damage found, not all records read yet"
}

func (q *Quarantine) finding(n *node) Finding {
	f := Finding{
		Severity: Warning, Short: n.name + " rebuilds", Nodes: []string{n.name},
		Title:    fmt.Sprintf("%s is rebuilding %s: %d of %d done", n.name, Counted(len(q.Partitions), "partition"), q.Rebuilt, q.Of),
		Evidence: []Evidence{n.said("partitions " + q.Partitions.Text(runsShown))},
		Effect:   "It neither serves nor votes for them until they are rebuilt from a quorum of the others, and compared.",
		Action:   "nothing: it goes on by itself.",
	}
	if q.Why != "" {
		f.Evidence = append(f.Evidence, n.said(q.Why))
	}
	if q.Waiting != "" {
		f.Severity, f.Action = Critical, "give it what it waits for: "+q.Waiting+". If that is lost for good, candor repair --accept-loss gives it up."
		f.Title += "; it waits"
	}
	return f
}

func damageFinding(n *node, damage []Found) Finding {
	f := Finding{
		Severity: Warning, Short: "damage at " + n.name, Nodes: []string{n.name},
		Title:  fmt.Sprintf("records at %s are damaged: %s", n.name, foundWords(damage)),
		Effect: "They count as no answer and take no write there until they are read from a quorum of the others; no reader sees them.",
		Action: "look at the disk of " + n.name + ": its records are replaced from the others, a disk that goes on failing is not.",
	}
	for _, d := range damage {
		for _, where := range d.Where {
			f.Evidence = append(f.Evidence, n.said("found by "+d.What+": "+where))
		}
	}
	return f
}
