package verdict

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	secondMS = 1000
	minuteMS = 60 * secondMS
	hourMS   = 60 * minuteMS
	dayMS    = 24 * hourMS
)

// Grouped is a number with commas: 1,024.
func Grouped(n int) string {
	digits := strconv.Itoa(n)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// Counted is a number of things: 1 node, 2 nodes, 3 addresses.
func Counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	if strings.HasSuffix(thing, "s") {
		thing += "e"
	}
	return Grouped(n) + " " + thing + "s"
}

// Sized is a number of bytes in the largest unit that it fills: 5B, 1.0KiB, 40.1GiB.
func Sized(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%dB", n)
	}
	value, unit := float64(n)/1024, 0
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	return fmt.Sprintf("%.1f%ciB", value, units[unit])
}

// span is a length of time in two units at most: 412ms, 3.2s, 14s, 4m12s, 3h5m, 61d.
func span(ms int64) string {
	two := func(large, small int64, units string) string {
		if rest := ms % large / small; rest > 0 {
			return fmt.Sprintf("%d%c%d%c", ms/large, units[0], rest, units[1])
		}
		return fmt.Sprintf("%d%c", ms/large, units[0])
	}
	switch {
	case ms < secondMS:
		return fmt.Sprintf("%dms", max(ms, 0))
	case ms < 10*secondMS && ms%secondMS >= 100:
		return fmt.Sprintf("%d.%ds", ms/secondMS, ms%secondMS/100)
	case ms < minuteMS:
		return fmt.Sprintf("%ds", ms/secondMS)
	case ms < hourMS:
		return two(minuteMS, secondMS, "ms")
	case ms < 2*dayMS:
		return two(hourMS, minuteMS, "hm")
	}
	return fmt.Sprintf("%dd", ms/dayMS)
}

// thousandths is a number with one digit behind the point: of 18234, 18.2.
func thousandths(n uint64) string { return fmt.Sprintf("%d.%d", n/1000, n%1000/100) }

// listed joins names: n1, n2 and n3.
func listed(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// verb agrees with the number of its subjects.
func verb(subjects int, one, more string) string {
	if subjects == 1 {
		return one
	}
	return more
}

// upper is a sentence with a capital at its beginning, which is a letter of ASCII.
func upper(sentence string) string {
	if sentence == "" {
		return ""
	}
	return strings.ToUpper(sentence[:1]) + sentence[1:]
}
