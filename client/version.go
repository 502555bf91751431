package client

import (
	"errors"

	"github.com/candordb/candor/contract"
)

// NewVersion makes a stamp, as the client makes them for its own writes. It is
// for a program that notes the version of a write before it sends it (with
// Stamp), so that after a crash it can ask Outcome what became of it. A stamp is
// good for one write, and for 30 s. The error is an *Error with ErrClock while
// no node has sent a clock that may be used, and ErrClosed.
func (c *Client) NewVersion() (Version, error) {
	if !c.gate.enter() {
		return Version{}, ErrClosed
	}
	defer c.gate.leave()
	v, ok := c.clock.stamp()
	if !ok {
		return Version{}, &Error{Code: contract.Clock, Op: "stamp", Err: errNoClock}
	}
	return v, nil
}

var errNoClock = errors.New("no node has sent a clock that may be used")
