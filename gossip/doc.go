// Package gossip says who is in the group, at which address, and probably
// alive. It never says who owns data: ownership is agreed by the cluster epoch
// by epoch, and a node that is down still owns its ranges.
//
// Gossip runs one node's part in the group: New builds it, Run works, Leave ends
// it politely. View is what this node believes now, an immutable copy that any
// goroutine reads without a lock; Sink is told when there is a new one. Shared
// is the other thing that travels here: the number of the newest epoch. The
// epoch itself does not, whoever is behind fetches it from a peer.
//
// Below is memberlist, an implementation of SWIM (Das, Gupta, Motivala 2002)
// with Lifeguard's suspicion (Dadgar, Phillips, Currey 2018). What it does not
// do is done here:
//
//   - Its callbacks run under its locks. They only note the latest fact about
//     each node; the pump, one goroutine, turns notes into a view and calls out.
//     So neither Sink nor Shared can deadlock with it, however slow they are.
//   - It forgets the dead, and a partition that outlasts its memory never heals.
//     The rejoin loop dials known members that are not alive, for ever; whom it
//     knows comes from the caller, who keeps it on disk.
//   - It does not tell a restart from a pause. Each node carries the incarnation
//     that it drew at its start in its metadata.
//   - It does not tell leaving from dying. A node that leaves says so first, and
//     its Member is Leaving from then on.
//   - It knows no clusters. The cluster id is in every packet's label and in every
//     node's metadata; a node with another id is refused.
//
// All that is gossiped merges: epochs and announced departures only rise, and
// may come late, twice, or in any order.
//
// The files phi*.go have nothing to do with memberlist. A Detector is this node's own
// view of its peers, from what is heard on their connections (phi accrual, Hayashibara
// et al. 2004); memberlist's word is one piece of its evidence. It is pure: its owner
// brings evidence and time, guards it with a lock, and sends the heartbeats.
//
// The caller's duties: one Gossip per membership, as one that has left cannot
// come back; a higher incarnation for each start; addresses as IP:port, names
// resolved beforehand; Announce after installing an epoch.
package gossip
