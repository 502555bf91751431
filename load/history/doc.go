// Package history holds what clients have asked of a cluster and been told, and
// says when that cannot be: the checkers for runs against real processes, which
// see no more than a client does.
//
// A Book has Keys. Whoever works on a key tells the book twice: a request begins
// before it is sent, and ends when its answer has come, so that what ended before
// another began is known to have come first. Each write has its version from its
// client, and its value begins with its number; so every version and every value
// that is ever shown names its writer, and one that names none is fabricated.
//
// What is judged, at the moment when it can first be seen:
//
//   - REG. Where W replicas were told to hold a version, a read that hears R of
//     them answers no older one if W + R > N (stale); nor one older than such a
//     read has shown (not monotone). It shows what was written under that version,
//     byte for byte (fabricated).
//   - Ghosts. A write that ended without effect, or of which OUTCOME said that it
//     was not applied, never shows: in no read, no EXPLAIN, on no disk.
//   - TRUTH, as far as it can be told from outside: receipts that contradict
//     themselves, their level, or the history.
//   - FINAL. When all is healed, the replicas of a key are equal, and what they
//     hold is no less than the highest write that was acknowledged (lost; if that
//     was a delete, resurrected) and was really written (ghost, fabricated).
//   - SETFULL is the same for keys that are written once: elements.
//
// An absent key may have been purged, but only if some delete that may have had an
// effect stands above all that was acknowledged.
//
// A Finding is a broken promise with what was last done to its key; Figures are the
// counts that a run prints. What a book holds grows with the writes, about 200
// bytes for each, and not with the reads.
//
// The caller's duties: a write has one Begin and one End, and a read that was not
// answered has no End; versions are given once. All methods may be called by many
// goroutines at once.
//
// The rules are those of the simulator's checkers (package sim), which knows every
// disk; Viotti and Vukolic (2016) has the names of the guarantees.
package history
