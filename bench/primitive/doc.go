// Package primitive measures what Candor is made of, by itself, in the same run as
// Candor: the storage library with Candor's own options, the sync of a disk, the
// codec. (The network is a peer of its own, package driver/echo.)
//
// A Figure is the time of one operation on the wall and on the CPU. Put together
// they are the floor of the architecture: what a request costs if nothing but its
// parts cost anything. The report divides that by what was measured.
//
//   - leveldb write, sync: batches of records of the size that Candor stores, each
//     batch synced, one after the other; the time is that of one record.
//   - leveldb write: the same without any sync.
//   - leveldb get: of keys that are there, hot ones more often.
//   - sync 4 KiB: 4 KiB over bytes that are there already, and fdatasync.
//   - codec: one message written and read, as a mean of requests and answers of GET
//     and PUT.
//
// Options are those of package storage, which does not hand them out: levelDBOptions
// repeats them, and has to be changed with them.
package primitive
