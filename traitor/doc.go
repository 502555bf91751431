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
)

// All lists the bugs.
func All() []Bug {
	return []Bug{
		AckBeforeSync, DuplicateAck, NoWriteBack, ForgottenBound, MergeByArrival, StaleSlot, EpochUnchecked,
		VoidForgotten, VoidIgnored, QuorumOfVoids, SilentWeaken, ScanSkips, BuriedUnsaid, OrderedByTick, AfterIgnored, LocalIsAnywhere, HedgeTwice,
	}
}
