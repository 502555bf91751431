package main

import (
	"os"

	"golang.org/x/term"
)

// terminalWidth is how many columns the terminal behind f has; 0 if there is
// none, or it is a dumb one.
func terminalWidth(f *os.File) int {
	fd := int(f.Fd())
	if os.Getenv("TERM") == "dumb" || !term.IsTerminal(fd) {
		return 0
	}
	width, _, err := term.GetSize(fd)
	if err != nil || width < 1 {
		return 80
	}
	return width
}
