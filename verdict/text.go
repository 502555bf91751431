package verdict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/candordb/candor/contract"
)

const (
	runsShown    = 3 // runs of partitions in a sentence
	missingShown = 3 // pieces of missing evidence in a sentence
)

// margin is what stands before the lines of a verdict but the first.
const margin = "         "

// String is the verdict on one line: the word and its sentence.
func (r *Result) String() string { return string(r.Verdict) + ": " + r.Sentence }

// Line is the verdict as status prints it among other lines, without a newline.
func (r *Result) Line() string { return fmt.Sprintf("verdict  %-12s%s", r.Verdict, r.Sentence) }

// Screen is all that status --check prints: the verdict, and what it rests on.
func (r *Result) Screen() string {
	lines := []string{r.Line()}
	if r.Verdict == Failing {
		for i, p := range r.failing() {
			if i > 0 {
				lines = append(lines, margin+p.phrase(true))
			}
			lines = append(lines, margin+p.consequence()+r.oneText(i))
		}
	}
	for _, reason := range r.Reasons {
		if !r.isTold(&reason) {
			lines = append(lines, margin+reason.text())
		}
	}
	if r.Verdict != Unknown { // there the sentence has them
		for _, words := range r.Missing {
			lines = append(lines, margin+"not known: "+words)
		}
	} else if len(r.Missing) > missingShown {
		for _, words := range r.Missing[missingShown:] {
			lines = append(lines, margin+"not known: "+words)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// isTold says whether the sentences about levels have told a reason already.
func (r *Result) isTold(reason *Reason) bool {
	told := r.Levels
	if r.Verdict == Failing {
		told = r.failing()
	}
	return r.Verdict != Unknown && slices.ContainsFunc(told, func(p *Possibility) bool {
		return p.state() == no && slices.ContainsFunc(p.causes, func(c *cause) bool { return c == isSilent && c.code == reason.Code })
	})
}

// text is the reason with the code of the rule that says more.
func (r *Reason) text() string {
	if r.Code == "" {
		return r.Sentence
	}
	return r.Sentence + " (" + r.Code + ")"
}

func (r *Result) sentence() string {
	switch r.Verdict {
	case Unknown:
		return fmt.Sprintf("%s or %s; %s", r.Best, r.Worst, shortened(r.Missing))
	case Failing:
		return r.failing()[0].phrase(true)
	}
	var phrases []string
	for _, p := range r.Levels {
		switch {
		case p.level == contract.Quorum:
			phrases = append(phrases, p.phrase(true)+".")
		case p.level == contract.All:
			phrases = append(phrases, p.phrase(false))
		}
	}
	return strings.Join(phrases, "   ")
}

// shortened joins the first pieces of missing evidence.
func shortened(missing []string) string {
	if len(missing) <= missingShown {
		return strings.Join(missing, "; ")
	}
	return strings.Join(missing[:missingShown], "; ") + fmt.Sprintf("; and %s more", Grouped(len(missing)-missingShown))
}

// failing are the default levels that are not possible in some partitions.
func (r *Result) failing() (all []*Possibility) {
	for _, p := range r.Levels {
		if p.isDefault() && p.state() == no {
			all = append(all, p)
		}
	}
	return all
}

// oneText says, behind the first failing level, where one is possible still.
func (r *Result) oneText(line int) string {
	text := ""
	for _, p := range r.Levels {
		if p.level == contract.One && !p.isDefault() && line == 0 {
			text += " " + p.phrase(false) + "."
		}
	}
	return text
}

// subject is the level, with what it is about if that is not both.
func (p *Possibility) subject() string {
	switch {
	case p.Reads && p.Writes:
		return p.Level
	case p.Writes:
		return p.Level + " for writes"
	}
	return p.Level + " for reads"
}

// phrase says where the level is possible. The long form says of how many partitions,
// and which ones.
func (p *Possibility) phrase(long bool) string {
	unit := ""
	if long {
		unit = " partitions"
	}
	list := func(how string, of Partitions) string {
		text := fmt.Sprintf("%s: %s in %s", p.subject(), how, Grouped(len(of)))
		if long {
			text += " of " + Grouped(p.Of) + unit
		}
		if text += " (" + p.Because + ")"; long {
			text += ": " + of.Text(runsShown)
		}
		return text
	}
	switch {
	case p.state() == yes:
		return fmt.Sprintf("%s: possible in all %s%s", p.subject(), Grouped(p.Of), unit)
	case p.state() == no:
		return list("not possible", p.Failing)
	case p.Of == 0:
		return p.subject() + ": it is not known where it is possible"
	}
	return list("not known to be possible", p.Unknown)
}

// consequence says what becomes of requests in the failing partitions. That a replica
// is away is known before anything is sent; that one answers and does not serve is
// found out by asking, and others have taken a write by then.
func (p *Possibility) consequence() string {
	asked := slices.ContainsFunc(p.causes, func(c *cause) bool { return c != isSilent })
	switch {
	case !p.Writes:
		return fmt.Sprintf("Reads at %s in them are refused.", p.Level)
	case asked && p.Reads:
		return fmt.Sprintf("Reads at %s in them are refused. Writes are refused with no effect, or end in doubt where other replicas have taken them.", p.Level)
	case asked:
		return fmt.Sprintf("Writes at %s in them are refused with no effect, or end in doubt where other replicas have taken them.", p.Level)
	case p.Reads:
		return fmt.Sprintf("Requests at %s in them are refused with no effect.", p.Level)
	}
	return fmt.Sprintf("Writes at %s in them are refused with no effect.", p.Level)
}
