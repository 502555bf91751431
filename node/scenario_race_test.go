//go:build race

package node

// raceDetector is set in builds with -race. Go 1.26 gives all timers of a bubble one
// context of the detector, and two processors that fire some at the same moment crash
// in it, now and then; whole nodes are too slow under it besides.
const raceDetector = true
