package primitive

import (
	"time"

	"github.com/candordb/candor/bench/account"
	"github.com/candordb/candor/load"
)

// Figure is what one operation takes.
type Figure struct {
	Name  string  `json:"primitive"`
	Ops   int     `json:"ops"`
	US    float64 `json:"us_per_op"`     // microseconds on the wall, one after the other
	CPU   float64 `json:"cpu_us_per_op"` // microseconds of CPU, those of background work included
	P50US float64 `json:"p50_us,omitempty"`
	P99US float64 `json:"p99_us,omitempty"`
}

// timed repeats an operation that counts for several (each) until the time is over.
func timed(name string, each int, d time.Duration, do func(i int) error) (Figure, error) {
	var h load.Histogram
	cpu, began := account.Self(), time.Now()
	n := 0
	for last := began; last.Sub(began) < d; n++ {
		if err := do(n); err != nil {
			return Figure{Name: name}, err
		}
		now := time.Now()
		h.Record(now.Sub(last))
		last = now
	}
	wall, used, ops := time.Since(began), account.Self()-cpu, n*each
	us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	f := Figure{Name: name, Ops: ops, US: us(wall) / float64(ops), CPU: us(used) / float64(ops)}
	if each == 1 {
		f.P50US, f.P99US = us(h.Quantile(0.5)), us(h.Quantile(0.99))
	}
	return f, nil
}
