package wire

import "github.com/candordb/candor/hlc"

// Ballot is the fields of PREPARE and ACCEPT, for the register of that name
// ("" is the cluster's metadata):
//
//	PREPARE [register, ballot]          ACCEPT [register, ballot, value]
type Ballot struct {
	Register []byte
	Ballot   hlc.Version
	Value    []byte // ACCEPT only
}

// Vote answers both: whether the acceptor agreed, the highest ballot that it
// has promised, and of a PREPARE what it has accepted.
//
//	[agreed, promised, accepted, value, ballot]
type Vote struct {
	Agreed             bool
	Promised, Accepted hlc.Version
	Value              []byte
	Ballot             hlc.Version // the ballot that it answers
}

// Append encodes the vote as the answer frame.
func (v *Vote) Append(dst []byte, h Head) []byte {
	start := len(dst)
	dst = appendVersionNil(appendBool(h.begin(dst, 5), v.Agreed), v.Promised)
	dst = appendBinNil(appendVersionNil(dst, v.Accepted), v.Value)
	return EndFrame(appendVersionNil(dst, v.Ballot), start)
}

func (v *Vote) decode(r *reader) {
	v.Agreed, v.Promised, v.Accepted, v.Value = r.bool("agreed"), r.version("promised"), r.version("accepted"), r.bin("value")
	v.Ballot = r.version("ballot")
}

// Append encodes a PREPARE (no value) or ACCEPT as a frame.
func (b *Ballot) Append(dst []byte, h PeerHead) []byte {
	start := len(dst)
	dst = appendVersion(appendBinNil(h.begin(dst, 3), b.Register), b.Ballot)
	return EndFrame(appendBinNil(dst, b.Value), start)
}
