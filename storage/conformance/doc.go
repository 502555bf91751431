// Package conformance is what every storage.Engine must do, as tests. DB passes
// it on a real disk and on storage/faulty, model.Engine passes it too; so what
// the simulator proves with the model is worth something for what users run.
//
// A new engine passes Run with an Open function, and nothing else. The suite
// covers the contract that engine.go writes down: what Get, Write and Scan
// answer, who owns the bytes, that a batch is all or nothing, that what was
// acknowledged is there after a crash and what was not is there whole or not at
// all, what a full disk refuses, what a check finds, and what every call answers
// after Close. Its last part is a random walk
// of writes, reads, restarts and crashes beside a plain Go map
// (pgregory.net/rapid, so a failure prints a seed and shrinks).
//
// Keys of the suite lie under the record prefix: an engine may keep keys of its
// own under the system prefix.
package conformance
