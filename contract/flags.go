package contract

// Flags is a sum of request flags. Append-only.
type Flags uint64

// The flags.
const (
	// Sloppy lets synced hints on stand-ins count for the level (writes).
	Sloppy Flags = 1
	// Rows asks for one row per replica in the receipt.
	Rows Flags = 2
	// Trace asks for the steps of the request with their times.
	Trace Flags = 4
	// Weaken accepts the best lower level that was met (reads).
	Weaken Flags = 8
	// Ordered stamps the write above the version that a quorum holds (writes).
	Ordered Flags = 16
	// FlagsKnown is the sum of all flags. An unknown flag is refused.
	FlagsKnown = Sloppy | Rows | Trace | Weaken | Ordered
)

// OutcomeSloppy is the flag of an OUTCOME request: the write was a sloppy one.
const OutcomeSloppy Flags = 1
