package wire

// RingMember is one row of the members of a RING answer.
type RingMember struct {
	ID                   [16]byte
	Name, Client, Peer   string // addresses are host:port
	Zone                 string
	State                uint64 // 1 joining, 2 normal, 3 leaving
	Region, Gossip, HTTP string
}

// RingAnswer is the answer to RING. Owners is Q x N indices into Members, 16
// bits big-endian each, 0xFFFF for none; it aliases the frame.
type RingAnswer struct {
	Q, N    uint64
	Members []RingMember
	Owners  []byte
}

// Append encodes the answer as a frame.
func (a *RingAnswer) Append(dst []byte, h Head) []byte {
	start := len(dst)
	dst = appendUint(appendUint(h.begin(dst, 4), a.Q), a.N)
	dst = appendArray(dst, len(a.Members))
	for i := range a.Members {
		m := &a.Members[i]
		dst = appendNode(appendArray(dst, 9), m.ID)
		dst = appendStr(appendStr(appendStr(appendStr(dst, m.Name), m.Client), m.Peer), m.Zone)
		dst = appendUint(dst, m.State)
		dst = appendStr(appendStr(appendStr(dst, m.Region), m.Gossip), m.HTTP)
	}
	return EndFrame(appendBin(dst, a.Owners), start)
}

func (a *RingAnswer) decode(r *reader) {
	a.Q, a.N = r.uint("Q"), r.uint("N")
	outer, members := rows(r, "members", a.Members)
	for r.more() {
		inner, _ := r.enter("member")
		m := RingMember{ID: r.node("node_id"), Name: r.text("name"), Client: r.text("client_address"), Peer: r.text("peer_address")}
		m.Zone, m.State = r.text("zone"), r.uint("state")
		m.Region, m.Gossip, m.HTTP = r.text("region"), r.text("gossip_address"), r.text("http_address")
		r.leave(inner)
		members = append(members, m)
	}
	r.leave(outer)
	a.Members, a.Owners = members, r.bin("owners")
}
