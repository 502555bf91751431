// Package candor starts Candor as a peer: nodes of the program that is given, on
// loopback, with as many copies as there are nodes, and asks them in its own
// protocol.
//
// Settings are the defaults, but for the addresses, the number of copies, and what
// Settings has. As any client may, a connection asks the node that it is open to; which
// of them is not chosen by key. Requests carry no level: the namespace's holds,
// which is a quorum, unless SetReadOne asks for one replica.
//
// Class D2 is how Candor comes. Class D1 needs a setting that is called durability and
// takes the word periodic; a build without it is Missing, and says so. Where a peer of class D1 or D0 is compared and this build
// has no D1, it is compared with D2 all the same, which is never in Candor's favour.
//
// An answer with an error keeps its class: no effect is Refused, in doubt is Unknown,
// damage is Failed. The answer is decoded whole, receipt included.
package candor
