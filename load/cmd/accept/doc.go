// Command accept measures how a cluster heals, and holds each figure against its
// bar.
//
//	accept -candor PATH [-only hints,purge] [-short] [-list]
//
// The nodes are processes of the candor binary on loopback addresses, with a
// linkproxy between them where links are to be cut or slowed. Each measurement has a
// cluster of its own, made when it begins and gone when it ends, so that each can be
// taken alone:
//
//	hints   a node that was away gets what it missed, by hints alone
//	replay  how fast very many hints are replayed, and what clients notice of it
//	repair  the same with all hints dropped, by repair alone
//	purge   tombstones outlast a replica that is away, and go when it is back;
//	        an old copy of its data folder brings nothing back
//	rejoin  gossip is one group again after a partition
//	crash   requests go around a node that is killed or falls silent
//	false   nobody is convicted wrongly: through a bad network, after a pause of all
//	slow    one slow replica, and what QUORUM notices of it
//	sync    what comparing replicas costs, in bytes and CPU time, and how long as many
//	        differences take among ten times the keys
//	memory  what a node holds in memory for each further million keys
//
// A measurement looks for evidence that the healing part does not give of itself:
// EXPLAIN of a sample of keys while it runs, and in the end, when all nodes have
// stopped, every record on every disk. "By hints alone" is checked by the counters
// of repair, and the other way round.
//
// Nodes, proxy and load share the machine. Times and shares of it are of this
// machine, so its load average is printed beside the figures; a bar is never moved.
// -short shortens what takes long (outages, the keys, the calm) so that a run says
// quickly whether all works; figures of a short run are marked, as they are not
// those that the bars are about.
//
// The exit status is 0 if all bars are met, 1 if one is missed, 2 if a measurement
// could not be carried through, and 77 if this machine is not one for it.
package main
