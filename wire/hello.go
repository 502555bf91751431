package wire

import (
	"bytes"
	"errors"
)

// Magic opens the first frame of a connection.
const Magic = "CNDR"

// ProtocolVersion is the one version that this build speaks.
const ProtocolVersion = 1

// Roles of a HELLO.
const (
	RoleClient = 0
	RoleNode   = 1
)

// HelloBytesMax is how long the body of a HELLO may be, where a node does not say
// otherwise: the limit of NextFrame until it has come.
const HelloBytesMax = 4096

// ErrNoHello is returned for a first frame that is no HELLO of this protocol.
// The connection is closed without an answer.
var ErrNoHello = errors.New("the first frame is not a HELLO")

// Hello is the first request of a connection. Slices alias the frame.
type Hello struct {
	ID                 uint64
	ProtoMin, ProtoMax uint64
	ClientName         []byte
	HasAuth            bool // credentials were sent; this build knows none
	Auth               Credentials
	Role               uint64

	// Behind role 1 only.
	ClusterName []byte
	ClusterID   []byte // 16 bytes; nil before epoch 1
	NodeID      [16]byte
	Incarnation uint64
}

// Credentials are the auth field of a HELLO: ["token", bin] or ["user", name,
// password]. Of another kind only the kind is kept.
type Credentials struct {
	Kind   []byte
	Name   []byte // of a user
	Secret []byte // the token, or the user's password
}

// DecodeHello decodes the body of a first frame. Its error is ErrNoHello.
func DecodeHello(body []byte, h *Hello) error {
	*h = Hello{}
	var r reader
	r.open(body)
	op, id := r.opAndID(0xff)
	h.ID = id
	magic := r.str("magic")
	h.ProtoMin, h.ProtoMax = r.uint("proto_min"), r.uint("proto_max")
	h.ClientName = r.str("client_name")
	h.HasAuth = h.Auth.decode(&r)
	h.Role = r.uint("role")
	h.ClusterName = r.str("cluster_name")
	h.ClusterID = r.bin("cluster_id")
	h.NodeID = r.node("node_id")
	h.Incarnation = r.uint("incarnation")
	r.close()
	badCluster := h.ClusterID != nil && len(h.ClusterID) != 16
	if r.bad != noFault || op != OpHello || h.ID == 0 || !bytes.Equal(magic, []byte(Magic)) || badCluster {
		return ErrNoHello
	}
	return nil
}

const (
	authToken = "token"
	authUser  = "user"
)

func (c *Credentials) decode(r *reader) (present bool) {
	outer, present := r.enter("auth")
	if present {
		c.Kind = r.str("auth kind")
	}
	switch string(c.Kind) {
	case authToken:
		c.Secret = r.bin("token")
	case authUser:
		c.Name, c.Secret = r.str("user"), r.str("password")
	}
	r.leave(outer)
	return present
}

func (c *Credentials) append(dst []byte) []byte {
	switch string(c.Kind) {
	case authToken:
		return appendBin(appendStr(appendArray(dst, 2), c.Kind), c.Secret)
	case authUser:
		return appendStr(appendStr(appendStr(appendArray(dst, 3), c.Kind), c.Name), c.Secret)
	}
	return appendStr(appendArray(dst, 1), c.Kind)
}

// Append encodes the HELLO as a frame; what stands behind the role is sent by
// nodes only.
func (h *Hello) Append(dst []byte) []byte {
	start, n := len(dst), 8
	if h.Role == RoleNode {
		n = 12
	}
	dst = appendArray(BeginFrame(dst), n)
	dst = appendUint(append(dst, byte(OpHello)), h.ID)
	dst = appendStr(dst, Magic)
	dst = appendUint(appendUint(dst, h.ProtoMin), h.ProtoMax)
	dst = appendStr(dst, h.ClientName)
	if h.HasAuth {
		dst = h.Auth.append(dst)
	} else {
		dst = appendNil(dst)
	}
	dst = appendUint(dst, h.Role)
	if h.Role == RoleNode {
		dst = appendBinNil(appendStr(dst, h.ClusterName), h.ClusterID)
		dst = appendUint(appendNode(dst, h.NodeID), h.Incarnation)
	}
	return EndFrame(dst, start)
}

// Limits are the bounds that a node tells a client.
type Limits struct {
	FrameBytes, KeyBytes, ValueBytes uint64
	InFlight, BatchOps               uint64
}

// FeaturePeriodic, among the features that a node tells, says that it answers for
// records before it has synced them.
const FeaturePeriodic = "periodic"

// Has says whether a feature was told.
func (a *HelloAnswer) Has(feature string) bool {
	for _, f := range a.Features {
		if string(f) == feature {
			return true
		}
	}
	return false
}

// HelloAnswer is the answer to a HELLO. Slices alias the frame.
type HelloAnswer struct {
	Proto         uint64
	ClusterName   []byte
	ClusterID     []byte // 16 bytes; nil before epoch 1
	NodeID        [16]byte
	ServerVersion []byte
	Limits        Limits
	Features      [][]byte // FeaturePeriodic; readers pass over those that they do not know
}

// Append encodes the answer as a frame.
func (a *HelloAnswer) Append(dst []byte, h Head) []byte {
	start := len(dst)
	dst = h.begin(dst, 7)
	dst = appendStr(appendUint(dst, a.Proto), a.ClusterName)
	dst = appendNode(appendBinNil(dst, a.ClusterID), a.NodeID)
	dst = appendArray(appendStr(dst, a.ServerVersion), 5)
	for _, v := range []uint64{a.Limits.FrameBytes, a.Limits.KeyBytes, a.Limits.ValueBytes, a.Limits.InFlight, a.Limits.BatchOps} {
		dst = appendUint(dst, v)
	}
	dst = appendArray(dst, len(a.Features))
	for _, f := range a.Features {
		dst = appendStr(dst, f)
	}
	return EndFrame(dst, start)
}

func (a *HelloAnswer) decode(r *reader) {
	a.Proto = r.uint("proto")
	a.ClusterName = r.str("cluster_name")
	a.ClusterID = r.bin("cluster_id")
	a.NodeID = r.node("node_id")
	a.ServerVersion = r.str("server_version")
	outer, _ := r.enter("limits")
	l := &a.Limits
	for _, p := range [...]*uint64{&l.FrameBytes, &l.KeyBytes, &l.ValueBytes, &l.InFlight, &l.BatchOps} {
		*p = r.uint("limits")
	}
	r.leave(outer)
	outer, a.Features = rows(r, "features", a.Features)
	for r.more() {
		a.Features = append(a.Features, r.str("features"))
	}
	r.leave(outer)
}
