package faulty

import (
	"math/rand/v2"
	"path"
	"time"
)

// Op is a kind of operation that can fail. Ops are a set: or them together.
type Op uint

// The operations. Change is all that alter the disk.
const (
	Create Op = 1 << iota
	Write
	WriteAt
	Sync
	SyncDir
	Rename
	Remove
	Truncate
	Read

	Change = Create | Write | WriteAt | Sync | SyncDir | Rename | Remove | Truncate
)

// Fault is something that goes wrong.
type Fault struct {
	On   Op     // with which operations
	File string // and which files: a pattern of path.Match for the last part of the name, or "" for all
	Nth  int    // it happens the n-th time from now; 0 is the first
	Ever bool   // and every time after that

	Err   error         // returned, if not nil
	Short int           // of a failing Write or WriteAt, that many bytes are written all the same
	Delay time.Duration // waited before anything else is done
	Cut   *Cut          // the power goes, before the operation has an effect; Err is then ErrPower
}

// Cut is a power cut: what is left of what was not synced.
type Cut struct {
	Mode Mode
	Rand *rand.Rand // not used by KeepAll and DropAll
}

// Mode says what a cut leaves of what was not synced.
type Mode int

const (
	// KeepAll keeps everything: the process was killed, not the machine.
	KeepAll Mode = iota
	// DropAll leaves exactly what was synced.
	DropAll
	// KeepSome keeps some of the first writes to each file that are not synced,
	// a part of the next, and a random beginning of the unsynced changes of names.
	KeepSome
	// Torn keeps random 512-byte sectors; those between hold what was there
	// before, or zeros.
	Torn
)

// Modes are all of them, for tables.
var Modes = []Mode{KeepAll, DropAll, KeepSome, Torn}

func (m Mode) String() string {
	return [...]string{"KeepAll", "DropAll", "KeepSome", "Torn"}[m]
}

// armed is a fault that waits for its turn.
type armed struct {
	Fault
	seen int
}

// match counts the operation and reports whether the fault happens now.
func (a *armed) match(op Op, name string) bool {
	if a.On&op == 0 {
		return false
	}
	if a.File != "" {
		if ok, err := path.Match(a.File, path.Base(name)); err != nil || !ok {
			return false
		}
	}
	a.seen++
	nth := max(a.Nth, 1)
	return a.seen == nth || a.Ever && a.seen > nth
}
