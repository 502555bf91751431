package node

import (
	"context"
	"time"
)

// every does something again and again until ctx ends, first when one interval is over.
// What takes longer than that is done again at once, and not made up for.
func every(ctx context.Context, interval time.Duration, do func()) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			do()
		}
	}
}
