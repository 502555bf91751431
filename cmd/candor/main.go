package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// env is what a command sees of the process that it runs in.
type env struct {
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	environ []string // NAME=VALUE
	// width is how wide the terminal behind stderr is; 0: there is none, and
	// nothing is drawn.
	width func() int
}

func main() { os.Exit(candor()) }

// candor is main without the exit, for tests that run it as a command.
func candor() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	e := &env{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ(),
		width: func() int { return terminalWidth(os.Stderr) },
	}
	if isNodetool(os.Args[0]) {
		return e.nodetool(ctx, os.Args[1:])
	}
	return e.run(ctx, os.Args[1:])
}
