package sim

import (
	"fmt"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/wire"
)

// makeKeys makes the keys of the workload. Some share tags, and so a partition;
// where there are several namespaces each third key is in another than the
// default one, and some have the same name as one in there.
func (s *Sim) makeKeys() {
	for i := range s.plan.Load.Keys {
		name, sp := fmt.Sprintf("k%d", i), s.spaces[0]
		if i%3 == 2 {
			name = fmt.Sprintf("{t%d}k%d", i%4, i)
		}
		if others := s.spaces[1:]; i%3 == 1 && len(others) > 0 {
			sp = others[i/3%len(others)]
			name = fmt.Sprintf("k%d", i-i%2)
		}
		s.addKey(sp, name, false)
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
		return []*operation{c.write(wire.OpPut, c.someKey())}
	case under(load.Delete):
		return []*operation{c.write(wire.OpDelete, c.someKey())}
	case under(load.Batch):
		return c.batch()
	case under(load.Scan):
		return []*operation{c.scan()}
	case under(load.Element):
		return []*operation{c.element()}
	case under(load.Bogus):
		return []*operation{c.bogus()}
	case under(load.Settle):
		if w := c.anyWrite(); w != nil {
			return []*operation{c.outcome(w)}
		}
	case under(load.Explain):
		k := c.anyKey()
		o := c.sim.newOperation(wire.OpExplain, k.space, k)
		o.client = c.id
		return []*operation{o}
	}
	return []*operation{c.get(c.anyKey())}
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

// anyWrite is a write that clients have stamped, in flight or not, most often one of
// the last; nil if there is none.
func (c *client) anyWrite() *operation {
	h := &c.sim.history
	if h.writes == 0 {
		return nil
	}
	if c.dice.chance(0.3) { // one of long ago
		if o := h.operations[c.dice.IntN(len(h.operations))]; o.writes() && o.stamped {
			return o
		}
	}
	return h.recent[c.dice.IntN(min(h.writes, len(h.recent)))]
}

// level draws a level.
func (c *client) level() contract.Level {
	load := &c.sim.plan.Load
	x := c.dice.Float64()
	under := func(share float64) bool { x -= share; return x < 0 }
	switch {
	case under(load.One):
		return contract.One
	case under(load.Two):
		return contract.Two
	case under(load.All):
		return contract.All
	case under(load.LocalOne):
		return contract.LocalOne
	case under(load.LocalQuorum):
		return contract.LocalQuorum
	case under(load.EachQuorum):
		return contract.EachQuorum
	case under(0.1):
		return contract.Default
	}
	return contract.Quorum
}

// flags draws those that reads and writes have in common.
func (c *client) flags() (f contract.Flags) {
	load := &c.sim.plan.Load
	if c.dice.chance(load.Rows) {
		f |= contract.Rows
	}
	if c.dice.chance(load.Trace) {
		f |= contract.Trace
	}
	return f
}

func (c *client) get(k *key) *operation {
	load := &c.sim.plan.Load
	o := c.sim.newOperation(wire.OpGet, k.space, k)
	o.client, o.level, o.flags = c.id, c.level(), c.flags()
	if c.dice.chance(load.Weaken) {
		o.flags |= contract.Weaken
	}
	if c.session || c.dice.chance(load.After) {
		o.after = c.seen[k.index]
	}
	return o
}

func (c *client) write(kind wire.Op, k *key) *operation {
	load := &c.sim.plan.Load
	o := c.sim.newOperation(kind, k.space, k)
	o.client, o.level, o.flags = c.id, c.level(), c.flags()
	if kind == wire.OpPut {
		o.size, o.ttl = 8+c.dice.IntN(load.ValueBytes+1), k.space.TTL
		if o.namesTTL = c.dice.chance(load.TTL); o.namesTTL {
			o.ttl = uint64(c.dice.between(50*time.Millisecond, 5*time.Second).Milliseconds())
		}
	}
	if c.dice.chance(load.Sloppy) {
		o.flags |= contract.Sloppy
	}
	if c.dice.chance(load.Any) {
		o.level = contract.Any
	}
	if o.saysSaw = c.session || c.dice.chance(load.Seen); o.saysSaw {
		o.saw = c.seen[k.index]
	}
	switch {
	case !c.dice.chance(load.NodeStamp) && c.heard != 0:
		o.stamped = true
		c.sim.stampAs(o, c.tick())
	case c.dice.chance(load.Ordered):
		c.order(o)
	}
	return o
}

// order makes a write an ordered one. Of one key's DELETEs only one at a time is:
// they have no value that would tell them apart.
func (c *client) order(o *operation) {
	for _, other := range o.key.unstamped {
		if o.kind == wire.OpDelete && other.kind == wire.OpDelete {
			return
		}
	}
	o.flags |= contract.Ordered
	o.key.unstamped = append(o.key.unstamped, o)
}

// element is a write of a new key, at quorum, which is never deleted.
func (c *client) element() *operation {
	c.sim.fig.Elements++
	k := c.sim.addKey(c.sim.spaces[0], fmt.Sprintf("e/%d", len(c.sim.history.keys)), true)
	o := c.write(wire.OpPut, k)
	o.level, o.ttl, o.namesTTL = contract.Quorum, 0, false
	o.flags &^= contract.Sloppy
	return o
}

// bogus is a write that is to be refused: stamped far from now, or with what
// only serial namespaces know.
func (c *client) bogus() *operation {
	o := c.write(pick(c.dice, wire.OpPut, wire.OpDelete), c.someKey())
	switch kind := c.dice.IntN(3); {
	case kind == 0:
		o.level = contract.Serial
	case kind == 1 || !o.stamped:
		o.lww = false
	default:
		off := pick(c.dice, 10*time.Minute, -10*time.Minute, 1100*time.Millisecond)
		c.sim.stampAs(o, hlc.Version{Time: o.version.Time.Add(off.Milliseconds()), Writer: c.dice.Uint64()})
	}
	return o
}

// batch is several operations for one frame. Those that the node is to stamp can
// be carried out, so that it stamps them in order.
func (c *client) batch() []*operation {
	var all []*operation
	for range c.dice.up(2, 12) {
		var o *operation
		if kind := pick(c.dice, wire.OpPut, wire.OpPut, wire.OpGet, wire.OpDelete); kind == wire.OpGet {
			o = c.get(c.anyKey())
		} else {
			o = c.write(kind, c.someKey())
			if !o.stamped {
				o.level, o.size = contract.Quorum, min(o.size, 16)
			}
		}
		all = append(all, o)
	}
	c.sim.fig.Batches++
	return all
}

// scan begins a walk through a namespace.
func (c *client) scan() *operation {
	load := &c.sim.plan.Load
	o := c.sim.newOperation(wire.OpScan, pick(c.dice, c.sim.spaces...), nil)
	o.client, o.level, o.prefix = c.id, contract.One, []byte(pick(c.dice, prefixes...))
	if c.dice.chance(load.ScanHigh) {
		o.level = c.level()
	}
	if c.dice.chance(load.Weaken) {
		o.flags |= contract.Weaken
	}
	o.keysOnly = c.dice.chance(load.KeysOnly)
	o.walk = &walk{o: o}
	return o
}

// outcome asks what became of a write.
func (c *client) outcome(w *operation) *operation {
	o := c.sim.newOperation(wire.OpOutcome, w.space, w.key)
	o.client, o.level, o.about = c.id, contract.Quorum, w
	if w.sloppy() {
		o.flags = contract.OutcomeSloppy
	}
	c.sim.fig.Outcomes++
	return o
}
