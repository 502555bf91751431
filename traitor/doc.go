// Package traitor names planted bugs. A checker that has never caught one
// proves nothing, so each checker of the simulator is shown bugs that it must
// find: acknowledging before the sync, counting an answer twice, and so on.
//
// Code that can betray asks Is with the bug's name at the place where the bug
// would be. In every ordinary build Is is the constant false and the compiler
// removes the branch with all that is in it; only a build with the tag
// "traitor" has the bugs, one at a time, chosen by Choose.
//
// The package stands at the lowest floor because the pure packages ask it. It
// holds the names in one place so that a list of what the checkers have been
// tried on can be printed, and so that a name cannot be misspelt.
package traitor

// Bug is the name of a planted bug.
type Bug string

// The bugs, each with the rule that it breaks.
const (
	// AckBeforeSync acknowledges a write before its batch is synced
	// (contract, section 1).
	AckBeforeSync Bug = "ack-before-sync"
	// DuplicateAck counts every answer of a replica, also the second one
	// (rule 4: distinct replicas).
	DuplicateAck Bug = "duplicate-ack"
	// NoWriteBack answers a read without writing the winner to a quorum
	// (rule 4: blocking read repair).
	NoWriteBack Bug = "no-write-back"
	// ForgottenBound issues times above the persisted clock bound (rule 1).
	ForgottenBound Bug = "forgotten-bound"
	// MergeByArrival lets the last write to arrive win (rule 2).
	MergeByArrival Bug = "merge-by-arrival"
	// StaleSlot does not check the generation of a request slot, so that a
	// late answer counts for the slot's next request.
	StaleSlot Bug = "stale-slot"
	// EpochUnchecked takes requests of nodes that are in an older epoch (rule 9).
	EpochUnchecked Bug = "epoch-unchecked"
	// VoidForgotten acknowledges a void without noting it durably (rule 4).
	VoidForgotten Bug = "void-forgotten"
	// VoidIgnored takes a fresh write of a version that was given up (rule 4).
	VoidIgnored Bug = "void-ignored"
	// QuorumOfVoids answers OUTCOME with "not applied" once a quorum has noted it,
	// instead of all (rule 4).
	QuorumOfVoids Bug = "quorum-of-voids"
	// SilentWeaken answers a weakened read under the level that was asked
	// (contract, section 4).
	SilentWeaken Bug = "silent-weaken"
	// ScanSkips goes on behind a partition that no replica answered for.
	ScanSkips Bug = "scan-skips"
	// BuriedUnsaid does not tell what a write has buried (contract, section 2).
	BuriedUnsaid Bug = "buried-unsaid"
	// OrderedByTick stamps an ordered write by the clock alone (rule 4).
	OrderedByTick Bug = "ordered-by-tick"
	// AfterIgnored answers a read with an older version than its reader has seen
	// (contract, section 4: session).
	AfterIgnored Bug = "after-ignored"
	// LocalIsAnywhere counts replicas of every region for a local level (rule 4).
	LocalIsAnywhere Bug = "local-is-anywhere"
	// HedgeTwice counts the answer to a hedge for the replica that was late, too
	// (rule 4: distinct replicas).
	HedgeTwice Bug = "hedge-twice"
	// FenceIgnored takes what lies at or below the agreed watermark (rule 8).
	FenceIgnored Bug = "fence-ignored"
	// FloorIgnored takes a fresh write at or below the floor (rule 7).
	FloorIgnored Bug = "floor-ignored"
	// PurgeWithoutWatermark removes a tombstone that not all replicas have proved
	// to hold (rule 8).
	PurgeWithoutWatermark Bug = "purge-without-watermark"
	// DiskFullKept goes by what was decided for a batch for which the disk had no room
	// (rules 6, 8 and 11).
	DiskFullKept Bug = "disk-full-kept"
	// QuarantineVotes takes writes in a partition that is in quarantine (rule 8).
	QuarantineVotes Bug = "quarantine-votes"
	// QuarantineServes answers reads from such a partition (rule 8).
	QuarantineServes Bug = "quarantine-serves"
	// DistrustVotes lets a voter that has forgotten its votes go on before an epoch
	// names it anew.
	DistrustVotes Bug = "distrust-votes"
	// TreeSkipsRepair does not count write-backs in the tree (rule 6).
	TreeSkipsRepair Bug = "tree-skips-repair"
	// HintCounts counts a hint for an acknowledgement without being asked to
	// (contract, section 1).
	HintCounts Bug = "hint-counts"
	// HintBesideRefusal stores hints of a write that is answered as refused (rule 5).
	HintBesideRefusal Bug = "hint-beside-refusal"
	// StandInUnsynced counts a stand-in before it has answered (rule 5).
	StandInUnsynced Bug = "stand-in-unsynced"
	// PromiseForgotten votes on an epoch and forgets what it has promised (rule 9).
	PromiseForgotten Bug = "promise-forgotten"
	// EpochUnsaved acts on an epoch without having saved it (rule 9).
	EpochUnsaved Bug = "epoch-unsaved"
	// AbsenceDeletes removes what the other side of an exchange does not have
	// (rule 7).
	AbsenceDeletes Bug = "absence-deletes"
	// ExchangeIgnoresEpoch compares, moves and proves between nodes that know
	// different owners (rule 7).
	ExchangeIgnoresEpoch Bug = "exchange-ignores-epoch"
	// AgreesUnsynced says that it agrees to a watermark before that is durable
	// (rule 8).
	AgreesUnsynced Bug = "agrees-unsynced"
	// AdoptWithoutAll adopts a watermark to which the last replica has not agreed
	// (rule 8).
	AdoptWithoutAll Bug = "adopt-without-all"
	// ProofWithoutHints proposes a watermark above hints that members keep (rule 8).
	ProofWithoutHints Bug = "proof-without-hints"
	// YoungStaysBehind does not move a record above the floors, although it may have
	// replaced one below them that the other side never had (rule 7).
	YoungStaysBehind Bug = "young-stays-behind"
	// RebuildFromOne rebuilds a partition from one of several others (rule 8).
	RebuildFromOne Bug = "rebuild-from-one"
	// RebuildWithoutEpoch rebuilds while the others take older requests (rule 8).
	RebuildWithoutEpoch Bug = "rebuild-without-epoch"
	// RebuildDropsWatermark does not take the watermark with the records (rule 8).
	RebuildDropsWatermark Bug = "rebuild-drops-watermark"
	// HealFromOne takes for a damaged record what one other replica holds (rule 8).
	HealFromOne Bug = "heal-from-one"
	// HintUnchecked lets a hint replace what is stored, whatever its version (rule 2).
	HintUnchecked Bug = "hint-unchecked"
	// HintBelowFloor keeps a new hint at or below the floor (rule 7).
	HintBelowFloor Bug = "hint-below-floor"
	// FloorUnsaved says what its floor is without having saved it (rule 7).
	FloorUnsaved Bug = "floor-unsaved"
	// TreeUnmarked does not note that the kept leaves of a tree have changed (rule 6).
	TreeUnmarked Bug = "tree-unmarked"
	// PublishBeforeSync shows trees and marks that a power cut could still take back
	// (rules 6 and 7).
	PublishBeforeSync Bug = "publish-before-sync"
	// ClockUnfenced stamps on, however far the clock is off (rule 1).
	ClockUnfenced Bug = "clock-unfenced"
	// OffVotes lets a clock that was found to be off vote on whether it is (rule 1).
	OffVotes Bug = "off-votes"
)

// All lists the bugs.
func All() []Bug {
	return []Bug{
		AckBeforeSync, DuplicateAck, NoWriteBack, ForgottenBound, MergeByArrival, StaleSlot, EpochUnchecked,
		VoidForgotten, VoidIgnored, QuorumOfVoids, SilentWeaken, ScanSkips, BuriedUnsaid, OrderedByTick, AfterIgnored, LocalIsAnywhere, HedgeTwice,
		PromiseForgotten, EpochUnsaved,
		FenceIgnored, FloorIgnored, PurgeWithoutWatermark, QuarantineVotes, QuarantineServes, DistrustVotes, TreeSkipsRepair, HintCounts, HintBesideRefusal, StandInUnsynced,
		AbsenceDeletes, ExchangeIgnoresEpoch, AgreesUnsynced, AdoptWithoutAll, ProofWithoutHints, YoungStaysBehind,
		RebuildFromOne, RebuildWithoutEpoch, RebuildDropsWatermark, HealFromOne,
		HintUnchecked, HintBelowFloor, FloorUnsaved, TreeUnmarked, PublishBeforeSync, DiskFullKept,
		ClockUnfenced, OffVotes,
	}
}
