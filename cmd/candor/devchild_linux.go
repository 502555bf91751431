package main

import "syscall"

// childAttributes let a child die with dev, and keep the terminal's Ctrl-C from
// it: dev stops its nodes itself, in order.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
