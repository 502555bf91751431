package resp

import (
	"bytes"
	"errors"
	"strconv"

	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/load"
)

// Commands are what stands before the key of a read and of a write.
type Commands struct {
	Get, Put []string
}

// The commands of stores that are known.
var (
	Redis = Commands{Get: []string{"GET"}, Put: []string{"SET"}}
	// Olric keeps keys in maps, which have names.
	Olric = Commands{Get: []string{"DM.GET", "bench"}, Put: []string{"DM.PUT", "bench"}}
)

// Protocol implements peer.Protocol.
type Protocol struct {
	get, put []byte // all that stands before the key's length
}

// NewProtocol encodes what is the same in all requests.
func NewProtocol(c Commands) *Protocol {
	begin := func(words []string, more int) []byte {
		b := appendHead(nil, '*', len(words)+more)
		for _, w := range words {
			b = appendString(b, []byte(w))
		}
		return b
	}
	return &Protocol{get: begin(c.Get, 1), put: begin(c.Put, 2)}
}

func appendHead(dst []byte, kind byte, n int) []byte {
	return append(strconv.AppendInt(append(dst, kind), int64(n), 10), '\r', '\n')
}

func appendString(dst, s []byte) []byte {
	return append(append(appendHead(dst, '$', len(s)), s...), '\r', '\n')
}

// Ordered implements peer.Protocol.
func (*Protocol) Ordered() bool { return true }

// Append implements peer.Protocol.
func (p *Protocol) Append(dst []byte, _ uint32, op *load.Op) []byte {
	if op.Kind == load.Get {
		return appendString(append(dst, p.get...), op.Key)
	}
	return appendString(appendString(append(dst, p.put...), op.Key), op.Value)
}

// ErrMalformed is returned for an answer that is not RESP, or of a kind that no
// request here has.
var ErrMalformed = errors.New("resp: an answer is not understood")

// Parse implements peer.Protocol. An error is a refusal: Redis changes nothing then.
func (*Protocol) Parse(b []byte) (int, peer.Answer, error) {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		return 0, peer.Answer{}, nil
	}
	if end < 2 || b[end-1] != '\r' {
		return 0, peer.Answer{}, ErrMalformed
	}
	switch n := end + 1; b[0] {
	case '+', ':':
		return n, peer.Answer{}, nil
	case '-':
		return n, peer.Answer{Outcome: peer.Refused}, nil
	case '$':
		return parseString(b, n)
	}
	return 0, peer.Answer{}, ErrMalformed
}

// parseString parses a string whose line with the length has n bytes.
func parseString(b []byte, n int) (int, peer.Answer, error) {
	length, err := strconv.Atoi(string(b[1 : n-2]))
	switch {
	case err != nil || length < -1 || length > stringMax:
		return 0, peer.Answer{}, ErrMalformed
	case length == -1:
		return n, peer.Answer{Outcome: peer.Absent}, nil
	case len(b) < n+length+2:
		return 0, peer.Answer{}, nil
	case b[n+length] != '\r' || b[n+length+1] != '\n':
		return 0, peer.Answer{}, ErrMalformed
	}
	return n + length + 2, peer.Answer{Value: b[n : n+length]}, nil
}

// stringMax is the largest string that Redis has.
const stringMax = 512 << 20

// Waiting is a Protocol whose writes wait for replicas.
type Waiting struct {
	*Protocol
	wait     []byte
	replicas int
}

// NewWaiting waits for so many replicas, at most so many milliseconds.
func NewWaiting(c Commands, replicas, milliseconds int) *Waiting {
	b := appendHead(nil, '*', 3)
	for _, word := range []string{"WAIT", strconv.Itoa(replicas), strconv.Itoa(milliseconds)} {
		b = appendString(b, []byte(word))
	}
	return &Waiting{Protocol: NewProtocol(c), wait: b, replicas: replicas}
}

// Fence implements peer.Fencer.
func (w *Waiting) Fence(dst []byte) []byte { return append(dst, w.wait...) }

// ParseFence implements peer.Fencer.
func (w *Waiting) ParseFence(b []byte) (int, peer.Answer, error) {
	n, a, err := w.Parse(b)
	if n == 0 || err != nil {
		return n, a, err
	}
	if b[0] != ':' {
		return n, peer.Answer{Outcome: peer.Unknown}, nil
	}
	if got, err := strconv.Atoi(string(b[1 : n-2])); err != nil || got < w.replicas {
		return n, peer.Answer{Outcome: peer.Unknown}, err
	}
	return n, peer.Answer{}, nil
}
