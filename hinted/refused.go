package hinted

import (
	"bytes"
	"slices"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// Refused is a hint that its target refuses for good. It stays where it is until
// an operator has it replayed or dropped, because what is wrong is not known.
type Refused struct {
	Target ring.NodeID
	Place
	Bytes   int64 // as it counts against the bound of its target
	Counted bool
	Code    contract.Code
	At      int64 // milliseconds since 1970
	Late    bool  // it lies at or below the target's watermark, which cannot be (rule 8)
	Damaged bool  // its own bytes are not those of a hint
}

const (
	// refusalsMax bounds the list of one target; there may be more.
	refusalsMax = 256
	// alarmsMax bounds the alarms of one Tick.
	alarmsMax = 16
)

// refusals are the hints for a target that it has refused and that are stored
// still.
type refusals struct {
	list     []Refused // sorted by place
	unlisted int64
	low      hlc.Timestamp // none of them lies below
	bytes    int64
	retry    int64 // monotonic milliseconds at which those that are not late are tried again
	hopeful  bool  // there is such a one
}

func (r *refusals) count() int64 { return int64(len(r.list)) + r.unlisted }

func (r *refusals) find(p Place) (int, bool) {
	return slices.BinarySearchFunc(r.list, p, func(q Refused, p Place) int { return q.Compare(p) })
}

// known says whether the hint at a place was refused before.
func (r *refusals) known(p Place) bool {
	if len(r.list) == 0 {
		return false
	}
	_, found := r.find(p)
	return found
}

// add keeps a refusal; its key is copied.
func (r *refusals) add(q Refused) {
	r.low = min(r.low, q.Version.Time)
	r.bytes += q.Bytes
	r.hopeful = r.hopeful || !q.Late && !q.Damaged
	if len(r.list) == refusalsMax {
		r.unlisted++
		return
	}
	q.Key = bytes.Clone(q.Key)
	i, _ := r.find(q.Place)
	r.list = slices.Insert(r.list, i, q)
}

// refuse is told that the target has refused a hint for good.
func (c *Core) refuse(now Now, t *target, it *item, q Refused) {
	if t.drop.wanted {
		t.leave(it)
		return
	}
	it.state = retained
	q.Target, q.Place, q.Counted, q.At, q.Bytes = t.id, t.page.place(it), it.counted, now.Physical, t.page.size(it)
	t.sums.refused++
	if !t.refusals.hopeful {
		t.refusals.retry = now.Mono + refuseAge*max(c.o.Retry.Milliseconds(), pauseLow)
	}
	t.refusals.add(q)
	if q.Late {
		t.sums.late++
		if len(c.alarms) < alarmsMax {
			q.Key = bytes.Clone(q.Key)
			c.alarms = append(c.alarms, q)
		}
	}
}

// forgive forgets the refusals, so that the hints are tried again; with all set
// also those that cannot be taken by the rules.
func (t *target) forgive(all bool) {
	r := &t.refusals
	if r.count() == 0 {
		return
	}
	t.again = min(t.again, r.low)
	kept := refusals{low: never}
	for _, q := range r.list {
		if !all && (q.Late || q.Damaged) {
			kept.add(q)
		}
	}
	*r = kept
}

// Refused lists the hints that were refused and are there still, of all targets
// in the order of their ids; more is how many others there are.
func (c *Core) Refused() (list []Refused, more int64) {
	for _, t := range c.sorted {
		for _, q := range t.refusals.list {
			q.Key = bytes.Clone(q.Key)
			list = append(list, q)
		}
		more += t.refusals.unlisted
	}
	return list, more
}
