package sim

import (
	"bytes"
	"fmt"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/wire"
)

// makeKeys makes the keys of the workload. Some share tags, and so a partition.
func (s *Sim) makeKeys() {
	for i := range s.plan.Load.Keys {
		name := fmt.Sprintf("k%d", i)
		if i%3 == 2 {
			name = fmt.Sprintf("{t%d}k%d", i%4, i)
		}
		s.addKey(name, false)
	}
}

// prefixes are those that scans ask for.
var prefixes = []string{"", "", "k", "k1", "{t1}", "{t2}k", "e/", "nothing"}

// draw is what the client does next: one operation, or several for a BATCH.
func (c *client) draw() []*operation {
	load := &c.sim.plan.Load
	x := c.dice.Float64()
	under := func(share float64) bool { x -= share; return x < 0 }
	switch {
	case under(load.Put):
		return c.one(wire.OpPut)
	case under(load.Delete):
		return c.one(wire.OpDelete)
	case under(load.Batch):
		return c.batch()
	case under(load.Scan):
		o := c.sim.newOperation(wire.OpScan, nil)
		o.client, o.level, o.need, o.prefix = c.id, contract.One, 1, []byte(pick(c.dice, prefixes...))
		c.walk = walk{}
		return []*operation{o}
	case under(load.Element):
		c.sim.fig.Elements++
		o := c.write(wire.OpPut, c.sim.addKey(fmt.Sprintf("e/%d", len(c.sim.history.keys)), true))
		o.level, o.ttl = contract.Quorum, 0
		o.need = needOf(o.level, c.sim.plan.Replicas)
		return []*operation{o}
	case under(load.Bogus):
		return []*operation{c.bogus()}
	}
	return c.one(wire.OpGet)
}

func (c *client) one(kind wire.Op) []*operation {
	if kind == wire.OpGet {
		return []*operation{c.get(c.anyKey())}
	}
	return []*operation{c.write(kind, c.someKey())}
}

// someKey is one of the keys that can be written again and again.
func (c *client) someKey() *key {
	n := c.sim.plan.Load.Keys
	if !c.sim.plan.Load.Skewed {
		return c.sim.history.keys[c.dice.IntN(n)]
	}
	x := c.dice.Float64()
	return c.sim.history.keys[int(x*x*x*float64(n))]
}

// anyKey is one of all the keys.
func (c *client) anyKey() *key {
	all := c.sim.history.keys
	if n := c.sim.plan.Load.Keys; len(all) > n && c.dice.chance(0.15) {
		return all[n+c.dice.IntN(len(all)-n)]
	}
	return c.someKey()
}

// level draws the level of an operation, and what it needs.
func (c *client) level(o *operation) {
	load := &c.sim.plan.Load
	x := c.dice.Float64()
	under := func(share float64) bool { x -= share; return x < 0 }
	switch {
	case under(load.One):
		o.level = contract.One
	case under(load.Two):
		o.level = contract.Two
	case under(load.All):
		o.level = contract.All
	case under(0.1):
		o.level = contract.Default
	default:
		o.level = contract.Quorum
	}
	o.need = needOf(o.level, c.sim.plan.Replicas)
}

// resolved is the level that a request at level l is answered with.
func resolved(l contract.Level) contract.Level {
	if l == contract.Default {
		return contract.Quorum
	}
	return l
}

func (c *client) get(k *key) *operation {
	o := c.sim.newOperation(wire.OpGet, k)
	o.client, o.rows = c.id, c.dice.chance(c.sim.plan.Load.Rows)
	c.level(o)
	if c.dice.chance(c.sim.plan.Load.After) {
		o.after = c.seen[k.index]
	}
	return o
}

func (c *client) write(kind wire.Op, k *key) *operation {
	load := &c.sim.plan.Load
	o := c.sim.newOperation(kind, k)
	o.client, o.rows = c.id, c.dice.chance(load.Rows)
	c.level(o)
	if kind == wire.OpPut {
		o.size = 8 + c.dice.IntN(load.ValueBytes+1)
		if c.dice.chance(load.TTL) {
			o.ttl = uint64(c.dice.between(50*time.Millisecond, 5*time.Second).Milliseconds())
		}
	}
	if o.stamped = !c.dice.chance(load.NodeStamp) && c.heard != 0; o.stamped {
		c.sim.stampAs(o, c.tick())
	}
	return o
}

// bogus is a write that is to be refused: stamped far from now, or with what
// only serial namespaces know.
func (c *client) bogus() *operation {
	o := c.write(pick(c.dice, wire.OpPut, wire.OpDelete), c.someKey())
	switch kind := c.dice.IntN(3); {
	case kind == 0:
		o.level, o.need = contract.Serial, 0
	case kind == 1 || !o.stamped:
		o.lww = false
	default:
		off := pick(c.dice, 10*time.Minute, -10*time.Minute, 1100*time.Millisecond)
		c.sim.stampAs(o, hlc.Version{Time: o.version.Time.Add(off.Milliseconds()), Writer: c.dice.Uint64()})
	}
	return o
}

// batch is several operations for one frame. Each can be carried out, so that
// the node stamps them in order.
func (c *client) batch() []*operation {
	var all []*operation
	for range c.dice.up(2, 6) {
		var o *operation
		if kind := pick(c.dice, wire.OpPut, wire.OpPut, wire.OpGet, wire.OpDelete); kind == wire.OpGet {
			o = c.get(c.anyKey())
		} else {
			o = c.write(kind, c.someKey())
		}
		if o.need == 0 {
			o.level = contract.Quorum
			o.need = needOf(o.level, c.sim.plan.Replicas)
		}
		all = append(all, o)
	}
	c.sim.fig.Batches++
	return all
}

// walk is a client's scan: where it is.
type walk struct {
	failures int
	pages    int
	items    int // of the last page, those that never expire
	ended    bool
	token    uint64
	key      []byte
}

// goesOn says whether there is another page, or the last one is tried again.
func (w *walk) goesOn(o *operation) bool {
	if !o.acked {
		w.failures++
	}
	o.acked, o.tries = false, 0
	return !w.ended && w.failures < 3 && w.pages < 30
}

// page checks one page of a scan: order, prefix, and that each item was written
// by somebody.
func (w *walk) page(s *Sim, o *operation, a *wire.ScanAnswer) {
	w.pages++
	w.items = 0
	s.fig.Pages++
	for i := range a.Items {
		it := &a.Items[i]
		k := s.history.byName[string(it.Key)]
		switch {
		case k == nil:
			s.fail("REG", "a scan shows key %q, which nobody wrote", it.Key)
			return
		case !bytes.HasPrefix(it.Key, o.prefix):
			s.fail("SCAN", "prefix %q brings key %q", o.prefix, it.Key)
		case w.key != nil && (k.token < w.token || k.token == w.token && bytes.Compare(k.name, w.key) <= 0):
			s.fail("SCAN", "key %q comes behind %q", it.Key, w.key)
		}
		w.token, w.key = k.token, k.name
		if it.ExpiresAt == 0 {
			w.items++
		}
		s.check.shown(k, it.Version, true, it.Value, it.ExpiresAt, anyTime)
	}
	o.cursor = a.Cursor
	if w.ended = a.Cursor == nil; w.ended {
		s.fig.Scans++
		all := uint64(s.plan.Partitions)
		if len(o.prefix) > 0 && o.prefix[0] == '{' {
			all = 1
		}
		if c := a.Coverage; c.Done != all || c.Asked != all || c.MetLevel != all {
			s.fail("TRUTH", "a whole scan of prefix %q says %+v, of %d partitions", o.prefix, c, all)
		}
	}
}
