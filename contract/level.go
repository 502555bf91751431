package contract

import "strconv"

// Level says how many natural replicas have to stand behind an answer. On the
// wire it is one number: 0 the namespace's default, 1 to 63 exactly so many,
// 64 and above by name. Zero is the default level.
type Level uint8

// The levels. Append-only.
const (
	Default     Level = 0
	One         Level = 1
	Two         Level = 2
	Three       Level = 3
	LevelsExact Level = 63 // the largest level that is a number
	Quorum      Level = 64
	All         Level = 65
	Any         Level = 66
	Serial      Level = 67
	LocalOne    Level = 68
	LocalQuorum Level = 69
	EachQuorum  Level = 70
)

var levelNames = []struct {
	level Level
	name  string
}{
	{Default, "default"}, {One, "one"}, {Two, "two"}, {Three, "three"}, {Quorum, "quorum"}, {All, "all"}, {Any, "any"},
	{Serial, "serial"}, {LocalOne, "local_one"}, {LocalQuorum, "local_quorum"}, {EachQuorum, "each_quorum"},
}

// String is the level's name; one, two, three for 1 to 3, else the number.
func (l Level) String() string {
	for _, n := range levelNames {
		if n.level == l {
			return n.name
		}
	}
	return strconv.Itoa(int(l))
}

// Known says whether the level is one of the table: a number up to 63 or a name.
func (l Level) Known() bool { return l <= EachQuorum }

// ParseLevel reads a level's text form: a name, or a number from 1 to 63.
func ParseLevel(s string) (Level, bool) {
	for _, n := range levelNames {
		if n.name == s {
			return n.level, true
		}
	}
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil || n < 1 || n > uint64(LevelsExact) || s[0] == '+' || s[0] == '0' {
		return 0, false
	}
	return Level(n), true
}

// QuorumOf is the number of replicas that is a quorum of n: more than half.
func QuorumOf(n int) int { return n/2 + 1 }

// Need is how many of n natural replicas the level asks for. It is false for a
// number above n, and for the levels that do not count natural replicas alone
// (default, any, serial, and those of regions).
func (l Level) Need(n int) (int, bool) {
	switch {
	case l == Quorum:
		return QuorumOf(n), true
	case l == All:
		return n, true
	case l >= One && l <= LevelsExact && int(l) <= n:
		return int(l), true
	}
	return 0, false
}

// LevelMet is the level that k of n natural replicas meet, k from 1 to n: the
// one that an answer names which was weakened to what could be had.
func LevelMet(k, n int) Level {
	switch {
	case k >= n && n > 1:
		return All
	case k == QuorumOf(n) && n > 1:
		return Quorum
	}
	return Level(min(k, int(LevelsExact)))
}
