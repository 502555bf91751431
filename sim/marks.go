package sim

// A mark says that a rare state was reached in some run: a promise that is kept
// only as long as nothing happens proves little. Marks influence nothing. A name
// that no run reaches is a state that the runs do not test; it is printed as
// missed.
type mark uint8

// The marks. Their names, which figures print, stand in markNames.
const (
	markSuperseded mark = iota
	markWrittenBack
	markLateAck
	markOtherNode
	markExpiredRead
	markInDoubt
	markInDoubtHeld
	markTooFew
	markClockHeld
	markDamageTold
	markKilledBeforeRepair
	markCutAfterSend

	markOutcomeCommitted
	markOutcomeSuperseded
	markOutcomeNotApplied
	markOutcomePending
	markOutcomeInFlight
	markVoidNoted
	markBarred
	markVoidErased
	markVoidRefused

	markSessionElsewhere
	markSessionRefused
	markBuried
	markOrderedAbove
	markWeakenedAtOnce
	markWeakenedLater
	markLocalLevel
	markEachQuorum
	markLocalRefused

	markHedgeWon
	markHedgeDenied

	markScanMerged
	markScanWeakened
	markScanUnavailable
	markExplainSplit

	markEpochStale
	markEpochAhead
	markEpochAgreed
	markEpochOutrun
	markTornTail
	markFailStop
	markDiskFull
	markFenceEntered
	markFenceLeft
	markSetRight
	markCounterOverflow
	markOverloaded
	markTooLarge
	markStaleStamp
	markStraggler
	markOptionalLost

	markTombstonePurged
	markExpiredPurged
	markReplayed
	markHintFenced
	markHintExpired
	markHintsWiped
	markKilledInReplay
	markDirty
	markStoodIn
	markProved
	markAdopted
	markBlocked
	markLateWriteBack
	markFloorRefused
	markOutcomeForgotten
	markOutcomeByFence
	markVoidForgotten
	markRecounted
	markTreesKept
	markPass
	markRejoined
	markMended
	markDiskLost
	markOldDisk
	markDiskBroken
	markQuarantined
	markRebuilt
	markNodeRebuilt
	markRebuildCrashed
	markMisdirected

	markFounded
	markKilledInVote
	markKilledBehindVote

	markLostBlock
	markStaleBlock
	markRotFound

	markCount
)

// foundingMarks begins the marks of runs that begin without metadata, rotMarks those
// of runs in which records are lost without a trace.
const (
	foundingMarks = markFounded
	rotMarks      = markLostBlock
)

var markNames = [markCount]string{
	markSuperseded:         "answer superseded",
	markWrittenBack:        "read written back before its answer",
	markLateAck:            "late ack after the answer",
	markOtherNode:          "same version retried through another node",
	markExpiredRead:        "expired value read as absent",
	markInDoubt:            "write in doubt",
	markInDoubtHeld:        "in doubt with one replica that has it",
	markTooFew:             "refused as too few are reachable",
	markClockHeld:          "clock held back by its bound or fence",
	markDamageTold:         "damage told",
	markKilledBeforeRepair: "coordinator killed before it wrote back",
	markCutAfterSend:       "coordinator cut off after it had sent a write",

	markOutcomeCommitted:  "write in doubt settled by OUTCOME: committed",
	markOutcomeSuperseded: "write in doubt settled by OUTCOME: superseded",
	markOutcomeNotApplied: "write in doubt settled by OUTCOME: not applied",
	markOutcomePending:    "OUTCOME pending",
	markOutcomeInFlight:   "OUTCOME of a write that is still in flight",
	markVoidNoted:         "void noted",
	markBarred:            "hint barred by a stand-in",
	markVoidErased:        "void erased by a repair",
	markVoidRefused:       "late write refused by a void",

	markSessionElsewhere: "session read sent to another replica",
	markSessionRefused:   "session read refused, as no reachable replica has what it saw",
	markBuried:           "buried told",
	markOrderedAbove:     "ordered write stamped above the tick",
	markWeakenedAtOnce:   "weakened at once",
	markWeakenedLater:    "weakened after half of the time",
	markLocalLevel:       "local level met by a part of the replicas",
	markEachQuorum:       "a quorum of each of several regions",
	markLocalRefused:     "local level refused where the region has no replica",

	markHedgeWon:    "hedged read won",
	markHedgeDenied: "hedge budget used up",

	markScanMerged:      "scan page merged with a write-back",
	markScanWeakened:    "scan weakened",
	markScanUnavailable: "scan refused at a partition and gone on later",
	markExplainSplit:    "EXPLAIN shows replicas that differ",

	markEpochStale:      "stale epoch refused",
	markEpochAhead:      "newer epoch refused",
	markEpochAgreed:     "epoch decided by a majority of the voters",
	markEpochOutrun:     "change outrun by another",
	markTornTail:        "tail cut that was not synced",
	markFailStop:        "fail-stop after a failed sync",
	markDiskFull:        "batch refused by a full disk",
	markFenceEntered:    "clock fence entered",
	markFenceLeft:       "clock fence left",
	markSetRight:        "clock that was ahead set right as its fence fell",
	markCounterOverflow: "logical counter overflow",
	markOverloaded:      "node at its limit",
	markTooLarge:        "value or frame beyond its limit refused",
	markStaleStamp:      "stamp out of bounds refused",
	markStraggler:       "message of long ago delivered",
	markOptionalLost:    "background repair lost",

	markTombstonePurged:  "tombstone purged",
	markExpiredPurged:    "expired value purged",
	markReplayed:         "hint replayed",
	markHintFenced:       "hint refused below the fence",
	markHintExpired:      "hint given up for a dirty mark",
	markHintsWiped:       "hints wiped",
	markKilledInReplay:   "killed as hints are replayed",
	markDirty:            "dirty mark made",
	markStoodIn:          "sloppy write met by a stand-in",
	markProved:           "proof made",
	markAdopted:          "watermark adopted",
	markBlocked:          "watermark blocked by a dead member",
	markLateWriteBack:    "late write-back of a purged record",
	markFloorRefused:     "write refused at or below the floor or the age limit",
	markOutcomeForgotten: "OUTCOME forgotten",
	markOutcomeByFence:   "OUTCOME not applied, by the watermark",
	markVoidForgotten:    "void forgotten below the watermark",
	markRecounted:        "tree recounted after a crash",
	markTreesKept:        "trees kept at a stop",
	markPass:             "repair wanted by an operator",
	markRejoined:         "cluster rejoined after a long cut",
	markMended:           "damaged record healed from a quorum of the others",

	markDiskLost:       "database lost",
	markOldDisk:        "older copy of a disk restored",
	markDiskBroken:     "disk with damaged parts renewed",
	markQuarantined:    "node quarantined",
	markRebuilt:        "partition rebuilt",
	markNodeRebuilt:    "node rebuilt",
	markRebuildCrashed: "rebuild interrupted by a crash",

	markMisdirected: "record of another key found in a place",
	markLostBlock:   "record lost without a trace",
	markStaleBlock:  "older record found in a place",
	markRotFound:    "lost or older record found by a comparison",

	markFounded:          "epoch 1 installed",
	markKilledInVote:     "killed while a vote is being synced",
	markKilledBehindVote: "killed between a vote's sync and its answer",
}

// String is the mark's name.
func (m mark) String() string { return markNames[m] }

// mark notes that a rare state was reached.
func (s *Sim) mark(m mark) { s.fig.Marks[m]++ }

// Marks count, by mark, how often each was reached.
type Marks [markCount]int

// Reached says whether the mark of a name was reached.
func (m *Marks) Reached(name string) bool {
	for i, n := range markNames {
		if n == name {
			return m[i] > 0
		}
	}
	return false
}

// counted is the marks that runs have to reach: those of the founding and of silent
// rot only where there is a run with it.
func (f *Figures) counted() (all []mark) {
	for m := range markCount {
		founding, rot := m >= foundingMarks && m < rotMarks, m >= rotMarks
		if founding && f.Founded == 0 || rot && f.Rotten == 0 {
			continue
		}
		all = append(all, m)
	}
	return all
}

// Missed lists the marks that were not reached.
func (f *Figures) Missed() (names []string) {
	for _, m := range f.counted() {
		if f.Marks[m] == 0 {
			names = append(names, m.String())
		}
	}
	return names
}

// Reach is how many marks were reached, and of how many.
func (f *Figures) Reach() (hit, all int) {
	all = len(f.counted())
	return all - len(f.Missed()), all
}
