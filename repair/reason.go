package repair

import "fmt"

// Reason says why something was not done, or what is waited for. The numbers
// are wire format: append-only.
type Reason uint8

// The reasons.
const (
	// None: nothing is in the way.
	None Reason = iota
	// NotYet: the first comparison, or the first word of the other node, has not come.
	NotYet
	// OtherEpoch: the other node acts on another epoch.
	OtherEpoch
	// Counting: a tree is being counted.
	Counting
	// Quarantined: the replica may hold less than what it has told.
	Quarantined
	// NotOwner: the node does not replicate the partition.
	NotOwner
	// Damaged: a record does not pass its checksum, or the engine has stopped.
	Damaged
	// Malformed: a message could not be read.
	Malformed
	// Unreachable: the node is down, or nothing can be sent to it.
	Unreachable
	// Lost: no answer came in time.
	Lost
	// Refused: a record or a mark was not taken.
	Refused
	// HintBelow: the node keeps a hint at or below the watermark.
	HintBelow
	// Stale: a later message of the same sender has come before.
	Stale
	// Differing: the partition is known to differ, and its exchange waits its turn.
	Differing
	// HintsUnknown: a member has not told what its hints lie above.
	HintsUnknown
	// Busy: an earlier exchange or comparison has to end first.
	Busy
	// Stopped: somebody ended it.
	Stopped
	// Behind: the replica has proved no more with the others.
	Behind
	// NoEpoch: there is no epoch yet that says that the node is rebuilt.
	NoEpoch
	// NoCopies: there is no other replica.
	NoCopies
)

var reasons = [...]string{
	None: "", NotYet: "not compared yet", OtherEpoch: "acts on another epoch", Counting: "is counting its tree",
	Quarantined: "is quarantined", NotOwner: "does not replicate the partition", Damaged: "has a damaged record",
	Malformed: "sent what cannot be read", Unreachable: "cannot be reached", Lost: "did not answer in time",
	Refused: "did not take it", HintBelow: "keeps a hint below the watermark", Stale: "sent an old message",
	Differing: "differs, its exchange is under way", HintsUnknown: "has not told its oldest hint",
	Busy: "has to end an earlier exchange first", Stopped: "was stopped", Behind: "has proved no more with the others",
	NoEpoch: "waits for an epoch that says that it is rebuilt", NoCopies: "has the only replica: an operator has to accept the loss",
}

// String is what stands behind the node's name in a sentence.
func (r Reason) String() string {
	if int(r) < len(reasons) {
		return reasons[r]
	}
	return fmt.Sprintf("reason(%d)", uint8(r))
}
