package wire

// EchoBytesMax is how long what a HEARTBEAT wants back may be.
const EchoBytesMax = 16

// AppendHeartbeat encodes a HEARTBEAT: a node that has nothing else to say lets a
// peer hear of it. The answer repeats echo, so that its sender knows when it asked.
func AppendHeartbeat(dst []byte, h PeerHead, echo []byte) []byte {
	h.Op = OpHeartbeat
	return AppendDocument(dst, h, echo)
}

// AppendHeartbeatAnswer encodes the answer to a HEARTBEAT. It is a sign of life in
// the other direction, and names the start of the node that gives it: the answer to
// HELLO, which is the same for clients, does not. time is the node's physical clock,
// milliseconds since 1970, by which others measure how far apart the clocks are: the
// hybrid one in every head follows the fastest of all. An echo above EchoBytesMax is
// left out.
func AppendHeartbeatAnswer(dst []byte, h Head, incarnation, time uint64, echo []byte) []byte {
	h.Op = OpHeartbeat
	start := len(dst)
	if len(echo) > EchoBytesMax {
		echo = nil
	}
	return EndFrame(appendBinNil(appendUint(appendUint(h.begin(dst, 3), incarnation), time), echo), start)
}
