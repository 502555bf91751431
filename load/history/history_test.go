package history

import (
	"strings"
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
)

// teller tells a book a history, step by step; each test is one that must pass or
// one that must not.
type teller struct {
	*Book
	k *Key
}

func newTeller(lost int) *teller {
	b := NewBook(3, lost)
	return &teller{b, b.Key("k", false)}
}

func version(n int) hlc.Version {
	if n == 0 {
		return hlc.Version{}
	}
	return hlc.Version{Time: hlc.Timestamp(n << 20), Writer: 7}
}

func met(l contract.Level) Receipt {
	need, _ := l.Need(3)
	return Receipt{Level: l, Need: need, Asked: 3, Acked: need, Durable: need}
}

func (t *teller) begin(n int, remove bool) *Write {
	return t.k.BeginWrite(version(n), remove, contract.Quorum)
}

func (w *Write) ok() *Write {
	w.Done(Written{Version: w.version, Receipt: met(w.level)})
	return w
}

func (t *teller) put(n int) *Write { return t.begin(n, false).ok() }
func (t *teller) del(n int) *Write { return t.begin(n, true).ok() }

// answer ends a read with what w wrote; nil: with nothing.
func (r *Read) answer(w *Write) {
	a := Got{Receipt: met(r.level)}
	if w != nil {
		a.Version, a.Found, a.Value = w.version, !w.delete, w.Value()
	}
	r.End(a)
}

func (t *teller) read(w *Write) { t.k.BeginRead(contract.Quorum, hlc.Version{}).answer(w) }
func (t *teller) readOne(w *Write) {
	t.k.BeginRead(contract.One, hlc.Version{}).answer(w)
}

// on is a replica that holds what w wrote; nil: nothing.
func on(node string, w *Write) Replica {
	if w == nil {
		return OnDisk(node, nil)
	}
	return OnDisk(node, record.Append(nil, 1, w.key.Name(), record.Record{Version: w.version, Tombstone: w.delete, Value: w.Value()}))
}

func (t *teller) final(all ...*Write) {
	names, held := []string{"n1", "n2", "n3"}, []Replica(nil)
	for i, w := range all {
		held = append(held, on(names[i], w))
	}
	t.k.Final(held)
}

// A checker that lets everything pass would call any store truthful: each of
// these histories is one that must be found, by the name of what is wrong with it.
func TestBadHistoriesAreFound(t *testing.T) {
	for _, c := range []struct {
		name string
		lost int
		tell func(*teller)
		want Bad
	}{
		{"a read misses what was acknowledged", 0, func(b *teller) { one := b.put(1); b.put(2); b.read(one) }, Stale},
		{"a read finds nothing, of a key that was never deleted", 0, func(b *teller) { b.put(1); b.read(nil) }, Stale},
		{"a read of one replica misses what all acknowledged", 0, func(b *teller) {
			w := b.k.BeginWrite(version(1), false, contract.All).ok()
			_ = w
			b.readOne(nil)
		}, Stale},
		{"a read goes back behind a read", 0, func(b *teller) {
			one := b.put(1)
			two := b.begin(2, false)
			b.read(two)
			b.read(one)
		}, NotMonotone},
		{"a session is shown an older version than it names", 0, func(b *teller) {
			one, two := b.put(1), b.put(2)
			b.k.BeginRead(contract.One, two.version).answer(one)
		}, Stale},
		{"a deleted key is found with its old version", 0, func(b *teller) { one := b.put(1); b.del(2); b.read(one) }, Stale},
		{"a refused write is read", 0, func(b *teller) { w := b.begin(1, false); w.Refused("UNAVAILABLE"); b.readOne(w) }, Ghost},
		{"a write that was read is refused", 0, func(b *teller) { w := b.begin(1, false); b.readOne(w); w.Refused("UNAVAILABLE") }, Ghost},
		{"a refused write shows in EXPLAIN", 0, func(b *teller) {
			w := b.begin(1, false)
			w.Refused("UNAVAILABLE")
			b.k.BeginExplain().End([]Replica{on("n1", w)})
		}, Ghost},
		{"a refused write is what superseded another", 0, func(b *teller) {
			two := b.begin(2, false)
			two.Refused("UNAVAILABLE")
			one := b.begin(1, false)
			one.Done(Written{Version: one.version, SupersededBy: two.version, Receipt: met(contract.Quorum)})
		}, Ghost},
		{"a write that was given up is read", 0, func(b *teller) {
			w := b.begin(1, false)
			w.InDoubt("TIMEOUT")
			w.Settled(contract.NotApplied, hlc.Version{})
			b.read(w)
		}, Ghost},
		{"a write that was acknowledged is called not applied", 0, func(b *teller) { b.put(1).Settled(contract.NotApplied, hlc.Version{}) }, Untrue},
		{"a version that nobody wrote is read", 0, func(b *teller) {
			b.k.BeginRead(contract.One, hlc.Version{}).End(Got{Found: true, Version: version(9), Value: []byte("x"), Receipt: met(contract.One)})
		}, Fabricated},
		{"other bytes than were written are read", 0, func(b *teller) {
			w := b.put(1)
			b.k.BeginRead(contract.One, hlc.Version{}).End(Got{Found: true, Version: w.version, Value: w.Value()[1:], Receipt: met(contract.One)})
		}, Fabricated},
		{"a delete is read as a value", 0, func(b *teller) {
			w := b.del(1)
			b.k.BeginRead(contract.One, hlc.Version{}).End(Got{Found: true, Version: w.version, Receipt: met(contract.One)})
		}, Fabricated},
		{"a write is applied below what was acknowledged", 0, func(b *teller) { b.put(2); b.put(1) }, Untrue},
		{"an answer counts too few replicas", 0, func(b *teller) {
			w := b.begin(1, false)
			r := met(contract.Quorum)
			r.Acked, r.Durable = 1, 1
			w.Done(Written{Version: w.version, Receipt: r})
		}, Untrue},
		{"an answer counts a hint", 0, func(b *teller) {
			w := b.begin(1, false)
			r := met(contract.Quorum)
			r.Hinted = 1
			w.Done(Written{Version: w.version, Receipt: r})
		}, Untrue},
		{"a replica is counted twice", 0, func(b *teller) {
			w := b.begin(1, false)
			r := met(contract.Quorum)
			r.Rows = []Row{{"n1", contract.Durable}, {"n1", contract.Durable}}
			w.Done(Written{Version: w.version, Receipt: r})
		}, Untrue},
		{"a replica holds less than all were said to hold", 0, func(b *teller) {
			w := b.k.BeginWrite(version(1), false, contract.All).ok()
			b.k.BeginExplain().End([]Replica{on("n1", w), on("n2", w), on("n3", nil)})
		}, Untrue},
		{"no replica holds what a quorum was said to hold", 0, func(b *teller) {
			one := b.put(1)
			b.put(2)
			b.k.BeginExplain().End([]Replica{on("n1", one), on("n2", one), {Node: "n3"}})
		}, Untrue},
		{"a read is weakened, which it did not ask", 0, func(b *teller) {
			b.k.BeginRead(contract.Quorum, hlc.Version{}).End(Got{Receipt: met(contract.One)})
		}, Untrue},
		{"an acknowledged write is gone in the end", 0, func(b *teller) { b.put(1); b.final(nil, nil, nil) }, Lost},
		{"an older one stands in the end", 0, func(b *teller) { one := b.put(1); b.put(2); b.final(one, one, one) }, Lost},
		{"what was acknowledged by one replica is gone, and no disk was lost", 0, func(b *teller) {
			b.k.BeginWrite(version(1), false, contract.One).ok()
			b.final(nil, nil, nil)
		}, Lost},
		{"what a quorum held is gone, and one disk was lost", 1, func(b *teller) { b.put(1); b.final(nil, nil, nil) }, Lost},
		{"a deleted key is back in the end", 0, func(b *teller) { one := b.put(1); b.del(2); b.final(one, one, one) }, Resurrected},
		{"a refused write stands in the end", 0, func(b *teller) {
			w := b.begin(1, false)
			w.Refused("OVERLOADED")
			b.final(w, w, w)
		}, Ghost},
		{"the replicas differ in the end", 0, func(b *teller) { one, two := b.put(1), b.put(2); b.final(two, two, one) }, Diverged},
		{"a replica is missing in the end", 0, func(b *teller) { one := b.put(1); b.final(one, one) }, Diverged},
		{"a replica is damaged in the end", 0, func(b *teller) {
			one := b.put(1)
			b.k.Final([]Replica{on("n1", one), on("n2", one), OnDisk("n3", []byte("junk"))})
		}, Diverged},
		{"a version stands that nobody wrote", 0, func(b *teller) {
			b.begin(1, false).InDoubt("TIMEOUT")
			other := newTeller(0).put(5)
			b.final(other, other, other)
		}, Fabricated},
		{"the bytes on the disks are others than were written", 0, func(b *teller) {
			one := b.put(1)
			wrong := record.Append(nil, 1, []byte("k"), record.Record{Version: one.version, Value: make([]byte, len(one.Value()))})
			b.k.Final([]Replica{OnDisk("n1", wrong), OnDisk("n2", wrong), OnDisk("n3", wrong)})
		}, Fabricated},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newTeller(c.lost)
			c.tell(b)
			f := b.Figures()
			if f.Bad[c.want] == 0 || f.Broken() != f.Bad[c.want] {
				t.Fatalf("want only %v, found %v:\n%v", c.want, f.Bad, b.Findings())
			}
			if first := b.Findings()[0]; first.Key != "k" || len(first.History) == 0 || !strings.Contains(first.String(), "k, at ") {
				t.Errorf("the finding does not say enough: %v", first)
			}
		})
	}
}

// What may happen must not be found, or nobody would believe the checkers.
func TestGoodHistoriesPass(t *testing.T) {
	for _, c := range []struct {
		name string
		lost int
		tell func(*teller)
	}{
		{"write, read, delete, read", 0, func(b *teller) {
			one := b.put(1)
			b.read(one)
			two := b.del(2)
			b.read(two)
			b.final(two, two, two)
		}},
		{"a read that began before sees the old", 0, func(b *teller) {
			one := b.put(1)
			r := b.k.BeginRead(contract.Quorum, hlc.Version{})
			b.put(2)
			r.answer(one)
		}},
		{"a read of one replica is behind", 0, func(b *teller) { one := b.put(1); b.put(2); b.readOne(one) }},
		{"a write in doubt is there", 0, func(b *teller) { w := b.begin(1, false); w.InDoubt("TIMEOUT"); b.read(w); b.final(w, w, w) }},
		{"a write in doubt is not there", 0, func(b *teller) { b.begin(1, false).InDoubt("TIMEOUT"); b.read(nil); b.final(nil, nil, nil) }},
		{"a write without an answer is there", 0, func(b *teller) { w := b.begin(1, false); b.final(w, w, w) }},
		{"a write in doubt is committed, and stays", 0, func(b *teller) {
			w := b.begin(1, false)
			w.InDoubt("TIMEOUT")
			w.Settled(contract.Committed, hlc.Version{})
			b.read(w)
			b.final(w, w, w)
		}},
		{"a write in doubt is given up, and stays away", 0, func(b *teller) {
			w := b.begin(1, false)
			w.InDoubt("TIMEOUT")
			w.Settled(contract.NotApplied, hlc.Version{})
			b.read(nil)
			b.final(nil, nil, nil)
		}},
		{"a lower write is superseded", 0, func(b *teller) {
			two := b.put(2)
			one := b.begin(1, false)
			one.Done(Written{Version: one.version, SupersededBy: two.version, Receipt: met(contract.Quorum)})
			b.final(two, two, two)
		}},
		{"a tombstone is purged", 0, func(b *teller) { b.put(1); b.del(2); b.read(nil); b.final(nil, nil, nil) }},
		{"what one replica acknowledged is lost with its disk", 1, func(b *teller) {
			b.k.BeginWrite(version(1), false, contract.One).ok()
			b.k.BeginRead(contract.All, hlc.Version{}).answer(nil)
			b.final(nil, nil, nil)
		}},
		{"a write was acknowledged after EXPLAIN began", 0, func(b *teller) {
			x := b.k.BeginExplain()
			b.k.BeginWrite(version(1), false, contract.All).ok()
			x.End([]Replica{on("n1", nil), on("n2", nil), on("n3", nil)})
		}},
		{"a replica that lost its disk holds less", 1, func(b *teller) {
			w := b.k.BeginWrite(version(1), false, contract.All).ok()
			b.k.BeginExplain().End([]Replica{on("n1", w), on("n2", w), on("n3", nil)})
		}},
		{"replicas differ while the run goes on", 0, func(b *teller) {
			one, two := b.put(1), b.put(2)
			b.k.BeginExplain().End([]Replica{on("n1", two), on("n2", one), {Node: "n3"}})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newTeller(c.lost)
			c.tell(b)
			if f := b.Figures(); f.Broken() != 0 {
				t.Errorf("%v", b.Findings())
			}
		})
	}
}

// While tombstones are purged, each replica drops them at its own time; a value is
// never dropped.
func TestATombstoneAgreesWithNothingWhereItIsPurged(t *testing.T) {
	for _, purges := range []bool{false, true} {
		b := newTeller(0)
		b.Purges = purges
		one, two := b.put(1), b.del(2)
		tombstone := []Replica{on("n1", two), on("n2", nil), on("n3", two)}
		if got := b.Agree(tombstone); got != purges {
			t.Errorf("purges %t: a tombstone and nothing agree: %t", purges, got)
		}
		if b.Agree([]Replica{on("n1", one), on("n2", nil), on("n3", one)}) {
			t.Errorf("purges %t: a value and nothing agree", purges)
		}
		if !b.Agree([]Replica{on("n1", nil), on("n2", nil), on("n3", nil)}) {
			t.Errorf("purges %t: nothing and nothing do not agree", purges)
		}
	}
}

// An element that is in doubt, and there in the end, is counted; one that was
// acknowledged has to be there.
func TestElementsAreAccountedFor(t *testing.T) {
	b := NewBook(3, 0)
	there, gone := b.Key("there", true), b.Key("gone", true)
	w := there.BeginWrite(version(1), false, contract.Quorum)
	w.InDoubt("TIMEOUT")
	there.Final([]Replica{on("n1", w), on("n2", w), on("n3", w)})
	gone.BeginWrite(version(2), false, contract.Quorum).ok()
	gone.Final([]Replica{on("n1", nil), on("n2", nil), on("n3", nil)})
	if f := b.Figures(); f.Elements != 2 || f.Recovered != 1 || f.Bad[Lost] != 1 {
		t.Errorf("%+v", f)
	}
}

// What is in doubt can be asked for until it is settled.
func TestWritesInDoubtAreListedUntilTheyAreSettled(t *testing.T) {
	b := newTeller(0)
	two, one := b.begin(2, false), b.begin(1, false)
	two.InDoubt("TIMEOUT")
	one.InDoubt("TIMEOUT")
	b.put(3)
	if all := b.k.InDoubt(); len(all) != 2 || all[0] != one || all[1] != two {
		t.Fatalf("in doubt are %v", all)
	}
	one.Settled(contract.NotApplied, hlc.Version{})
	two.Settled(contract.Committed, two.version)
	if all := b.k.InDoubt(); len(all) != 0 {
		t.Errorf("settled, and in doubt: %v", all)
	}
	if f := b.Figures(); f.Committed != 1 || f.NotApplied != 1 || f.Broken() != 0 {
		t.Errorf("%+v, %v", f, b.Findings())
	}
}

// Values of different writes differ, and follow from the number of the write.
func TestAValueNamesItsWriter(t *testing.T) {
	b := newTeller(0)
	seen := map[string]bool{}
	for n := 1; n < 100; n++ {
		v := string(b.put(n).Value())
		if seen[v] {
			t.Fatalf("two writes have the value %.24x", v)
		}
		seen[v] = true
	}
}

// A receipt of nodes that sync later need not say durable, and has to count all the same.
func TestReceiptsOfNodesThatSyncLater(t *testing.T) {
	for _, tc := range []struct {
		periodic bool
		acked    int
		bad      bool
	}{{false, 2, true}, {true, 2, false}, {true, 1, true}} {
		b := newTeller(0)
		b.Periodic = tc.periodic
		w := b.begin(1, false)
		r := met(contract.Quorum)
		r.Acked, r.Durable = tc.acked, 0
		w.Done(Written{Version: w.version, Receipt: r})
		if bad := len(b.Findings()) > 0; bad != tc.bad {
			t.Errorf("%+v: %v", tc, b.Findings())
		}
	}
}
