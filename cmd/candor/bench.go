package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
	loadgen "github.com/candordb/candor/load"
)

func benchLeaf(e *env) leaf {
	return leaf{
		name: "bench", about: "measure a cluster with the requests of a workload, and check what it answers; exit 4 if some were not done, exit 10 if an answer broke a promise", views: true,
		examples: []string{
			"candor bench                                            workload a: writes its keys, then half reads, half writes",
			"candor bench --workload b --clients 8 --depth 32        as fast as it goes: 8 connections, 32 requests in flight on each",
			"candor bench --workload b --rate 5000/s                 5,000 a second whatever happens; latency from when each was due",
			"candor bench --workload get=90,put=9,delete=1 --spread uniform --keys 1000000 --value-size 1024",
			"candor bench --reads one --writes quorum --duration 2m --plot latency.svg",
			"candor bench -o json > before.json",
			"candor bench --compare before.json                      the same again, and the ratios",
			"candor bench --load                                     only write the keys",
			"candor bench --no-load --clean                          use the keys that are there, and delete them at the end",
		},
		flags: dataFlags(append(benchFlags(), &cli.StringFlag{Name: "rate", Usage: "start `N/s` operations a second, whatever becomes of them; as fast as it goes if not given. The keys are written first as fast as it goes"})...),
		run: func(ctx context.Context, c *cli.Context) error {
			o, err := benchOptionsOf(c)
			if err != nil {
				return err
			}
			return bench(ctx, e, o)
		},
	}
}

func benchFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "workload", Value: "a", Usage: "`MIX`: a to f, as YCSB has them, or shares of get, put, insert, scan, modify and delete, as get=90,put=10"},
		&cli.IntFlag{Name: "keys", Value: 100_000, Usage: "`N` keys"},
		&cli.IntFlag{Name: "key-size", Value: 16, Usage: "`BYTES` of a key, its prefix included"},
		&cli.IntFlag{Name: "value-size", Value: 100, Usage: "`BYTES` of a value"},
		&cli.StringFlag{Name: "spread", Usage: "`WHICH` keys are asked for: zipfian, uniform or latest; that of the workload if not given"},
		&cli.Float64Flag{Name: "skew", Value: loadgen.SkewUsual, Usage: "`EXPONENT` of zipfian and latest"},
		&cli.IntFlag{Name: "scan-limit", Value: 100, Usage: "`N` keys at most are read by a scan; each length up to it is as likely"},
		&cli.IntFlag{Name: "clients", Value: 4, Usage: "`N` clients, each with its own connections"},
		&cli.IntFlag{Name: "depth", Value: depthUsual, Usage: "`N` requests in flight for each client at most; with --rate, 256 if not given"},
		&cli.DurationFlag{Name: "duration", Value: 30 * time.Second, Usage: "how long to measure"},
		&cli.DurationFlag{Name: "warmup", Value: 5 * time.Second, Usage: "how long to make requests before, which do not count"},
		&cli.StringFlag{Name: "reads", Usage: "`LEVEL` of reads, if it is not that of writes"},
		&cli.StringFlag{Name: "writes", Usage: "`LEVEL` of writes, if it is not that of reads"},
		&cli.StringFlag{Name: "prefix", Value: "bench:", Usage: "`TEXT` that all keys begin with; what is there under these keys is overwritten"},
		&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "`N` that the operations are drawn from; the same one draws the same"},
		&cli.BoolFlag{Name: "load", Usage: "write all keys, and measure only that"},
		&cli.BoolFlag{Name: "no-load", Usage: "do not write all keys first: they are there"},
		&cli.BoolFlag{Name: "clean", Usage: "delete the keys at the end, and tell what is left"},
		&cli.StringFlag{Name: "compare", Usage: "print ratios to the `FILE` that an earlier bench -o json has printed"},
		&cli.BoolFlag{Name: "compare-anyway", Usage: "compare though the settings differ"},
		&cli.StringFlag{Name: "plot", Usage: "`FILE` for a plot of the latencies: SVG if its name ends in .svg, else text"},
	}
}

// benchOptions are what the flags say.
type benchOptions struct {
	target
	format           format
	workload         loadgen.Workload
	keys             benchKeys
	clients, depth   int
	rate             float64 // per second; 0: as fast as it goes
	duration, warmup time.Duration
	reads, writes    client.Level // 0: the namespace's
	seed             uint64
	load, run, clean bool // what is to be done
	compare, plot    string
	anyway           bool
}

const (
	// depthUsual is also how many requests of each client write the keys, at most: they
	// are to be there, however long each takes.
	depthUsual = 16
	// depthMax keeps below what a client lets wait on one node.
	depthMax = 256
)

// The most of these that a bench takes.
const (
	benchKeysMax    = 1 << 28
	benchClientsMax = 1024
	benchRateMax    = 1e7
)

func benchOptionsOf(c *cli.Context) (o benchOptions, err error) {
	o = benchOptions{
		clients: c.Int("clients"), depth: c.Int("depth"), duration: c.Duration("duration"), warmup: c.Duration("warmup"), seed: c.Uint64("seed"),
		load: !c.Bool("no-load"), run: !c.Bool("load"), clean: c.Bool("clean"), compare: c.String("compare"), plot: c.String("plot"), anyway: c.Bool("compare-anyway"),
	}
	if o.format, err = formatOf(c); err != nil {
		return o, err
	}
	if o.target, err = targetOf(c); err != nil {
		return o, err
	}
	if o.workload, err = workloadOf(c); err != nil {
		return o, usagef("candor bench --help", "--workload: %s", strings.TrimPrefix(err.Error(), loadgen.ErrWorkload.Error()+": "))
	}
	if o.keys, err = benchKeysOf(c, &o.workload); err != nil {
		return o, err
	}
	if err := o.levels(c); err != nil {
		return o, err
	}
	if text := c.String("rate"); text != "" {
		o.rate, err = strconv.ParseFloat(strings.TrimSuffix(text, "/s"), 64)
		if err != nil || !(o.rate > 0 && o.rate <= benchRateMax) {
			return o, usagef("", "--rate is %q: want a number of operations a second, as 5000/s", text)
		}
		if !c.IsSet("depth") {
			o.depth = depthMax // what is due is sent, whatever waits for an answer
		}
	}
	return o, o.check()
}

// check refuses what cannot be done.
func (o *benchOptions) check() error {
	switch {
	case !o.load && !o.run:
		return usagef("", "--load and --no-load exclude each other")
	case o.workload.Keys > benchKeysMax:
		return usagef("", "--keys is %d: want at most %d", o.workload.Keys, benchKeysMax)
	case o.clients < 1 || o.clients > benchClientsMax:
		return usagef("", "--clients is %d: want 1 to %d", o.clients, benchClientsMax)
	case o.depth < 1 || o.depth > depthMax:
		return usagef("", "--depth is %d: want 1 to %d", o.depth, depthMax)
	case o.duration < time.Millisecond || o.warmup < 0:
		return usagef("", "--duration is %v, --warmup %v: want at least 1ms to measure, and a time to warm up that is not negative", o.duration, o.warmup)
	case o.compare != "" && !o.run:
		return usagef("", "--compare compares what is measured, and --load measures nothing but the writing of the keys")
	case o.anyway && o.compare == "":
		return usagef("", "--compare-anyway needs --compare FILE")
	}
	return nil
}

// workloadOf reads what is to be asked.
func workloadOf(c *cli.Context) (w loadgen.Workload, err error) {
	build := loadgen.Named
	if strings.Contains(c.String("workload"), "=") {
		build = loadgen.Mixed
	}
	if w, err = build(c.String("workload"), c.Int("keys"), c.Int("value-size")); err != nil {
		return w, err
	}
	w.Skew, w.ScanLimit = c.Float64("skew"), c.Int("scan-limit")
	if text := c.String("spread"); text != "" || c.IsSet("spread") {
		var known bool
		if w.Spread, known = loadgen.ParseSpread(text); !known {
			return w, usagef("", "there is no spread %q: want zipfian, uniform or latest", text)
		}
	}
	return w, w.Validate()
}

// levels reads the levels of reads and writes; each is that of -c if not given.
func (o *benchOptions) levels(c *cli.Context) error {
	o.reads, o.writes = o.level, o.level
	for name, level := range map[string]*client.Level{"reads": &o.reads, "writes": &o.writes} { // each by itself
		if text := c.String(name); text != "" || c.IsSet(name) {
			l, ok := client.ParseLevel(text)
			if !ok {
				return usagef("", "--%s is %q: want %s up to 63", name, text, levels)
			}
			*level = l
		}
	}
	if o.reads == client.Any {
		return usagef("", "level any is one of writes alone: give another one with --reads")
	}
	return nil
}
