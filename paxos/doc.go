// Package paxos decides one value once: single-decree Paxos over an opaque value,
// among a fixed set of voters.
//
// It is pure. There is no network, no disk, no clock and no randomness in it: what
// arrives is told to it by method calls, and what it answers or wants to send is
// read from it. One register is one decision; who wants a sequence of decisions
// (the epochs of a cluster) keeps one register for each.
//
// The types:
//
//   - Acceptor is a voter's memory of one register: what it has promised and what
//     it has accepted. AppendState and ParseState are its form on disk.
//   - Proposer is one attempt to have a value chosen under one ballot. It counts
//     distinct voters and says in which Phase it is.
//   - A ballot is an hlc.Version: unique, ordered. NextBallot jumps above those of
//     rivals.
//
// The two phases: a proposer sends prepare(ballot) to all voters. Who promises
// answers with what it has accepted so far. When enough have promised, the
// proposer sends accept(ballot, value), where value is the one accepted under the
// highest ballot among those answers; only if there is none, its own. When
// enough have accepted, the value is chosen, now and for ever: any later ballot
// finds it among its promises.
//
// The caller's duties, on which safety rests:
//
//   - An acceptor's answer leaves only when its state as it then is has been
//     synced, also when the call changed nothing: an earlier change may still be
//     on its way to the disk. State that was lost must never vote again.
//   - A ballot is used for one Proposer only. A new attempt takes a new one, with
//     a writer id that is fresh and random.
//   - All proposers of a register name the same voters and the same need.
//
// Messages may be lost, delayed, repeated and reordered at will.
//
// The papers: Lamport, "The Part-Time Parliament" (1998) and "Paxos Made Simple"
// (2001).
package paxos
