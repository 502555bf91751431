package sim

import (
	"bytes"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// SCAN: a walk through a namespace shows, in order, each key with the prefix that
// stood before it began and has not been changed meanwhile, as a GET at its level
// would. Its coverage adds up, and says at how many partitions the level was met.

// walk is a client's scan: where it is, and what the checkers know about it.
type walk struct {
	o        *operation
	failures int
	pages    int
	items    int // of the last page, those that never expire
	ended    bool
	refused  bool // a page was, and the scan went on
	weakened bool
	token    uint64
	key      []byte
	coverage wire.Coverage

	began  []hlc.Version // by key, what the whole scan has to show
	floors []hlc.Version // by key, what the present page has to
	held   []uint16      // by key, how many replicas held that which some did, when the page was asked for
	shown  []bool        // by key
}

// mine says whether a key is one that the walk has to show.
func (w *walk) mine(k *key) bool { return k.space == w.o.space && bytes.HasPrefix(k.name, w.o.prefix) }

// sent notes what the page that is asked for has to show.
func (w *walk) sent(s *Sim, a *attempt) {
	level := a.asked[0].level
	w.floors, w.held = w.floors[:0], w.held[:0]
	for _, k := range s.history.keys {
		var floor hlc.Version
		held := 0
		if w.mine(k) {
			q := needsOf(level, &k.sizes, a.node.region)
			if w.o.has(contract.Weaken) {
				q = needsOf(contract.One, &k.sizes, 0)
			}
			floor = k.floor(&q)
			held = s.check.inStep(k)
		}
		w.floors, w.held = append(w.floors, floor), append(w.held, uint16(held))
	}
	if w.began == nil {
		// Its pages may go through several regions: of a local level all that
		// counts is that it asks one replica.
		w.began = make([]hlc.Version, len(w.floors))
		for _, k := range s.history.keys {
			q := needsOf(level, &k.sizes, a.node.region)
			if !counts(level) || w.o.has(contract.Weaken) {
				q = needsOf(contract.One, &k.sizes, 0)
			}
			if w.mine(k) {
				w.began[k.index] = k.floor(&q)
			}
		}
		w.shown = make([]bool, len(w.began))
	}
}

// goesOn says whether there is another page, or the last one is tried again.
func (w *walk) goesOn(o *operation) bool {
	if !o.acked {
		w.failures++
		w.refused = true
	}
	o.acked, o.tries = false, 0
	return !w.ended && w.failures < 3 && w.pages < 30
}

// page checks one page of a scan.
func (w *walk) page(s *Sim, a *attempt, page *wire.ScanAnswer) {
	w.pages++
	w.items = 0
	s.fig.Pages++
	if w.refused {
		s.mark(markScanUnavailable)
	}
	w.refused = false
	w.covered(s, page)
	for i := range page.Items {
		it := &page.Items[i]
		k := s.history.find(w.o.space.number, it.Key)
		switch {
		case k == nil:
			s.fail("REG", "a scan of %s shows key %q, which nobody wrote", w.o.space.Name, it.Key)
			return
		case !w.mine(k):
			s.fail("SCAN", "prefix %q brings key %q", w.o.prefix, it.Key)
		case w.key != nil && (k.token < w.token || k.token == w.token && bytes.Compare(k.name, w.key) <= 0):
			s.fail("SCAN", "key %q comes behind %q", it.Key, w.key)
		}
		w.token, w.key = k.token, k.name
		if it.ExpiresAt == 0 {
			w.items++
		}
		w.item(s, a, page, k, it)
	}
	w.o.cursor = page.Cursor
	if w.ended = page.Cursor == nil; w.ended {
		s.fig.Scans++
		w.complete(s)
	}
}

// item checks one row.
func (w *walk) item(s *Sim, a *attempt, page *wire.ScanAnswer, k *key, it *wire.ScanItem) {
	if k.index < len(w.floors) && it.Version.Less(w.floors[k.index]) && k.wrecked < w.o.invoked {
		s.failKey(k, "REG", "%v shows version %v, but %v was acknowledged or read before the page was asked for", w.o, it.Version, w.floors[k.index])
	}
	if k.index < len(w.shown) {
		w.shown[k.index] = true
	}
	v := s.check.shown(k, it.Version, it.ExpiresAt, anyTime, true)
	switch {
	case v == nil:
	case w.o.keysOnly && it.Value != nil:
		s.failKey(k, "SCAN", "%v shows a value, under keys only", w.o)
	case !w.o.keysOnly:
		s.check.content(k, v, it.Value)
	}
	if w.met(s, page, k) {
		q := needsOf(a.asked[0].level, &k.sizes, a.node.region)
		k.told(&q, it.Version, w.o.invoked)
	}
}

// met says whether the coverage of a page claims that a key which it shows was
// answered at the level. Of a partition that the page has not ended it claims
// nothing yet.
func (w *walk) met(s *Sim, page *wire.ScanAnswer, k *key) bool {
	c := page.Coverage
	if c.MetLevel < c.Done || !w.o.has(contract.Weaken) || c.Done == c.Asked {
		return c.MetLevel == c.Done
	}
	last := s.history.find(w.o.space.number, page.Items[len(page.Items)-1].Key)
	view := s.cluster.Ring
	return last != nil && view.PartitionOf(ring.Token(last.token)) != view.PartitionOf(ring.Token(k.token))
}

// covered checks the coverage of a page against that of the page before it.
func (w *walk) covered(s *Sim, page *wire.ScanAnswer) {
	c, was := page.Coverage, w.coverage
	all := uint64(s.plan.Partitions)
	if w.o.oneTag() {
		all = 1
	}
	w.coverage = c
	if w.weakened = c.MetLevel < c.Done; w.weakened {
		s.mark(markScanWeakened)
	}
	switch {
	case c.Done < was.Done || c.MetLevel < was.MetLevel || c.Asked < was.Asked:
		s.fail("TRUTH", "%v: its coverage goes back from %+v to %+v", w.o, was, c)
	case c.MetLevel > c.Done || c.Done > c.Asked || c.Asked > all:
		s.fail("TRUTH", "%v: its coverage %+v does not add up, of %d partitions", w.o, c, all)
	case w.weakened && !w.o.has(contract.Weaken):
		s.fail("TRUTH", "%v was weakened unasked: %+v", w.o, c)
	case page.Cursor == nil && (c.Done != all || c.Asked != all):
		s.fail("TRUTH", "a whole scan of prefix %q says %+v, of %d partitions", w.o.prefix, c, all)
	}
}

// oneTag says whether a scan's prefix holds a whole tag, and so one partition.
func (o *operation) oneTag() bool {
	end := bytes.IndexByte(o.prefix, '}')
	return len(o.prefix) > 0 && o.prefix[0] == '{' && end > 1
}

// complete checks at the end that nothing is missing: a key of which a live
// value was acknowledged before the scan began, and that was neither deleted
// since nor can have expired.
func (w *walk) complete(s *Sim) {
	for i, v := range w.began {
		k := s.history.keys[i]
		if w.shown[i] || v.IsZero() || k.wrecked > w.o.invoked {
			continue
		}
		if o := s.history.byVersion[v]; o == nil || !o.liveAt(1<<62) {
			continue
		}
		gone := false
		for _, o := range k.operations {
			gone = gone || o.writes() && !o.liveAt(1<<62) && (o.version.IsZero() || v.Less(o.version))
		}
		if !gone {
			s.failKey(k, "SCAN", "%v has ended without it, but %v was acknowledged before it began", w.o, v)
			return
		}
	}
}

// leaves checks a page at the moment at which it leaves its node: what it shows
// at the level asked is held so.
func (w *walk) leaves(c *checker, a *attempt, page *wire.ScanAnswer) {
	for i := range page.Items {
		it := &page.Items[i]
		k := c.s.history.find(w.o.space.number, it.Key)
		if k == nil || !w.met(c.s, page, k) {
			continue
		}
		q := needsOf(a.asked[0].level, &k.sizes, a.node.region)
		if !c.meets(k, &q, it.Version) {
			c.s.failKey(k, "TRUTH", "%v shows version %v, which too few replicas hold for its level: %v", w.o, it.Version, c.holders(k, it.Version))
		}
		if k.index < len(w.held) && int(w.held[k.index]) < k.sizes[0] && c.inStep(k) > int(w.held[k.index]) && q.total() > 1 {
			c.s.mark(markScanMerged)
		}
	}
}
