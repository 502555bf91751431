package main

import (
	"context"
	"strings"
	"testing"
)

// A value that a flag does not take is answered with what it takes.
func TestABadValueIsAnsweredWithWhatIsWanted(t *testing.T) {
	for line, want := range map[string]string{
		"put k v --ttl 5":                    `candor put: --ttl is "5": want a time with its unit, such as 5ms, 5s or 5h`,
		"put k v --ttl 1d":                   `candor put: --ttl is "1d": want a time in hours or less: a day is 24h`,
		"put k v --ttl 2weeks":               `candor put: --ttl is "2weeks": want a time in hours or less: a week is 168h`,
		"put k v --ttl 9999999h":             `candor put: --ttl is "9999999h": want at most 2562047h, the longest time there is`,
		"put k v --ttl soon":                 `candor put: --ttl is "soon": want a time with its unit, such as 500ms, 5s or 1h30m`,
		"put k v --receipt=perhaps":          `candor put: --receipt is "perhaps": want true or false`,
		"bench --keys many":                  `candor bench: --keys is "many": want a whole number that is not too large`,
		"bench --seed -1":                    `candor bench: --seed is "-1": want a whole number that is not too large`,
		"bench --skew q":                     `candor bench: --skew is "q": want a number`,
		"repair --partition abc":             `candor repair: --partition is "abc": want a whole number that is not too large`,
		"repair status --partition 9e99":     `candor repair status: --partition is "9e99": want a whole number that is not too large`,
		"get k --foo":                        `candor get: there is no flag --foo; if it is an argument: candor get -- k --foo`,
		"repair status --partition " + nines: `candor repair status: --partition is "` + nines + `": want a whole number that is not too large`,
	} {
		e, stdout, stderr := quietEnv()
		exit := e.run(context.Background(), strings.Fields(line))
		if first, _, _ := strings.Cut(stderr.String(), "\n"); exit != exitUsage || first != want || stdout.Len() > 0 {
			t.Errorf("candor %s exits with %d, and prints %q and\n%s\nwant %s", line, exit, stdout, stderr, want)
		}
	}
}

// nines is a number that no integer has room for.
const nines = "99999999999999999999"

// The usage line has one space between its words, also where a command takes no
// arguments.
func TestTheUsageLineHasNoGaps(t *testing.T) {
	e, _, _ := quietEnv()
	if help := helpText(newApp(e).Commands, []string{"status"}); !strings.Contains(help, "\nusage: candor status [FLAG...]\n") {
		t.Error(help)
	}
}
