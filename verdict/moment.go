package verdict

import (
	"fmt"
	"time"
)

// Time is milliseconds since 1970. In JSON it is RFC 3339 in UTC, to the
// millisecond.
type Time int64

// rfc3339Milli is RFC 3339 with three digits behind the second.
const rfc3339Milli = "2006-01-02T15:04:05.000Z"

// MarshalText implements encoding.TextMarshaler.
func (t Time) MarshalText() ([]byte, error) {
	at := time.UnixMilli(int64(t)).UTC()
	if y := at.Year(); y < 0 || y > 9999 {
		return nil, fmt.Errorf("verdict: %d ms since 1970 is no time that RFC 3339 can say", int64(t))
	}
	return []byte(at.Format(rfc3339Milli)), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Time) UnmarshalText(text []byte) error {
	var at time.Time
	if err := at.UnmarshalText(text); err != nil {
		return fmt.Errorf("verdict: %w", err)
	}
	*t = Time(at.UnixMilli())
	return nil
}

// clock is the time of the day, with the date if it is further than half a day from
// now.
func (t Time) clock(now Time) string {
	const halfDay = 12 * hourMS
	if d := int64(now) - int64(t); d > halfDay || d < -halfDay {
		return time.UnixMilli(int64(t)).UTC().Format("2006-01-02T15:04:05Z")
	}
	return time.UnixMilli(int64(t)).UTC().Format("15:04:05Z")
}
