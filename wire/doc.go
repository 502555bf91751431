// Package wire is the protocol, version 1: frames, the messages in them, and
// the bounds that make them safe to read. It is pure. docs/PROTOCOL.md has the
// tables; docs/protocol/vectors.json has each message as bytes, and the tests
// of this package hold both together.
//
//	+----------------+---------------------------+
//	| length: u32 BE | body: one msgpack array   |   length counts the body only
//	+----------------+---------------------------+
//	request   [op, id, field...]                        of a client
//	request   [op, id, epoch, clock, field...]          of a node
//	answer    [0x80|op, id, 0, clock, epoch, field...]
//	error     [0x80|op, id, code, clock, epoch, message, retry_after_ms, detail]
//
// Used types: nil, bool, integers, str, bin, array. Arrays only ever grow at
// the end: a reader gives missing tail fields their default, skips what it does
// not know, and takes nil for the default. Op numbers and field positions are
// append-only.
//
// The data plane is coded by hand, because it can then be bounded: every
// length is compared with the bytes that are left in the frame before it is
// used, nesting ends at DepthMax, nothing is allocated for a claimed length, and
// the rows of an answer may take four times their frame and no more. Encoders
// append to a slice; decoders fill a struct that the caller reuses. What is
// decoded aliases the frame: it is good until the buffer is read into again.
//
// A server takes frames apart with NextFrame, decodes the first body with
// DecodeHello and the others with DecodeRequest or, of a node, DecodePeerRequest.
// ErrMalformed ends the connection, a *RequestError is the answer to one
// request. The rules that the protocol has for a request alone are checked here;
// id 0, limits, namespaces and what a build can do are the caller's.
//
// Nodes put what waits for a peer into one frame: WRITE, READ, DIGEST and VOID
// carry an array of items, each with the call of the request slot that waits for it
// (WriteItem, ReadItem and their results; Outbox gathers them). Control-plane
// documents (metadata, status) travel as one bin field, coded by the msgpack
// library behind the guard of SafeUnmarshal, which walks the bytes beside the
// type before the library may.
package wire
