package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/candordb/candor/verdict"
)

// allViewsView is the cluster as each of its nodes sees it.
type allViewsView struct {
	APIVersion string                 `json:"apiVersion"`
	Kind       string                 `json:"kind"`
	Partial    bool                   `json:"partial"` // a node did not answer
	Differ     []verdict.Disagreement `json:"disagreements"`
	Views      []viewRow              `json:"views"`
}

// viewRow is how one node sees the cluster. Those that do not answer are rows.
type viewRow struct {
	Node      string       `json:"node"`
	ID        string       `json:"id"`
	Admin     string       `json:"admin"`
	Reachable bool         `json:"reachable"`
	Stranger  string       `json:"stranger"` // id of another node that answers at its address; "": none
	advice    string       // what to do about that
	Error     string       `json:"error"`
	AgeMS     int64        `json:"age_ms"`
	Epoch     uint64       `json:"epoch"`
	Census    string       `json:"census"`
	Verdict   verdict.Word `json:"verdict"` // UNKNOWN if it does not answer
	Sentence  string       `json:"sentence"`
	Why       string       `json:"why"`
}

// contradicts says whether a row by itself is one that cannot be with the others: it is
// another node's, or that of a node which is in no epoch.
func (r viewRow) contradicts() bool { return r.Stranger != "" || r.Reachable && r.Epoch == 0 }

func (v *allViewsView) names() (names []string) {
	for _, row := range v.Views {
		names = append(names, row.Node)
	}
	return names
}

func (v *allViewsView) screen(wide bool) screen {
	s := screen{rows: [][]string{{"SEEN BY", "AGE", "EPOCH", "NODES", "VERDICT", "SENTENCE"}}}
	for _, row := range v.Views {
		if !row.Reachable {
			why := "it does not answer: " + row.Error
			if row.Stranger != "" {
				why = row.Error
			}
			s.rows = append(s.rows, []string{row.Node, unknownFigure, unknownFigure, unknownFigure, string(verdict.Unknown), why})
			continue
		}
		s.rows = append(s.rows, []string{row.Node, fmt.Sprintf("%.1fs", float64(row.AgeMS)/1000), fmt.Sprint(row.Epoch), row.Census, string(row.Verdict), row.Sentence})
		if row.Why != "" && wide {
			s.rows = append(s.rows, []string{"", "", "", "", "", row.Why})
		}
	}
	for _, d := range v.Differ {
		s.below += "differ  " + d.Text() + "\n"
	}
	for _, row := range v.Views {
		if row.Stranger != "" {
			s.below += fmt.Sprintf("differ  %s   the members say id %s, and at %s answers id %s\n", row.Node, row.ID, row.Admin, row.Stranger)
			s.below += fmt.Sprintf("          %s\n", row.advice)
		}
	}
	if words := v.words(); len(words) > 1 {
		s.below += "The nodes come to different verdicts: look at the links between them (candor doctor).\n"
	} else if len(v.Differ) == 0 && !slices.ContainsFunc(v.Views, viewRow.contradicts) {
		s.below += "No node that answers contradicts another.\n"
	}
	return s
}

// words are the verdicts of those that answer, each once.
func (v *allViewsView) words() map[verdict.Word]bool {
	words := make(map[verdict.Word]bool)
	for _, row := range v.Views {
		if row.Reachable {
			words[row.Verdict] = true
		}
	}
	return words
}

// passes says whether every node that answers says so, and one does.
func (v *allViewsView) passes() bool {
	words := v.words()
	return len(words) > 0 && !words[verdict.Failing] && !words[verdict.Unknown]
}

// allViews asks any node who is there, and then every one of them.
func allViews(ctx context.Context, e *env, o statusOptions) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	first, err := o.status(ctx)
	if err != nil {
		return err
	}
	v := allViewsOf(first.Nodes, func(n *nodeStatus) (*statusView, error) { return askView(ctx, n) })
	if len(first.Nodes) == 0 { // it knows of no member, and is the only one that answers
		self := nodeStatus{Name: first.SeenBy.Name, ID: first.SeenBy.ID, HTTP: o.admin}
		v = allViewsOf([]nodeStatus{self}, func(*nodeStatus) (*statusView, error) { return first, nil })
	}
	if err := o.format.print(e.stdout, v); err != nil {
		return err
	}
	switch {
	case o.check && !v.passes():
		return exitWith(exitFailing)
	case v.Partial && !o.check:
		return exitWith(exitPartly)
	}
	return nil
}

// askView asks one node. That another one answers in its place is an error.
func askView(ctx context.Context, n *nodeStatus) (*statusView, error) {
	asked := time.Now()
	status, body, err := adminGet(ctx, n.HTTP, "/v1/cluster/status")
	switch {
	case err != nil:
		return nil, err
	case status != http.StatusOK:
		return nil, fmt.Errorf("%s: answered with HTTP status %d", n.HTTP, status)
	}
	v := &statusView{answer: body}
	if err := v.read(time.Since(asked)); err != nil {
		return nil, err
	}
	return v, n.isAnswering(v.SeenBy.ID)
}

// isAnswering is an error where the one that has answered at the address of a node has
// another identity.
func (n *nodeStatus) isAnswering(id string) error {
	if id == n.ID {
		return nil
	}
	return &strangerError{at: n.HTTP, id: id, member: n.Name}
}

// allViewsOf asks the nodes, all at once. What they see differently is told by the
// first one whose evidence shows it.
func allViewsOf(nodes []nodeStatus, ask func(*nodeStatus) (*statusView, error)) *allViewsView {
	v := &allViewsView{APIVersion: apiVersion, Kind: "ClusterViews", Differ: []verdict.Disagreement{}, Views: make([]viewRow, len(nodes))}
	all := make([]*statusView, len(nodes))
	var asking sync.WaitGroup
	for i := range nodes {
		asking.Go(func() {
			row := &v.Views[i]
			*row = viewRow{Node: nodes[i].Name, ID: nodes[i].ID, Admin: nodes[i].HTTP, Verdict: verdict.Unknown}
			s, err := ask(&nodes[i])
			var stranger *strangerError
			if errors.As(err, &stranger) {
				stranger.among(nodes)
				row.Stranger, row.advice = stranger.id, stranger.advice()
			}
			if err != nil {
				row.Error = err.Error()
				return
			}
			all[i], row.Reachable = s, true
			row.AgeMS, row.Epoch, row.Census = s.evidenceAge(), s.Cluster.Epoch, s.census()
			row.Verdict, row.Sentence, row.Why = s.result.Verdict, s.result.Sentence, verdict.Why(s.result, s.findings)
		})
	}
	asking.Wait()
	told := make(map[string]bool)
	for i, s := range all {
		if s == nil {
			v.Partial = true
			continue
		}
		for _, d := range verdict.Disagreements(all[i].evidence) {
			if !told[d.About] {
				told[d.About] = true
				v.Differ = append(v.Differ, d)
			}
		}
	}
	return v
}
