package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// figure is something that was measured.
type figure struct {
	of, name, value string
	bar             string // "": it has none, and is told for what it is
	met             bool
	load            string // load average of the machine when it was taken
}

// limit is a figure of a duration that has to be no longer than its bar.
func limit(name string, d, bar time.Duration) figure {
	return figure{name: name, value: short(d), bar: "<= " + short(bar), met: d <= bar}
}

// most is a figure of a number that has to be no higher than its bar, both in the
// same unit.
func most(name string, n, bar float64, unit string) figure {
	return figure{name: name, value: number(n) + unit, bar: "<= " + number(bar) + unit, met: n <= bar}
}

// least is a figure of a number that has to be no lower than its bar.
func least(name string, n, bar float64, unit string) figure {
	return figure{name: name, value: number(n) + unit, bar: ">= " + number(bar) + unit, met: n >= bar}
}

// holds is something that has to be so.
func holds(name string, met bool, value string, args ...any) figure {
	return figure{name: name, value: fmt.Sprintf(value, args...), bar: "must be", met: met}
}

// told is a figure without a bar.
func told(name, value string, args ...any) figure {
	return figure{name: name, value: fmt.Sprintf(value, args...)}
}

func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= 100*time.Millisecond:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}

func number(n float64) string {
	text := fmt.Sprintf("%.2f", n)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".")
}

// String is the line of a figure.
func (f *figure) String() string {
	verdict := ""
	switch {
	case f.bar != "" && f.met:
		verdict = "pass"
	case f.bar != "":
		verdict = "FAIL"
	}
	return strings.TrimRight(fmt.Sprintf("%-7s %-58s %18s  %-12s %-4s  load %s", f.of, f.name, f.value, f.bar, verdict, f.load), " ")
}

// report prints all figures, and counts the bars that are missed.
func report(out io.Writer, all []figure, shortened bool) (missed int) {
	for i := range all {
		if all[i].bar != "" && !all[i].met {
			missed++
		}
		fmt.Fprintln(out, all[i].String())
	}
	if shortened {
		fmt.Fprintln(out, "SHORTENED: at least one option is below what the bars are about")
	}
	return missed
}

// machineLoad is the load average of the last minute.
func machineLoad() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "?"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return one
}
