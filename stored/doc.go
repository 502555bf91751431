// Package stored says how what package replica and package hinted keep lies in a
// storage.Engine. Both assemblies use it, the node and the simulator, so that the
// simulator runs the very code that ships.
//
// Batch is a replica.Batch: what an Applier decides becomes entries of a
// storage.Batch, under the keys that package storage lays out. A hint that counts
// stays one: whoever keeps the same hint again as one that may expire does not make
// it so, whether the first lies on disk or in the same batch.
//
// Hints is a hinted.Store: the hints and dirty marks of an engine, walked in the
// order of their places. Kept finds one of them by the write that it keeps.
//
// Range and Voids walk the records of some tokens, and the notes of versions that
// were given up.
//
// A key that lies where only others may lie is damage, storage.ErrCorrupt, and told
// apart from what the engine finds damaged: ErrForeign.
//
// The caller's duties: a Batch belongs to one goroutine, the committer's, and is begun
// anew for each storage.Batch; whether that became durable is for the caller to say to
// whom it concerns. Everything else may be called by many at once, as far as the
// engine may.
package stored
