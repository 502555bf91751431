package hlc

import (
	"fmt"
	"time"
)

// counterBits is the width of the logical counter below the milliseconds.
const counterBits = 16

// MillisMax is the largest number of milliseconds that a Timestamp can hold
// (48 bits, the year 10889).
const MillisMax = 1<<48 - 1

// Timestamp is a hybrid time: 48 bits of milliseconds since 1970, then 16 bits
// of logical counter. Zero means none. Timestamps compare as integers.
type Timestamp uint64

// Make packs milliseconds since 1970 and a counter. Negative milliseconds
// count as 0 and those above MillisMax as MillisMax.
func Make(millis int64, counter uint16) Timestamp {
	millis = min(max(millis, 0), MillisMax)
	return Timestamp(uint64(millis)<<counterBits | uint64(counter))
}

// Millis is the milliseconds since 1970.
func (t Timestamp) Millis() int64 { return int64(t >> counterBits) }

// Counter is the logical counter, which orders events of one millisecond.
func (t Timestamp) Counter() uint16 { return uint16(t) }

// Time is the wall clock reading of the milliseconds, in UTC.
func (t Timestamp) Time() time.Time { return time.UnixMilli(t.Millis()).UTC() }

// Add moves the timestamp by milliseconds and keeps the counter; it stays
// within what a Timestamp can hold.
func (t Timestamp) Add(millis int64) Timestamp { return Make(t.Millis()+millis, t.Counter()) }

// String is the milliseconds and the counter, for logs.
func (t Timestamp) String() string { return fmt.Sprintf("%d.%d", t.Millis(), t.Counter()) }

// Tick returns the time of a local event: later than last, and the physical
// time (milliseconds since 1970) if that is later. When the counter overflows,
// the next millisecond is taken, which is what adding 1 to the packed word does.
func Tick(last Timestamp, physical int64) Timestamp {
	if p := Make(physical, 0); p.Millis() > last.Millis() {
		return p
	}
	return last + 1
}

// Receive returns the time of the receipt of a message whose sender's clock
// was remote: later than both, by the paper's four cases (ahead of both clocks
// the physical time with counter 0; else one past the larger of the two). When
// the remote clock is more than maxDrift milliseconds ahead of the physical
// clock it is not absorbed: last is returned unchanged, with false.
func Receive(last, remote Timestamp, physical, maxDrift int64) (Timestamp, bool) {
	if remote.Millis() > physical+maxDrift {
		return last, false
	}
	return Tick(max(last, remote), physical), true
}
