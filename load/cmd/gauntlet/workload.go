package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/candordb/candor/client"
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/load/history"
)

const (
	// registers is how many keys are overwritten and deleted all the time.
	registers = 200
	// elementsMost bounds the keys that are written once.
	elementsMost = 20_000
	// clients is how many clients the workers share.
	clients = 4
)

// load is the clients and what they do.
type load struct {
	book      *history.Book
	clients   []*client.Client
	registers []*history.Key
	elements  atomic.Int64

	mu     sync.Mutex     // guards what follows
	recent []*history.Key // elements that were added
}

func newLoad(ctx context.Context, c *cluster, b *history.Book) (*load, error) {
	l := &load{book: b}
	for range clients {
		one, err := c.connect(ctx)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("a client cannot connect: %w", err), l.close())
		}
		l.clients = append(l.clients, one)
	}
	for i := range registers {
		l.registers = append(l.registers, b.Key(fmt.Sprintf("register/%d", i), false))
	}
	return l, nil
}

func (l *load) close() (err error) {
	for _, c := range l.clients {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		err = errors.Join(err, c.Close(ctx))
		cancel()
	}
	return err
}

// run makes requests until ctx ends: so many at once, and so many in a second at
// most. It returns when all have ended.
func (l *load) run(ctx context.Context, workers, rate int, seed uint64) {
	var all sync.WaitGroup
	for i := range workers {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(seed, 100+uint64(i)))
			tick := time.NewTicker(time.Second * time.Duration(workers) / time.Duration(rate))
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					l.one(l.clients[i%len(l.clients)], rng)
				}
			}
		})
	}
	all.Wait()
}

// one makes one request, and those that follow from it.
func (l *load) one(c *client.Client, rng *rand.Rand) {
	// Not bounded by the run: what was begun is ended, or its class is not known.
	ctx, cancel := context.WithTimeout(context.Background(), between(rng, 250*time.Millisecond, 2*time.Second))
	defer cancel()
	k := l.registers[rng.IntN(len(l.registers))]
	switch draw := rng.IntN(100); {
	case draw < 34:
		get(ctx, c, k, contract.Quorum, hlc.Version{}, rng.IntN(4) == 0)
	case draw < 38:
		get(ctx, c, k, contract.One, hlc.Version{}, false)
	case draw < 42:
		get(ctx, c, k, contract.One, k.Known(), false) // a session
	case draw < 45:
		get(ctx, c, k, contract.All, hlc.Version{}, true)
	case draw < 50:
		if e := l.anElement(rng); e != nil {
			get(ctx, c, e, contract.Quorum, hlc.Version{}, false)
		}
	case draw < 53:
		explain(ctx, c, k)
	case draw < 63:
		l.write(ctx, c, rng, k, true)
	case draw < 72 && l.elements.Add(1) <= elementsMost:
		l.write(ctx, c, rng, l.newElement(rng), false)
	default:
		l.write(ctx, c, rng, k, false)
	}
}

// newElement makes a key that nobody has written.
func (l *load) newElement(rng *rand.Rand) *history.Key {
	k := l.book.Key(fmt.Sprintf("element/%x", rng.Uint64()), true)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recent = append(l.recent, k)
	return k
}

// anElement is one that was added before; nil if there is none.
func (l *load) anElement(rng *rand.Rand) *history.Key {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.recent) == 0 {
		return nil
	}
	return l.recent[rng.IntN(len(l.recent))]
}

// get reads a key; it says whether that was answered.
func get(ctx context.Context, c *client.Client, k *history.Key, level contract.Level, after hlc.Version, rows bool) error {
	options := []client.CallOption{client.At(level), client.After(after)}
	if rows {
		options = append(options, client.PerReplica())
	}
	r := k.BeginRead(level, after)
	item, err := c.Get(ctx, k.Name(), options...)
	found := err == nil
	if err != nil && !errors.Is(err, client.ErrNotFound) {
		r.Failed()
		return err
	}
	r.End(history.Got{Found: found, Version: item.Version, Value: item.Value, Receipt: receiptOf(&item.Receipt)})
	return nil
}

// write puts or deletes a key, and asks sometimes what became of a write in doubt.
func (l *load) write(ctx context.Context, c *client.Client, rng *rand.Rand, k *history.Key, remove bool) {
	v, err := c.NewVersion()
	if err != nil {
		return // no node has sent a clock yet
	}
	level := contract.Quorum
	if !k.Element() {
		level = [...]contract.Level{contract.One, contract.All, contract.Quorum, contract.Quorum, contract.Quorum, contract.Quorum, contract.Quorum, contract.Quorum}[rng.IntN(8)]
	}
	options := []client.CallOption{client.At(level), client.Stamp(v)}
	if rng.IntN(4) == 0 {
		options = append(options, client.PerReplica())
	}
	w := k.BeginWrite(v, remove, level)
	var r client.Receipt
	if remove {
		r, err = c.Delete(ctx, k.Name(), options...)
	} else {
		r, err = c.Put(ctx, k.Name(), w.Value(), options...)
	}
	var e *client.Error
	switch {
	case err == nil:
		w.Done(history.Written{Version: r.Version, SupersededBy: r.SupersededBy, Receipt: receiptOf(&r)})
	case errors.As(err, &e) && e.Outcome() == client.NotApplied:
		w.Refused(err.Error())
	default:
		w.InDoubt(err.Error())
		if rng.IntN(2) == 0 {
			settle(c, k, w)
		}
	}
}

// settle asks what became of a write.
func settle(c *client.Client, k *history.Key, w *history.Write) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	fate, r, err := c.Fate(ctx, k.Name(), w.Version())
	if err == nil {
		w.Settled(fate, r.SupersededBy)
	}
}

// explain asks what the replicas of a key hold.
func explain(ctx context.Context, c *client.Client, k *history.Key) ([]history.Replica, error) {
	asked := k.BeginExplain()
	x, err := c.Explain(ctx, k.Name())
	if err != nil {
		return nil, err
	}
	var all []history.Replica
	for _, row := range x.Rows {
		if row.Role == client.RoleNatural {
			all = append(all, history.Replica{
				Node: row.Node, Known: row.Reachable, Version: row.Version, Tombstone: row.Tombstone, Bytes: row.ValueBytes,
				Sound: row.ChecksumOK || row.Version.IsZero(),
			})
		}
	}
	asked.End(all)
	return all, nil
}

func receiptOf(r *client.Receipt) history.Receipt {
	out := history.Receipt{Level: r.Level, Need: r.Need, Asked: r.Asked, Acked: r.Acked, Durable: r.Durable, Hinted: r.Hinted}
	for _, row := range r.Replicas {
		out.Rows = append(out.Rows, history.Row{Node: row.ID, State: row.State})
	}
	return out
}
