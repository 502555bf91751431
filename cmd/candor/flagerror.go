package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// badValue finds the value and the flag in what the library says of a value that it
// cannot read.
var badValue = regexp.MustCompile(`^invalid (?:boolean )?value "((?s:.*))" for (?:flag )?--?([a-z-]+): `)

// usageErrorOf turns what the library says of flags into an error of ours; left
// alone, it would print to stdout.
func usageErrorOf(path string) cli.OnUsageErrorFunc {
	return func(c *cli.Context, err error, _ bool) error {
		text := err.Error()
		if found := badValue.FindStringSubmatch(text); found != nil && c.Command != nil {
			i := slices.IndexFunc(c.Command.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), found[2]) })
			if i >= 0 {
				dashes := "--"
				if len(found[2]) == 1 {
					dashes = "-"
				}
				text = fmt.Sprintf("%s%s is %q: want %s", dashes, found[2], found[1], wanted(c.Command.Flags[i], found[1]))
			}
		}
		return usagef("candor "+path+" --help", "candor %s: %s", path, text)
	}
}

// wanted says what a flag takes, for a value that it does not.
func wanted(f cli.Flag, value string) string {
	switch f.(type) {
	case *cli.BoolFlag:
		return "true or false"
	case *cli.DurationFlag:
		return wantedTime(value)
	case *cli.Float64Flag:
		return "a number"
	}
	return "a whole number that is not too large"
}

// oneUnit is a time in one unit that is read here, and dayOrMore one that people may
// take for such a time.
var (
	oneUnit   = regexp.MustCompile(`^[0-9.]+(ns|us|µs|ms|s|m|h)$`)
	dayOrMore = regexp.MustCompile(`^([0-9]+)(d|day|days|w|week|weeks)$`)
)

// wantedTime says what is wrong with a time.
func wantedTime(value string) string {
	if _, err := strconv.ParseFloat(value, 64); err == nil {
		return fmt.Sprintf("a time with its unit, such as %sms, %ss or %sh", value, value, value)
	}
	if found := dayOrMore.FindStringSubmatch(value); found != nil {
		hours, name := 24, "a day"
		if strings.HasPrefix(found[2], "w") {
			hours, name = 7*24, "a week"
		}
		return fmt.Sprintf("a time in hours or less: %s is %dh", name, hours)
	}
	if oneUnit.MatchString(value) && strings.Count(value, ".") <= 1 {
		return fmt.Sprintf("at most %dh, the longest time there is", int64(time.Duration(1<<63-1)/time.Hour))
	}
	return "a time with its unit, such as 500ms, 5s or 1h30m"
}
