package node

import (
	"net/http"
	"testing"
	"time"

	"github.com/candordb/candor/config"
)

// trouble is one way in which a cluster is not well, and its end.
type trouble struct {
	name       string
	begin, end func(*bubble)
}

// diskBytes is the size of the disks here: a part of them, the reserve, is kept for
// deletes.
const diskBytes = 64 << 20

// fill leaves 2 MiB of the disk, less than the reserve, and more than a node needs in
// order to go on.
func (m *bubbled) fill(t *testing.T) {
	space, err := m.disk.FS().Space("data")
	if err != nil {
		t.Error(err)
	}
	f, err := m.disk.FS().Create("data/filler")
	if err != nil {
		t.Error(err)
		return
	}
	if _, err := f.Write(make([]byte, int(space.Free)-2<<20)); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// troubles are those that the verdict has to tell.
func troubles() []trouble {
	one, other := []string{"10.0.0.2"}, []string{"10.0.0.3"}
	repair := func(path string) func(*bubble) {
		return func(b *bubble) {
			if status, body := b.do(http.MethodPost, 1, path, ""); status != http.StatusOK {
				b.t.Errorf("%s: %d %s", path, status, body)
			}
		}
	}
	return []trouble{
		{"a dead node", func(b *bubble) {
			b.wires.split(true, []string{"10.0.0.3"}, []string{"10.0.0.1", "10.0.0.2"})
			b.halt(2)
		},
			func(b *bubble) {
				b.wires.split(false, []string{"10.0.0.3"}, []string{"10.0.0.1", "10.0.0.2"})
				b.start(2)
			}},
		{"a blocked link", func(b *bubble) { b.wires.split(true, one, other) }, func(b *bubble) { b.wires.split(false, one, other) }},
		{"a stopped repair", repair("/v1/repair/pause?for=1h"), repair("/v1/repair/pause?for=0")},
		{"a full disk", func(b *bubble) { b.nodes[2].fill(b.t) }, func(b *bubble) { b.nodes[2].disk.Delete("data/filler") }},
		{"a clock 1 s off", func(b *bubble) { b.nodes[2].skew.Store(1000) }, func(b *bubble) { b.nodes[2].skew.Store(0) }},
	}
}

// The verdict leaves OK within 10 s of each trouble, on every node that others can
// reach, and comes back to OK by itself when it has ended.
func TestTheVerdictLeavesOKWithin10s(t *testing.T) {
	for _, one := range troubles() {
		t.Run(one.name, func(t *testing.T) {
			inBubble(t, 3, func(*config.Config) {}, func(b *bubble) {
				for _, m := range b.nodes {
					m.disk.Resize(diskBytes)
				}
				ok := func() bool { return b.verdict(0) == "OK" && b.verdict(1) == "OK" }
				b.mustWithin(3*time.Minute, "all is well", ok)
				one.begin(b)
				took, met := b.within(10*time.Second, "it is told", func() bool { return b.verdict(0) != "OK" && b.verdict(1) != "OK" })
				if !met {
					b.t.Errorf("10 s after %s nodes say %s and %s", one.name, b.verdict(0), b.verdict(1))
				}
				one.end(b)
				back, met := b.within(3*time.Minute, "all is well again", ok)
				if !met {
					b.t.Errorf("3 m after the end of %s nodes say %s and %s", one.name, b.verdict(0), b.verdict(1))
				}
				b.t.Logf("told after %v, well again after %v", took, back)
			})
		})
	}
}
