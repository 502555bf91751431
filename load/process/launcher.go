package process

import (
	"os/exec"
	"runtime"
)

// Launcher starts processes, all from one thread that lives as long as it does:
// they are told to die with the thread that started them, so that none is left
// behind if this program is killed.
type Launcher struct {
	asks chan launch
	done chan struct{}
}

type launch struct {
	cmd    *exec.Cmd
	result chan error
}

// NewLauncher starts the thread.
func NewLauncher() *Launcher {
	l := &Launcher{asks: make(chan launch), done: make(chan struct{})}
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(l.done)
		for a := range l.asks {
			a.result <- a.cmd.Start()
		}
	}()
	return l
}

// start is cmd.Start; many may call it at once.
func (l *Launcher) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = childAttributes()
	a := launch{cmd, make(chan error)}
	l.asks <- a
	return <-a.result
}

// Close ends the thread, and what is left of the processes may end with it.
func (l *Launcher) Close() { close(l.asks); <-l.done }
