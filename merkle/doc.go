// Package merkle is the hash tree by which two replicas of a partition find out
// where they differ, without showing each other their keys. It is pure: nothing
// here reads a disk, a clock or a network.
//
// A tree has a fixed Shape: a number of leaves and a fan-out, the same in the
// whole cluster and for its life. A record belongs to the leaf that the bits of
// its token name, those that come next after the partition's. A leaf holds the sum
// modulo 2^128 of the fingerprints of its records, and their number; an inner
// node holds the sum of its children; the root stands for the partition.
//
// Why a sum, where Merkle (1987) and Dynamo (DeCandia et al. 2007, section 4.7)
// hash what lies below: a sum is kept up in the write path, from the old record and
// the new one alone, in a few additions and without a look at the leaf's other
// records; the order of writes does not matter to it. XOR would do that too, but
// in XOR two equal additions cancel, and a record that was counted twice by
// mistake could not be told from one that was never there. It guards against
// accidents, not against somebody who may choose fingerprints.
//
// The types:
//
//   - Shape says how many nodes each level has, which leaf a token falls into, and
//     which tokens a leaf spans.
//   - Tree keeps the nodes. Update and Set change a leaf and all above it.
//   - Descent is one comparison: after the roots, level by level, only below nodes
//     that differ. What it asks is a Question, what comes back is Nodes; it ends
//     in the list of leaves that differ.
//
// A comparison costs one level of children per difference and level: with 1024
// leaves and fan-out 32 no more than 2 x 32 nodes of 24 bytes, however many
// records there are.
//
// The caller's duties: give Update the record that was really replaced (whoever
// does not know it counts the leaf anew from storage, and uses Set); compare
// trees only with those of the same shape and fingerprint seed; keep a tree from
// being used by two goroutines at once. A tree may change while a descent goes on:
// leaves that differ only because a write is on its way are found too, and the
// comparison of their records then finds nothing to do.
package merkle
