package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// measurement is one of the things that can be measured.
type measurement struct {
	name, about string
	nodes       int
	proxied     bool                      // its links are cut, slowed or spoiled
	takes       time.Duration             // about, at full length
	settings    func(o *options) []string // of every node; nil: none
	measure     func(ctx context.Context, b *bench) error
}

// longest bounds a measurement, whatever happens in it.
const longest = time.Hour

var measurements = []measurement{
	{"hints", "a node is away: its replicas are equal again by hints alone", 5, false, 6 * time.Minute, noRepair, measureHints},
	{"replay", "how fast a great many hints are replayed, and what the foreground notices", 5, false, 12 * time.Minute, noRepair, measureReplay},
	{"repair", "the same with all hints dropped, by repair alone", 5, false, 6 * time.Minute, nil, measureRepair},
	{"purge", "deletes while a replica is away, its return, and an old copy of its data folder", 3, false, 12 * time.Minute,
		func(o *options) []string { return []string{fmt.Sprint("repair.exchange_interval=", o.interval)} }, measurePurge},
	{"rejoin", "gossip is one group again after a partition", 5, true, 7 * time.Minute, nil, measureRejoin},
	{"crash", "requests go around a node that is killed or falls silent", 5, true, 14 * time.Minute, nil, measureCrash},
	{"false", "no false conviction: bad network, pause of all nodes", 5, true, 12 * time.Minute, nil, measureFalse},
	{"slow", "QUORUM with one slow replica", 3, true, 3 * time.Minute, nil, measureSlow},
	{"sync", "what comparing replicas costs, and what ten times the keys change in that", 3, false, 30 * time.Minute, func(*options) []string { return []string{"repair.exchange_interval=1s"} }, measureSync},
	{"memory", "what a node holds in memory for each further million keys", 3, false, 10 * time.Minute, smallCaches, measureMemory},
}

func noRepair(*options) []string {
	return []string{"repair.exchange_interval=1h", "repair.alarm_lag=2h"}
}

// bench is one measurement under way.
type bench struct {
	*cluster
	o       *options
	name    string
	began   time.Time
	figures []figure
}

// tell says what happens, as it does.
func (b *bench) tell(format string, args ...any) {
	fmt.Printf("%8.1fs  %-7s %s\n", time.Since(b.began).Seconds(), b.name, fmt.Sprintf(format, args...))
}

// note takes a figure down.
func (b *bench) note(f figure) {
	f.of, f.load = b.name, machineLoad()
	b.figures = append(b.figures, f)
	b.tell("%s", f.String())
}

// take founds the cluster of a measurement, and takes it. Data and logs are kept if
// a bar was missed, or nothing came of it.
func (m *measurement) take(ctx context.Context, o *options, began time.Time) (figures []figure, err error) {
	dir := o.dir
	if dir == "" {
		dir, err = os.MkdirTemp("", "accept-")
	} else {
		dir = filepath.Join(dir, m.name)
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	var settings []string
	if m.settings != nil {
		settings = m.settings(o)
	}
	b := &bench{o: o, name: m.name, began: began}
	if b.cluster, err = newCluster(o.candor, dir, m.nodes, m.proxied, append(settings, o.settings...)); err == nil {
		b.tell("%d nodes; load of this machine %s", m.nodes, machineLoad())
		if err = b.found(ctx); err == nil {
			err = m.measure(ctx, b)
		}
		err = errors.Join(err, b.close())
	}
	well := err == nil
	for i := range b.figures {
		well = well && (b.figures[i].bar == "" || b.figures[i].met)
	}
	switch {
	case !well:
		b.tell("data and logs of the nodes are kept in %s", dir)
	case o.dir == "":
		err = os.RemoveAll(dir)
	}
	return b.figures, err
}
