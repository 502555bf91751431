package ring

import (
	"testing"

	"pgregory.net/rapid"
)

func TestGolden(t *testing.T) {
	if err := CheckHash(); err != nil {
		t.Fatal(err)
	}
	for _, namespace := range []string{"", "default"} {
		token, _ := TokenOf(nil, namespace, []byte("user:42"))
		if want := Token(0x27525313dfa73c54); token != want {
			t.Errorf("namespace %q: token %v, want %v", namespace, token, want)
		}
		if p := token.Partition(10); p != 157 {
			t.Errorf("namespace %q: partition %d of 1024, want 157", namespace, p)
		}
	}
	other, _ := TokenOf(nil, "other", []byte("user:42"))
	if other == 0x27525313dfa73c54 {
		t.Error("the namespace does not reach the token")
	}
}

func TestRoutingPart(t *testing.T) {
	for _, c := range []struct{ key, want string }{
		{"user:42", "user:42"},
		{"{user:42}:cart", "user:42"},
		{"cart:{user:42}", "user:42"},
		{"a{b}c{d}e", "b"},
		{"a{{b}}c", "{b"},
		{"a}b{c}d", "c"},
		{"a{}b{c}", "a{}b{c}"}, // the first pair counts, and it is empty
		{"a{b", "a{b"},
		{"a}b", "a}b"},
		{"{", "{"},
		{"{}", "{}"},
		{"", ""},
	} {
		if got := string(RoutingPart([]byte(c.key))); got != c.want {
			t.Errorf("routing part of %q is %q, want %q", c.key, got, c.want)
		}
	}
}

func TestKeysOfOneTagShareAToken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tag := rapid.StringMatching(`[^{}]+`).Draw(t, "tag")
		before := rapid.StringMatching(`[^{}]*`).Draw(t, "before")
		after := rapid.String().Draw(t, "after")
		bare, scratch := TokenOf(nil, "ns", []byte(tag))
		tagged, _ := TokenOf(scratch, "ns", []byte(before+"{"+tag+"}"+after))
		if bare != tagged {
			t.Fatalf("%v and %v", bare, tagged)
		}
	})
}

func TestTokenAllocs(t *testing.T) {
	key := []byte("cart:{user:0123456789}:items")
	_, scratch := TokenOf(nil, "sessions", key)
	if n := testing.AllocsPerRun(100, func() {
		_, scratch = TokenOf(scratch, "sessions", key)
	}); n != 0 {
		t.Errorf("%v allocations per token, want 0", n)
	}
}

func TestPartitionsTileTheTokens(t *testing.T) {
	for bits := uint8(0); bits <= 16; bits++ {
		q := 1 << bits
		if first, last := PartitionStart(0, bits), PartitionEnd(q-1, bits); first != 0 || last != ^Token(0) {
			t.Fatalf("%d partitions span %v to %v", q, first, last)
		}
		for p := range q {
			start, end := PartitionStart(p, bits), PartitionEnd(p, bits)
			if start.Partition(bits) != p || end.Partition(bits) != p {
				t.Fatalf("%d partitions: %v..%v is not in partition %d", q, start, end, p)
			}
			if p > 0 && start != PartitionEnd(p-1, bits)+1 {
				t.Fatalf("%d partitions: gap or overlap before partition %d", q, p)
			}
		}
	}
}

func BenchmarkTokenOf(b *testing.B) {
	key := []byte("user:0123456789")
	var scratch []byte
	b.ReportAllocs()
	for b.Loop() {
		_, scratch = TokenOf(scratch, "default", key)
	}
}
