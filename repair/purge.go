package repair

import (
	"bytes"
	"errors"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/traitor"
)

// sweep is the walk that removes what is dead below the adopted watermark of one
// partition.
type sweep struct {
	part    *part // nil: notes of partitions that this node does not replicate; mark is its floor
	mark    hlc.Timestamp
	voids   bool // the records are done, the notes are next
	from    uint64
	after   *Place // go on behind this record of from; nil: at from
	waiting int
	removed int  // in the present step
	last    bool // the present step is the last of the records, or of the notes
}

// One step of a sweep looks at stepRecords records at most, and removes at most
// stepPurges of them before it waits until that is durable.
const (
	stepRecords = 1024
	stepPurges  = 256
	purgeBytes  = 64 // what a removal costs beside its key
)

// stepsAtOnce is how many steps a Tick makes while nothing is found.
const stepsAtOnce = 8

// purge goes on with the sweep, or begins the next one.
func (c *Core) purge(out *Effects) {
	steps := stepsAtOnce
	if c.local.Busy() {
		steps = 1
	}
	for range steps {
		c.sweepOn(out)
	}
}

func (c *Core) sweepOn(out *Effects) {
	if c.sweep == nil {
		c.sweep = c.nextSweep()
	}
	s := c.sweep
	if s == nil || s.waiting > 0 || c.tokens <= 0 || c.local.View() != c.view {
		return
	}
	if s.part == nil {
		c.sweepForeign(s, out)
	} else if s.voids {
		c.sweepVoids(s, out)
	} else {
		c.sweepRecords(s, out)
	}
	if s.waiting == 0 {
		c.swept(s)
	}
}

// nextSweep is of a partition whose watermark was adopted since its last sweep. Each
// has its turn: watermarks may rise faster than all partitions are swept. Now and then
// it is that of the notes in partitions of which this node owns no copy (forget.go).
func (c *Core) nextSweep() *sweep {
	if c.now >= c.nextForeign && len(c.parts) < len(c.at) {
		c.nextForeign = c.now + foreignEvery
		return &sweep{mark: c.local.Floor(), voids: true}
	}
	for range c.parts {
		c.sweptAt = (c.sweptAt + 1) % len(c.parts)
		p := c.parts[c.sweptAt]
		mark := c.purgeMark(p)
		if mark <= p.swept || p.isolated {
			continue
		}
		if !c.local.MayPurge(p.partition) {
			p.swept = mark
			continue
		}
		from, _ := c.tokens64(p)
		return &sweep{part: p, mark: mark, from: from}
	}
	return nil
}

// purgeMark is below what the dead may be removed.
func (c *Core) purgeMark(p *part) hlc.Timestamp {
	if traitor.Is(traitor.PurgeWithoutWatermark) {
		return c.local.Floor()
	}
	return c.local.Marks(p.partition).Purge
}

// tokens64 is the first and the last token of a partition.
func (c *Core) tokens64(p *part) (first, last uint64) {
	bits := c.view.Bits()
	if bits == 0 {
		return 0, ^uint64(0)
	}
	first = uint64(p.partition) << (64 - bits)
	return first, first | (1<<(64-bits) - 1)
}

// sweepRecords is one step over the records, in the leaves that may hold what can be
// purged. Each removal names the version that was seen: what was written since stays.
func (c *Core) sweepRecords(s *sweep, out *Effects) {
	var found []Write
	s.last = true
	for looked := 0; ; {
		last, some := c.mortalRun(s)
		if !some {
			break
		}
		var namespace uint32
		var after []byte
		if s.after != nil {
			namespace, after = s.after.Namespace, s.after.Key
		}
		full := false
		err := c.local.Range(s.from, namespace, after, last, func(token uint64, namespace uint32, key, rec []byte) bool {
			if full = looked == stepRecords || len(found) == stepPurges; full {
				return false
			}
			looked++
			at := Place{token, namespace, bytes.Clone(key)}
			s.from, s.after = token, &at
			if dead(rec, s.mark) {
				head, _ := record.Header(rec) // dead has parsed it
				found = append(found, Write{Kind: Purge, Partition: s.part.partition, Place: at, Version: versionOf(head)})
			}
			c.spend(int64(min(len(rec), purgeBytes)))
			return true
		})
		if err != nil {
			c.stuck(s, err, out)
			return
		}
		if full {
			s.last = false
			break
		}
		if _, end := c.tokens64(s.part); last == end {
			break
		}
		s.from, s.after = last+1, nil
	}
	c.remove(s, found, out)
}

// mortalRun takes a sweep to the next leaves that may hold what can be purged, those
// in which it is included; last is their last token.
func (c *Core) mortalRun(s *sweep) (last uint64, some bool) {
	bits, leaf := c.view.Bits(), c.o.Shape.Leaf(s.from, c.view.Bits())
	first, end, some := c.local.Mortal(s.part.partition, leaf)
	if !some {
		return 0, false
	}
	if first > leaf {
		s.from, _ = c.o.Shape.Tokens(s.part.partition, bits, first)
		s.after = nil
	}
	_, last = c.o.Shape.Tokens(s.part.partition, bits, end)
	return last, true
}

// sweepVoids is one step over the notes of versions that were given up: what the
// watermark has passed can come no more.
func (c *Core) sweepVoids(s *sweep, out *Effects) {
	_, last := c.tokens64(s.part)
	var found []Write
	s.last = true
	err := c.local.Voids(s.from, last, func(token uint64, namespace uint32, key []byte, version hlc.Version) bool {
		if len(found) == stepPurges {
			s.last = false
			return false
		}
		if s.from = token; version.Time <= s.mark {
			found = append(found, Write{Kind: ForgetVoid, Partition: s.part.partition, Place: Place{token, namespace, bytes.Clone(key)}, Version: version})
		}
		return true
	})
	if err != nil {
		c.stuck(s, err, out)
		return
	}
	c.remove(s, found, out)
}

// stuck gives a sweep up until the next watermark.
func (c *Core) stuck(s *sweep, err error, out *Effects) {
	if errors.Is(err, record.ErrCorrupt) && s.part != nil {
		c.damaged(Place{Token: s.from}, out)
	}
	s.last, s.voids = true, true
}

// remove makes the removals of one step.
func (c *Core) remove(s *sweep, found []Write, out *Effects) {
	s.removed = 0
	s.waiting = len(found)
	for _, w := range found {
		cost := uint64(len(w.Place.Key) + purgeBytes)
		c.spend(int64(cost))
		c.write(w, out, func(r result, out *Effects) {
			if r.reason == None {
				s.removed++
				if w.Kind == Purge {
					c.counters.Purged++
					c.counters.PurgedBytes += cost
				}
			}
			if s.waiting--; s.waiting > 0 || c.sweep != s {
				return
			}
			c.swept(s)
			if c.now >= c.paused && !c.local.Busy() {
				c.purge(out) // with one step in a Tick a thousand partitions would take a minute
			}
		})
	}
}

// swept ends one step.
func (c *Core) swept(s *sweep) {
	switch {
	case !s.voids && !s.last:
	case !s.voids:
		s.voids, s.after = true, nil
		s.from, _ = c.tokens64(s.part)
	case !s.last && s.removed > 0:
		// Notes that stand in front were removed, so the next step finds others.
	default:
		if c.sweep = nil; s.part != nil {
			s.part.swept = s.mark
		}
	}
}
