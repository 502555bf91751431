// Package faulty is a disk that fails, for tests. It ships beside the seam that
// it stands in for: a Disk's FS method returns a storage.FS in memory that knows
// the difference between what was written and what would be there after the
// power came back.
//
// # What survives
//
// The bytes of a file survive as of its last successful Sync; its name (or that
// it is gone, or has a new one) as of the last SyncDir of its directory. Cut
// stops the machine: every open file and every FS handed out before is dead,
// locks are free again, and of what was not synced the Mode decides what is
// left: all of it (the process was killed, the kernel was not), nothing, a
// random beginning, or random sectors of 512 bytes with what was there before, or
// zeros, between them. A file may be written anywhere, over what is synced too.
// The choice comes from the *rand.Rand that the test passes, so a seed repeats.
//
// # What fails
//
// Inject adds a Fault: the n-th write, sync or other operation on files whose
// name matches returns an error, writes only a part, waits, or cuts the power.
// After a failed Sync the bytes that it should have made durable are lost,
// although they can be read until the power goes and the next Sync succeeds:
// that is what Linux does, and what makes going on after a failed sync wrong.
//
// Everything is under one mutex that is never held while waiting, and delays are
// timers, so that it all works inside a testing/synctest bubble.
package faulty
