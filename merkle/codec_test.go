package merkle

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The forms are on disks and in other versions of the program: they never
// change.
func TestGoldenForms(t *testing.T) {
	nodes := Nodes{Level: 2, Nodes: []Node{
		{Sum{0x0102030405060708, 0x090a0b0c0d0e0f10}, 0x1112131415161718},
		{},
	}}
	question := Question{Level: 1, Parents: []uint16{3, 0x1234}}
	for _, c := range []struct {
		name, golden string
		encoded      []byte
	}{
		{"nodes", "01020002" + "0102030405060708090a0b0c0d0e0f101112131415161718" + "000000000000000000000000000000000000000000000000", nodes.Append(nil)},
		{"no nodes", "01000000", Nodes{}.Append(nil)},
		{"question", "01010002" + "0003" + "1234", question.Append(nil)},
	} {
		if got := hex.EncodeToString(c.encoded); got != c.golden {
			t.Errorf("%s: %s, want %s", c.name, got, c.golden)
		}
	}
	if got, err := ParseNodes(nil, nodes.Append(nil)); err != nil || !cmp.Equal(got, nodes) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := ParseQuestion(nil, question.Append(nil)); err != nil || !cmp.Equal(got, question) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestDamagedFormsAreRefused(t *testing.T) {
	nodes := Nodes{Level: 2, Nodes: make([]Node, 2)}.Append(nil)
	question := Question{Level: 1, Parents: []uint16{3, 4}}.Append(nil)
	isNodes := func(b []byte) error { _, err := ParseNodes(nil, b); return err }
	isQuestion := func(b []byte) error { _, err := ParseQuestion(nil, b); return err }
	for _, c := range []struct {
		name  string
		parse func([]byte) error
		bytes []byte
	}{
		{"nothing", isNodes, nil},
		{"half a head", isNodes, nodes[:3]},
		{"half a node", isNodes, nodes[:len(nodes)-1]},
		{"a byte more", isNodes, append(slices.Clone(nodes), 0)},
		{"a node more", isNodes, append(slices.Clone(nodes), make([]byte, NodeBytes)...)},
		{"a later format", isNodes, append([]byte{2}, nodes[1:]...)},
		{"too many nodes", isNodes, append([]byte{1, 2, 0x10, 0x01}, make([]byte, (NodesMax+1)*NodeBytes)...)},
		{"no question", isQuestion, nil},
		{"half a parent", isQuestion, question[:len(question)-1]},
		{"twice the same parent", isQuestion, []byte{1, 1, 0, 2, 0, 3, 0, 3}},
		{"falling parents", isQuestion, []byte{1, 1, 0, 2, 0, 3, 0, 2}},
		{"too many parents", isQuestion, append([]byte{1, 1, 0x10, 0x01}, make([]byte, (NodesMax+1)*parentBytes)...)},
	} {
		if err := c.parse(c.bytes); !errors.Is(err, ErrEncoding) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestCodecReusesItsScratch(t *testing.T) {
	tree := New(mustShape(t, 1024, 32))
	var (
		q       = Question{Level: 0, Parents: []uint16{0}}
		parents = make([]uint16, 8)
		nodes   = make([]Node, 64)
		heard   = make([]Node, 64)
		buffer  = make([]byte, 0, 4096)
	)
	if n := testing.AllocsPerRun(100, func() {
		buffer = q.Append(buffer[:0])
		asked, err := ParseQuestion(parents, buffer)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := tree.Answer(nodes, asked)
		if err != nil {
			t.Fatal(err)
		}
		buffer = answer.Append(buffer[:0])
		if told, err := ParseNodes(heard, buffer); err != nil || len(told.Nodes) != 32 {
			t.Fatal(told, err)
		}
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

// Whatever is taken is the one form of what it says, and nothing takes more
// memory than it has bytes.
func FuzzParseNodes(f *testing.F) {
	f.Add([]byte{})
	f.Add(Nodes{}.Append(nil))
	f.Add(Nodes{Level: 2, Nodes: []Node{{Sum{1, 2}, 3}, {}}}.Append(nil))
	f.Add([]byte{1, 0, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := ParseNodes(nil, b)
		switch {
		case err != nil && !errors.Is(err, ErrEncoding):
			t.Fatal(err)
		case err == nil && !bytes.Equal(n.Append(nil), b):
			t.Fatalf("%x came back as %x", b, n.Append(nil))
		}
	})
}

func FuzzParseQuestion(f *testing.F) {
	f.Add([]byte{})
	f.Add(Question{Level: 1, Parents: []uint16{0, 7, 31}}.Append(nil))
	f.Add([]byte{1, 1, 0, 2, 0, 3, 0, 3})
	f.Add([]byte{1, 0xff, 0xff, 0xff})
	tree := New(mustShape(f, 1024, 32))
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := ParseQuestion(nil, b)
		if err != nil {
			if !errors.Is(err, ErrEncoding) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(q.Append(nil), b) {
			t.Fatalf("%x came back as %x", b, q.Append(nil))
		}
		if _, err := tree.Answer(nil, q); err != nil && !errors.Is(err, ErrMismatch) {
			t.Fatal(err)
		}
	})
}

// FuzzDescent reads its input as writes to two replicas, three bytes each: side,
// slot, record. The comparison ends with exactly the leaves that differ.
func FuzzDescent(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 3, 1, 1, 3, 1})
	f.Add([]byte{0, 3, 1, 1, 3, 2, 0, 200, 9, 1, 7, 0})
	s := mustShape(f, 64, 4)
	f.Fuzz(func(t *testing.T, writes []byte) {
		sides := [2]contents{make(contents, 256), make(contents, 256)}
		trees := [2]*Tree{New(s), New(s)}
		for ; len(writes) >= 3; writes = writes[3:] {
			side, k := writes[0]&1, int(writes[1])
			next := uint64(k)<<8 + uint64(writes[2])
			trees[side].Update(k%s.Leaves(), fingerprint(sides[side][k]), fingerprint(next))
			sides[side][k] = next
		}
		got, _, _ := exchange(t, trees[0], trees[1])
		if want := differ(s, sides[0], sides[1]); !slices.Equal(got, want) {
			t.Fatalf("leaves %v, want %v", got, want)
		}
	})
}
