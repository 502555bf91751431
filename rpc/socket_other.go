//go:build !unix

package rpc

import (
	"net"
	"syscall"
)

// rawConn is nil: on this system the writer goroutine does all writing.
func rawConn(net.Conn) syscall.RawConn { return nil }

func writeOnce(uintptr, []byte) (int, error) { return 0, nil }
