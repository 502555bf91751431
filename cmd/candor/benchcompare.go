package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strconv"
	"strings"
)

// benchCompared is a bench beside an earlier one: each figure divided by that of
// then. A ratio of 0 stands for one that cannot be told.
type benchCompared struct {
	File       string       `json:"file"`
	At         string       `json:"at"`
	Version    string       `json:"version"`
	Differ     []string     `json:"differ"` // settings that are not the same, and what they were
	Throughput float64      `json:"throughput"`
	CPU        float64      `json:"cpu_us_per_op"` // of the generator
	Latencies  []benchRatio `json:"latencies"`
}

// benchRatio is the latencies of one kind, divided by those of then.
type benchRatio struct {
	Op   string  `json:"op"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// benchFileMax bounds what is read of a file.
const benchFileMax = 16 << 20

// readOld reads the file of --compare; nil: there is none to read.
func (o *benchOptions) readOld() (*benchView, error) {
	if o.compare == "" {
		return nil, nil
	}
	const want = "want what candor bench -o json has printed"
	switch info, err := os.Stat(o.compare); {
	case err != nil:
		return nil, usagef("", "--compare: %s: %w", o.compare, fileFault(err))
	case info.Size() > benchFileMax:
		return nil, usagef("", "--compare: %s is larger than %s: %s", o.compare, sized(benchFileMax), want)
	}
	text, err := os.ReadFile(o.compare)
	if err != nil {
		return nil, usagef("", "--compare: %s: %w", o.compare, fileFault(err))
	}
	var old benchView
	if err := json.Unmarshal(text, &old); err != nil || old.APIVersion != apiVersion || old.Kind != "Bench" {
		return nil, usagef("", "--compare: %s is no result of a bench: %s", o.compare, want)
	}
	if old.Run == nil || old.Run.Done == 0 {
		return nil, usagef("", "--compare: %s has no measured operations to compare with", o.compare)
	}
	return &old, nil
}

// comparable refuses to compare what was not asked for in the same way.
func (o *benchOptions) comparable(old *benchView, now *benchSettings) error {
	if old == nil || o.anyway {
		return nil
	}
	if differ := settingsThatDiffer(&old.Settings, now); len(differ) > 0 {
		return usagef("--compare-anyway compares all the same", "--compare: %s was measured with other settings: %s; nothing was sent but one read", o.compare, strings.Join(differ, "; "))
	}
	return nil
}

// settingsThatDiffer are the settings that are not the same, by the names of their JSON.
func settingsThatDiffer(was, now *benchSettings) (differ []string) {
	a, b := reflect.ValueOf(was).Elem(), reflect.ValueOf(now).Elem()
	for i := range a.NumField() {
		if x, y := a.Field(i).Interface(), b.Field(i).Interface(); !reflect.DeepEqual(x, y) {
			name, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("json"), ",")
			differ = append(differ, fmt.Sprintf("%s was %v and is %v", name, x, y))
		}
	}
	return differ
}

func (o *benchOptions) compareBenches(old, now *benchView) *benchCompared {
	c := &benchCompared{
		File: o.compare, At: old.At, Version: old.Version, Differ: settingsThatDiffer(&old.Settings, &now.Settings),
		Throughput: benchRatioOf(now.Run.PerSecond, old.Run.PerSecond), CPU: benchRatioOf(now.Run.CPUUS, old.Run.CPUUS),
	}
	for _, l := range now.Run.Latencies {
		if was := old.Run.latency(l.Op); was != nil {
			c.Latencies = append(c.Latencies, benchRatio{
				l.Op, benchRatioOf(l.P50MS, was.P50MS), benchRatioOf(l.P90MS, was.P90MS), benchRatioOf(l.P99MS, was.P99MS), benchRatioOf(l.P999MS, was.P999MS), benchRatioOf(l.MaxMS, was.MaxMS),
			})
		}
	}
	return c
}

// benchRatioOf is how many times the old figure the new one is; 0 if there is none.
func benchRatioOf(now, old float64) float64 {
	if old <= 0 {
		return 0
	}
	return roundedTo(now/old, 3)
}

func (c *benchCompared) text() string {
	text := fmt.Sprintf("compared with %s, of %s: throughput %s, the generator's time for an operation %s\n", c.File, c.At, ratioText(c.Throughput), ratioText(c.CPU))
	for _, d := range c.Differ {
		text += "      not the same: " + d + "\n"
	}
	rows := [][]string{{"", "P50", "P90", "P99", "P99.9", "MAX"}}
	for _, l := range c.Latencies {
		rows = append(rows, []string{l.Op, ratioText(l.P50), ratioText(l.P90), ratioText(l.P99), ratioText(l.P999), ratioText(l.Max)})
	}
	return text + columns(rows)
}

// ratioText is a ratio: 1.25x.
func ratioText(ratio float64) string {
	if ratio == 0 {
		return "?"
	}
	return strconv.FormatFloat(ratio, 'f', 2, 64) + "x"
}

// fileFault is why a file cannot be used, without its name.
func fileFault(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
