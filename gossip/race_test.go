//go:build race

package gossip

import "runtime"

// oneProcessor keeps the race detector alive: Go 1.26 gives all timers of a
// synctest bubble one context of the detector, and two processors that fire
// timers of one bubble at the same moment crash in it, now and then. Races are
// found by order, not by luck, so one processor finds them as well.
func oneProcessor() { runtime.GOMAXPROCS(1) }
