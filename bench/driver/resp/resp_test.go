package resp

import (
	"strings"
	"testing"

	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/load"
)

func TestRequestsAreArraysOfStrings(t *testing.T) {
	get, put := load.Op{Kind: load.Get, Key: []byte("k")}, load.Op{Kind: load.Put, Key: []byte("k"), Value: []byte("value")}
	for _, c := range []struct{ got, want string }{
		{string(NewProtocol(Redis).Append(nil, 7, &get)), "*2 $3 GET $1 k "},
		{string(NewProtocol(Redis).Append(nil, 7, &put)), "*3 $3 SET $1 k $5 value "},
		{string(NewProtocol(Olric).Append(nil, 7, &get)), "*3 $6 DM.GET $5 bench $1 k "},
		{string(NewProtocol(Olric).Append(nil, 7, &put)), "*4 $6 DM.PUT $5 bench $1 k $5 value "},
		{string(NewWaiting(Redis, 1, 1000).Fence(nil)), "*3 $4 WAIT $1 1 $4 1000 "},
	} {
		if want := strings.ReplaceAll(c.want, " ", "\r\n"); c.got != want {
			t.Errorf("got %q, want %q", c.got, want)
		}
	}
}

// An answer that is cut anywhere is not an answer yet, and one that is whole ends
// where it ends.
func TestAnswersAreParsedOnlyWhole(t *testing.T) {
	for text, want := range map[string]peer.Outcome{
		"+OK\r\n":                      peer.Done,
		":1\r\n":                       peer.Done,
		"-ERR it is full\r\n":          peer.Refused,
		"$-1\r\n":                      peer.Absent,
		"$0\r\n\r\n":                   peer.Done,
		"$12\r\nab\r\ncd\r\n$-1\n\r\n": peer.Done,
	} {
		p := NewProtocol(Redis)
		for cut := range text {
			if n, _, err := p.Parse([]byte(text[:cut])); n != 0 || err != nil {
				t.Errorf("%q is an answer of %d bytes, %v", text[:cut], n, err)
			}
		}
		n, a, err := p.Parse([]byte(text + "+OK\r\n"))
		if n != len(text) || a.Outcome != want || err != nil {
			t.Errorf("%q: %d bytes, %v, %v", text, n, a.Outcome, err)
		}
	}
	if _, a, _ := NewProtocol(Redis).Parse([]byte("$4\r\n\r\n\r\n\r\n")); string(a.Value) != "\r\n\r\n" {
		t.Errorf("the value is %q", a.Value)
	}
}

func TestWhatIsNotRESPEndsTheConnection(t *testing.T) {
	for _, text := range []string{"\n", "OK\r\n", "+OK\n", "$x\r\n", "$-2\r\n", "$99999999999\r\n", "$1\r\nabc", "*1\r\n"} {
		if n, _, err := NewProtocol(Redis).Parse([]byte(text)); err == nil {
			t.Errorf("%q is an answer of %d bytes", text, n)
		}
	}
}

func TestTooFewReplicasLeaveWritesInDoubt(t *testing.T) {
	w := NewWaiting(Redis, 1, 1000)
	for text, want := range map[string]peer.Outcome{":0\r\n": peer.Unknown, ":1\r\n": peer.Done, ":2\r\n": peer.Done, "-ERR no\r\n": peer.Unknown, "+OK\r\n": peer.Unknown} {
		if n, a, err := w.ParseFence([]byte(text)); n != len(text) || a.Outcome != want || err != nil {
			t.Errorf("%q: %d bytes, %v, %v", text, n, a.Outcome, err)
		}
	}
	if n, _, err := w.ParseFence([]byte(":1")); n != 0 || err != nil {
		t.Errorf("half an answer has %d bytes, %v", n, err)
	}
}

func TestAnEndpointThatNobodyHasStartedIsMissing(t *testing.T) {
	e := &Endpoint{Is: "x", Variable: "BENCH_TEST_ENDPOINT", Setup: "x with y"}
	if err := e.Missing(t.Context()); err == nil || !strings.Contains(err.Error(), "BENCH_TEST_ENDPOINT") {
		t.Errorf("got %v", err)
	}
	t.Setenv("BENCH_TEST_ENDPOINT", "127.0.0.1:1")
	if err := e.Missing(t.Context()); err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("got %v", err)
	}
}
