//go:build race

package storage_test

// raceDetector is set in builds with -race; see calm.
const raceDetector = true
