package main

import (
	"strings"
	"testing"
	"time"

	"github.com/candordb/candor/client"
)

// held is a replica that answers and holds a version.
func held(t *testing.T, name, version string) client.ExplainRow {
	row := client.ExplainRow{Node: name, ID: strings.Repeat("0"+name[1:], 16), Role: client.RoleNatural, Reachable: true, Phi: 0.4, HasPhi: true, ChecksumOK: true}
	if version != "" {
		row.Version, row.ValueBytes = mustVersion(t, version), 128
	}
	return row
}

func downRow(name string) client.ExplainRow {
	return client.ExplainRow{Node: name, ID: strings.Repeat("0"+name[1:], 16), Role: client.RoleNatural}
}

func damagedRow(t *testing.T, name string) client.ExplainRow {
	row := held(t, name, newer)
	row.ChecksumOK = false
	return row
}

const (
	older = "01a20320a73200008f21c07d55aa1e04"
	newer = "01a20320a73300008f21c07d55aa1e04"
)

func explanation(t *testing.T, rows ...client.ExplainRow) *client.Explanation {
	x := &client.Explanation{Key: []byte("user:42"), Token: 0x27525313dfa73c54, Partition: 157, Epoch: 41, Asked: "n1", Rows: rows}
	for _, r := range rows {
		if x.Winner.Less(r.Version) {
			x.Winner = r.Version
		}
	}
	return x
}

// The screen of operations.md 1.5; what is not measured is "?", never a figure.
func TestExplainScreen(t *testing.T) {
	n3Down := aside{down: map[string]bool{downRow("n3").ID: true}}
	now := time.Date(2026, 11, 22, 12, 5, 0, 0, time.UTC)
	x := explanation(t, held(t, "n2", newer), downRow("n3"), held(t, "n1", newer))
	x.Rows[2].HasPhi, x.Rows[2].HintsPending = false, 81204
	v := explainOf(x, "default", 1024, n3Down, now)
	golden(t, "explain", v.screen(false).String())
	golden(t, "explain-wide", v.screen(true).String())
	golden(t, "explain-yaml", printed(t, format{form: "yaml"}, v))

	golden(t, "explain-silent", explainOf(x, "default", 1024, aside{}, now).screen(false).String())

	// What the node that was asked knows of a replica that is down, GUARANTEES promises.
	n3Down.phi, n3Down.hints = map[string]float64{downRow("n3").ID: 18.2}, map[string]int{downRow("n3").ID: 81204}
	golden(t, "explain-hinted", explainOf(x, "default", 1024, n3Down, now).screen(false).String())
	n3Down.phi, n3Down.hints = nil, nil

	// A node that rebuilds answers, and is not said to be away.
	rebuilds := explainOf(x, "default", 1024, aside{rebuilding: map[string]bool{downRow("n3").ID: true}}, now)
	golden(t, "explain-rebuilding", rebuilds.screen(false).String()+"partial: "+rebuilds.partialText()+"\n")

	x.RepairedAsOf = x.Winner.Time.Time().Add(time.Minute)
	golden(t, "explain-repaired", explainOf(x, "default", 1024, n3Down, now).screen(false).String())

	gone := explanation(t, held(t, "n1", newer), held(t, "n2", older), held(t, "n3", ""))
	gone.Rows[0].Tombstone, gone.Rows[0].ValueBytes, gone.Rows[1].ChecksumOK = true, 0, false
	golden(t, "explain-damaged", explainOf(gone, "default", 1024, n3Down, now).screen(false).String())
}

// A level returns the winner only if every choice of replicas would find it.
func TestWhatReadsWouldAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		rows []client.ExplainRow
		want explainAnswers
	}{
		"all hold it":         {[]client.ExplainRow{held(t, "n1", newer), held(t, "n2", newer), held(t, "n3", newer)}, explainAnswers{readReturns, readReturns, readReturns}},
		"one is behind":       {[]client.ExplainRow{held(t, "n1", newer), held(t, "n2", older), held(t, "n3", newer)}, explainAnswers{readMay, readReturns, readReturns}},
		"one is ahead":        {[]client.ExplainRow{held(t, "n1", newer), held(t, "n2", older), held(t, "n3", "")}, explainAnswers{readMay, readMay, readReturns}},
		"one is down":         {[]client.ExplainRow{held(t, "n1", newer), downRow("n2"), held(t, "n3", newer)}, explainAnswers{readReturns, readReturns, readRefused}},
		"one down one behind": {[]client.ExplainRow{held(t, "n1", newer), downRow("n2"), held(t, "n3", older)}, explainAnswers{readMay, readReturns, readRefused}},
		"two are down":        {[]client.ExplainRow{held(t, "n1", newer), downRow("n2"), downRow("n3")}, explainAnswers{readReturns, readRefused, readRefused}},
		"nobody has it":       {[]client.ExplainRow{held(t, "n1", ""), held(t, "n2", ""), held(t, "n3", "")}, explainAnswers{readReturns, readReturns, readReturns}},
		"nobody answers":      {[]client.ExplainRow{downRow("n1"), downRow("n2"), downRow("n3")}, explainAnswers{readRefused, readRefused, readRefused}},
		"one is damaged":      {[]client.ExplainRow{held(t, "n1", newer), damagedRow(t, "n2"), held(t, "n3", newer)}, explainAnswers{readReturns, readReturns, readRefused}},
		"alone":               {[]client.ExplainRow{held(t, "n1", newer)}, explainAnswers{readReturns, readReturns, readReturns}},
		"nobody is there":     {nil, explainAnswers{readRefused, readRefused, readRefused}},
	} {
		down := make(map[string]bool)
		for _, r := range tc.rows {
			down[r.ID] = !r.Reachable
		}
		if got := answersOf(explanation(t, tc.rows...), (&aside{down: down}).refuses); got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
}

// A replica that is silent, and not known to be down, is asked: what needs it is
// not sure to be refused.
func TestWhatReadsWouldAnswerOfASilentReplica(t *testing.T) {
	down := map[string]bool{downRow("n2").ID: true}
	for name, tc := range map[string]struct {
		rows []client.ExplainRow
		want explainAnswers
	}{
		"one is silent":          {[]client.ExplainRow{held(t, "n1", newer), downRow("n3"), held(t, "n4", newer)}, explainAnswers{readReturns, readReturns, readSilent}},
		"one silent one down":    {[]client.ExplainRow{held(t, "n1", newer), downRow("n3"), downRow("n2")}, explainAnswers{readReturns, readSilent, readRefused}},
		"one silent one damaged": {[]client.ExplainRow{held(t, "n1", newer), downRow("n3"), damagedRow(t, "n4")}, explainAnswers{readReturns, readSilent, readRefused}},
		"all are silent":         {[]client.ExplainRow{downRow("n1"), downRow("n3"), downRow("n4")}, explainAnswers{readSilent, readSilent, readSilent}},
	} {
		if got := answersOf(explanation(t, tc.rows...), (&aside{down: down}).refuses); got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
}
