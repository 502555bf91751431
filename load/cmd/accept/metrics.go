package main

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// sample is one line of a scrape.
type sample struct {
	name   string
	labels []string // as they are written: peer="n1"
	value  float64
}

// scrape is the metrics of a node, or of several.
type scrape []sample

// metrics scrapes the node.
func (n *node) metrics(ctx context.Context) (scrape, error) {
	text, err := n.over(ctx, http.MethodGet, "/metrics")
	if err != nil {
		return nil, err
	}
	return parse(string(text)), nil
}

// parse reads the text form. Label values with commas or spaces in them are not
// expected: there are none here.
func parse(text string) (all scrape) {
	for line := range strings.Lines(text) {
		series, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue
		}
		name, labels, _ := strings.Cut(strings.TrimSuffix(series, "}"), "{")
		s := sample{name: name, value: v}
		if labels != "" {
			s.labels = strings.Split(labels, ",")
		}
		all = append(all, s)
	}
	return all
}

// sum is that of all samples of a name with some labels, written as peer="n1".
func (all scrape) sum(name string, labels ...string) (sum float64) {
	for i := range all {
		if all[i].name == name && !slices.ContainsFunc(labels, func(l string) bool { return !slices.Contains(all[i].labels, l) }) {
			sum += all[i].value
		}
	}
	return sum
}

// most is the highest sample of a name.
func (all scrape) most(name string) (most float64) {
	for i := range all {
		if all[i].name == name {
			most = max(most, all[i].value)
		}
	}
	return most
}

// metrics scrapes all nodes that run; each has to answer.
func (c *cluster) metrics(ctx context.Context) (all scrape, err error) {
	for _, n := range c.nodes {
		if !n.Running() {
			continue
		}
		one, err := n.metrics(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, one...)
	}
	return all, nil
}

// total is the sum of all nodes that run.
func (c *cluster) total(ctx context.Context, name string, labels ...string) (float64, error) {
	all, err := c.metrics(ctx)
	return all.sum(name, labels...), err
}
