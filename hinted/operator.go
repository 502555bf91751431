package hinted

import (
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// Replay lets what an operator has repaired take effect at once: no pause for
// this target any more, and what it has refused is tried again. It is false if
// there is nothing for the target.
func (c *Core) Replay(id ring.NodeID) bool {
	i, ok := c.slots[id]
	if !ok || !c.targets[i].any() {
		return false
	}
	t := c.targets[i]
	t.flow.until, t.flow.pause = 0, 0
	t.forgive(true)
	return true
}

// Drop erases all hints for a target, those that counted too, after every
// partition that it owns was marked dirty for it. It is false if there are none.
func (c *Core) Drop(now Now, id ring.NodeID) bool {
	i, ok := c.slots[id]
	if !ok || c.view == nil || !c.targets[i].any() {
		return false
	}
	t := c.targets[i]
	for p := range c.view.Q() {
		if c.view.Owns(p, id) {
			t.marks.set(p, hlc.Make(now.Physical, 0))
		}
	}
	t.forgive(true)
	t.drop = reroute{wanted: true}
	return true
}
