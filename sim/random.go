package sim

import (
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// dice is one of the streams of random numbers of a run. Streams are told apart
// by name, so that one more draw in one of them shifts none of the others.
type dice struct{ *rand.Rand }

// newDice is the stream of that name under a root seed.
func newDice(seed uint64, name string) dice {
	h := fnv.New64a()
	h.Write([]byte(name))
	return dice{rand.New(rand.NewPCG(seed, h.Sum64()))}
}

// chance is true with probability p.
func (d dice) chance(p float64) bool { return p > 0 && d.Float64() < p }

// between is a duration, uniform from lo to hi.
func (d dice) between(lo, hi time.Duration) time.Duration {
	if hi <= lo {
		return lo
	}
	return lo + time.Duration(d.Int64N(int64(hi-lo)+1))
}

// exponential is a duration with an exponential tail and that mean, cut off at
// twenty times the mean.
func (d dice) exponential(mean time.Duration) time.Duration {
	return time.Duration(min(d.ExpFloat64(), 20) * float64(mean))
}

// up is a number from lo to hi, both included.
func (d dice) up(lo, hi int) int {
	if hi <= lo {
		return lo
	}
	return lo + d.IntN(hi-lo+1)
}

// fraction is a number from lo to hi.
func (d dice) fraction(lo, hi float64) float64 { return lo + d.Float64()*(hi-lo) }

// pick is one of the choices.
func pick[T any](d dice, choices ...T) T { return choices[d.IntN(len(choices))] }
