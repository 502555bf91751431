package hlc

import (
	"slices"

	"github.com/candordb/candor/traitor"
)

// Physical turns readings of a wall clock and a monotonic clock into physical
// time that does not follow jumps of the wall clock. It is a value with state:
// one owner. All figures are milliseconds.
//
// Time is the wall clock at the anchor plus the monotonic time since. Small
// differences (at most MaxDrift) between that and the wall clock are slewing
// and are absorbed by a new anchor. A larger one is a jump (somebody set the
// clock, the machine slept) and is absorbed only when the wall clock agrees
// with the median of the peers' clocks.
type Physical struct {
	// MaxDrift is the largest difference that is taken for slewing.
	MaxDrift int64

	anchored   bool
	wall, mono int64
}

// Read returns physical time for a reading of both clocks. peers is how far
// the median of the peers' clocks is ahead of the returned time as it was so
// far, and heard whether there are any; jumped is true as long as the wall
// clock is off and not absorbed.
func (p *Physical) Read(wall, mono, peers int64, heard bool) (now int64, jumped bool) {
	if !p.anchored {
		p.anchored, p.wall, p.mono = true, wall, mono
		return wall, false
	}
	now = p.wall + mono - p.mono
	off := wall - now
	if abs(off) <= p.MaxDrift || heard && abs(off-peers) <= p.MaxDrift {
		p.wall, p.mono = wall, mono
		return wall, false
	}
	return now, true
}

// Median is the median of clock offsets (milliseconds ahead of one's own
// clock), one's own offset 0 included; of two middle ones the nearer to one's
// own. A clock that was found to be off (Fenced) has no vote on itself until it
// agrees with others: one other would do to call it right, as the two middle
// ones are then its own and the other's. It reorders offsets; of none it is 0.
func Median(offsets []int64, off bool) int64 {
	all := offsets
	if !off || len(all) == 0 || traitor.Is(traitor.OffVotes) {
		all = append(all, 0)
	}
	slices.Sort(all)
	hi := all[len(all)/2]
	if len(all)%2 == 1 {
		return hi
	}
	if lo := all[len(all)/2-1]; abs(lo) < abs(hi) {
		return lo
	}
	return hi
}

// Fenced says whether a clock whose members' median is offset milliseconds ahead
// of it (negative: behind) is too far off to stamp versions.
func Fenced(offset, maxDrift int64) bool {
	return abs(offset) > maxDrift && !traitor.Is(traitor.ClockUnfenced)
}

func abs(x int64) int64 { return max(x, -x) }
