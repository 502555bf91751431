package node

import (
	"testing"

	"github.com/candordb/candor/config"
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// docs/PROTOCOL.md, A connection: until a HELLO has come no frame is larger than one may
// be, where limits.preauth_frame does not say otherwise.
func TestFramesBeforeHelloAreAsLongAsOne(t *testing.T) {
	if got := config.Default().Limits.PreauthFrame; got != wire.HelloBytesMax {
		t.Errorf("limits.preauth_frame is %v by default, want %d bytes", got, wire.HelloBytesMax)
	}
}

// docs/PROTOCOL.md, HELLO: what a short one, and one of an unknown role, is
// answered before the connection is closed.
func TestHelloWithDefaults(t *testing.T) {
	c := newCluster(t, 1)
	c.start(0)
	t.Cleanup(c.stop)
	c.awaitReady(0)
	addr := c.nodes[0].config.Listen.Client
	frame := func(body ...byte) []byte { return append([]byte{0, 0, 0, byte(len(body))}, body...) }
	magic := "\xa4CNDR"
	for name, tc := range map[string]struct {
		frame []byte
		code  contract.Code // OK: nothing is answered
		stays bool
	}{
		"no magic":               {frame(append([]byte{0x92}, "\x01\x07"...)...), contract.OK, false},
		"the magic alone":        {frame(append([]byte{0x93}, "\x01\x07"+magic...)...), contract.Unsupported, false},
		"no role, no name":       {frame(append([]byte{0x95}, "\x01\x07"+magic+"\x01\x01"...)...), contract.OK, true},
		"role 7":                 {frame(append([]byte{0x98}, "\x01\x07"+magic+"\x01\x01\xa0\xc0\x07"...)...), contract.BadRequest, false},
		"role 7, no version":     {frame(append([]byte{0x98}, "\x01\x07"+magic+"\xc0\xc0\xa0\xc0\x07"...)...), contract.Unsupported, false},
		"a node, no more of it":  {frame(append([]byte{0x98}, "\x01\x07"+magic+"\x01\x01\xa0\xc0\x01"...)...), contract.Forbidden, false},
		"credentials of no kind": {frame(append([]byte{0x97}, "\x01\x07"+magic+"\x01\x01\xa0\x91\xa1x"...)...), contract.Unsupported, false},
	} {
		s := socket{t, dial(t, addr)}
		s.send(tc.frame)
		if tc.stays || tc.code != contract.OK {
			if a := readAnswer(t, s); a.ID != 7 || a.Code != tc.code {
				t.Errorf("%s: %+v %s", name, a.Head, a.Error.Message)
			}
		}
		if !tc.stays && !s.ends() {
			t.Errorf("%s: the connection stays open", name)
		}
	}
}
