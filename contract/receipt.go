package contract

import (
	"fmt"
	"strings"
)

// Outcome is what became of a write that was answered OK. Append-only.
type Outcome uint8

// The outcomes.
const (
	// Applied: the level holds the write.
	Applied Outcome = 0
	// Superseded: a counted replica holds a higher version of the key.
	Superseded Outcome = 1
)

// String is the outcome in one word.
func (o Outcome) String() string {
	if o == Applied {
		return "applied"
	}
	return "superseded"
}

// Fate is what OUTCOME tells of a write. Append-only.
type Fate uint8

// The fates.
const (
	Pending        Fate = 0
	Committed      Fate = 1
	FateSuperseded Fate = 2
	NotApplied     Fate = 3
	Forgotten      Fate = 4
)

// String is the fate in words.
func (f Fate) String() string {
	switch f {
	case Pending:
		return "pending"
	case Committed:
		return "committed"
	case FateSuperseded:
		return "superseded"
	case NotApplied:
		return "not applied"
	}
	return "forgotten"
}

// RowState is the state of one replica in a receipt. Append-only.
type RowState uint8

// The states.
const (
	Silent        RowState = 0
	RowApplied    RowState = 1
	Durable       RowState = 2
	Hinted        RowState = 3
	Refused       RowState = 4
	RowSuperseded RowState = 5
	Down          RowState = 6 // not asked
)

// String is the state in one word.
func (s RowState) String() string {
	names := [...]string{"silent", "applied", "durable", "hinted", "refused", "superseded", "down"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprint(uint8(s))
}

// Row is one replica's line in a receipt.
type Row struct {
	Node    [16]byte
	State   RowState
	Version [16]byte // zero: none
}

// Receipt says what was really achieved. The zero Receipt is that of a request
// that was refused before anything was sent.
type Receipt struct {
	// Need is how many the level asked for.
	Need int
	// Asked is how many natural replicas the request was sent to.
	Asked int
	// Acked counts distinct natural replicas: for writes those that hold this
	// version or a higher one, for reads those that answered and hold the
	// winner when the answer leaves.
	Acked int
	// Durable is how many of them have it synced.
	Durable int
	// Hinted is how many synced hints stand on stand-ins.
	Hinted int
	// Level is the level asked; a lower one only under the flag weaken.
	Level Level
	// Repaired is how many replicas were behind and were written before the
	// answer (reads).
	Repaired int
	// Rows has one line per replica; only with the flag rows.
	Rows []Row
}

// String is the receipt as one line of words and numbers, without the rows.
func (r Receipt) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "need %d  acked %d  durable %d  hinted %d  asked %d", r.Need, r.Acked, r.Durable, r.Hinted, r.Asked)
	if r.Repaired > 0 {
		fmt.Fprintf(&b, "  repaired %d", r.Repaired)
	}
	return b.String()
}
