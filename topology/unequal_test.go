package topology

import (
	"strings"
	"testing"

	"github.com/candordb/candor/ring"
)

// Settings that have to be the same everywhere are compared, before the cluster
// is made and after it, and each that differs is named.
func TestSettingsThatDifferAreNamed(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"the same", func(*Options) {}, ""},
		{"key", func(o *Options) { o.KeyBytes = 2048 }, "limits.key is 2048B at"},
		{"value", func(o *Options) { o.ValueBytes = 1 }, "limits.value is 1B at"},
		{"age", func(o *Options) { o.AgeLimitMS++ }, "repair.max_request_age is"},
		{"drift", func(o *Options) { o.MaxDriftMS++ }, "clock.max_drift is"},
		{"both", func(o *Options) { o.KeyBytes, o.ValueBytes = 1, 1 }, "it has to be the same on all nodes; limits.value is 1B"},
		{"a node that does not tell", func(o *Options) { o.KeyBytes, o.ValueBytes = 0, 0 }, ""},
	} {
		w := pair(t, tc.change)
		for i, n := range w.nodes {
			got := strings.Join(n.core.Unequal(), "; ")
			if tc.want == "" && got != "" || tc.want != "" && !strings.Contains(got, "is") {
				t.Errorf("%s: node %d says %q", tc.name, i, got)
			}
		}
		if got := strings.Join(w.nodes[0].core.Unequal(), "; "); !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q", tc.name, got)
		}
	}
}

// What is put right is named no longer.
func TestSettingsPutRightAreForgotten(t *testing.T) {
	w := pair(t, func(o *Options) { o.KeyBytes = 2048 })
	core := w.nodes[0].core
	if len(core.Unequal()) != 1 {
		t.Fatalf("%q", core.Unequal())
	}
	other := w.nodes[1].core
	other.o.KeyBytes = core.o.KeyBytes
	core.heard(w.nodes[1].o.Self.ID, other.status(ring.NodeID{}))
	if len(core.Unequal()) != 0 {
		t.Errorf("%q", core.Unequal())
	}
}

// Nor is a stranger's: once there are members, who is none is not compared, and who
// was before is forgotten.
func TestSettingsOfStrangersAreNotNamed(t *testing.T) {
	w := pair(t, func(*Options) {})
	core, other := w.nodes[0].core, w.nodes[1].core
	if core.meta == nil {
		t.Fatal("no cluster was made")
	}
	stranger := ring.NodeID{0xee}
	other.o.KeyBytes, other.o.Self.ID = 1, stranger
	meta := core.meta
	core.meta = nil
	core.heard(stranger, other.status(ring.NodeID{}))
	if len(core.Unequal()) != 1 {
		t.Errorf("before there are members: %q", core.Unequal())
	}
	core.meta = meta
	if len(core.Unequal()) != 0 {
		t.Errorf("it turned out to be none: %q", core.Unequal())
	}
	for i := range byte(9) {
		stranger[1] = i
		other.o.Self.ID = stranger
		core.heard(stranger, other.status(ring.NodeID{}))
	}
	if len(core.Unequal()) != 0 || len(core.unequal) > 1 {
		t.Errorf("%q of %d", core.Unequal(), len(core.unequal))
	}
}
