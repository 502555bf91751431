package rpc

import "errors"

// Why a connection ended. Handler.Closed and LinkOptions.Down are given one of
// these, an error of package wire for bytes that are no frames, io.EOF when the
// peer closed between frames, or the socket's own error.
var (
	// ErrClosed: this side closed it.
	ErrClosed = errors.New("rpc: closed by this side")
	// ErrHandshake: no whole HELLO within Options.Handshake.
	ErrHandshake = errors.New("rpc: no whole HELLO in time")
	// ErrIdle: no whole frame within Options.Idle.
	ErrIdle = errors.New("rpc: no whole frame in time")
	// ErrSlowReader: more than Options.OutputBuffer waited for the peer.
	ErrSlowReader = errors.New("rpc: the peer does not take its answers; it must read while it sends")
	// ErrStalled: the peer took nothing for Options.WriteStall.
	ErrStalled = errors.New("rpc: the peer took nothing in time")
)
