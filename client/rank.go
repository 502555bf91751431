package client

import (
	"math"
	"time"
)

// standing is what a client holds of a node when it chooses a coordinator.
type standing struct {
	failed   bool          // of late it refused, or left a request without an answer
	other    bool          // it is no replica of the key, so that it only passes on
	near     bool          // it is in the client's own zone
	latency  time.Duration // what requests take there, by and by forgotten; 0: not known
	inFlight int
}

// before says whether a node should be asked before another. Those that failed
// of late come last, not never; then replicas of the key come before others,
// and the own zone before others; then counts what a request may be expected to
// take, which is the latency for each request that is in flight there and for
// this one. A node whose latency is not known is tried. Between equals the
// caller's order of preference decides.
func (s standing) before(o standing) bool {
	switch {
	case s.failed != o.failed:
		return o.failed
	case s.other != o.other:
		return o.other
	case s.near != o.near:
		return s.near
	}
	return s.cost() < o.cost()
}

func (s standing) cost() time.Duration { return s.latency * time.Duration(s.inFlight+1) }

const (
	// latencyShare is the weight of the newest request in the latency of a node.
	latencyShare = 8
	// latencyHalves is the time in which half of a latency is forgotten, so that a
	// node which was slow is tried again although nobody asks it.
	latencyHalves = 10 * time.Second
)

// smoothed is a latency after one more request.
func smoothed(latency, took time.Duration) time.Duration {
	if latency == 0 {
		return took
	}
	return latency + (took-latency)/latencyShare
}

// faded is a latency of which nothing new was heard for some time.
func faded(latency, since time.Duration) time.Duration {
	return time.Duration(float64(latency) * math.Exp2(-float64(since)/float64(latencyHalves)))
}
