package verdict

import (
	"fmt"
	"slices"
)

// Loss is a copy that an operator has given up by name, as the metadata has it on record.
type Loss struct {
	Node       string     `json:"node"` // its id
	Partitions Partitions `json:"partitions"`
	Votes      bool       `json:"votes"` // what it had voted for, and had forgotten, counts no more
	Epoch      uint64     `json:"epoch"` // that accepted it
	Time       Time       `json:"time"`
	Open       bool       `json:"open"` // it was not rebuilt since
}

// lossWasAccepted is D132. It never ends: what was lost is not there again.
func lossWasAccepted(e *evidence, c *check) string {
	losses, ok := e.Losses.Get()
	if !ok {
		c.missing("what was given up is not known")
	}
	for len(losses) > 0 {
		n := slices.IndexFunc(losses, func(l Loss) bool { return l.Epoch != losses[0].Epoch })
		if n < 0 {
			n = len(losses)
		}
		e.findLoss(c, losses[:n])
		losses = losses[n:]
	}
	return "no loss was ever accepted"
}

// findLoss reports what one epoch has accepted.
func (e *evidence) findLoss(c *check, losses []Loss) {
	f := Finding{
		Severity: Warning, Short: "a loss was accepted",
		Effect: "Acknowledged writes and deletes that only these copies had are lost. Nothing else is.",
		Action: "bring back from elsewhere what is missed. It stays on record.",
	}
	var all []int
	var open []string
	for _, l := range losses {
		name := e.named(l.Node)
		f.Nodes = append(f.Nodes, name)
		all = append(all, l.Partitions...)
		text := name + ": partitions " + l.Partitions.Text(runsShown)
		if len(l.Partitions) == 0 {
			text = name + ": no partition"
		}
		if l.Votes {
			text += "; its votes before it"
		}
		f.Evidence = append(f.Evidence, Evidence{Text: text})
		if l.Open {
			open = append(open, name)
		}
	}
	when := "at a time that is not known"
	if now, ok := e.Time.Get(); ok {
		when = "at " + losses[0].Time.clock(now)
	}
	f.Title = fmt.Sprintf("epoch %d gave up copies of %s %s: those of %s", losses[0].Epoch, Counted(len(PartitionsOf(all...)), "partition"), when, listed(f.Nodes))
	if len(open) > 0 {
		f.Title += "; " + listed(open) + " not rebuilt yet"
	}
	c.find(f)
}
