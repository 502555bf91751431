package topology

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/candordb/candor/contract"
)

// The namespaces of the configuration are those of epoch 1, at every node, with
// their settings; default is always there, and first.
func TestFoundedNamespaces(t *testing.T) {
	sessions := NamespaceRow{Name: "sessions", Read: uint8(contract.One), Write: uint8(contract.All), TTLMS: 1000, MaxValue: 64 << 10, AllowStale: true}
	flags := NamespaceRow{Name: "flags", Mode: "whatever", Number: 77}
	own := NamespaceRow{Name: "default", TTLMS: 5}
	made := func(row NamespaceRow, number uint32) NamespaceRow {
		row.Number, row.Mode = number, "lww"
		return row
	}
	for name, tc := range map[string]struct{ asked, want []NamespaceRow }{
		"none":             {nil, []NamespaceRow{{Name: "default", Number: 1, Mode: "lww"}}},
		"two":              {[]NamespaceRow{sessions, flags}, []NamespaceRow{{Name: "default", Number: 1, Mode: "lww"}, made(sessions, 1<<31), made(flags, 1<<31+1)}},
		"default in front": {[]NamespaceRow{own, flags}, []NamespaceRow{made(own, 1), made(flags, 1<<31)}},
		"default behind":   {[]NamespaceRow{sessions, own}, []NamespaceRow{made(own, 1), made(sessions, 1<<31)}},
	} {
		if diff := cmp.Diff(tc.want, founded(tc.asked)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		w := newWorld(t, 3, 3)
		for _, n := range w.nodes {
			n.o.Namespaces = tc.asked
		}
		w.run()
		for i := range w.nodes {
			m := w.nodes[i].core.Metadata()
			b, err := m.Encode()
			if err != nil {
				t.Fatal(err)
			}
			back, err := Decode(b)
			if err != nil || !cmp.Equal(tc.want, m.Namespaces) || !cmp.Equal(m.Namespaces, back.Namespaces) {
				t.Errorf("%s: node %d has %+v, decoded %+v, %v", name, i, m.Namespaces, back, err)
			}
		}
	}
}
