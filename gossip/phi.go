package gossip

import "math"

// The phi accrual failure detector (Hayashibara, Défago, Yared, Katayama 2004).
// Its question is not "is the peer dead" but "how surprising is this silence":
//
//	phi(t) = -log10 P(a silence lasts longer than t)
//
// where the silences of a peer are taken to be normally distributed, with mean
// and deviation of its latest ones. phi 8 is a silence of a kind that one beat in
// 10^8 would leave, if the tail were normal.
//
// The files phi*.go are pure: no goroutine, no lock, no clock. Times are
// milliseconds of one clock that does not jump; 0 is before all of them.

// PhiMax is the largest phi: what is less likely than 10^-300 is certain. It
// stands for infinity too, which JSON cannot say.
const PhiMax = 300

const (
	// windowSilences is how many silences of a peer are remembered.
	windowSilences = 1000
	// deviationMin is the least deviation, in milliseconds, and deviationShare
	// that as a part of the mean: without them a peer that beats like a metronome
	// would be convicted for one late packet.
	deviationMin   = 100
	deviationShare = 1.0 / 4
)

// phiOf is the phi of a silence that is so many deviations longer than the mean.
func phiOf(deviations float64) float64 {
	return min(PhiMax, -math.Log10(math.Erfc(deviations/math.Sqrt2)/2))
}

// deviationsFor is the inverse of phiOf: how many deviations beyond the mean a
// silence has this phi. With it a verdict is a comparison of times, and phi itself
// is computed only to be shown.
func deviationsFor(phi float64) float64 {
	low, high := -1.0, 40.0 // phiOf rises from 0.07 to PhiMax between them
	for range 60 {
		middle := (low + high) / 2
		if phiOf(middle) < phi {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// window holds the latest silences of a peer. Its sums are whole numbers, so that
// they do not drift however long it runs.
type window struct {
	silences     [windowSilences]uint32 // milliseconds, at most silenceMax
	n, next      int                    // how many there are, and where the next goes
	sum, squares int64                  // of the n
}

// silenceMax is the longest silence that is remembered as it was; the sum of
// windowSilences squares of it fits 63 bits.
const silenceMax = 1 << 24

func (w *window) add(silence int64) {
	silence = min(silence, silenceMax)
	if w.n == windowSilences {
		oldest := int64(w.silences[w.next])
		w.sum -= oldest
		w.squares -= oldest * oldest
	} else {
		w.n++
	}
	w.silences[w.next] = uint32(silence)
	w.next = (w.next + 1) % windowSilences
	w.sum += silence
	w.squares += silence * silence
}

// clear forgets all silences, and starts with one.
func (w *window) clear(seed int64) {
	w.n, w.next, w.sum, w.squares = 0, 0, 0, 0
	w.add(seed)
}

// normal is the distribution that phi asks, in milliseconds. The mean is at least
// the beat interval: nobody promises to speak more often.
func (w *window) normal(interval int64) (mean, deviation float64) {
	n := float64(w.n)
	mean = float64(w.sum) / n
	// n squares - sum^2 would not fit; the mean square is small enough.
	deviation = math.Sqrt(max(0, float64(w.squares)/n-mean*mean))
	mean = max(mean, float64(interval))
	return mean, max(deviation, deviationMin, mean*deviationShare)
}
