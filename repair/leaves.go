package repair

import (
	"bytes"
	"errors"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/traitor"
)

// list is what one side holds in the leaves that differ, as far as it was read.
type list struct {
	page
	last  bool  // nothing comes behind these entries
	begun bool  // a page was read
	end   Place // of the last page
}

// read puts in the next page.
func (l *list) read(p page) {
	l.page, l.last = p, !p.more
	if n := len(p.entries); n > 0 {
		l.begun, l.end = true, p.entries[n-1].Place
	}
}

// wanted is what to ask for next.
func (l *list) wanted(partition int, leaves []uint16) wanted {
	return wanted{partition: partition, leaves: leaves, begun: l.begun, after: l.end}
}

// errPageFull ends the walk of a page; it never leaves this file.
var errPageFull = errors.New("page is full")

// list reads one page of records of some leaves of a partition. The fence is read
// before them and the purge mark after: whoever holds one of them may say "fence",
// and one that is not among them may have been purged below "purge".
func (c *Core) list(w wanted, out *Effects) (page, error) {
	p := page{partition: w.partition, fence: c.local.Marks(w.partition).Fence}
	size := 0
	for i := 0; i < len(w.leaves); {
		from, last := c.o.Shape.Tokens(w.partition, c.view.Bits(), int(w.leaves[i]))
		// Leaves that lie side by side are one range.
		for i++; i < len(w.leaves) && w.leaves[i] == w.leaves[i-1]+1; i++ {
			_, last = c.o.Shape.Tokens(w.partition, c.view.Bits(), int(w.leaves[i]))
		}
		var namespace uint32
		var after []byte
		if w.begun && w.after.Token > last {
			continue
		}
		if w.begun && w.after.Token >= from {
			from, namespace, after = w.after.Token, w.after.Namespace, w.after.Key
		}
		err := c.span(&p, &size, from, namespace, after, last, out)
		if errors.Is(err, errPageFull) {
			p.more = true
			break
		}
		if err != nil {
			return page{}, err
		}
	}
	p.purge = c.local.Marks(w.partition).Purge
	c.spend(int64(size))
	return p, nil
}

// span adds the records of a range of tokens to a page.
func (c *Core) span(p *page, size *int, from uint64, namespace uint32, after []byte, last uint64, out *Effects) error {
	var failed error
	err := c.local.Range(from, namespace, after, last, func(token uint64, namespace uint32, key, rec []byte) bool {
		if *size >= pageBytes {
			failed = errPageFull
			return false
		}
		at := Place{token, namespace, bytes.Clone(key)}
		if _, err := record.Verify(namespace, key, rec); err != nil {
			c.damaged(at, out)
			failed = refusedError{Damaged}
			return false
		}
		header, _ := record.Header(rec) // a record that was verified has one
		e := entry{at, bytes.Clone(header)}
		p.entries = append(p.entries, e)
		*size += e.bytes()
		return true
	})
	if err != nil {
		if errors.Is(err, record.ErrCorrupt) {
			c.damaged(Place{Token: from}, out)
		}
		return refusedError{Damaged}
	}
	return failed
}

func (c *Core) damaged(at Place, out *Effects) {
	c.counters.Damaged++
	out.Damaged = append(out.Damaged, at)
	c.Heal(at)
}

func (c *Core) answerLeaves(from *peer, r reader, out *Effects) (body, error) {
	m, err := parseWanted(r)
	if err != nil {
		return nil, err
	}
	if _, err := c.shared(from, m.partition); err != nil {
		return nil, err
	}
	if n := len(m.leaves); n > 0 && int(m.leaves[n-1]) >= c.o.Shape.Leaves() {
		return nil, refusedError{Malformed}
	}
	return c.list(m, out)
}

// merge walks both lists side by side and notes what has to move, until one of
// them has to be read on, or enough has been noted. What moves is durable before
// the walk goes on.
func (c *Core) merge(e *exchange, out *Effects) {
	for !e.over && len(e.moves) < movesMax {
		a, b := e.mine.entries, e.theirs.entries
		switch {
		case len(a) == 0 && !e.mine.last:
			if !e.mayRead(c.now) {
				return // the next Tick goes on
			}
			p, err := c.list(e.mine.wanted(e.part.partition, e.leaves), out)
			if err != nil {
				c.fail(e, Damaged, out)
				return
			}
			e.mine.read(p)
		case len(b) == 0 && !e.theirs.last:
			if len(e.moves)+e.moving > 0 {
				c.move(e, out)
				return
			}
			c.turn(e, out)
			return
		case len(a)+len(b) == 0:
			c.move(e, out)
			return
		default:
			c.settle(e)
		}
	}
	c.move(e, out)
}

// pagesAtOnce is how many of its own pages an exchange reads between two Ticks.
const pagesAtOnce = 4

// mayRead says whether one more page may be read now. Where one side holds much
// that the other does not, and nothing of it moves, only that ends the walk.
func (e *exchange) mayRead(now int64) bool {
	if e.readAt != now {
		e.readAt, e.pages = now, 0
	}
	e.pages++
	return e.pages <= pagesAtOnce
}

// turn asks for the next page of the other side.
func (c *Core) turn(e *exchange, out *Effects) {
	c.ask(e, kindLeaves, e.theirs.wanted(e.part.partition, e.leaves), out, func(r result, out *Effects) Reason {
		p, err := parsePage(r.body)
		if err != nil || p.partition != e.part.partition {
			return Malformed
		}
		if len(p.entries) > 0 && e.theirs.begun && p.entries[0].compare(e.theirs.end) <= 0 {
			return Malformed
		}
		c.spend(int64(len(r.body.b)))
		e.theirs.read(p)
		c.merge(e, out)
		return None
	})
}

// settle takes the first key of both lists and decides what becomes of it. What
// may have been purged on either side counts as absent on both. If the older side
// is above the bound, it is not missing anything that this exchange could prove,
// and the write path is still at both. But a newer record that stands alone, or on
// one at or below the bound, moves even if it is above it: it may have
// replaced what the other side never had.
func (c *Core) settle(e *exchange) {
	var a, b []byte
	var at Place
	switch order := e.order(); {
	case order < 0:
		at, a = e.mine.take()
	case order > 0:
		at, b = e.theirs.take()
	default:
		at, a = e.mine.take()
		_, b = e.theirs.take()
	}
	mark := max(e.mine.purge, e.theirs.purge)
	if dead(a, mark) {
		a = nil
	}
	if dead(b, mark) {
		b = nil
	}
	if bytes.Equal(a, b) {
		return
	}
	winner, conflict := record.Merge(a, b)
	if conflict {
		c.counters.Conflicts++
	}
	own := bytes.Equal(winner, a)
	loser := a
	if own {
		loser = b
	}
	if loser != nil && versionOf(loser).Time > e.bound ||
		traitor.Is(traitor.YoungStaysBehind) && versionOf(winner).Time > e.bound {
		return
	}
	e.differing++
	e.late = e.late || versionOf(winner).Time <= e.bound
	m := move{at: at, header: winner, own: own, fence: e.theirs.fence}
	m.absent = traitor.Is(traitor.AbsenceDeletes) && own && loser == nil
	e.moves = append(e.moves, m)
}

// order says which list has the lower key in front.
func (e *exchange) order() int {
	switch {
	case len(e.theirs.entries) == 0:
		return -1
	case len(e.mine.entries) == 0:
		return 1
	}
	return e.mine.entries[0].compare(e.theirs.entries[0].Place)
}

func (l *list) take() (Place, []byte) {
	e := l.entries[0]
	l.entries = l.entries[1:]
	return e.Place, e.header
}

// versionOf is the version of a record of a list, whose entries were looked at
// when it was read.
func versionOf(header []byte) hlc.Version {
	rec, err := record.Parse(header)
	if err != nil {
		panic("repair: a list holds what is no record: " + err.Error())
	}
	return rec.Version
}

// dead says whether a record may be purged below a mark: a tombstone with a lower
// version, or a value whose version and expiry are lower.
func dead(header []byte, mark hlc.Timestamp) bool {
	if header == nil {
		return false
	}
	rec, err := record.Parse(header)
	return err == nil && rec.Version.Time < mark &&
		(rec.Tombstone || rec.ExpiresAt != 0 && hlc.Make(rec.ExpiresAt, 0) < mark)
}

// movesMax is how many moves are noted before they are made, windowMax how many
// are under way at once.
const (
	movesMax  = 512
	windowMax = 64
)

// move is a key whose record goes from one side to the other.
type move struct {
	at     Place
	header []byte
	own    bool          // this side has the newer record
	fence  hlc.Timestamp // of the other side, before it listed its record
	absent bool          // a planted bug
}

// move makes the moves that were noted, as far as the rate limit goes, and goes on
// with the lists when all of them are durable.
func (c *Core) move(e *exchange, out *Effects) {
	if e.descent == nil {
		return
	}
	for !e.over && len(e.moves) > 0 && e.moving < windowMax && c.now >= c.paused {
		if e.pass != nil && e.pass.o.Preview {
			e.previewed, e.moves = true, nil
			break
		}
		if c.tokens <= 0 {
			return
		}
		m := e.moves[0]
		e.moves = e.moves[1:]
		if m.own {
			c.push(e, m, out)
		} else {
			c.pull(e, m, out)
		}
	}
	switch {
	case e.over || len(e.moves)+e.moving > 0:
	case e.asking:
	case e.mine.last && e.theirs.last && len(e.mine.entries)+len(e.theirs.entries) == 0:
		c.finish(e, out)
	default:
		c.merge(e, out)
	}
}

// moved ends one move.
func (c *Core) moved(e *exchange, r result, out *Effects) {
	if e.over {
		return
	}
	e.moving--
	if r.reason != None {
		c.fail(e, r.reason, out)
		return
	}
	e.fixed++
	c.move(e, out)
}

// push writes this side's record to the other. The fence is read before the
// record is: the other side takes nothing below its own from somebody who did not
// know of it.
func (c *Core) push(e *exchange, m move, out *Effects) {
	if m.absent {
		c.erase(e, m, out)
		return
	}
	partition := e.part.partition
	fence := c.local.Marks(partition).Fence
	rec, err := c.local.Record(m.at.Token, m.at.Namespace, m.at.Key)
	if err == nil && rec != nil {
		_, err = record.Verify(m.at.Namespace, m.at.Key, rec)
	}
	switch {
	case err != nil:
		c.damaged(m.at, out)
		c.fail(e, Damaged, out)
		return
	case rec == nil || dead(rec, c.local.Marks(partition).Purge):
		return // it was purged, or will be
	}
	e.moving++
	c.spend(int64(len(rec)))
	c.counters.RecordsOut++
	c.counters.RecordBytesOut += uint64(len(rec))
	w := Write{To: e.peer.id, Kind: Exchange, Partition: partition, Place: m.at, Record: rec, Mark: fence}
	c.write(w, out, func(r result, out *Effects) { c.moved(e, r, out) })
}

// erase is a planted bug: what the other side does not have goes away here.
func (c *Core) erase(e *exchange, m move, out *Effects) {
	e.moving++
	c.write(Write{Kind: Purge, Partition: e.part.partition, Place: m.at, Version: versionOf(m.header)}, out,
		func(_ result, out *Effects) { c.moved(e, result{}, out) })
}

// pull reads the other side's record and stores it here, under the fence that the
// other side had when it listed it.
func (c *Core) pull(e *exchange, m move, out *Effects) {
	e.moving++
	id, deadline := c.open(e.peer.id, func(r result, out *Effects) {
		if e.over {
			return
		}
		switch rec, err := record.Verify(m.at.Namespace, m.at.Key, r.record); {
		case r.reason != None:
			c.moved(e, r, out)
			return
		case r.record == nil:
			c.moved(e, result{reason: Busy}, out) // purged since
			return
		case err != nil:
			c.moved(e, result{reason: Damaged}, out)
			return
		case rec.Version.Less(versionOf(m.header)):
			c.moved(e, result{reason: Malformed}, out)
			return
		}
		c.spend(int64(len(r.record)))
		c.counters.RecordsIn++
		c.counters.RecordBytesIn += uint64(len(r.record))
		w := Write{Kind: Exchange, Partition: e.part.partition, Place: m.at, Record: r.record, Mark: m.fence}
		c.write(w, out, func(r result, out *Effects) { c.moved(e, r, out) })
	})
	out.Reads = append(out.Reads, Read{To: e.peer.id, Call: id, Deadline: deadline, Place: m.at})
}
