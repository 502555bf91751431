package ring

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNodeIDHasOneSpelling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var id NodeID
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		text := id.String()
		if back, err := ParseNodeID(text); err != nil || back != id {
			t.Fatalf("%s reads back as %v, %v", text, back, err)
		}
	})
	good := "0123456789abcdef0123456789abcdef"
	for _, bad := range []string{
		"", good[1:], good + "0", strings.ToUpper(good), good[:31] + "g", good[:31] + " ", "0x" + good[2:], good[:30] + "é",
	} {
		if id, err := ParseNodeID(bad); !errors.Is(err, ErrNodeID) || !id.IsZero() {
			t.Errorf("%q parsed as %v, %v", bad, id, err)
		}
	}
}

func TestNodeIDOrder(t *testing.T) {
	low, high := NodeID{0, 255}, NodeID{1}
	if low.Compare(high) != -1 || high.Compare(low) != 1 || low.Compare(low) != 0 {
		t.Error("ids are not ordered as bytes")
	}
	if !(NodeID{}).IsZero() || low.IsZero() {
		t.Error("IsZero")
	}
}
