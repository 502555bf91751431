package gossip

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// MetaMax bounds the metadata, as every copy of it travels with every state
// exchange of every node.
const MetaMax = 128

// ZoneMax is the longest zone name in bytes.
const ZoneMax = 64

// ErrMeta is returned for metadata that cannot be read: its sender is no node of
// ours, and is refused.
var ErrMeta = errors.New("gossip: not the metadata of a node")

// ErrForeignCluster is returned for a node that belongs to another cluster.
var ErrForeignCluster = errors.New("gossip: the node belongs to another cluster; check the seeds of both")

// meta is what a node says of itself besides its name and gossip address.
//
//	 0   1  version, 1 now; a higher one has more behind
//	 1  16  cluster id
//	17   8  incarnation, big-endian
//	25   2  peer port, big-endian; 0: none
//	27   2  client port
//	29   2  HTTP port
//	31   1  flags, none so far
//	32   1  lowest protocol version spoken
//	33   1  highest
//	34   1  length z of the zone
//	35   z  zone
//	35+z    what later versions append; skipped
//
// The layout is append-only.
type meta struct {
	cluster                        [16]byte
	incarnation                    uint64
	peerPort, clientPort, httpPort uint16
	flags                          byte
	protoMin, protoMax             byte
	zone                           string
}

const (
	metaVersion = 1
	metaFixed   = 35
)

func (m *meta) append(dst []byte) []byte {
	dst = append(dst, metaVersion)
	dst = append(dst, m.cluster[:]...)
	dst = binary.BigEndian.AppendUint64(dst, m.incarnation)
	dst = binary.BigEndian.AppendUint16(dst, m.peerPort)
	dst = binary.BigEndian.AppendUint16(dst, m.clientPort)
	dst = binary.BigEndian.AppendUint16(dst, m.httpPort)
	dst = append(dst, m.flags, m.protoMin, m.protoMax, byte(len(m.zone)))
	return append(dst, m.zone...)
}

// parseMeta reads what append writes, of this and of later versions. Its errors
// wrap ErrMeta.
func parseMeta(b []byte) (meta, error) {
	if len(b) < metaFixed || len(b) > MetaMax {
		return meta{}, fmt.Errorf("%w: %d bytes", ErrMeta, len(b))
	}
	if b[0] < metaVersion {
		return meta{}, fmt.Errorf("%w: version %d", ErrMeta, b[0])
	}
	m := meta{
		cluster:     [16]byte(b[1:]),
		incarnation: binary.BigEndian.Uint64(b[17:]),
		peerPort:    binary.BigEndian.Uint16(b[25:]),
		clientPort:  binary.BigEndian.Uint16(b[27:]),
		httpPort:    binary.BigEndian.Uint16(b[29:]),
		flags:       b[31],
		protoMin:    b[32],
		protoMax:    b[33],
	}
	zone := b[metaFixed:]
	if n := int(b[34]); n > ZoneMax || n > len(zone) {
		return meta{}, fmt.Errorf("%w: a zone of %d bytes", ErrMeta, n)
	}
	m.zone = string(zone[:b[34]])
	return m, nil
}
