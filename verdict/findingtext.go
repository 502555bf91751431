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

// wellShown is how many rules that found nothing say what they checked.
const wellShown = 4

// Text is the report of the doctor. What could not be checked is told once for each
// thing that is missing, with the rules that miss it. What is well is counted; all
// lists it.
func Text(findings []Finding, all bool) string {
	var b strings.Builder
	var lacking []string
	codes := make(map[string][]string)
	var well []string
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
			b.WriteString(f.Text())
		}
	}
	for _, words := range lacking {
		fmt.Fprintf(&b, "%-8s could not check %s: %s\n", labels[Unchecked], strings.Join(codes[words], " "), words)
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
	fmt.Fprintf(&b, "%-8s %s (%s)   -v lists them\n", labels[Fine], counted(len(well), "check"), phrases)
	return b.String()
}

// Why is the line of status that says why a verdict is not OK: the findings in short,
// and what no rule reports. It is "" if there is nothing to say.
func Why(r *Result, findings []Finding) string {
	var words []string
	for i := range findings {
		if f := &findings[i]; f.Severity == Critical || f.Severity == Warning {
			words = append(words, fmt.Sprintf("%s %s (%s)", f.Code, f.Short, f.Severity))
		}
	}
	for _, reason := range r.Reasons {
		if reason.Code == "" {
			words = append(words, reason.Sentence)
		}
	}
	if len(words) == 0 {
		return ""
	}
	return "why   " + strings.Join(words, "   ")
}
