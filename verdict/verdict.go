package verdict

import (
	"slices"

	"github.com/candordb/candor/contract"
)

// Word is what a verdict comes to.
type Word string

// The words. There is no fifth.
const (
	OK       Word = "OK"       // all is proven to be well
	Degraded Word = "DEGRADED" // the default levels are possible everywhere, and something is wrong
	Failing  Word = "FAILING"  // a default level is not possible in some partitions
	Unknown  Word = "UNKNOWN"  // what is not known makes a difference
)

// Passes says whether requests at the default levels are known to be possible in all
// partitions.
func (w Word) Passes() bool { return w == OK || w == Degraded }

// Result is a verdict, and all that it rests on.
type Result struct {
	Verdict Word `json:"verdict"`
	// Best and Worst are what it would be if all that is not known were good, and if
	// it were bad. They are the same unless the verdict is UNKNOWN.
	Best  Word `json:"best"`
	Worst Word `json:"worst"`

	Sentence string         `json:"sentence"` // what follows the word
	Levels   []*Possibility `json:"levels"`   // quorum, the default levels, one, all
	Reasons  []Reason       `json:"reasons"`  // what is wrong
	Missing  []string       `json:"missing"`  // what is not known, in words
	SeenBy   string         `json:"seen_by"`  // name of the collector
}

// Verdict judges a cluster. It never changes the snapshot.
func Verdict(s *Snapshot) *Result {
	e, t, levels := evidenceOf(s), new(tally), new(tally)
	for _, c := range clauses {
		c.hold(e, t)
	}
	r := &Result{Best: OK, Worst: OK, Levels: e.possibilities(levels), SeenBy: e.collector()}
	r.complete(t)
	for _, p := range r.Levels {
		if p.isDefault() && p.state() != yes {
			for _, words := range p.words {
				levels.missing(words)
			}
		}
		if p.isDefault() && p.state() == unknown && len(p.words) == 0 {
			levels.missing("where level " + p.Level + " is possible is not known")
		}
	}
	for _, words := range levels.lacking {
		t.missing(words)
	}
	r.Missing = t.lacking
	if len(r.Reasons) > 0 {
		r.Best, r.Worst = Degraded, Degraded
	}
	if len(r.Missing) > 0 {
		r.Worst = Degraded
	}
	if len(levels.lacking) > 0 {
		r.Worst = Failing
	}
	if slices.ContainsFunc(r.Levels, func(p *Possibility) bool { return p.isDefault() && p.state() == no }) {
		r.Best, r.Worst = Failing, Failing
	}
	r.Verdict = r.Best
	if r.Best != r.Worst {
		r.Verdict = Unknown
	}
	if r.Best == Degraded && r.Worst == Failing {
		r.Missing = concat(levels.lacking, r.Missing) // what makes the difference comes first
	}
	r.Sentence = r.sentence()
	r.Reasons, r.Missing = listOf(r.Reasons), listOf(r.Missing)
	return r
}

// listOf is the list, never nil: what is empty is [] in JSON.
func listOf[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// complete sees to it that a level which is not possible has a reason, whatever that
// is: N replicas that answered, everywhere, are what level all asks for.
func (r *Result) complete(t *tally) {
	for _, p := range r.Levels {
		switch {
		case p.level != contract.All && !p.isDefault():
		case p.state() == no && len(t.wrong) == 0:
			t.bad("", "", "%s", p.phrase(true))
		case p.state() == unknown:
			for _, words := range p.words {
				t.missing(words)
			}
		}
	}
	r.Reasons = t.wrong
}

// concat is the first list, and of the second what the first has not.
func concat(first, second []string) []string {
	t := tally{lacking: slices.Clone(first)}
	for _, words := range second {
		t.missing(words)
	}
	return t.lacking
}
