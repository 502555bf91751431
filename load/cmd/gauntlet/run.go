package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/candordb/candor/load/history"
	"github.com/candordb/candor/load/process"
)

// arena is one run.
type arena struct {
	*cluster
	o       *options
	book    *history.Book
	load    *load
	began   time.Time
	strikes map[string]*atomic.Uint64
	spared  map[string]*atomic.Uint64 // strikes that were due and could not be made
	skipped []string                  // levels and nemeses that were not run, with the reason
	mounts  []string

	apartAtHeal, apartLeft int // keys
	reconverged            time.Duration

	ended func() bool // the run was interrupted, or took too long: nothing has to go on any more

	mu  sync.Mutex // guards out
	out io.Writer
}

// tell says what happens, as it does.
func (a *arena) tell(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	fmt.Fprintf(a.out, "%8.1fs  %s\n", time.Since(a.began).Seconds(), fmt.Sprintf(format, args...))
}

// stuck notes that something does not go on that has to.
func (a *arena) stuck(format string, args ...any) {
	if a.ended() {
		return
	}
	a.tell(format, args...)
	a.book.Report(history.Stuck, format, args...)
}

// run does it all. Its error is errBroken if a promise was, and notRun if this
// machine is not one for it.
func run(ctx context.Context, o options, out io.Writer) (err error) {
	strikers, err := o.valid()
	if err != nil {
		return err
	}
	dir, err := o.makeDir()
	if err != nil {
		return err
	}
	defer func() {
		if err == nil && o.dir == "" {
			err = os.RemoveAll(dir)
		} else if _, missing := err.(notRun); missing {
			err = errors.Join(err, os.RemoveAll(dir))
		} else if err != nil {
			fmt.Fprintln(out, "data and logs of the nodes are kept in", dir)
		}
	}()
	a, err := newArena(&o, dir, strikers, out)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, a.limit())
	defer cancel()
	a.ended = func() bool { return ctx.Err() != nil }
	carried := make(chan error, 1)
	carry, release := context.WithCancel(context.Background())
	go func() { carried <- a.place.run(carry) }()
	if err = a.carryThrough(ctx, strikers); ctx.Err() != nil {
		err = fmt.Errorf("the run was not carried through: %w", ctx.Err())
	}
	err = errors.Join(err, a.close())
	release()
	err = errors.Join(err, <-carried, a.unmountDisks())
	a.report()
	if f := a.book.Figures(); f.Broken() > 0 {
		return errors.Join(err, fmt.Errorf("%w, %d times; seed %d", errBroken, f.Broken(), o.seed))
	}
	return err
}

// valid checks the options and says which nemeses are meant.
func (o *options) valid() ([]nemesis, error) {
	switch {
	case o.candor == "":
		return nil, errors.New("-candor must name the binary")
	case o.nodes < replicas:
		return nil, fmt.Errorf("-nodes is %d: want at least %d", o.nodes, replicas)
	case o.workers < 1 || o.rate < 1 || o.minutes <= 0:
		return nil, errors.New("-workers, -rate and -minutes have to be above 0")
	}
	return chosen(o.nemeses)
}

func (o *options) makeDir() (string, error) {
	if o.dir == "" {
		return os.MkdirTemp("", "gauntlet-")
	}
	return o.dir, os.MkdirAll(o.dir, 0o755)
}

func newArena(o *options, dir string, strikers []nemesis, out io.Writer) (*arena, error) {
	a := &arena{o: o, began: time.Now(), strikes: make(map[string]*atomic.Uint64), spared: make(map[string]*atomic.Uint64), out: out}
	lost := 0
	for _, n := range strikers {
		a.strikes[n.name], a.spared[n.name] = new(atomic.Uint64), new(atomic.Uint64)
		if n.disks {
			lost = 1
		}
	}
	a.book = history.NewBook(replicas, lost)
	a.book.Purges, a.book.Periodic = o.heals, slices.Contains(o.settings, "storage.durability=periodic")
	p, err := newPlace(o)
	if err != nil {
		return nil, err
	}
	a.cluster, err = newCluster(o, dir, p, func(n *node, err error) {
		a.stuck("%s has ended of itself (%v); its log ends with\n%s", n.Name, err, n.LastWords())
	})
	if l, ok := p.(*loopback); ok && err == nil {
		l.pids = a.pids
	}
	return a, err
}

func newPlace(o *options) (place, error) {
	if o.rootless {
		return newLoopback(o.nodes)
	}
	return newNamespaces(o.nodes)
}

// limit bounds the whole run, whatever happens in it.
func (a *arena) limit() time.Duration {
	return a.o.loadTime() + a.o.reconverge + 15*time.Minute
}

func (o *options) loadTime() time.Duration { return time.Duration(o.minutes * float64(time.Minute)) }

// carryThrough is the run from founding to FINAL.
func (a *arena) carryThrough(ctx context.Context, strikers []nemesis) error {
	strikers, full := a.able(strikers)
	a.tell("%d nodes, %d copies, seed %d, %s", len(a.nodes), replicas, a.o.seed, a.where())
	if full {
		if err := a.mountDisks(); err != nil {
			return fmt.Errorf("small file systems cannot be made: %w", err)
		}
	}
	if err := a.found(ctx); err != nil {
		return err
	}
	a.tell("the cluster is founded")
	var err error
	if a.load, err = newLoad(ctx, a.cluster, a.book); err != nil {
		return err
	}
	if err = a.fight(ctx, strikers); err == nil {
		err = a.judge(ctx)
	}
	return errors.Join(err, a.load.close())
}

// able leaves out the nemeses that cannot strike here, and says so. full: disks
// will be full.
func (a *arena) able(strikers []nemesis) (able []nemesis, full bool) {
	for _, n := range strikers {
		why := ""
		if n.lacks != nil {
			why = n.lacks(a)
		}
		if why != "" {
			a.skipped = append(a.skipped, fmt.Sprintf("%s (%s)", n.name, why))
			continue
		}
		able = append(able, n)
		full = full || n.name == "diskfull"
	}
	return able, full
}

func (a *arena) where() string {
	if a.o.rootless {
		return "on loopback addresses, with a proxy between the nodes"
	}
	return "each node in a network namespace of its own"
}

// fight is the load with all nemeses; when it returns, clients rest.
func (a *arena) fight(ctx context.Context, strikers []nemesis) error {
	ctx, cancel := context.WithTimeout(ctx, a.o.loadTime())
	defer cancel()
	var all sync.WaitGroup
	var faults [2]error
	for i, l := range []lane{processes, wires} {
		all.Go(func() {
			if faults[i] = haunt(ctx, a, l, strikers); faults[i] != nil {
				cancel()
			}
		})
	}
	all.Go(func() { a.watchProgress(ctx) })
	a.load.run(ctx, a.o.workers, a.o.rate, a.o.seed)
	all.Wait()
	return errors.Join(faults[:]...)
}

// watchProgress tells now and then how far it is.
func (a *arena) watchProgress(ctx context.Context) {
	for process.Pause(ctx, 30*time.Second) {
		f := a.book.Figures()
		a.tell("%d writes (%d done, %d no effect, %d in doubt), %d reads, %d promises broken", f.Writes, f.Done, f.NoEffect, f.InDoubt, f.Reads, f.Broken())
	}
}
