//go:build unix && !linux

package main

import "syscall"

// childAttributes keep the terminal's Ctrl-C from a child: dev stops its nodes
// itself, in order. If dev is killed, they go on.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
