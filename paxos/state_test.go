package paxos

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/candordb/candor/hlc"
)

func TestStateBytes(t *testing.T) {
	a := Acceptor{
		Promised: hlc.Version{Time: 0x0102030405060708, Writer: 0x1112131415161718},
		Accepted: hlc.Version{Time: 0x0102030405060707, Writer: 0x2122232425262728},
		Value:    []byte("value"),
	}
	got := hex.EncodeToString(AppendState([]byte{0xee}, &a))
	want := "ee" + "01" + "01020304050607081112131415161718" + "01020304050607072122232425262728" + "00000005" + "76616c7565" + "1d447c64"
	if got != want {
		t.Errorf("the form on disk changed:\n%s\n%s", got, want)
	}
}

func TestDamagedStateIsRefused(t *testing.T) {
	good := AppendState(nil, &Acceptor{Promised: at(2), Accepted: at(1), Value: []byte("value")})
	if _, err := ParseState(good); err != nil {
		t.Fatal(err)
	}
	for i := range len(good) * 8 {
		bad := bytes.Clone(good)
		bad[i/8] ^= 1 << (i % 8)
		if _, err := ParseState(bad); !errors.Is(err, ErrState) {
			t.Fatalf("bit %d flipped: %v", i, err)
		}
	}
	for n := range good {
		if _, err := ParseState(good[:n]); !errors.Is(err, ErrState) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := ParseState(append(bytes.Clone(good), 0)); !errors.Is(err, ErrState) {
		t.Errorf("a byte behind it: %v", err)
	}
	for name, a := range map[string]Acceptor{
		"accepted above promised":   {Promised: at(1), Accepted: at(2), Value: []byte("v")},
		"a value that was accepted": {Promised: at(1), Value: []byte("v")},
	} {
		if _, err := ParseState(AppendState(nil, &a)); !errors.Is(err, ErrState) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseState(f *testing.F) {
	f.Add(AppendState(nil, &Acceptor{}))
	f.Add(AppendState(nil, &Acceptor{Promised: at(2), Accepted: at(1), Value: []byte("value")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ParseState(b)
		if err != nil {
			if !errors.Is(err, ErrState) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		if !bytes.Equal(AppendState(nil, &a), b) {
			t.Fatalf("%x does not survive", b)
		}
	})
}
