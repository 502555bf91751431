// Package hlc is the arithmetic of Candor's hybrid logical clock, after
// Kulkarni, Demirbas, Madappa, Avva and Leone, "Logical Physical Clocks"
// (2014). It is pure: the physical clock comes in as a number, the state goes
// out as a number, and whoever owns the word (the node with an atomic, the
// simulator with a field) stores it.
//
// A Timestamp packs 48 bits of milliseconds since 1970 and a 16-bit counter,
// so timestamps compare as integers. A Version adds the writer's random id and
// is what orders records: two versions are equal only if they are the same
// write.
//
// Time travels by these channels, each with its hazard:
//
//   - local events: Tick. It never goes back, whatever the physical clock does.
//   - headers of messages: Receive. A remote clock more than the maximum drift
//     ahead of the physical clock is not absorbed (else one bad clock would
//     drag the whole cluster into the future); its message is served all the
//     same.
//   - stored versions: none. A version found in data or stamped by a client
//     never moves a clock, so that garbage in a record cannot poison a node.
//   - restarts: Bound. A node persists, synced, a time ahead of its clock, and
//     issues nothing above it; after a start it continues from there, if that is
//     near enough. Versions are unique whatever the clock did, as the writer id
//     is new at each start.
//   - jumps of the wall clock: Physical. Time is taken from the monotonic
//     clock, anchored to the wall clock; a step of the wall clock is absorbed
//     only when it agrees with the clocks of the peers.
//
// The caller's duties: call Tick with the state it last stored and store the
// result before using it, and never issue a time above the persisted bound.
package hlc
