package replica

import (
	"testing"

	"github.com/candordb/candor/contract"
)

// Rule 11: writes stop before the disk is full. Deletes, which make room, go on,
// and so does everything once there is room again.
func TestAFullDiskTakesDeletesOnly(t *testing.T) {
	a, m := newApplier(), &memory{}
	apply(a, m, write(Fresh, "a", value("a", at(0, 1), "v")))
	a.Full = true
	results := apply(a, m,
		write(Fresh, "b", value("b", at(1, 1), "v")), write(Repair, "c", value("c", at(1, 1), "v")), write(Stand, "d", value("d", at(1, 1), "v")),
		write(Exchange, "e", value("e", at(1, 1), "v")), write(Deliver, "f", value("f", at(1, 1), "v")),
		write(Fresh, "a", tombstone("a", at(2, 1))))
	for i, r := range results[:5] {
		if r.Code != contract.DiskFull {
			t.Errorf("value %d: %v, want DISK_FULL", i, r.Code)
		}
	}
	if r := results[5]; r.Code != contract.OK {
		t.Errorf("a delete: %v", r.Code)
	}
	a.Full = false
	if r := apply(a, m, write(Fresh, "b", value("b", at(3, 1), "v"))); r[0].Code != contract.OK {
		t.Errorf("with room again: %v", r[0].Code)
	}
}
