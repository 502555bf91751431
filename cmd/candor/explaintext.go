package main

import (
	"fmt"
	"slices"
	"strings"
)

func (v *explainView) names() []string { return []string{v.Winner} }

func (v *explainView) screen(wide bool) screen {
	s := screen{
		above: fmt.Sprintf("key %s   namespace %s   token %s   partition %s of %s   epoch %d\n",
			keyNames(v.Key, v.KeyB64)[0], v.Namespace, v.Token, grouped(v.Partition), grouped(v.Partitions), v.Epoch),
		rows:  [][]string{{"#", "NODE", "ANSWER", "PHI", "VERSION", "WRITTEN", "KIND", "SIZE", "CHECKSUM", v.hintsHead()}},
		below: fmt.Sprintf("repair  %s\nanswer  %s\n", v.repairText(), v.answerText()),
	}
	if wide {
		s.rows[0] = append(s.rows[0], "ROLE", "EXPIRES", "ID")
	}
	for i := range v.Replicas {
		r := &v.Replicas[i]
		row := r.cells()
		if wide {
			row = append(row, r.Role, orDash(r.Expires), r.ID)
		}
		if r.Phi == nil && r.Name == v.Asked {
			row[3] = "-" // it does not measure its own
		}
		s.rows = append(s.rows, row)
	}
	return s
}

// hintsHead says whose hints are counted: those of the node that was asked alone.
func (v *explainView) hintsHead() string {
	return "HINTS AT " + v.Asked
}

// cells is a row; what is not known is "?", and what is not there is "-".
func (r *explainRow) cells() []string {
	phi := "?"
	if r.Phi != nil {
		phi = fmt.Sprintf("%.1f", *r.Phi)
	}
	hints := unknownFigure
	if r.Hints != nil {
		hints = orDash(countText(*r.Hints))
	}
	if !r.Reachable {
		answer := "none"
		switch {
		case r.Down:
			answer = "DOWN"
		case r.Rebuilds:
			answer = "rebuilds"
		}
		return []string{fmt.Sprint(r.Order), r.Name, answer, phi, "?", "?", "?", "?", "?", hints}
	}
	size, checksum := "-", "-"
	if r.Size != nil {
		size = sized(int64(*r.Size))
	}
	if r.ChecksumOK != nil {
		checksum = "ok"
		if !*r.ChecksumOK {
			checksum = "DAMAGED"
		}
	}
	return []string{fmt.Sprint(r.Order), r.Name, "up", phi, orDash(*r.Version), clockText(r.Written), *r.Kind, size, checksum, hints}
}

// countText is a number; "" for 0.
func countText(n int) string {
	if n == 0 {
		return ""
	}
	return grouped(n)
}

// clockText is the time of day of a time in RFC 3339.
func clockText(t string) string {
	if _, clock, ok := strings.Cut(t, "T"); ok {
		return clock
	}
	return orDash(t)
}

// silent are those that did not answer, down or not.
func (v *explainView) silent() (names []string) {
	for _, r := range v.Replicas {
		if !r.Reachable {
			names = append(names, r.Name)
		}
	}
	return names
}

func (v *explainView) down() (names []string) {
	for _, r := range v.Replicas {
		if r.Down {
			names = append(names, r.Name)
		}
	}
	return names
}

func (v *explainView) rebuilding() (names []string) {
	for _, r := range v.Replicas {
		if r.Rebuilds {
			names = append(names, r.Name)
		}
	}
	return names
}

// mute are those that did not answer, and of which nobody knows why.
func (v *explainView) mute() (names []string) {
	for _, name := range v.silent() {
		if !slices.Contains(v.down(), name) && !slices.Contains(v.rebuilding(), name) {
			names = append(names, name)
		}
	}
	return names
}

// partialText says whose copy is not in the table.
func (v *explainView) partialText() string {
	var parts []string
	away := slices.DeleteFunc(v.silent(), func(name string) bool { return slices.Contains(v.rebuilding(), name) })
	if len(away) > 0 {
		parts = append(parts, joined(away)+" "+verb(away, "does", "do")+" not answer")
	}
	if rebuild := v.rebuilding(); len(rebuild) > 0 {
		parts = append(parts, joined(rebuild)+" "+verb(rebuild, "rebuilds", "rebuild")+" it")
	}
	return strings.Join(parts, "; ")
}

func (v *explainView) damaged() (names []string) {
	for _, r := range v.Replicas {
		if r.ChecksumOK != nil && !*r.ChecksumOK {
			names = append(names, r.Name)
		}
	}
	return names
}

func (v *explainView) repairText() string {
	if v.RepairedAsOf == nil {
		return "as of ?: when all replicas last held the same is not known"
	}
	text := "as of " + clockText(*v.RepairedAsOf)
	silent := strings.Join(v.silent(), ", ")
	if at := v.winner(); silent != "" && at != nil && at.Written <= *v.RepairedAsOf {
		return fmt.Sprintf("%s, so %s held this version or a newer one at that time", text, silent)
	}
	return text
}

// winner is the first row that holds the winner; nil if none does.
func (v *explainView) winner() *explainRow {
	for i := range v.Replicas {
		if r := &v.Replicas[i]; v.Winner != "" && r.Version != nil && *r.Version == v.Winner {
			return r
		}
	}
	return nil
}

// answerText says what reads would answer, level by level.
func (v *explainView) answerText() string {
	levels := map[string][]string{}
	for _, l := range []struct{ name, word string }{{"quorum", v.Answers.Quorum}, {"one", v.Answers.One}, {"all", v.Answers.All}} {
		levels[l.word] = append(levels[l.word], l.name)
	}
	var parts []string
	if names := levels[readReturns]; len(names) > 0 {
		parts = append(parts, joined(names)+" "+verb(names, "returns", "return")+" "+v.winnerText())
	}
	if names := levels[readMay]; len(names) > 0 {
		parts = append(parts, joined(names)+" may answer with something older, as it depends on who is asked")
	}
	if names := levels[readSilent]; len(names) > 0 {
		silent := v.mute()
		parts = append(parts, fmt.Sprintf("%s %s in a timeout, or %s refused at once, while %s %s not answer",
			joined(names), verb(names, "ends", "end"), verb(names, "is", "are"), joined(silent), verb(silent, "does", "do")))
	}
	if names := levels[readRefused]; len(names) > 0 {
		part := joined(names) + " " + verb(names, "is", "are") + " refused"
		var while []string
		if down := v.down(); len(down) > 0 {
			while = append(while, joined(down)+" "+verb(down, "is", "are")+" down")
		}
		if rebuild := v.rebuilding(); len(rebuild) > 0 {
			while = append(while, joined(rebuild)+" "+verb(rebuild, "rebuilds", "rebuild")+" it")
		}
		if damaged := v.damaged(); len(damaged) > 0 {
			while = append(while, joined(damaged)+" "+verb(damaged, "is", "are")+" damaged")
		}
		if len(while) > 0 {
			part += " while " + joined(while)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "; ")
}

// winnerText is what the winner is for a reader.
func (v *explainView) winnerText() string {
	switch at := v.winner(); {
	case at == nil:
		return "not found"
	case *at.Kind == "tombstone":
		return "not found (deleted " + clockText(at.Written) + ")"
	case *at.Kind == "expired":
		return "not found (expired " + clockText(at.Expires) + ")"
	default:
		return clockText(at.Written)
	}
}

// joined is a list in words.
func joined(names []string) string {
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

func verb(names []string, one, many string) string {
	if len(names) == 1 {
		return one
	}
	return many
}
