package repair

import (
	"bytes"
	"slices"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/merkle"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
)

// descent is a merkle.Descent, and the root with which it began.
type descent struct {
	*merkle.Descent
	root merkle.Node
}

// openSource takes the root of a source, and goes down from there.
func (c *Core) openSource(r *rebuild, s *source, a result, out *Effects) Reason {
	m, err := parseOpening(a.body, true)
	if err != nil || m.partition != r.part.partition {
		return Malformed
	}
	if r.bound == 0 || m.floor < r.bound {
		r.bound = m.floor
	}
	s.descent.root = m.root
	if !c.local.Tree(m.partition, func(t *merkle.Tree) { s.descent.Descent = merkle.Descend(t, m.root) }) {
		return Counting
	}
	return c.descendSource(r, s, out)
}

// descendSource asks for the next nodes of a source's tree, if there are more.
func (c *Core) descendSource(r *rebuild, s *source, out *Effects) Reason {
	q, more := s.descent.Question()
	if !more {
		return None
	}
	c.ask1(r, s, kindDescend, descend{r.part.partition, q.Append(nil)}, out, func(a result, out *Effects) Reason {
		m, err := parseDescend(a.body)
		if err != nil || m.partition != r.part.partition {
			return Malformed
		}
		nodes, err := merkle.ParseNodes(nil, m.piece)
		if err != nil {
			return Malformed
		}
		if !c.local.Tree(m.partition, func(t *merkle.Tree) { err = s.descent.Take(t, nodes) }) {
			return Counting
		}
		if err != nil {
			return Malformed
		}
		return c.descendSource(r, s, out)
	}, c.compared1)
	return None
}

// nextGroup reads what the sources hold in the next leaves that differ. A round ends
// behind the last: clean, or to be followed by another.
func (c *Core) nextGroup(r *rebuild, out *Effects) {
	if len(r.leaves) == 0 {
		if r.dirty {
			c.nextRound(r, out)
		} else {
			c.release(r, out)
		}
		return
	}
	r.stage = Takes
	most := uint64(1)
	for _, s := range r.sources {
		most = max(most, s.descent.root.Count/uint64(c.o.Shape.Leaves())+1)
	}
	n := min(len(r.leaves), int(max(1, groupRecords/most)))
	r.group, r.leaves = r.leaves[:n], r.leaves[n:]
	for _, s := range r.sources {
		s.list, s.entries = list{}, nil
		c.readSource(r, s, out)
	}
}

// readSource reads the next page of a source's list of the group.
func (c *Core) readSource(r *rebuild, s *source, out *Effects) {
	c.ask1(r, s, kindLeaves, s.list.wanted(r.part.partition, r.group), out, func(a result, out *Effects) Reason {
		p, err := parsePage(a.body)
		switch {
		case err != nil || p.partition != r.part.partition:
			return Malformed
		case len(p.entries) > 0 && s.list.begun && p.entries[0].compare(s.list.end) <= 0:
			return Malformed
		case p.purge > r.fence:
			return Stale // it has purged what this side would keep: the marks are to be taken anew
		}
		c.spend(int64(len(a.body.b)))
		s.entries = append(s.entries, p.entries...)
		if s.list.read(p); p.more {
			c.readSource(r, s, out)
		}
		return None
	}, c.decide)
}

// decide compares one's own list of the group with those of all sources.
func (c *Core) decide(r *rebuild, out *Effects) {
	if c.sourceFailed(r) {
		return
	}
	var own list
	var mine []entry
	for {
		p, err := c.list(own.wanted(r.part.partition, r.group), out)
		if err != nil {
			c.failRebuild(r, Blame{c.o.Self, Damaged})
			return
		}
		mine = append(mine, p.entries...)
		if own.read(p); !p.more {
			break
		}
	}
	for {
		at, some := lowest(mine, r.sources)
		if !some {
			break
		}
		c.decideKey(r, at, &mine)
	}
	c.act(r, out)
}

// lowest is the lowest place in front of the lists.
func lowest(mine []entry, sources []*source) (at Place, some bool) {
	if len(mine) > 0 {
		at, some = mine[0].Place, true
	}
	for _, s := range sources {
		if len(s.entries) > 0 && (!some || s.entries[0].compare(at) < 0) {
			at, some = s.entries[0].Place, true
		}
	}
	return at, some
}

// cut takes what a list says of a place.
func cut(l *[]entry, at Place) []byte {
	if len(*l) == 0 || (*l)[0].compare(at) != 0 {
		return nil
	}
	header := (*l)[0].header
	*l = (*l)[1:]
	return header
}

// decideKey decides what becomes of one key. What is dead below the watermark counts
// as absent. At or below the fence this node keeps only what a source holds; above
// it what it has of its own too.
func (c *Core) decideKey(r *rebuild, at Place, mine *[]entry) {
	own := cut(mine, at)
	var best []byte
	var from *source
	for _, s := range r.sources {
		theirs := cut(&s.entries, at)
		if theirs == nil || dead(theirs, r.purge) {
			continue
		}
		winner, conflict := record.Merge(theirs, best)
		if conflict {
			c.counters.Conflicts++
		}
		if best == nil || !bytes.Equal(winner, best) {
			best, from = winner, s
		}
	}
	switch {
	case bytes.Equal(own, best):
	case best != nil && (own == nil || newer(best, own)):
		v := versionOf(best)
		r.dirty = r.dirty || v.Time <= r.bound
		r.acts = append(r.acts, act{at, from, v})
	case own != nil && versionOf(own).Time <= r.fence:
		r.dirty = true
		r.acts = append(r.acts, act{at: at, version: versionOf(own)})
	}
}

// newer says whether a is what stays of a and b.
func newer(a, b []byte) bool {
	winner, _ := record.Merge(a, b)
	return bytes.Equal(winner, a)
}

// act does what was decided, as far as the rate limit goes, and then goes on.
func (c *Core) act(r *rebuild, out *Effects) {
	if r.stage != Takes || r.asked > 0 || r.over {
		return
	}
	for len(r.acts) > 0 && r.acting < windowMax {
		if c.tokens <= 0 {
			return
		}
		a := r.acts[0]
		r.acts = r.acts[1:]
		r.acting++
		if a.from == nil {
			c.counters.Dropped++
			w := Write{Kind: Drop, Partition: r.part.partition, Place: a.at, Version: a.version}
			c.write(w, out, func(x result, out *Effects) { c.acted(r, c.o.Self, x.reason, out) })
			continue
		}
		c.take1(r, a, out)
	}
	if len(r.acts)+r.acting == 0 {
		c.nextGroup(r, out)
	}
}

// acted ends one act.
func (c *Core) acted(r *rebuild, who ring.NodeID, why Reason, out *Effects) {
	if r.over {
		return
	}
	if r.acting--; why != None {
		c.failRebuild(r, Blame{who, why})
		return
	}
	c.act(r, out)
}

// take1 reads a record from a source and stores it here.
func (c *Core) take1(r *rebuild, a act, out *Effects) {
	id, deadline := c.open(a.from.id, func(x result, out *Effects) {
		if r.over {
			return
		}
		rec, err := record.Verify(a.at.Namespace, a.at.Key, x.record)
		switch {
		case x.reason != None:
		case x.record == nil: // purged since: the next round sees how
			r.dirty = true
			c.acted(r, a.from.id, None, out)
			return
		case err != nil:
			x.reason = Damaged
		case rec.Version.Less(a.version):
			x.reason = Malformed
		}
		if x.reason != None {
			c.acted(r, a.from.id, x.reason, out)
			return
		}
		c.spend(int64(len(x.record)))
		c.counters.Restored++
		w := Write{Kind: Restore, Partition: r.part.partition, Place: a.at, Record: x.record}
		c.write(w, out, func(x result, out *Effects) { c.acted(r, c.o.Self, x.reason, out) })
	})
	out.Reads = append(out.Reads, Read{To: a.from.id, Call: id, Deadline: deadline, Place: a.at})
}

// sourceMarks is the answer to SOURCE: the highest floor that the asker has told, and
// the marks of the partition.
type sourceMarks struct {
	partition          int
	told, fence, purge hlc.Timestamp
}

// voidPlace is a note: of a version of a key.
type voidPlace struct {
	Place
	version hlc.Version
}

func (v voidPlace) compare(o voidPlace) int {
	if order := v.Place.compare(o.Place); order != 0 {
		return order
	}
	return v.version.Compare(o.version)
}

// Stage is how far the rebuild of a partition is.
type Stage uint8

// The stages.
const (
	Waits Stage = iota
	AsksSources
	Cleans
	TakesVoids
	Counts
	Compares
	Takes
	Releases
)

var stages = [...]string{
	Waits: "waits", AsksSources: "asks the other replicas", Cleans: "removes what is damaged", TakesVoids: "takes what was given up",
	Counts: "counts its tree", Compares: "compares trees", Takes: "takes records", Releases: "goes back into service",
}

// String says it in a few words.
func (s Stage) String() string { return stages[s] }

// Rebuilt is how far one partition in quarantine is.
type Rebuilt struct {
	Partition int
	Stage     Stage
	Round     int
	Left      int   // leaves that differ, and were not looked at yet in this round
	Why       Blame // why it waits, or the last attempt failed
}

// Waiting is a partition that keeps a rebuild waiting; false: it goes on. While one of
// its partitions moves it does, whatever others have failed at last: their turn comes.
func Waiting(all []Rebuilt) (waits Rebuilt, found bool) {
	for _, r := range all {
		switch {
		case r.Stage > AsksSources:
			return Rebuilt{}, false
		case r.Stage == Waits && r.Why != (Blame{}) && r.Why.Why != NoEpoch && r.Why.Why != OtherEpoch:
			waits, found = r, true
		}
	}
	return waits, found
}

// Rebuilding lists the own partitions that are in quarantine.
func (c *Core) Rebuilding() (all []Rebuilt) {
	for _, p := range c.parts {
		if !c.local.Marks(p.partition).Quarantined {
			continue
		}
		row := Rebuilt{Partition: p.partition, Why: p.blame}
		if r := p.rebuild; r != nil {
			row.Stage, row.Round, row.Left = r.stage, r.round, len(r.leaves)+len(r.group)
		}
		all = append(all, row)
	}
	return slices.Clip(all)
}
