// Package coordinator runs one request over the N replicas of its key: whom to
// ask, when the answer is decided, what the receipt says, what has to be
// repaired before a read may be answered. It follows Dynamo (DeCandia et al.
// 2007) with the corrections of rule 4: read repair blocks, and an outcome is
// never guessed.
//
// Core is a plain value without lock, goroutine, channel, timer or context. It
// keeps open requests in slots. Its caller tells it what happened (Put, Get,
// Scan, Explain, Reply, LinkDown, Unsent, Tick, Hedge), and every call appends what is to
// be done to the caller's Effects: messages to replicas, answers to clients, and
// versions to be made for ordered writes, which come back by Stamped. It never
// calls out, so that the caller can carry effects out after it has let
// go of the lock that guards the Core. Every reply, that of the local replica
// too, comes in by a later call. Bytes in effects live in the Effects' own
// arena, or never change; they are good until the Effects are reset.
//
// A call (the number that goes to a replica and comes back) names shard, slot
// and the slot's generation, so that a late answer to an earlier request of the
// same slot is recognised and dropped.
//
// The duty of honesty, in the order in which it is decided:
//
//   - too few natural replicas reachable: Unavailable, before anything is sent;
//   - enough distinct replicas have it: OK, with the highest version that a
//     counted replica holds, if that is higher than the one written;
//   - it can no longer be enough: no effect only if every replica that was sent
//     the write has definitely refused it, else in doubt;
//   - the deadline passes: in doubt for a write, no effect for a read, or for an
//     ordered write that has not been stamped.
//
// A level is lowered only for a read that may be weakened, and then the receipt
// names the one that was met. A replica whose node answers before it syncs (Periodic)
// counts for the level, and the receipt does not call it durable.
//
// A replica that is later than it usually is costs a read one more message, to
// another one (Hedging). How long replicas take is learned from their answers, by
// the microseconds of the Effects.
//
// The caller looks up owners and reachability once, when the request comes in
// (Request), and hands the same Paces to each of its Cores with every tick (Share).
// Replicas are asked in the order: this node, those that are up and near (by zone,
// then region), others that are up, those that are slow, suspects.
package coordinator
