package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes. Its text form is a whole number and a unit: B, KiB,
// MiB, GiB or TiB.
type Size int64

// The units of Size.
const (
	Byte Size = 1
	KiB       = 1024 * Byte
	MiB       = 1024 * KiB
	GiB       = 1024 * MiB
	TiB       = 1024 * GiB
)

// units are the written units, the largest first; B is last because all end in it.
var units = []struct {
	name string
	size Size
}{{"TiB", TiB}, {"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}, {"B", Byte}}

// String is the text form, in the largest unit that needs no fraction.
func (s Size) String() string {
	for _, u := range units {
		if s != 0 && s%u.size == 0 {
			return strconv.FormatInt(int64(s/u.size), 10) + u.name
		}
	}
	return "0B"
}

// parseSize reads a Size. Powers of ten (KB, MB) are refused: too many people
// mean the other ones by them.
func parseSize(text string) (Size, error) {
	for _, u := range units {
		number, found := strings.CutSuffix(text, u.name)
		if !found {
			continue
		}
		n, err := parseWhole(number)
		if err != nil || n > math.MaxInt64/int64(u.size) {
			break
		}
		return Size(n) * u.size, nil
	}
	return 0, errors.New("want a whole number and a unit B, KiB, MiB, GiB or TiB, like 64MiB")
}

// Percent is a whole share of a hundred. Its text form ends in %.
type Percent int

// String is the text form.
func (p Percent) String() string { return strconv.Itoa(int(p)) + "%" }

// parsePercent reads a Percent, 0% to 100%.
func parsePercent(text string) (Percent, error) {
	if number, found := strings.CutSuffix(text, "%"); found {
		if n, err := parseWhole(number); err == nil && n <= 100 {
			return Percent(n), nil
		}
	}
	return 0, errors.New("want a whole share from 0% to 100%, like 75%")
}

// Percentile is a whole share of a hundred samples, the smallest first. Its text
// form begins with p.
type Percentile int

// String is the text form.
func (p Percentile) String() string { return "p" + strconv.Itoa(int(p)) }

// parsePercentile reads a Percentile, p1 to p99.
func parsePercentile(text string) (Percentile, error) {
	if number, found := strings.CutPrefix(text, "p"); found {
		if n, err := parseWhole(number); err == nil && n >= 1 && n <= 99 {
			return Percentile(n), nil
		}
	}
	return 0, errors.New("want a whole percentile from p1 to p99, like p95")
}

// parseWhole reads a whole number of decimal digits, without sign, fraction,
// separators or leading zeros: 0755 may be meant as octal, so it is no number.
func parseWhole(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != text || n < 0 {
		return 0, errors.New("want a whole number in decimal digits, without leading zeros, sign or fraction")
	}
	return n, nil
}

// parseCount reads an int by the rules of parseWhole.
func parseCount(text string) (int, error) {
	n, err := parseWhole(text)
	if err == nil && n > math.MaxInt32 {
		return 0, fmt.Errorf("want at most %d", math.MaxInt32)
	}
	return int(n), err
}

// parseDuration reads a duration with its unit: 500ms, 2s, 1h30m, 0s.
func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	unitless := strings.Trim(text, "0123456789") == ""
	padded := len(text) > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9'
	if err != nil || unitless || padded || strings.ContainsAny(text, "+-") {
		return 0, errors.New("want a number and a unit ms, s, m or h, like 500ms")
	}
	return d, nil
}

// AutoDuration is a duration; 0 is auto: what it comes to follows from something else.
type AutoDuration time.Duration

// autoText is the text form of no duration.
const autoText = "auto"

// String is the text form.
func (d AutoDuration) String() string {
	if d == 0 {
		return autoText
	}
	return formatDuration(time.Duration(d))
}

// parseAutoDuration reads a duration, or auto.
func parseAutoDuration(text string) (AutoDuration, error) {
	if text == autoText {
		return 0, nil
	}
	d, err := parseDuration(text)
	if err != nil || d == 0 {
		return 0, errors.New("want auto, or a number and a unit ms, s, m or h, like 500ms")
	}
	return AutoDuration(d), nil
}

// formatDuration is Duration.String without the zeros at the end: 5m, not 5m0s.
func formatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// parseBool takes true and false only; yes, on and 1 are typing habits, not values.
func parseBool(text string) (bool, error) {
	if text != "true" && text != "false" {
		return false, errors.New("want true or false")
	}
	return text == "true", nil
}

// splitList reads a list as the environment and the command line write it:
// separated by commas, spaces around them dropped. Empty text is the empty list.
func splitList(text string) []string {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	items := strings.Split(text, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}
