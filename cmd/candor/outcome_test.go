package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/candordb/candor/client"
)

// That a higher version stands says nothing of whether this one was ever applied: a
// version that nobody wrote looks the same. So it is not called done.
func TestASupersededVersionIsNotCalledDone(t *testing.T) {
	version, err := client.ParseVersion(older)
	if err != nil {
		t.Fatal(err)
	}
	winner, err := client.ParseVersion(newer)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		fate   client.Fate
		form   string
		prints []string
		exit   int
	}{
		{client.FateSuperseded, "", []string{"superseded  " + older + "   by " + newer + ": a higher version stands; whether this one was ever applied cannot be told"}, exitPartly},
		{client.FateSuperseded, "json", []string{`"outcome":"superseded"`, `"fate":"superseded"`, `"superseded_by":"` + newer}, exitPartly},
		{client.FateCommitted, "", []string{"done      " + older + "   committed: it stands"}, 0},
		{client.FateNotApplied, "", []string{"not applied  " + older + "   not applied: and it never will be"}, exitFailed},
		{client.FatePending, "json", []string{`"outcome":"in doubt"`, `"fate":"pending"`}, exitInDoubt},
	} {
		r := client.Receipt{Version: version}
		if tc.fate == client.FateSuperseded {
			r.SupersededBy = winner
		}
		e, stdout, _ := quietEnv()
		err := printFate(e, outcomeOptions{key: []byte("k"), version: version, format: format{form: tc.form}}, tc.fate, &r)
		exit := 0
		if f := (*failure)(nil); errors.As(err, &f) {
			exit = f.exit
		}
		for _, words := range tc.prints {
			if !strings.Contains(stdout.String(), words) {
				t.Errorf("%v: want %q: %s", tc.fate, words, stdout)
			}
		}
		if exit != tc.exit {
			t.Errorf("%v: exit %d, want %d", tc.fate, exit, tc.exit)
		}
	}
}
