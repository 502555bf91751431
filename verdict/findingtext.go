package verdict

import (
	"fmt"
	"slices"
	"strings"
)

// labels are what stands before a finding on screens.
var labels = map[Severity]string{Critical: "CRITICAL", Warning: "WARN", Unchecked: "UNKNOWN", Fine: "OK"}

// oldMS is from which age on, in milliseconds, the age of evidence is printed.
const oldMS = 2000

// Text is the finding as doctor prints it, each line with its newline.
func (f *Finding) Text() string {
	lines := []string{fmt.Sprintf("%-8s %s %s", labels[f.Severity], f.Code, f.Title)}
	if f.Severity != Unchecked { // there the title has it
		for _, e := range f.Evidence {
			lines = append(lines, "  "+e.text())
		}
	}
	if f.Effect != "" {
		lines = append(lines, "  Effect: "+f.Effect)
	}
	if f.Action != "" {
		lines = append(lines, "  Do: "+f.Action)
	}
	return strings.Join(lines, "\n") + "\n"
}

func (e *Evidence) text() string {
	text := strings.TrimSuffix(e.Text, ".")
	if e.AgeMS >= oldMS {
		text += " (" + span(e.AgeMS) + " ago)"
	}
	return text + "."
}

// same is what findings have in common that are told in one on a line.
func (f *Finding) same() string { return f.Code + " " + string(f.Severity) + " " + f.Short }

// wellShown is how many rules that found nothing say what they checked.
const wellShown = 4

// Text is the report of the doctor. What is missing for the same rules is told on one
// line with their codes, among which may be some that have found something in what is
// known. What is well is counted; all lists it.
func Text(findings []Finding, all bool) string {
	var b strings.Builder
	var lacking, well, told []string
	codes := make(map[string][]string)
	for i := range findings {
		switch f := &findings[i]; f.Severity {
		case Fine:
			well = append(well, f.Short)
		case Unchecked:
			for _, e := range f.Evidence {
				if !slices.Contains(lacking, e.Text) {
					lacking = append(lacking, e.Text)
				}
				codes[e.Text] = append(codes[e.Text], f.Code)
			}
		default:
			told = append(told, f.Code)
			b.WriteString(f.Text())
		}
	}
	for i, words := range lacking {
		of := strings.Join(codes[words], " ")
		if slices.ContainsFunc(lacking[:i], func(before string) bool { return strings.Join(codes[before], " ") == of }) {
			continue // told with it
		}
		for _, also := range lacking[i+1:] {
			if strings.Join(codes[also], " ") == of {
				words += ", " + also
			}
		}
		how := "could not check "
		if slices.ContainsFunc(codes[lacking[i]], func(code string) bool { return slices.Contains(told, code) }) {
			how += "all of "
		}
		fmt.Fprintf(&b, "%-8s %s%s: %s\n", labels[Unchecked], how, of, words)
	}
	if len(well) == 0 {
		return b.String()
	}
	if all {
		for i := range findings {
			if findings[i].Severity == Fine {
				b.WriteString(findings[i].Text())
			}
		}
		return b.String()
	}
	phrases := strings.Join(well[:min(len(well), wellShown)], ", ")
	if len(well) > wellShown {
		phrases += ", ..."
	}
	fmt.Fprintf(&b, "%-8s %s (%s)   -v lists them\n", labels[Fine], Counted(len(well), "check"), phrases)
	return b.String()
}

// onRecord is the rule whose findings never end. They are no reason of a verdict, and
// would hide those that are.
const onRecord = "D132"

// Why is the line of status that says why a verdict is not OK: the findings in short,
// those with the same words once and counted, and what no rule reports. It is "" if
// there is nothing to say.
func Why(r *Result, findings []Finding) string {
	var words []string
	told := make(map[string]bool) // codes
	counts := make(map[string]int)
	for i := range findings {
		counts[findings[i].same()]++
	}
	for i := range findings {
		f := &findings[i]
		n := counts[f.same()]
		if f.Severity != Critical && f.Severity != Warning || f.Code == onRecord || n == 0 {
			continue
		}
		counts[f.same()], told[f.Code] = 0, true
		if n > 1 {
			words = append(words, fmt.Sprintf("%s %s (%s, %d times)", f.Code, f.Short, f.Severity, n))
			continue
		}
		words = append(words, fmt.Sprintf("%s %s (%s)", f.Code, f.Short, f.Severity))
	}
	for _, reason := range r.Reasons {
		if !told[reason.Code] {
			words = append(words, reason.Sentence)
		}
	}
	if len(words) == 0 {
		return ""
	}
	return "why   " + strings.Join(words, "   ")
}
