package verdict

import (
	"fmt"
	"slices"
	"strings"
)

// Reason is one thing that is not as OK would have it, or that is not known.
type Reason struct {
	Code     string `json:"code"` // of the doctor's rule that says more; "": there is none
	Node     string `json:"node"` // its name; "": it is about no single one
	Sentence string `json:"sentence"`
}

// tally is what the clauses have come to: what is not listed is proven to be well.
type tally struct {
	wrong   []Reason
	lacking []string
}

// missing implements reporter. What is missing for several clauses is so once.
func (t *tally) missing(words string) {
	if !slices.Contains(t.lacking, words) {
		t.lacking = append(t.lacking, words)
	}
}

// bad notes that a clause is false. The node may be nil.
func (t *tally) bad(code, node, format string, args ...any) {
	t.wrong = append(t.wrong, Reason{code, node, fmt.Sprintf(format, args...)})
}

// clause is one condition of OK. It tells the tally whatever is not proven.
type clause struct {
	name string // in the words of the page that promises it
	hold func(*evidence, *tally)
}

// clauses are all of them. Those about nodes ask the ones that have answered; for all
// others the first one speaks.
var clauses = []clause{
	{"every member answered", everyMemberAnswers},
	{"every member names the same epoch", sameEpoch},
	{"every member is in good standing", goodStanding},
	{"every member reaches every other", everyLinkStands},
	{"every partition has N replicas that answered", partitionsAreComplete},
	{"a timed write with fsync succeeded on every node within 1 s", writesSync},
	{"no hint is older than hints.alarm_age", hintsAreYoung},
	{"repaired as of lags less than repair.alarm_lag in every partition", repairKeepsUp},
	{"clock offsets are below clock.warn", clocksAgree},
	{"no disk is past storage.disk_warn", disksHaveRoom},
	{"no checksum damage is open", nothingIsDamaged},
}

func everyMemberAnswers(e *evidence, t *tally) {
	if len(e.Members) == 0 {
		t.missing(e.waits())
	}
	for i := range e.Members {
		switch words := e.absent(i); {
		case e.silent(i):
			t.bad("D101", e.name(i), "%s", words)
		case words != "":
			t.missing(words)
		}
	}
}

// newest is the highest epoch that anybody knows.
func (e *evidence) newest() uint64 {
	newest := e.Cluster.Epoch
	e.each(func(n *node) {
		epoch, _ := n.Epoch.Get()
		newest = max(newest, epoch)
	})
	return newest
}

func sameEpoch(e *evidence, t *tally) {
	newest := e.newest()
	if e.Cluster.Epoch == 0 {
		t.missing(e.waits())
	}
	if e.Cluster.Epoch < newest && e.Cluster.Epoch > 0 {
		t.bad("D103", e.collector(), "%s collected under epoch %d, and there is epoch %d", e.collector(), e.Cluster.Epoch, newest)
	}
	e.each(func(n *node) {
		switch epoch, ok := told(t, n, n.Epoch, itsEpoch); {
		case n.isOutside():
			t.missing(n.name + outside)
		case ok && epoch != newest:
			t.bad("D103", n.name, "%s acts on epoch %d, and there is epoch %d", n.name, epoch, newest)
		}
	})
}

func goodStanding(e *evidence, t *tally) {
	e.each(func(n *node) {
		if fenced, ok := told(t, n, n.Fenced, whetherFenced); ok && fenced {
			why := "its clock is not to be used"
			if _, compared := n.OffsetMS.Get(); !compared {
				why = "its clock was not compared with the others yet"
			}
			t.bad("D106", n.name, "%s does not coordinate, %s", n.name, why)
		}
		if draining, ok := told(t, n, n.Draining, whetherDraining); ok && draining {
			t.bad("", n.name, "%s shuts down", n.name)
		}
		if stopped, ok := told(t, n, n.Stopped, whetherStopped); ok && stopped != "" {
			t.bad("D130", n.name, "the storage of %s has stopped: %s", n.name, stopped)
		}
		switch waiting, ok := told(t, n, n.Waiting, whetherServes); {
		case ok && waiting != "" && n.isNew():
			t.missing(n.name + starting)
		case ok && waiting != "":
			t.bad("", n.name, "%s serves nothing yet: %s", n.name, waiting)
		}
		if q, ok := told(t, n, n.Quarantine, whetherQuarantined); ok && len(q.Partitions) > 0 {
			t.bad("D126", n.name, "%s rebuilds %s", n.name, Counted(len(q.Partitions), "partition"))
		}
	})
}

// everyLinkStands looks at each node's own view of the others. Of a member that has not
// answered the collector enough is said.
func everyLinkStands(e *evidence, t *tally) {
	e.each(func(n *node) {
		if _, ok := told(t, n, n.Peers, itsPeers); !ok {
			return
		}
		for i := range e.Members {
			if i == n.at || e.nodes[i] == nil {
				continue
			}
			switch state, missing := e.view(n, i); {
			case missing != "":
				t.missing(missing)
			case state == Suspect && n.peer(e.Members[i].ID).Cooling: // it is reached, and trusted soon
			case state == Suspect:
				t.bad("D102", n.name, "%s suspects %s", n.name, e.name(i))
			case state == Down:
				t.bad("D102", n.name, "%s does not reach %s", n.name, e.name(i))
			}
		}
	})
}

// peer is how a node sees another one; nil: it does not say.
func (n *node) peer(id string) *Peer {
	peers, _ := n.Peers.Get()
	for i := range peers {
		if peers[i].ID == id {
			return &peers[i]
		}
	}
	return nil
}

// sees is the state of a peer as a node sees it; "": it does not say.
func (n *node) sees(id string) string {
	if p := n.peer(id); p != nil && (p.State == Up || p.State == Suspect || p.State == Down) {
		return p.State
	}
	return ""
}

// partitionsAreComplete tells only of partitions to which too few members are given:
// why those do not serve that there are, other clauses have told.
func partitionsAreComplete(e *evidence, t *tally) {
	owners, ok := e.owners(t)
	if !ok {
		return
	}
	if short := shortRows(owners, e.Cluster.Replicas); len(short) > 0 {
		t.bad("D113", "", "%s of %s %s fewer than %s", Grouped(len(short)), Counted(len(owners), "partition"),
			verb(len(short), "has", "have"), Counted(e.Cluster.Replicas, "replica"))
	}
}

// shortRows are the partitions that were given to fewer than n members.
func shortRows(owners [][]uint16, n int) (short Partitions) {
	for p, row := range owners {
		if len(row) < n {
			short = append(short, p)
		}
	}
	return short
}

// probeMaxMS is how long, in milliseconds, a timed write may take.
const probeMaxMS = 1000

// probe is the last timed write, with its age; false, and that is missing, if it
// is too old to count.
func (n *node) probe(to reporter) (p Probe, ok bool) {
	if p, ok = told(to, n, n.Probe, itsProbe); !ok {
		return p, false
	}
	p.AgeMS = saturated(p.AgeMS, n.age)
	if !isFresh(p.AgeMS) {
		to.missing(fmt.Sprintf("the last timed write of %s is %s old", n.name, span(p.AgeMS)))
	}
	return p, isFresh(p.AgeMS)
}

func writesSync(e *evidence, t *tally) {
	e.each(func(n *node) {
		switch p, ok := n.probe(t); {
		case !ok:
		case p.Error != "":
			t.bad("D108", n.name, "a timed write did not succeed on %s: %s", n.name, p.Error)
		case p.TookMS < 0 || p.TookMS >= probeMaxMS:
			t.bad("D108", n.name, "a timed write took %s on %s", span(p.TookMS), n.name)
		}
	})
}

func hintsAreYoung(e *evidence, t *tally) {
	e.each(func(n *node) {
		hints, ok := told(t, n, n.Hints, itsHints)
		bound, bounded := told(t, n, n.Bounds.HintsAlarmAgeMS, "hints.alarm_age")
		for _, h := range hints {
			if age := saturated(h.OldestAgeMS, n.age); ok && bounded && h.Count > 0 && (age < 0 || age >= bound) {
				t.bad("D104", n.name, "%s holds hints for %s that are %s old", n.name, e.named(h.Target), span(age))
			}
		}
	})
}

func clocksAgree(e *evidence, t *tally) {
	e.each(func(n *node) {
		offset, ok := told(t, n, n.OffsetMS, itsClock)
		warn, bounded := told(t, n, n.Bounds.ClockWarnMS, "clock.warn")
		if ok && bounded && distance(offset) >= warn {
			t.bad("D106", n.name, "the clock of %s is %s", n.name, offsetWords(offset))
		}
	})
}

// distance is how far off an offset is, whichever way. The least number has no
// opposite.
func distance(offset int64) int64 {
	if offset < 0 {
		return max(-offset, -(offset + 1))
	}
	return offset
}

func offsetWords(offset int64) string {
	if offset < 0 {
		return span(distance(offset)) + " behind"
	}
	return span(offset) + " ahead"
}

func disksHaveRoom(e *evidence, t *tally) {
	e.each(func(n *node) {
		disk, ok := told(t, n, n.Disk, itsDisk)
		warn, bounded := told(t, n, n.Bounds.DiskWarnPercent, "storage.disk_warn")
		switch {
		case !ok || !bounded:
		case disk.InReserve:
			t.bad("D107", n.name, "%s takes no writes, its disk is full", n.name)
		case disk.percent() >= warn:
			t.bad("D107", n.name, "the disk of %s is %d%% full", n.name, disk.percent())
		}
	})
}

// percent is how full the disk is, rounded down; 100 if the figures cannot be.
func (d *Disk) percent() int64 {
	if d.TotalBytes <= 0 || d.FreeBytes < 0 || d.FreeBytes > d.TotalBytes {
		return 100
	}
	return int64(float64(d.TotalBytes-d.FreeBytes) / float64(d.TotalBytes) * 100)
}

func nothingIsDamaged(e *evidence, t *tally) {
	e.each(func(n *node) {
		if damage, ok := told(t, n, n.Damage, itsDamage); ok && total(damage) > 0 {
			t.bad("D126", n.name, "damage is open at %s: %s", n.name, foundWords(damage))
		}
	})
}

func total(all []Found) (sum uint64) {
	for _, f := range all {
		sum += f.Count
	}
	return sum
}

// foundWords counts what was found: 3 by scrub, 1 by read.
func foundWords(all []Found) string {
	var words []string
	for _, f := range all {
		if f.Count > 0 {
			words = append(words, fmt.Sprintf("%s by %s", Grouped(int(min(f.Count, 1<<53))), f.What))
		}
	}
	return strings.Join(words, ", ")
}
