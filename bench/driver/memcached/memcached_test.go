package memcached

import (
	"testing"

	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/load"
)

func TestRequestsAreLines(t *testing.T) {
	get, put := load.Op{Kind: load.Get, Key: []byte("k")}, load.Op{Kind: load.Put, Key: []byte("k"), Value: []byte("va")}
	got := string(Protocol{}.Append(Protocol{}.Append(nil, 1, &get), 2, &put))
	if want := "get k\r\nset k 0 0 2\r\nva\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAnswersAreParsedOnlyWhole(t *testing.T) {
	for text, want := range map[string]peer.Answer{
		"STORED\r\n":                        {},
		"END\r\n":                           {Outcome: peer.Absent},
		"VALUE k 0 5\r\nE\r\nND\r\nEND\r\n": {Value: []byte("E\r\nND")},
		"SERVER_ERROR out of memory\r\n":    {Outcome: peer.Refused},
		"VALUE k 0 0\r\n\r\nEND\r\n":        {},
	} {
		for cut := range text {
			if n, _, err := (Protocol{}).Parse([]byte(text[:cut])); n != 0 || err != nil {
				t.Errorf("%q is an answer of %d bytes, %v", text[:cut], n, err)
			}
		}
		n, a, err := Protocol{}.Parse([]byte(text + "END\r\n"))
		if n != len(text) || a.Outcome != want.Outcome || string(a.Value) != string(want.Value) || err != nil {
			t.Errorf("%q: %d bytes, %+v, %v", text, n, a, err)
		}
	}
}

func TestWhatIsNotMemcachedEndsTheConnection(t *testing.T) {
	for _, text := range []string{"\n", "STORED\n", "VALUE k 0 x\r\n", "VALUE k 0 1\r\nabcdefghij"} {
		if n, _, err := (Protocol{}).Parse([]byte(text)); err == nil {
			t.Errorf("%q is an answer of %d bytes", text, n)
		}
	}
}
