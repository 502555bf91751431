package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/magiconair/properties"
	ycsbclient "github.com/pingcap/go-ycsb/pkg/client"
	"github.com/pingcap/go-ycsb/pkg/measurement"
	"github.com/pingcap/go-ycsb/pkg/prop"
	_ "github.com/pingcap/go-ycsb/pkg/workload" // makes itself known as "core"
	"github.com/pingcap/go-ycsb/pkg/ycsb"

	"github.com/candordb/candor/client"
)

// closeWithin is how long what is under way at the end may take.
const closeWithin = 5 * time.Second

// options are what the flags say.
type options struct {
	cluster, workload string
	size
	load, run bool
	extra     []string
}

func main() {
	var o options
	flag.StringVar(&o.cluster, "cluster", "candor://127.0.0.1:7400", "`URL` of the cluster, as package client reads it: level, timeout and namespace are part of it")
	flag.StringVar(&o.workload, "workload", "a", "`LETTER` of the workload, a to f")
	flag.IntVar(&o.records, "records", 100_000, "`N` records")
	flag.IntVar(&o.operations, "operations", 200_000, "`N` operations")
	flag.IntVar(&o.threads, "threads", 64, "`N` requests in flight")
	flag.BoolVar(&o.load, "load", true, "write the records first")
	flag.BoolVar(&o.run, "run", true, "run the workload")
	flag.Func("set", "a `NAME=VALUE` of go-ycsb's properties; may be repeated", func(s string) error {
		o.extra = append(o.extra, s)
		return nil
	})
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := measure(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "ycsb:", err)
		os.Exit(1)
	}
}

// measure loads and runs, as wanted.
func measure(ctx context.Context, o options) (err error) {
	p, err := settings(o.workload, o.size, o.extra)
	if err != nil {
		return err
	}
	c, err := client.Open(ctx, o.cluster)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
		defer cancel()
		err = errors.Join(err, c.Close(ctx))
	}()
	d := &database{store: c, grouped: o.workload == "e"}
	if o.load {
		if err := phase(ctx, "load", p, d, false); err != nil {
			return err
		}
	}
	if o.run {
		if err := phase(ctx, "workload "+o.workload, p, d, true); err != nil {
			return err
		}
	}
	return d.verdict()
}

// phase is either of both, with a table of its own.
func phase(ctx context.Context, what string, wanted *properties.Properties, d *database, transactions bool) error {
	p := properties.LoadMap(wanted.Map())
	records := p.GetInt(prop.RecordCount, 0)
	if !transactions {
		// go-ycsb also asks for the record behind the last one now and then, in Zipf's
		// order, and takes it for there: so it is.
		records++
	}
	for name, value := range map[string]string{ // in any order
		prop.DoTransactions: strconv.FormatBool(transactions), prop.RecordCount: strconv.Itoa(records),
	} {
		if _, _, err := p.Set(name, value); err != nil {
			return err
		}
	}
	measurement.InitMeasure(p)
	w, err := ycsb.GetWorkloadCreator("core").Create(p)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d records, %s threads\n", what, records, p.GetString(prop.ThreadCount, ""))
	start := time.Now()
	ycsbclient.NewClient(p, w, ycsbclient.DbWrapper{DB: d}).Run(ctx)
	fmt.Printf("%s: %.1f s\n", what, time.Since(start).Seconds())
	measurement.Output()
	return errors.Join(ctx.Err(), w.Close())
}
