package repair

import (
	"bytes"
	"errors"
	"slices"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/traitor"
)

// rebuild brings one partition back into service that may hold less than this node
// has told others (rule 8):
//
//	SOURCE  asked of all other replicas; a quorum of them, the sources, say their
//	        marks and what this node has told them, and forget what was proved with it.
//	        Floor, fence and watermark are durable before anything else is taken.
//	clean   own records that are damaged go
//	VOIDS   the notes of the sources come
//	rounds  the own tree is counted from storage and compared with that of each
//	        source; in the leaves that differ the lists of all sources are read,
//	        what is newer there is taken, and what is at or below the fence here and
//	        nowhere there goes. A round that has found no such thing below the floors is
//	        the proof.
//	Release back in service
//
// It is done in one epoch, the one that says that this node is rebuilt or a later
// one, so that no source takes any more what was sent before; an epoch in between
// begins it anew, and so does any failure. Beginning anew costs little: what was
// taken is equal by then.
type rebuild struct {
	part    *part
	over    bool
	stage   Stage
	sources []*source
	need    int  // how many there have to be
	bare    bool // no copy is left: all of one's own that is intact is kept
	asked   int  // answers that are waited for
	reason  Blame

	fence, purge hlc.Timestamp            // of the sources, when it began
	writing      int                      // own writes that are under way
	wrote        func(*rebuild, *Effects) // behind them

	cleaned *Place // where the cleaning goes on behind; nil: at the beginning
	voids   int    // the source whose notes are taken

	round  int
	since  int64         // when the count of this round was asked for
	dirty  bool          // the present round has found what it must not
	bound  hlc.Timestamp // the least floor of the sources in this round
	leaves []uint16      // that differ, still to be looked at
	group  []uint16      // that are looked at now
	acts   []act
	acting int
}

// source is a replica that a partition is rebuilt from.
type source struct {
	*peer
	reason  Reason
	marks   sourceMarks
	end     *voidPlace // of the notes that were taken
	descent descent
	list    list
	entries []entry // of the group
}

// act is one thing to be done to a key: take what a source has, or drop one's own.
type act struct {
	at      Place
	from    *source // nil: drop
	version hlc.Version
}

const (
	// rebuildsMax is how many partitions are rebuilt at once, roundsMax how many
	// rounds one may take before it begins anew.
	rebuildsMax = 4
	roundsMax   = 8
	// groupRecords is about how many records of a source are looked at together.
	groupRecords = 4096
	// cleanStep is how many records are read at once when a partition is cleaned.
	cleanStep = 4096
	// rebuildRetry is how long, in milliseconds, a rebuild that failed rests.
	rebuildRetry = second
	// countAgain is after how long, in milliseconds, a count is asked for again.
	countAgain = 120 * second
)

// Rebuild tells from which epoch on this node's partitions that are in quarantine may
// be rebuilt: the one that says so, decided after all of them had stopped to serve.
// 0: there is none.
func (c *Core) Rebuild(from uint64) { c.barrier = from }

// Forget takes back all that was proved with a member, which an epoch says is being
// rebuilt. It is told before this node acts on that epoch.
func (c *Core) Forget(id ring.NodeID) {
	for _, p := range c.parts {
		if x := p.pair(id); x != nil {
			c.forget(p, x)
		}
	}
}

// rebuildAll begins rebuilds and goes on with those that wait for the rate limit.
func (c *Core) rebuildAll(out *Effects) {
	running := 0
	for _, p := range c.parts {
		if p.rebuild != nil {
			running++
			c.act(p.rebuild, out)
			c.askCount(p.rebuild, out)
		}
	}
	for _, p := range c.parts {
		if p.isolated && p.rebuild == nil && running < rebuildsMax && c.now >= p.retry && c.local.Marks(p.partition).Quarantined {
			p.blame = c.beginRebuild(p, out)
			if p.rebuild != nil {
				running++
			}
		}
	}
}

// quorumOf is how many of so many others make up for what this node has lost: with it
// they were a quorum of all, so one of each quorum that it was part of is among them.
func quorumOf(others int) int {
	if traitor.Is(traitor.RebuildFromOne) {
		return 1
	}
	return others/2 + 1
}

// beginRebuild asks all others, or says who is missing.
func (c *Core) beginRebuild(p *part, out *Effects) Blame {
	if (c.barrier == 0 || c.epoch() < c.barrier) && !traitor.Is(traitor.RebuildWithoutEpoch) {
		return Blame{c.o.Self, NoEpoch}
	}
	if len(p.pairs) == 0 && !c.givenUp(p.partition, c.o.Self) {
		return Blame{c.o.Self, NoCopies}
	}
	r := &rebuild{part: p, stage: AsksSources}
	var ids []ring.NodeID
	ids, r.need, r.bare = c.sourcesOf(p)
	for _, id := range ids {
		if c.local.Reachable(id) {
			r.sources = append(r.sources, &source{peer: c.peer(id)})
		} else if r.reason == (Blame{}) {
			r.reason = Blame{id, Unreachable}
		}
	}
	if len(r.sources) < r.need {
		return r.reason
	}
	p.rebuild = r
	if len(r.sources) == 0 {
		c.takeMarks(r, out)
	}
	for _, s := range r.sources {
		c.ask1(r, s, kindSource, partitionOnly(p.partition), out, func(a result, out *Effects) Reason {
			var err error
			if s.marks, err = parseSourceMarks(a.body); err != nil || s.marks.partition != p.partition {
				return Malformed
			}
			return None
		}, c.choose)
	}
	return Blame{}
}

// ask1 asks one source. What it has failed at is noted with it; when all that was
// asked is answered, all goes on.
func (c *Core) ask1(r *rebuild, s *source, kind byte, b body, out *Effects, take func(result, *Effects) Reason, all func(*rebuild, *Effects)) {
	r.asked++
	c.send(s.id, kind, b, out, func(a result, out *Effects) {
		if r.over {
			return
		}
		r.asked--
		if s.reason = a.reason; s.reason == None {
			s.reason = take(a, out)
		}
		if r.asked == 0 && !r.over {
			all(r, out)
		}
	})
}

// choose takes the first that can be sources, and makes their marks one's own.
func (c *Core) choose(r *rebuild, out *Effects) {
	if r.bare {
		c.takeMarks(r, out)
		return
	}
	var floor hlc.Timestamp
	good := r.sources[:0:0]
	for _, s := range r.sources {
		if s.reason != None {
			r.reason = Blame{s.id, s.reason}
			continue
		}
		floor = max(floor, s.marks.told)
		good = append(good, s)
	}
	if len(good) < r.need {
		c.failRebuild(r, r.reason)
		return
	}
	r.sources, r.reason = good[:r.need], Blame{}
	for _, s := range r.sources {
		r.fence, r.purge = max(r.fence, s.marks.fence), max(r.purge, s.marks.purge)
	}
	c.adoptMarks(r, floor, out)
}

// adoptMarks makes floor and marks durable, and then goes on.
func (c *Core) adoptMarks(r *rebuild, floor hlc.Timestamp, out *Effects) {
	own := c.local.Marks(r.part.partition)
	r.fence = max(r.fence, r.purge)
	if traitor.Is(traitor.RebuildDropsWatermark) {
		r.fence, r.purge = 0, 0
	}
	r.wrote = c.clean
	if floor > c.local.Floor() {
		c.writeFor(r, Write{Kind: SetFloor, Mark: floor}, out)
	}
	if r.purge > own.Purge {
		c.writeFor(r, Write{Kind: Adopt, Mark: r.purge}, out)
	}
	if r.fence > own.Fence {
		c.writeFor(r, Write{Kind: Fence, Mark: r.fence}, out)
	}
	r.fence, r.purge = max(r.fence, own.Fence), max(r.purge, own.Purge)
	c.written(r, out)
}

// writeFor makes one of the writes after which a rebuild goes on with r.wrote.
func (c *Core) writeFor(r *rebuild, w Write, out *Effects) {
	r.writing++
	w.Partition = r.part.partition
	c.write(w, out, func(a result, out *Effects) {
		if r.over {
			return
		}
		if r.writing--; a.reason != None {
			c.failRebuild(r, Blame{c.o.Self, a.reason})
			return
		}
		c.written(r, out)
	})
}

// written goes on when all is durable.
func (c *Core) written(r *rebuild, out *Effects) {
	if r.writing == 0 && r.wrote != nil && !r.over {
		next := r.wrote
		r.wrote = nil
		next(r, out)
	}
}

// clean removes what is damaged, a step at a time: it counts as absent, and the
// rounds bring what the others hold in its place.
func (c *Core) clean(r *rebuild, out *Effects) {
	r.stage = Cleans
	from, last := c.tokens64(r.part)
	var namespace uint32
	var after []byte
	if r.cleaned != nil {
		from, namespace, after = r.cleaned.Token, r.cleaned.Namespace, r.cleaned.Key
	}
	looked, more := 0, false
	var damaged []Place
	err := c.local.Range(from, namespace, after, last, func(token uint64, namespace uint32, key, rec []byte) bool {
		if more = looked == cleanStep; more {
			return false
		}
		looked++
		at := Place{token, namespace, bytes.Clone(key)}
		r.cleaned = &at
		if _, err := record.Verify(namespace, key, rec); err != nil {
			damaged = append(damaged, at)
		}
		return true
	})
	if err != nil {
		c.brokenRange(r, from, err, out)
		return
	}
	r.wrote = c.takeVoids
	if more {
		r.wrote = c.clean
	}
	for _, at := range damaged {
		c.counters.Damaged++
		c.writeFor(r, Write{Kind: Drop, Place: at}, out)
	}
	c.written(r, out)
}

// brokenRange ends a rebuild that cannot read what is stored here.
func (c *Core) brokenRange(r *rebuild, from uint64, err error, out *Effects) {
	if errors.Is(err, record.ErrCorrupt) {
		out.Damaged = append(out.Damaged, Place{Token: from})
	}
	c.failRebuild(r, Blame{c.o.Self, Damaged})
}

// takeVoids takes the notes of one source after the other, a page at a time.
func (c *Core) takeVoids(r *rebuild, out *Effects) {
	r.stage = TakesVoids
	if r.voids == len(r.sources) {
		c.nextRound(r, out)
		return
	}
	s := r.sources[r.voids]
	page := voidPage{}
	c.ask1(r, s, kindVoids, wantedVoids{r.part.partition, s.end}, out, func(a result, out *Effects) (why Reason) {
		var err error
		if page, err = parseVoidPage(a.body); err != nil || page.partition != r.part.partition {
			return Malformed
		}
		return None
	}, func(r *rebuild, out *Effects) {
		if s.reason != None {
			c.failRebuild(r, Blame{s.id, s.reason})
			return
		}
		if r.wrote = c.takeVoids; !page.more {
			r.voids++
		}
		for i := range page.notes {
			v := &page.notes[i]
			s.end = v
			c.writeFor(r, Write{Kind: Note, Place: v.Place, Version: v.version}, out)
		}
		c.written(r, out)
	})
}

// nextRound begins a round with a count of what is stored.
func (c *Core) nextRound(r *rebuild, out *Effects) {
	if r.round++; r.round > roundsMax {
		c.failRebuild(r, Blame{r.sources[0].id, Differing}) // without sources the first round is the last
		return
	}
	r.stage, r.dirty, r.bound, r.since = Counts, false, 0, c.now
	out.Recounts = append(out.Recounts, r.part.partition)
}

// askCount asks for a count again of which nothing was heard.
func (c *Core) askCount(r *rebuild, out *Effects) {
	if r.stage == Counts && c.now-r.since >= countAgain {
		r.since = c.now
		out.Recounts = append(out.Recounts, r.part.partition)
	}
}

// rebuildCounted goes on when the tree was counted.
func (c *Core) rebuildCounted(partition int, ok bool, out *Effects) {
	p := c.part(partition)
	if p == nil || p.rebuild == nil || p.rebuild.stage != Counts {
		return
	}
	if !ok {
		c.failRebuild(p.rebuild, Blame{c.o.Self, Damaged})
		return
	}
	c.compareTrees(p.rebuild, out)
}

// failRebuild ends a rebuild. It is begun anew after a while.
func (c *Core) failRebuild(r *rebuild, why Blame) {
	if r.over {
		return
	}
	r.over = true
	c.counters.RebuildsFailed++
	r.part.rebuild, r.part.retry, r.part.blame = nil, c.now+rebuildRetry, why
}

// release ends a rebuild: the partition serves and votes again once that is durable.
func (c *Core) release(r *rebuild, out *Effects) {
	r.stage = Releases
	r.wrote = func(r *rebuild, _ *Effects) {
		r.over = true
		r.part.rebuild, r.part.blame = nil, Blame{}
		c.counters.Rebuilt++
	}
	c.writeFor(r, Write{Kind: Release}, out)
}

// stopRebuilds forgets all rebuilds, for an epoch in which they begin anew.
func (c *Core) stopRebuilds() {
	for _, p := range c.parts {
		if p.rebuild != nil {
			c.failRebuild(p.rebuild, Blame{c.o.Self, OtherEpoch})
			p.retry = c.now
		}
	}
}

// The other side.

// answerSource says the marks of a partition to a replica that is rebuilt. What was
// proved with it is so no more.
func (c *Core) answerSource(from *peer, r reader) (body, error) {
	partition, err := parsePartitionOnly(r)
	if err != nil {
		return nil, err
	}
	p, err := c.shared(from, partition)
	if err != nil {
		if p = c.part(partition); p == nil || p.pair(from.id) == nil || !c.bare(p, from.id) {
			return nil, err
		}
	}
	c.forget(p, p.pair(from.id))
	m := c.local.Marks(partition)
	return sourceMarks{partition, from.floor, m.Fence, m.Purge}, nil
}

// answerVoids lists notes behind one.
func (c *Core) answerVoids(from *peer, r reader) (body, error) {
	m, err := parseWantedVoids(r)
	if err != nil {
		return nil, err
	}
	p, err := c.shared(from, m.partition)
	if err != nil {
		return nil, err
	}
	first, last := c.tokens64(p)
	if m.after != nil && m.after.Token >= first {
		first = m.after.Token
	}
	page, size := voidPage{partition: m.partition}, 0
	err = c.local.Voids(first, last, func(token uint64, namespace uint32, key []byte, version hlc.Version) bool {
		v := voidPlace{Place{token, namespace, bytes.Clone(key)}, version}
		if m.after != nil && v.compare(*m.after) <= 0 {
			return true
		}
		if page.more = size >= pageBytes; page.more {
			return false
		}
		page.notes = append(page.notes, v)
		size += voidBytes + len(key)
		return true
	})
	if err != nil {
		return nil, refusedError{Damaged}
	}
	c.spend(int64(size))
	return page, nil
}

// compareTrees compares the own tree with that of each source.
func (c *Core) compareTrees(r *rebuild, out *Effects) {
	r.stage, r.leaves, r.group = Compares, nil, nil
	if len(r.sources) == 0 {
		c.compared1(r, out)
		return
	}
	for _, s := range r.sources {
		s.descent = descent{}
		c.ask1(r, s, kindOpen, opening{partition: r.part.partition, floor: c.local.Floor()}, out, func(a result, out *Effects) Reason {
			return c.openSource(r, s, a, out)
		}, c.compared1)
	}
}

// sourceFailed says whether a source has failed at what all were asked, with which the
// attempt has failed.
func (c *Core) sourceFailed(r *rebuild) bool {
	for _, s := range r.sources {
		if s.reason != None {
			c.failRebuild(r, Blame{s.id, s.reason})
			return true
		}
	}
	return false
}

// compared1 goes on when all comparisons are at their end.
func (c *Core) compared1(r *rebuild, out *Effects) {
	if c.sourceFailed(r) {
		return
	}
	for _, s := range r.sources {
		r.leaves = append(r.leaves, s.descent.Leaves()...)
	}
	slices.Sort(r.leaves)
	r.leaves = slices.Compact(r.leaves)
	c.nextGroup(r, out)
}
