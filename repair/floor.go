package repair

import (
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// raiseFloor asks for a new floor: the lower of this node's clock and the
// members' median, less the age limit. It counts when it is durable, that is,
// when Local shows it. One that was refused, as the disk had too much to do, is asked
// for again at the next Tick: what fills the queue may come as regularly as this does,
// and without a floor nothing is ever proved.
func (c *Core) raiseFloor(out *Effects) {
	median, known := c.local.Median()
	if !known || c.floored {
		return
	}
	floor := hlc.Make(min(c.local.Clock(), median).Millis()-c.o.AgeLimit, 0)
	if floor <= c.local.Floor() {
		return
	}
	c.floored = true
	c.write(Write{Kind: SetFloor, Mark: floor}, out, func(r result, _ *Effects) { c.floored, c.unfloored = false, r.reason != None })
}

// hintsAbove is what all hints that are or ever will be kept here lie above. The
// floor is read before the hints: a hint at or below it is among those that
// OldestHint sees, or is never stored.
func (c *Core) hintsAbove() hlc.Timestamp {
	above := c.local.Floor()
	if oldest := c.local.OldestHint(); oldest != 0 {
		above = min(above, oldest-1)
	}
	if above < c.above {
		c.counters.HintsBelow++ // a broken invariant: a hint at or below what was said
	}
	c.above = max(c.above, above)
	return above
}

// sayAll tells every member this node's floor, and what its hints lie above.
func (c *Core) sayAll(out *Effects) {
	c.said, c.saidAt = say{floor: c.local.Floor(), above: c.hintsAbove()}, c.now
	for _, p := range c.peers {
		if c.local.Reachable(p.id) {
			c.sayTo(p, out)
		}
	}
}

func (c *Core) sayTo(p *peer, out *Effects) {
	s := say{floor: c.local.Floor(), above: c.hintsAbove()}
	c.send(p.id, kindSay, s, out, func(result, *Effects) {})
}

// saysMore says whether what others know of this node has become much too low: its
// first floor, or the last of its old hints is gone. They wait for that.
func (c *Core) saysMore() bool {
	return c.leapt(min(c.said.floor, c.said.above), c.saidAt, min(c.local.Floor(), c.hintsAbove()))
}

// leapt says whether a time that rises as the clock does, from what it was at a
// moment to what it is now, has risen by much more than has passed since: something
// had held it back, and does so no more.
func (c *Core) leapt(was hlc.Timestamp, at int64, is hlc.Timestamp) bool {
	return is > was && (was == 0 || is.Millis()-was.Millis() > c.now-at+2*sayEvery)
}

func (c *Core) heardSay(from *peer, r reader) (body, error) {
	s, err := parseSay(r)
	if err != nil {
		return nil, err
	}
	from.heard(s)
	return nothing{}, nil
}

// heard takes what a member tells of itself. Both only rise, so that the order in
// which messages come does not matter.
func (p *peer) heard(s say) {
	p.floor, p.above = max(p.floor, s.floor), max(p.above, s.above)
}

// Told is what a member has told of itself, as far as this node has heard: its
// floor, and what its hints lie above. One that has lost its disk must not keep a
// hint, nor take a fresh write, below what it has told; the others know.
func (c *Core) Told(member ring.NodeID) (floor, above hlc.Timestamp) {
	p := c.peer(member)
	if p == nil {
		return 0, 0
	}
	return p.floor, p.above
}
