package models

import (
	"math"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/replica"
)

// moment is a time of a model, in milliseconds; 0 is before all.
type moment uint8

func (m moment) time() hlc.Timestamp { return hlc.Make(int64(m), 0) }

func momentOf(t hlc.Timestamp) moment { return moment(t.Millis()) }

// content is what may be stored of the key.
type content uint8

const (
	nothing  content = iota
	value            // the first version, a value
	deleted          // the second, a tombstone
	doubtful         // the second, a value
)

var contents = []struct {
	name string
	at   moment
	rec  record.Record
}{
	nothing:  {"nothing", 0, record.Record{}},
	value:    {"the value", 1, record.Record{Value: []byte("value")}},
	deleted:  {"the delete", 2, record.Record{Tombstone: true}},
	doubtful: {"the write", 2, record.Record{Value: []byte("write")}},
}

const namespace = 1

var key = []byte("key")

func (m moment) version() hlc.Version { return hlc.Version{Time: m.time(), Writer: 1} }

func (c content) String() string { return contents[c].name }

func (c content) at() moment { return contents[c].at }

// encoded is the record as it is stored; nil for nothing.
func (c content) encoded() []byte {
	if c == nothing {
		return nil
	}
	rec := contents[c].rec
	rec.Version = c.at().version()
	return record.Append(nil, namespace, key, rec)
}

func contentOf(rec []byte) content {
	for c := range contents {
		if string(rec) == string(content(c).encoded()) {
			return content(c)
		}
	}
	panic("a record that is in no model")
}

// merged is the merge law.
func merged(a, b content) content {
	winner, conflict := record.Merge(a.encoded(), b.encoded())
	if conflict {
		panic("one version with different bytes")
	}
	return contentOf(winner)
}

// dead says whether what is stored counts as absent below a mark.
func (c content) dead(mark moment) bool {
	rec := contents[c].rec
	rec.Version = c.at().version()
	return c != nothing && replica.Dead(&rec, mark.time())
}

// place is all that one node has on its disk.
type place struct {
	stored              content
	noted               bool // the second version was given up
	hint                content
	floor, fence, purge moment
	quarantined         bool
}

// ask is one Write to a node, as far as it differs from others.
type ask struct {
	kind replica.Kind
	of   content // the record, or the one whose version is meant
	mark moment
}

// committer is the code of a replica, which a rule may have been taken from. Of
// equal places and asks it decides the same, so each is decided once.
type committer struct {
	off   rule
	known map[decision]decided
}

type decision struct {
	place
	ask
}

type decided struct {
	place
	replica.Result
}

// rule is the name of a rule that can be switched off.
type rule string

func newCommitter(off rule) *committer { return &committer{off, make(map[decision]decided)} }

// apply has a node decide on one Write, and make it durable.
func (c *committer) apply(p place, a ask) (place, replica.Result) {
	d, known := c.known[decision{p, a}]
	if !known {
		d.place, d.Result = c.decide(p, a)
		c.known[decision{p, a}] = d
	}
	return d.place, d.Result
}

// must is apply where the node cannot refuse.
func (c *committer) must(p place, a ask) place {
	after, result := c.apply(p, a)
	if result.Code != contract.OK {
		panic("refused: " + result.Code.String())
	}
	return after
}

// first is apply where it does not matter what is said of it.
func first(p place, _ replica.Result) place { return p }

// does is apply where only that counts that it was done.
func (c *committer) does(p place, a ask) (place, bool) {
	after, result := c.apply(p, a)
	return after, result.Code == contract.OK
}

func (c *committer) decide(p place, a ask) (place, replica.Result) {
	shown := c.shown(p, a)
	applier := replica.Applier{AgeLimit: math.MaxInt64, Marks: marksOf(shown)}
	before := applier.Marks
	disk := disk{place: shown, after: p, off: c.off}
	writes := []replica.Write{{
		Kind: a.kind, Namespace: namespace, Key: key, Record: a.of.encoded(), Version: a.of.at().version(), Mark: a.mark.time(),
	}}
	applier.Apply(replica.Now{}, &disk, writes, &disk)
	if m := applier.Marks; m != before {
		row := m.Partition(0)
		disk.after.floor, disk.after.fence, disk.after.purge = momentOf(m.Floor), momentOf(row.Fence), momentOf(row.Purge)
		disk.after.quarantined = row.Quarantined
	}
	return disk.after, writes[0].Result
}

// marksOf are the marks of a place, made as a node makes them.
func marksOf(p place) *replica.Marks {
	a := replica.Applier{Marks: replica.NewMarks(1)}
	writes := []replica.Write{
		{Kind: replica.SetFloor, Mark: p.floor.time()}, {Kind: replica.Agree, Mark: p.fence.time()}, {Kind: replica.Adopt, Mark: p.purge.time()},
	}
	if p.quarantined {
		writes = append(writes, replica.Write{Kind: replica.Quarantine})
	}
	a.Apply(replica.Now{}, nil, writes, &disk{})
	return a.Marks
}

// disk is the replica.Store and replica.Batch of one place.
type disk struct {
	place       // before the batch
	after place // and behind it
	off   rule
}

func (d *disk) Record(uint64, uint32, []byte) ([]byte, error) { return d.stored.encoded(), nil }

func (d *disk) Range(uint64, uint32, []byte, uint64, func(uint64, uint32, []byte, []byte) bool) error {
	return nil
}

func (d *disk) Voided(_ uint64, _ uint32, _ []byte, v hlc.Version) (bool, error) {
	return d.noted && v == doubtful.at().version(), nil
}

func (d *disk) PutRecord(_ uint64, _ uint32, _, rec []byte) { d.after.stored = contentOf(rec) }
func (d *disk) EraseRecord(uint64, uint32, []byte)          { d.after.stored = nothing }
func (d *disk) PutHint(h *replica.Hint)                     { d.after.hint = contentOf(h.Record) }
func (d *disk) EraseHint(*replica.Hint)                     { d.after.hint = nothing }
func (d *disk) PutVoid(uint64, uint32, []byte, hlc.Version) { d.after.noted = d.off != notesDurable }
func (d *disk) PutSystem(_, _ []byte)                       {}
func (d *disk) PutLeaves(int, []byte)                       {}

func (d *disk) EraseVoid(uint64, uint32, []byte, hlc.Version) {
	d.after.noted = d.off == writeBacksErase && d.after.noted
}
