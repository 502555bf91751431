//go:build unix

package rpc

import (
	"net"
	"syscall"
)

// rawConn is the socket under nc, nil if there is none to be tried. Whatever
// wraps a socket and changes the bytes, as TLS does, must not offer it.
func rawConn(nc net.Conn) syscall.RawConn {
	if s, ok := nc.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

// writeOnce makes one system call. A socket that is full took 0 bytes.
func writeOnce(fd uintptr, p []byte) (int, error) {
	for {
		n, err := syscall.Write(int(fd), p)
		switch err {
		case nil:
			return n, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, nil
		default:
			return 0, err
		}
	}
}
