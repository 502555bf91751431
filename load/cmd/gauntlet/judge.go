package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/load/history"
	"github.com/candordb/candor/load/process"
	"github.com/candordb/candor/storage"
)

const (
	// askers is how many keys are asked for at once.
	askers = 32
	// answerWithin is how long it may take until a request succeeds that has to,
	// when all is healed.
	answerWithin = time.Minute
	// statusWithin is how long it may take until status says that all is well, when
	// the replicas are equal.
	statusWithin = 3 * time.Minute
	// lookAgain is how often keys that are apart are looked at.
	lookAgain = 500 * time.Millisecond
)

// judge heals all, waits for quiescence and checks every key.
func (a *arena) judge(ctx context.Context) error {
	if err := a.heal(ctx); err != nil {
		return err
	}
	a.reconverge(ctx)
	if a.o.heals {
		a.statusOK(ctx)
	}
	a.each(a.book.Keys(), func(k *history.Key) {
		for _, w := range k.InDoubt() {
			settle(a.load.clients[0], k, w)
		}
	})
	f := a.book.Figures()
	a.tell("OUTCOME was asked of all writes in doubt: %d are committed, %d not applied", f.Committed, f.NotApplied)
	a.each(a.book.Keys(), func(k *history.Key) { a.mustRead(ctx, k) })
	a.tell("every key was read at ALL")

	for _, n := range a.nodes {
		n.Signal(syscall.SIGSTOP)
	}
	for _, n := range a.nodes {
		n.kill()
	}
	if err := a.startAll(); err != nil {
		return err
	}
	if err := a.awaitAll(ctx); err != nil {
		a.stuck("after SIGKILL of all nodes: %v", err)
		return nil
	}
	a.tell("all nodes were killed and are up again")
	owners := a.explainAll(ctx)
	return a.final(ctx, owners)
}

// heal ends all that was broken.
func (a *arena) heal(ctx context.Context) error {
	if err := a.place.set(nil); err != nil {
		return err
	}
	for _, n := range a.nodes {
		n.Signal(syscall.SIGCONT)
	}
	if err := a.startAll(); err != nil {
		return err
	}
	if err := a.awaitAll(ctx); err != nil {
		a.stuck("all is healed, but %v", err)
		return err
	}
	a.tell("all is healed, every node takes requests")
	return ctx.Err()
}

// each does something for many keys, many at once.
func (a *arena) each(keys []*history.Key, do func(*history.Key)) {
	queue := make(chan *history.Key)
	var all sync.WaitGroup
	for range askers {
		all.Go(func() {
			for k := range queue {
				do(k)
			}
		})
	}
	for _, k := range keys {
		queue <- k
	}
	close(queue)
	all.Wait()
}

// reconverge measures how long it takes until the replicas of every key are equal.
func (a *arena) reconverge(ctx context.Context) {
	if a.o.reconverge == 0 {
		a.skipped = append(a.skipped, "time to reconverge (-reconverge 0)")
		return
	}
	began, apart := time.Now(), a.book.Keys()
	first := -1
	for limit := began.Add(a.o.reconverge); ; {
		before := len(apart)
		apart = a.apart(ctx, apart)
		if first < 0 {
			first = len(apart)
		}
		if len(apart) != before {
			a.tell("the replicas of %d keys are apart", len(apart))
		}
		if len(apart) == 0 || time.Now().After(limit) || !process.Pause(ctx, lookAgain) {
			break
		}
	}
	took := time.Since(began).Round(100 * time.Millisecond)
	a.apartAtHeal, a.apartLeft, a.reconverged = first, len(apart), took
	if len(apart) > 0 && a.o.heals {
		a.stuck("the replicas of %d keys, such as %s, are still apart %v after all was healed", len(apart), apart[0].Name(), took)
	}
}

// statusOK waits until every node says of the cluster that it is well.
func (a *arena) statusOK(ctx context.Context) {
	began := time.Now()
	said := ""
	ok := process.Until(ctx, statusWithin, func() bool {
		for _, n := range a.nodes {
			if said = verdict(ctx, n.HTTP); said != "OK" {
				said = n.Name + " says " + said
				return false
			}
		}
		return true
	})
	if !ok {
		a.stuck("all is healed, but status does not say so within %v: %v", statusWithin, said)
		return
	}
	a.tell("status is OK, as every node sees it, %v later", time.Since(began).Round(100*time.Millisecond))
}

// verdict is what a node says of the cluster, and why; one that says nothing is asked
// again.
func verdict(ctx context.Context, address string) string {
	var s struct {
		Why     string
		Verdict struct{ Verdict string }
	}
	err := ask(ctx, address, "/v1/cluster/status", func(body io.Reader) error { return json.NewDecoder(body).Decode(&s) })
	switch {
	case err != nil:
		return err.Error()
	case s.Verdict.Verdict == "OK":
		return "OK"
	}
	return s.Verdict.Verdict + ": " + s.Why
}

// apart are those keys whose replicas are not known to be equal.
func (a *arena) apart(ctx context.Context, keys []*history.Key) (apart []*history.Key) {
	var mu sync.Mutex // guards apart
	a.each(keys, func(k *history.Key) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if all, err := explain(ctx, a.load.clients[0], k); err == nil && a.book.Agree(all) {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		apart = append(apart, k)
	})
	return apart
}

// mustRead reads a key at ALL, which has to succeed by now. It brings the replicas
// together, if nothing else has.
func (a *arena) mustRead(ctx context.Context, k *history.Key) {
	var last error
	ok := process.Until(ctx, answerWithin, func() bool {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		last = get(ctx, a.load.clients[0], k, contract.All, hlc.Version{}, false)
		return last == nil
	})
	if !ok {
		a.stuck("all is healed, but key %s cannot be read at ALL for %v: %v", k.Name(), answerWithin, last)
	}
}

// explainAll asks what every replica of every key holds, and returns who they are.
func (a *arena) explainAll(ctx context.Context) map[*history.Key][]string {
	var mu sync.Mutex // guards owners
	owners := make(map[*history.Key][]string)
	a.each(a.book.Keys(), func(k *history.Key) {
		var last []history.Replica
		ok := process.Until(ctx, answerWithin, func() bool {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			all, err := explain(ctx, a.load.clients[0], k)
			last = all
			return err == nil && !slices.ContainsFunc(all, func(r history.Replica) bool { return !r.Known })
		})
		if !ok {
			a.stuck("all is healed, but not every replica of key %s can be asked for %v: %v", k.Name(), answerWithin, last)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, r := range last {
			owners[k] = append(owners[k], r.Node)
		}
	})
	return owners
}

// final stops all nodes and judges what is on their disks.
func (a *arena) final(ctx context.Context, owners map[*history.Key][]string) error {
	var stops sync.WaitGroup
	for _, n := range a.nodes {
		stops.Go(func() {
			if err := n.Stop(stopWithin); err != nil {
				a.stuck("%v. Its log ends with\n%s", err, n.LastWords())
			}
		})
	}
	stops.Wait()
	disks := make(map[string]map[string][]byte)
	for _, n := range a.nodes {
		held, err := readDisk(filepath.Join(n.data, "db"))
		if err != nil {
			return fmt.Errorf("the disk of %s cannot be read: %w", n.Name, err)
		}
		disks[n.Name] = held
	}
	for _, k := range a.book.Keys() {
		var all []history.Replica
		for _, name := range owners[k] {
			all = append(all, history.OnDisk(name, disks[name][string(k.Name())]))
			delete(disks[name], string(k.Name()))
		}
		k.Final(all)
	}
	for _, n := range a.nodes {
		for key := range disks[n.Name] { // each is a finding: order does not matter
			a.book.Stray(n.Name, key)
		}
	}
	a.tell("the disks of all nodes were compared")
	return ctx.Err()
}

// readDisk is all records of a database that nobody has open, by key.
func readDisk(dir string) (map[string][]byte, error) {
	db, err := storage.Open(dir, storage.Options{})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	held := make(map[string][]byte)
	var bad error
	lo, hi := storage.RecordRange(0, ^uint64(0))
	err = db.Scan(lo, hi, func(stored, rec []byte) bool {
		_, _, key, err := storage.ParseRecordKey(stored)
		if bad = err; err == nil {
			held[string(key)] = slices.Clone(rec)
		}
		return err == nil
	})
	if err == nil {
		err = bad
	}
	return held, err
}
