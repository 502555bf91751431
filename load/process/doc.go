// Package process runs nodes as processes of their own, so that they can be killed,
// paused and started again as on real machines.
//
// A Node is one node over all its lives: its log goes on from one to the next, and
// it answers at the same address. Start begins a life; Kill ends it at once, Stop
// by asking. A life that ends though nobody has asked for that is told to Fell:
// whoever breaks processes has to tell their ends from those that it meant.
//
// A Launcher starts processes. They get SIGKILL with it, however the program ends
// that has it (on Linux; elsewhere they stay), and are in groups of their own, so
// that the terminal's Ctrl-C reaches that program only.
//
// Beside that: FreeAddresses, where a node may listen; Ready, whether it takes
// requests; Until and Pause, to wait for something to hold and for a while.
//
// The caller's duties: one goroutine at a time for a Node, but any may ask whether it
// runs, and as which process; Start only of what does not run; Close of a Launcher
// when all that it has started have ended.
package process
