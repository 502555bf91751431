package node

import (
	"slices"
	"testing"

	"github.com/candordb/candor/contract"
)

// A partition whose records are damaged is left alone for a while, and those behind
// it are counted meanwhile.
func TestADamagedPartitionHoldsUpNoOtherCount(t *testing.T) {
	unknown := []int{1, 3, 6}
	toCount := func(from int) (int, bool) {
		for i := range 8 {
			if p := (from + i) % 8; slices.Contains(unknown, p) {
				return p, true
			}
		}
		return 0, false
	}
	var c counter
	for i, step := range []struct {
		now  int64
		code contract.Code
		want int // -1: nothing
	}{
		{0, contract.OK, 1},
		{1, contract.Corrupt, 1},
		{2, contract.OK, 3},
		{3, contract.Corrupt, 3},
		{4, contract.Corrupt, 6},
		{5, contract.OK, -1},
		{damagedRest, contract.OK, -1},
		{damagedRest + 1, contract.Corrupt, 1},
		{damagedRest + 3, contract.OK, 3},
		{damagedRest + 4, contract.OK, 3},
		{damagedRest + 5, contract.OK, 3},
	} {
		p, some := c.next(toCount, step.now)
		if !some {
			p = -1
		}
		if p != step.want {
			t.Fatalf("step %d: %d, want %d", i, p, step.want)
		}
		if some && c.took(p, step.code, step.now) != (step.code == contract.Corrupt) {
			t.Errorf("step %d: %v", i, step.code)
		}
	}
	unknown = nil
	if _, some := c.next(toCount, 3*damagedRest); some || len(c.damaged) > 0 {
		t.Error("nothing is left to count")
	}
}
