package wire

// AppendHeartbeat encodes a HEARTBEAT: a node that has nothing else to say lets a
// peer hear of it.
func AppendHeartbeat(dst []byte, h PeerHead) []byte {
	h.Op = OpHeartbeat
	return AppendDocument(dst, h, nil)
}

// AppendHeartbeatAnswer encodes the answer to a HEARTBEAT. It is a sign of life in
// the other direction, and names the start of the node that gives it: the answer to
// HELLO, which is the same for clients, does not.
func AppendHeartbeatAnswer(dst []byte, h Head, incarnation uint64) []byte {
	h.Op = OpHeartbeat
	start := len(dst)
	return EndFrame(appendUint(h.begin(dst, 1), incarnation), start)
}
