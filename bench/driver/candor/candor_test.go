package candor

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/load"
	"github.com/candordb/candor/wire"
)

func TestRequestsAreThoseOfTheProtocol(t *testing.T) {
	p := &Protocol{request: wire.Request{DeadlineMS: 5000}, level: contract.One}
	b := p.Append(nil, 0, &load.Op{Kind: load.Put, Key: []byte("k"), Value: []byte("v")})
	b = p.Append(b, 7, &load.Op{Kind: load.Get, Key: []byte("k")})
	for _, want := range []struct {
		op    wire.Op
		id    uint64
		value string
		level contract.Level
	}{{wire.OpPut, 2, "v", contract.Default}, {wire.OpGet, 9, "", contract.One}} {
		body, n, err := wire.NextFrame(b, 1000)
		if err != nil {
			t.Fatal(err)
		}
		b = b[n:]
		var q wire.Request
		if err := wire.DecodeRequest(body, &q); err != nil || q.Op != want.op || q.ID != want.id || string(q.Value) != want.value || q.Level != want.level || q.DeadlineMS != 5000 {
			t.Errorf("%+v, %v", q, err)
		}
	}
	if len(b) > 0 {
		t.Errorf("%d bytes too many", len(b))
	}
}

func TestAnswersKeepTheirClass(t *testing.T) {
	head := func(op wire.Op, code contract.Code) wire.Head { return wire.Head{Op: op, ID: 5, Code: code} }
	failed := func(code contract.Code) []byte {
		e := wire.Error{Message: "no"}
		return e.Append(nil, head(wire.OpPut, code))
	}
	for name, c := range map[string]struct {
		frame []byte
		want  peer.Answer
	}{
		"a value":   {(&wire.GetAnswer{Found: true, Value: []byte("v")}).Append(nil, head(wire.OpGet, contract.OK)), peer.Answer{ID: 3, Value: []byte("v")}},
		"nothing":   {(&wire.GetAnswer{}).Append(nil, head(wire.OpGet, contract.OK)), peer.Answer{ID: 3, Outcome: peer.Absent}},
		"written":   {(&wire.WriteAnswer{}).Append(nil, head(wire.OpPut, contract.OK)), peer.Answer{ID: 3}},
		"no effect": {failed(contract.Overloaded), peer.Answer{ID: 3, Outcome: peer.Refused}},
		"in doubt":  {failed(contract.InDoubt), peer.Answer{ID: 3, Outcome: peer.Unknown}},
		"damage":    {failed(contract.Corrupt), peer.Answer{ID: 3, Outcome: peer.Failed}},
	} {
		p := new(Protocol)
		n, a, err := p.Parse(append(slices.Clone(c.frame), 1, 2, 3))
		if n != len(c.frame) || a.ID != c.want.ID || a.Outcome != c.want.Outcome || !bytes.Equal(a.Value, c.want.Value) || err != nil {
			t.Errorf("%s: %d bytes of %d, %+v, %v", name, n, len(c.frame), a, err)
		}
		if n, _, err := p.Parse(c.frame[:len(c.frame)-1]); n != 0 || err != nil {
			t.Errorf("%s, cut: %d bytes, %v", name, n, err)
		}
	}
}

func TestAnAnswerToNobodyEndsTheConnection(t *testing.T) {
	e := wire.Error{Message: "too slow"}
	if _, _, err := new(Protocol).Parse(e.Append(nil, wire.Head{Op: wire.OpHello, Code: contract.Overloaded})); err == nil || !strings.Contains(err.Error(), "too slow") {
		t.Errorf("got %v", err)
	}
}

func TestTheClassIsASetting(t *testing.T) {
	for class, want := range map[peer.Class]bool{peer.D1: true, peer.D2: false} {
		p := &Peer{Nodes: 1, Durable: class, periodic: "storage.durability=periodic", nodes: []*node{{at: []string{"a:1", "a:2", "a:3", "a:4"}}}}
		args := p.arguments(0, "x", []string{"a:2"}, []string{"a:3"})
		if got := slices.Contains(args, "storage.durability=periodic"); got != want || !slices.Contains(args, "listen.http=a:4") {
			t.Errorf("%s: %q", class, args)
		}
	}
}

func TestMetricsAreAddedUpOverTheirLabels(t *testing.T) {
	text := "# HELP a b\na{x=\"1\"} 2\na{x=\"2\"} 3\naa 7\nb 1e3\n"
	if a, b := sum(text, "a"), sum(text, "b"); a != 5 || b != 1000 {
		t.Errorf("a is %v, b is %v", a, b)
	}
	log := "x\ngc 1 @0.01s 9%: 1+2\ngc 2 @0.02s 3%: 1+2\ngc is fine\n{\"gc\": 1}\n"
	if got := gcShare([]byte(log)); got != 0.03 {
		t.Errorf("the share of collections is %v", got)
	}
}
