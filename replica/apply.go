package replica

import (
	"bytes"
	"errors"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/traitor"
)

// Store is what is durable here. Its methods may be called at once by many.
type Store interface {
	// Record returns the stored record of a key, nil where there is none. The
	// bytes are the caller's to keep and are never changed. Damage below the
	// record (a bad block) is an error that wraps record.ErrCorrupt; any other
	// error means that the engine has stopped.
	Record(token uint64, namespace uint32, key []byte) ([]byte, error)
	// Range walks the records of tokens from..last in order of token,
	// namespace and key, beginning behind (from, namespace, after) or, with
	// after nil, at from, until fn returns false. The bytes are good during fn
	// only.
	Range(from uint64, namespace uint32, after []byte, last uint64, fn func(token uint64, namespace uint32, key, rec []byte) bool) error
	// Voided says whether it is noted that this version of the key was given up.
	// Only Apply calls it.
	Voided(token uint64, namespace uint32, key []byte, version hlc.Version) (bool, error)
}

// Batch takes the changes of one committer step.
type Batch interface {
	PutRecord(token uint64, namespace uint32, key, rec []byte)
	PutSystem(name, value []byte)
	// PutVoid notes that a version of a key was given up, EraseVoid takes the note
	// back.
	PutVoid(token uint64, namespace uint32, key []byte, version hlc.Version)
	EraseVoid(token uint64, namespace uint32, key []byte, version hlc.Version)
	// EraseRecord removes a record that is purged.
	EraseRecord(token uint64, namespace uint32, key []byte)
	// PutHint keeps a write for another node, EraseHint forgets one.
	PutHint(h *Hint)
	EraseHint(h *Hint)
	// PutLeaves keeps what is known of the tree of a partition: nil marks it as
	// changed since it was kept last.
	PutLeaves(partition int, leaves []byte)
}

// Hint is a write that is kept for a node that could not be reached.
type Hint struct {
	Target    NodeID
	Token     uint64
	Namespace uint32
	Key       []byte
	Version   hlc.Version
	Record    []byte
	Counted   bool // it stands for the target in an acknowledged write
}

// NodeID is the id of a node.
type NodeID = [16]byte

// Kind says what a Write is.
type Kind uint8

// The kinds. The first five travel between nodes (wire.WriteKind) and never
// change.
const (
	// Fresh is a client's write, subject to the floor and the request age limit.
	Fresh Kind = iota
	// Repair is a write-back of what a replica holds.
	Repair
	// Deliver is the delivery of a hint to whom it is for.
	Deliver
	// Stand keeps Record as a hint for Target.
	Stand
	// Exchange is what anti-entropy found that another replica holds; Mark is the
	// fence that this one had when it read the record.
	Exchange

	// System stores Record as the system value named Key.
	System
	// Void notes that Version of the key was given up, unless it or a higher one is
	// stored.
	Void
	// Unvoid forgets such a note, if Version lies at or below the watermark, or Mark, the
	// floor of a node that owns no copy.
	Unvoid
	// Unhint forgets the hint for Target of Version of the key.
	Unhint
	// Purge removes the record of the key, if it is of Version and may be purged.
	Purge
	// SetFloor raises the floor to Mark.
	SetFloor
	// Agree raises the fence of the token's partition to Mark, Adopt its watermark.
	Agree
	Adopt
	// Quarantine takes the token's partition out of service, and raises its fence to
	// Mark; Release puts it back.
	Quarantine
	Release
	// Rebuild is a record that a partition in quarantine is rebuilt from, Note a void
	// note of Version of the key.
	Rebuild
	Note
	// Drop removes the record of the key from a partition in quarantine, if it is of
	// Version, or damaged.
	Drop
	// Heal puts Record in the place of a damaged one, or nothing where that is empty. A
	// record that is not damaged stays.
	Heal
	// Count counts some leaves of the tree of the token's partition anew.
	Count
	// Keep keeps the tree of the token's partition on disk.
	Keep
)

// Origin says who waits for a write; the router makes it and reads it back.
type Origin struct {
	Peer  any        // the connection that asked; nil: this node itself
	Frame uint64     // the id of its request frame
	Call  uint64     // the request slot that waits
	Done  func(bool) // of a System write: called with whether it is durable
	// Result, where it is set, is called with what became of the write, once that is
	// durable.
	Result func(Result)
}

// Write is one record to merge, and after Apply what became of it.
type Write struct {
	Kind      Kind
	Deadline  int64 // monotonic milliseconds of this node; 0: none
	Token     uint64
	Namespace uint32
	Key       []byte
	Record    []byte
	Version   hlc.Version   // of a Void, Unvoid, Unhint, Purge, Note, Drop
	Target    NodeID        // of a Stand, Unhint
	Counted   bool          // of a Stand: it stands for Target in an acknowledged write
	Moved     bool          // of a Stand: it was kept here for another node until now, so it is not new
	Mark      hlc.Timestamp // of an Exchange, SetFloor, Agree, Adopt, Quarantine, Unvoid
	Seen      hlc.Version   // Fresh: the version of the key that the writer knew
	HasSeen   bool          // else the writer does not care what it buries
	Origin    Origin
	Result    Result
}

// Own copies the bytes of the write to the end of arena, so that the write can
// outlive the buffer that it came in.
func (w Write) Own(arena []byte) (Write, []byte) {
	at := len(arena)
	arena = append(append(arena, w.Key...), w.Record...)
	mid := at + len(w.Key)
	w.Key = arena[at:mid:mid]
	if w.Record != nil { // of a Heal, no record is not the same as an empty one
		w.Record = arena[mid:len(arena):len(arena)]
	}
	return w, arena
}

// Cost is how many bytes the write takes while it waits.
func (w Write) Cost() int { return len(w.Key) + len(w.Record) + 64 }

// Result is what Apply decided. OK without a winner: the record is stored (or
// was, byte for byte), or the void noted. OK with one: a higher version is
// stored (of a Void: that version or a higher one). Else the write was refused
// and has no effect here.
type Result struct {
	Code   contract.Code
	Kind   contract.ClockKind
	Winner hlc.Version
	// Buried is the live version above the write's Seen that it has replaced.
	Buried hlc.Version
}

// Now is a reading of this node's clocks.
type Now struct {
	Mono     int64 // monotonic milliseconds, for deadlines
	Micros   int64 // the same in microseconds, for traces
	Physical int64 // milliseconds since 1970, for the age of stamps and for expiry
}

// Counters count what an Applier saw. They only rise.
type Counters struct {
	Applied, Superseded, Refused uint64
	Voided                       uint64 // voids noted
	Expired                      uint64 // dropped, as their deadline had passed
	Corrupt                      uint64 // damaged records met, stored or sent
	Conflicts                    uint64 // one version with different bytes: a broken invariant
	Stood                        uint64 // hints that were kept
	Purged                       uint64 // records removed below the watermark
	Exchanged, ExchangedBytes    uint64 // records that anti-entropy has brought, whoever began it
	// Late counts what came at or below a watermark though it cannot by the rules:
	// hints, and write-backs of what lives.
	Late   uint64
	Healed uint64 // damaged records that were replaced or removed
}

// Applier merges batches. It is reused from batch to batch by one owner.
type Applier struct {
	// AgeLimit is the request age limit in milliseconds.
	AgeLimit int64
	// Counters may be read by the owner between batches.
	Counters Counters
	// Marks are in force from the batch on in which they are set; nil before there
	// is an epoch.
	Marks *Marks
	// Full says that the disk is in its reserve: no values are taken, deletes are.
	Full bool
	// Trees are kept up with what is stored; nil: there are none.
	Trees *Trees
	// MayWait says, behind Apply, that nothing durable rests on the records of the
	// batch, here or on another node, so that they may be synced after they are
	// answered for: see waits.
	MayWait bool
	// Vouches says, behind Apply, that an answer makes somebody forget a record, or settles
	// what became of it, because this replica has it already, or a newer one: that must be
	// durable before it is answered, though nothing is put in.
	Vouches bool

	before  *Marks // as they were before this batch
	overlay overlay
	notes   []note // of this batch, in its order
}

// Apply merges writes into what view holds, puts the changes into batch, and
// leaves in each write its result, which is true once the batch is durable.
func (a *Applier) Apply(now Now, view Store, writes []Write, batch Batch) {
	a.overlay.reset()
	a.notes = a.notes[:0]
	a.Trees.begin()
	a.before = a.Marks
	a.MayWait, a.Vouches = true, false
	for i := range writes {
		a.MayWait = a.MayWait && waits(writes[i].Kind)
		writes[i].Result = a.apply(now, view, writes, i, batch)
	}
	if a.Marks != a.before {
		a.Marks.save(a.before, batch)
	}
}

// Undo takes back what the last Apply has changed here, as nothing of its batch was
// written: the disk had no room. Else marks would be in force, and trees be taken for
// marked on disk, of which a restart knows nothing.
func (a *Applier) Undo() {
	a.Marks = a.before
	a.Trees.undo()
}

func (a *Applier) apply(now Now, view Store, writes []Write, i int, batch Batch) Result {
	w := &writes[i]
	switch w.Kind {
	case System:
		batch.PutSystem(w.Key, w.Record)
		return Result{}
	case Void:
		return a.void(now, view, writes, i, batch)
	case Unvoid:
		return a.unvoid(w, batch)
	case Stand:
		return a.stand(now, view, writes, w, batch)
	case Unhint:
		batch.EraseHint(&Hint{Target: w.Target, Token: w.Token, Namespace: w.Namespace, Key: w.Key, Version: w.Version})
		return Result{}
	case Purge:
		return a.purge(view, writes, i, batch)
	case SetFloor, Agree, Adopt, Quarantine, Release:
		return a.mark(w)
	case Count:
		return a.count(view, w, batch)
	case Keep:
		return a.keep(w, batch)
	case Note:
		return a.note(view, writes, i, batch)
	case Drop:
		return a.drop(view, writes, i, batch)
	case Heal:
		return a.heal(view, writes, i, batch)
	}
	return a.merge(now, view, writes, i, batch)
}

// admit looks at a write of a record before any rule about versions: what nobody waits
// for any more, is damaged, or has no room is refused.
func (a *Applier) admit(now Now, w *Write) (rec record.Record, refused Result) {
	if w.Deadline != 0 && w.Deadline <= now.Mono {
		a.Counters.Expired++
		return rec, Result{Code: contract.Overloaded}
	}
	rec, err := record.Verify(w.Namespace, w.Key, w.Record)
	if err != nil {
		a.Counters.Corrupt++
		return rec, Result{Code: contract.Corrupt}
	}
	if a.Full && !rec.Tombstone {
		a.Counters.Refused++
		return rec, Result{Code: contract.DiskFull}
	}
	return rec, Result{}
}

func (a *Applier) merge(now Now, view Store, writes []Write, i int, batch Batch) Result {
	w := &writes[i]
	rec, refused := a.admit(now, w)
	if refused.Code != contract.OK {
		return refused
	}
	marks := a.Marks.Of(w.Token)
	if marks.Quarantined && w.Kind != Rebuild && !traitor.Is(traitor.QuarantineVotes) {
		a.Counters.Refused++
		return Result{Code: contract.NotReady}
	}
	if w.Kind == Fresh && a.tooOld(now, rec.Version) {
		a.Counters.Refused++
		return Result{Code: contract.Clock, Kind: contract.StampOld}
	}
	voided, err := a.voided(view, writes, w, rec.Version)
	if voided && (w.Kind == Fresh || w.Kind == Deliver) && !traitor.Is(traitor.VoidIgnored) {
		a.Counters.Refused++
		return Result{Code: contract.Clock, Kind: contract.StampGivenUp}
	}
	var stored []byte
	if err == nil {
		stored, err = a.stored(view, writes, w)
	}
	switch {
	case errors.Is(err, record.ErrCorrupt):
		a.Counters.Corrupt++
		return Result{Code: contract.Corrupt}
	case err != nil:
		a.Counters.Refused++
		return Result{Code: contract.NotReady}
	}
	winner, conflict := record.Merge(w.Record, stored)
	if traitor.Is(traitor.MergeByArrival) || w.Kind == Deliver && traitor.Is(traitor.HintUnchecked) {
		winner = w.Record
	}
	if conflict {
		a.Counters.Conflicts++
		if w.Kind == Fresh {
			// A version names one write. Were the other to win by its bytes, what was
			// acknowledged under the version would be gone and nobody told.
			return Result{Code: contract.BadRequest}
		}
	}
	if stored != nil && bytes.Equal(winner, stored) {
		a.Vouches = a.Vouches || w.Kind == Deliver // the hint is erased now
		return a.kept(rec.Version, stored)
	}
	// Two replicas that are found equal are so up to their floors, for good, and purge by
	// that. A client's write is above the floor, and the next floor syncs it.
	a.MayWait = a.MayWait && rec.Version.Time > max(marks.Fence, a.floor())
	if rec.Version.Time <= marks.Fence && !traitor.Is(traitor.FenceIgnored) {
		if result, refused := a.fenced(w, rec, stored, marks); refused {
			return result
		}
	}
	if voided {
		// A replica that holds it has sent it: it was not given up after all.
		a.MayWait = false
		batch.EraseVoid(w.Token, w.Namespace, w.Key, rec.Version)
		a.notes = append(a.notes, note{i, rec.Version, false})
	}
	batch.PutRecord(w.Token, w.Namespace, w.Key, w.Record)
	a.overlay.put(w.Token, i)
	a.Trees.replaced(w, stored, w.Record, batch)
	a.Counters.Applied++
	if w.Kind == Exchange {
		a.Counters.Exchanged++
		a.Counters.ExchangedBytes += uint64(len(w.Record))
	}
	return Result{Buried: buried(now, w, rec.Version, stored)}
}

func (a *Applier) floor() hlc.Timestamp {
	if a.Marks == nil {
		return 0
	}
	return a.Marks.Floor
}

// waits says whether a node that syncs now and then may answer for a write of this kind
// before it is synced: a client's write, and what other replicas hold too. The hint
// behind a Deliver is erased once it is answered, and may have been all that there
// was; everything else is a note that something durable rests on.
func waits(k Kind) bool { return k == Fresh || k == Repair || k == Exchange }

// tooOld says whether a fresh write is stamped longer ago than the request age
// limit, or at or below the floor, under which this node has said that it takes
// none.
func (a *Applier) tooOld(now Now, v hlc.Version) bool {
	return v.Time.Millis() < now.Physical-a.AgeLimit || a.Marks != nil && v.Time <= a.Marks.Floor && !traitor.Is(traitor.FloorIgnored)
}

// buried is what a fresh write has replaced that its writer had not seen: a live
// version above Seen. Where the writer does not care it is zero.
func buried(now Now, w *Write, written hlc.Version, stored []byte) hlc.Version {
	if w.Kind != Fresh || !w.HasSeen || stored == nil {
		return hlc.Version{}
	}
	old, err := record.Parse(stored)
	if err != nil || !old.Live(now.Physical) || !w.Seen.Less(old.Version) || !old.Version.Less(written) {
		return hlc.Version{}
	}
	return old.Version
}

// kept is the result of a write that changes nothing: the stored record is the
// same write, or a higher version.
func (a *Applier) kept(written hlc.Version, stored []byte) Result {
	have, err := record.Parse(stored)
	if err != nil || !written.Less(have.Version) {
		a.Counters.Applied++
		return Result{}
	}
	a.Counters.Superseded++
	return Result{Winner: have.Version}
}

// stored is what the write has to be merged with: the latest of the same batch,
// else what the store holds, checked.
func (a *Applier) stored(view Store, writes []Write, w *Write) ([]byte, error) {
	for e := a.overlay.first(w.Token); e >= 0; e = a.overlay.chain[e].before {
		if o := &writes[a.overlay.chain[e].write]; o.Namespace == w.Namespace && bytes.Equal(o.Key, w.Key) {
			return o.Record, nil // nil: it was purged in this batch
		}
	}
	return intact(view, w.Token, w.Namespace, w.Key)
}

// overlay finds the writes of this batch by token, the latest first. It keeps
// its memory from batch to batch.
type overlay struct {
	latest map[uint64]int32 // token -> entry
	chain  []link
}

// link is one write of the batch, and the entry of the one before it with the
// same token.
type link struct {
	write, before int32
}

func (o *overlay) reset() {
	if o.latest == nil {
		o.latest = make(map[uint64]int32)
	}
	clear(o.latest)
	o.chain = o.chain[:0]
}

// put notes that write i of the batch is now the latest of its token.
func (o *overlay) put(token uint64, i int) {
	before := o.first(token)
	o.latest[token] = int32(len(o.chain))
	o.chain = append(o.chain, link{int32(i), before})
}

// first is the entry of the latest write of the token, -1 if there is none.
func (o *overlay) first(token uint64) int32 {
	if e, ok := o.latest[token]; ok {
		return e
	}
	return -1
}
