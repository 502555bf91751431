// Package verdict says how a cluster is, from evidence and from nothing else. It
// is a function of its arguments: it reads no clock, asks nobody and keeps
// nothing, so that the command line, HTTP, metrics and dashboard cannot say
// different things about the same evidence, and do not say them in different words.
//
// The types:
//
//   - Snapshot is the evidence that one node has collected: every member, and of
//     each a Report with its age, or that it did not answer, or that it was not
//     asked. It is its own JSON, between nodes, over HTTP and in files.
//   - Opt is a figure that may not be known. Its zero value is "not known", so what
//     nobody has measured, or an older node does not send, is never taken for 0.
//   - Result is the verdict: OK, DEGRADED, FAILING or UNKNOWN, with what is wrong,
//     what is missing, and in which partitions which level is possible.
//   - Finding is what one rule of the doctor has found, with evidence, effect and
//     what to do.
//   - Disagreement is one thing that nodes see differently.
//
// How the verdict is reached. Each clause of it (clauses.go) is true, false or not
// known. All that is not known is counted twice, once as good and once as bad. If
// both counts come to the same word, that is the verdict; else it is UNKNOWN, with
// both words and what is missing. So OK needs every clause proven by evidence
// younger than 10 s, and less evidence never makes a verdict OK. That a member
// does not answer is evidence: it is as good as a fault. That it was not asked, or
// that what it said is old, is none.
//
// A node's view of another is evidence about that one as it is now, or none (views.go):
// what was seen before it was started, or before it fell silent, tells of the past.
//
// A level is possible in a partition if enough of its natural replicas serve it: they
// answer, their storage runs, they are not shutting down and not rebuilding that
// partition; for writes their disk is not full. Levels of regions are those of the
// region of the node that collected. A node that cannot reach some other node is a
// fault too, although both answer: through it less is possible.
//
// The rules of the doctor (table in rules.go) follow the same discipline: a rule
// that lacks evidence of any member says "could not check", and is not OK. There
// are rules for what can be measured; a rule without evidence in this product is
// not in the table. Codes are never used again for something else.
//
// The caller's duties: collect in parallel, with a deadline, and put down members
// that did not answer as Silent and those that were not asked as NotAsked, never leave
// them out; measure ages on a monotonic clock, from before a question was sent; call
// Snapshot.Aged on what was kept for a while; show a Result's words as they are.
//
// The distinction between a fault and missing evidence is that of failure detectors
// (Chandra, Toueg 1996); counting the unknown both ways is Kleene's strong logic of
// three values (1952).
package verdict
