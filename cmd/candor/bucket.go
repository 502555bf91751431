package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

func rateFlag() cli.Flag {
	return &cli.StringFlag{Name: "rate", Usage: "at most `N/s` keys a second; as fast as it goes if not given"}
}

// bucket holds work back to a rate: tokens drip in at the rate, a tenth of a
// second's worth at most, and each piece of work takes one. Nil: no bound.
type bucket struct {
	perSecond float64
	tokens    float64 // below 0: owed
	at        time.Time
}

// bucketOf reads --rate: 500/s, or 500.
func bucketOf(c *cli.Context) (*bucket, error) {
	text := c.String("rate")
	if text == "" {
		return nil, nil
	}
	n, err := strconv.ParseFloat(strings.TrimSuffix(text, "/s"), 64)
	if err != nil || !(n > 0 && n <= 1e9) {
		return nil, usagef("", "--rate is %q: want a number of keys a second, as 500/s", text)
	}
	return &bucket{perSecond: n}, nil
}

// take takes n tokens and returns how long to wait until they are there.
func (b *bucket) take(now time.Time, n int) time.Duration {
	if most := max(b.perSecond/10, 1); b.at.IsZero() {
		b.tokens = most
	} else {
		b.tokens = min(b.tokens+now.Sub(b.at).Seconds()*b.perSecond, most)
	}
	b.at = now
	if b.tokens -= float64(n); b.tokens >= 0 {
		return 0
	}
	return time.Duration(-b.tokens / b.perSecond * float64(time.Second))
}

// wait takes n tokens and waits for them, or until ctx ends.
func (b *bucket) wait(ctx context.Context, n int) {
	if b == nil {
		return
	}
	if d := b.take(time.Now(), n); d > 0 {
		wait(ctx, d)
	}
}
