// Package contract holds the words of Candor's contract as types: the level a
// request asks for, its flags, the code and class of an answer, the receipt
// that says what was really achieved, and their text forms. Every other
// package speaks with these words, so that wire, HTTP, command line and client
// cannot drift apart.
//
// The promise itself is in docs/GUARANTEES.md. What this package fixes of it:
//
//   - a request ends in one of three classes: done, no effect, in doubt;
//     damage is a failure of its own, whose effect the code says (Class, Code);
//   - a level is resolved against the replication factor N to a number of
//     distinct natural replicas (Level.Need);
//   - a receipt counts natural replicas and stand-ins apart (Receipt).
//
// The numbers of levels, flags, codes, outcomes and states are those of the
// wire. They are append-only: none is ever reused or reordered.
//
// The package imports nothing of ours; node ids and versions stand in it as
// plain byte arrays.
package contract
