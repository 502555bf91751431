package repair

import (
	"cmp"
	"slices"

	"github.com/candordb/candor/hlc"
)

// Each ROOTS and its answer tell what the sender has proved with all its pairs. TELL
// does so between them where somebody waits for it: who knows nothing of a partition
// yet, or knows what is so no more, and who proposes the watermark of one in which
// something is to be purged.

const (
	// tellEvery is how often it is looked what there is to be told, tellRest how long
	// one member is left alone after it was told something.
	tellEvery = second / 4
	tellRest  = second
)

// told is what own says, rounded as messages round it.
func (c *Core) told(p *part) (asOf, strict hlc.Timestamp) {
	asOf, strict = c.own(p)
	return hlc.Make(asOf.Millis(), 0), hlc.Make(strict.Millis(), 0)
}

// tell is what the other replica of a pair is told now, and notes that it is.
func (c *Core) tell(p *part, x *pair) (asOf, strict hlc.Timestamp) {
	x.said, x.saidStrict = c.told(p)
	return x.said, x.saidStrict
}

// tellAll tells the members what is worth it. One that is being compared with hears
// it by that: nothing overtakes a ROOTS.
func (c *Core) tellAll(out *Effects) {
	if c.now < c.nextTell {
		return
	}
	c.nextTell = c.now + tellEvery
	for _, p := range c.peers {
		if !p.up || p.comparing || c.now < p.quiet {
			continue
		}
		var m tells
		for _, partition := range p.common {
			if part := c.part(partition); c.worth(part, part.pair(p.id)) && len(m) < rootsMax {
				asOf, strict := c.tell(part, part.pair(p.id))
				m = append(m, tellRow{partition, asOf, strict})
			}
		}
		if len(m) > 0 {
			c.tellOne(p, m, out)
		}
	}
}

// worth says whether somebody waits to be told what is proved of a partition.
func (c *Core) worth(p *part, x *pair) bool {
	if len(p.pairs) < 2 {
		return false // there is no pair of others
	}
	asOf, strict := c.told(p)
	if (asOf == 0) != (x.said == 0) {
		return true
	}
	if p.first != x.with {
		return false
	}
	return (strict == 0) != (x.saidStrict == 0) || strict >= x.saidStrict.Add(watermarkStep) && c.local.MayPurge(p.partition)
}

func (c *Core) tellOne(p *peer, m tells, out *Effects) {
	p.quiet = c.now + tellRest
	slices.SortStableFunc(m, func(a, b tellRow) int {
		return cmp.Or(cmp.Compare(a.asOf, b.asOf), cmp.Compare(a.strict, b.strict))
	})
	c.send(p.id, kindTell, m, out, func(r result, _ *Effects) {
		if r.reason == None {
			return
		}
		p.quiet = c.now + sayEvery
		c.untold(p)
	})
}

// untold notes that a member may not have heard what it was told last.
func (c *Core) untold(p *peer) {
	for _, partition := range p.common {
		x := c.part(partition).pair(p.id)
		x.said, x.saidStrict = 0, 0
	}
}

func (c *Core) heardTell(from *peer, h head, r reader) (body, error) {
	m, err := parseTells(r)
	if err != nil {
		return nil, err
	}
	for _, row := range m {
		if p := c.part(row.partition); p == nil || p.pair(from.id) == nil {
			return nil, refusedError{NotOwner}
		}
	}
	if !from.newer(h) {
		return nil, refusedError{Stale}
	}
	for _, row := range m {
		x := c.part(row.partition).pair(from.id)
		x.told, x.toldStrict = row.asOf, row.strict
	}
	return nothing{}, nil
}

// tellRow is what a node has proved of one partition with all its pairs.
type tellRow struct {
	partition    int
	asOf, strict hlc.Timestamp
}

func (row tellRow) split() (int, tellRow) {
	return row.partition, tellRow{asOf: row.asOf, strict: row.strict}
}

func (row tellRow) of(partition int) tellRow { return tellRow{partition, row.asOf, row.strict} }

// tells is TELL. Partitions of which the same is told stand together.
type tells []tellRow

func (m tells) append(dst []byte) []byte {
	return appendGroups(dst, m, func(dst []byte, row tellRow) []byte {
		return appendMillis(appendMillis(dst, row.asOf), row.strict)
	})
}

func parseTells(r reader) (tells, error) {
	m := parseGroups(&r, rootsMax, func([]tellRow) tellRow {
		return tellRow{asOf: r.millis(), strict: r.millis()}
	})
	return m, r.end()
}
