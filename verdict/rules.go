package verdict

import (
	"cmp"
	"slices"
	"strings"
)

// Severity is how much a finding matters.
type Severity string

// The severities.
const (
	Critical  Severity = "critical"  // requests fail or will soon, or a promise is weaker now
	Warning   Severity = "warning"   // it works, and somebody should look
	Unchecked Severity = "unchecked" // evidence is missing: this is not OK
	Fine      Severity = "ok"        // checked, with evidence of every member, and well
)

// severities are in the order in which findings are listed.
var severities = []Severity{Critical, Warning, Unchecked, Fine}

// Finding is what one rule has found.
type Finding struct {
	Code     string     `json:"code"`
	Severity Severity   `json:"severity"`
	Short    string     `json:"short"` // in few words, for a line with others
	Title    string     `json:"title"` // a sentence without its full stop
	Nodes    []string   `json:"nodes"` // names of those that it is about
	Evidence []Evidence `json:"evidence"`
	Effect   string     `json:"effect"` // what follows, in whole sentences
	Action   string     `json:"action"` // what to do about it
}

// Evidence is one thing that a finding rests on.
type Evidence struct {
	Text  string `json:"text"`
	AgeMS int64  `json:"age_ms"` // of what was reported
}

// rule is one rule of the doctor. It tells the check what it has found and what is
// missing; if that is nothing, all is well, and it says so in the words it returns.
type rule struct {
	code string
	look func(*evidence, *check) string
}

// Codes are the codes of all rules, in their order.
func Codes() (codes []string) {
	for i := range rules {
		codes = append(codes, rules[i].code)
	}
	return codes
}

// rules are all of them. Codes are never used again. Rules whose evidence nobody has
// yet are not here: D109 (how long iterators are held), D111, D119 (load by node and
// key), D116 (certificates), D118 (superseded writes by namespace), D122 (backups),
// D128 (plans).
var rules = []rule{
	{"D101", nodeIsDown},
	{"D102", nodesDisagree},
	{"D103", epochsDiffer},
	{"D104", hintsPileUp},
	{"D105", repairIsBehind},
	{"D106", clockIsOff},
	{"D107", diskIsFull},
	{"D108", writesStall},
	{"D110", syncsAreSlow},
	{"D112", replicasShareAZone},
	{"D113", tooFewReplicas},
	{"D114", versionsAreMixed},
	{"D115", portsAreOpen},
	{"D117", processIsAtItsLimit},
	{"D120", settingsDiffer},
	{"D121", seedsLeadNowhere},
	{"D123", gossipIsUnwell},
	{"D124", levelsDoNotOverlap},
	{"D125", watermarkWasPassed},
	{"D126", dataIsDamaged},
	{"D127", votersAreFew},
	{"D129", writesEndInDoubt},
	{"D130", storageHasStopped},
	{"D131", syncsArePeriodic},
	{"D132", lossWasAccepted},
}

// check gathers what one rule says.
type check struct {
	code    string
	found   []Finding
	lacking tally
}

// missing implements reporter.
func (c *check) missing(words string) { c.lacking.missing(words) }

func (c *check) find(f Finding) {
	f.Code, f.Nodes, f.Evidence = c.code, listOf(f.Nodes), listOf(f.Evidence)
	c.found = append(c.found, f)
}

// Check asks every rule of the doctor. Each has at least one finding: what is wrong,
// worst first, then what could not be checked, then what is well. It never changes
// the snapshot.
func Check(s *Snapshot) (all []Finding) {
	e := evidenceOf(s)
	for _, r := range rules {
		c := check{code: r.code}
		switch well := r.look(e, &c); {
		case len(c.lacking.lacking) > 0:
			c.find(couldNot(c.lacking.lacking))
		case len(c.found) == 0:
			c.find(Finding{Severity: Fine, Short: well, Title: upper(well)})
		}
		all = append(all, c.found...)
	}
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Compare(slices.Index(severities, a.Severity), slices.Index(severities, b.Severity))
	})
	return all
}

// couldNot is the finding of a rule that lacks evidence.
func couldNot(lacking []string) Finding {
	f := Finding{Severity: Unchecked, Short: "could not check", Title: "could not check: " + strings.Join(lacking, ", ")}
	for _, words := range lacking {
		f.Evidence = append(f.Evidence, Evidence{Text: words})
	}
	return f
}

// Worst is the highest severity among findings; Fine if there are none.
func Worst(findings []Finding) Severity {
	worst := len(severities) - 1
	for i := range findings {
		worst = min(worst, max(slices.Index(severities, findings[i].Severity), 0))
	}
	return severities[worst]
}

// everyone hands over all members: those that have not answered of late are
// missing, for a rule that asks each.
func (e *evidence) everyone(c *check, f func(*node)) {
	if len(e.Members) == 0 {
		c.missing(e.waits())
	}
	for i := range e.Members {
		if words := e.absent(i); words != "" {
			c.missing(words)
			continue
		}
		f(e.nodes[i])
	}
}

// said is evidence as old as the report of the node.
func (n *node) said(text string) Evidence { return Evidence{text, n.age} }
