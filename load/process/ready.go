package process

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// readyTimeout bounds one question for readiness, pollEvery is how often Until
// looks.
const (
	readyTimeout = 2 * time.Second
	pollEvery    = 100 * time.Millisecond
)

// Ready says whether the node whose HTTP address this is takes requests.
func Ready(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return false
	}
	req.Close = true // the node may be another process the next time
	resp, err := http.DefaultClient.Do(req)
	return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

// AwaitReady waits until the node takes requests.
func (n *Node) AwaitReady(ctx context.Context, within time.Duration) error {
	if Until(ctx, within, func() bool { return Ready(ctx, n.HTTP) }) {
		return nil
	}
	return fmt.Errorf("%s is not ready after %v; its log ends with\n%s", n.Name, within, n.LastWords())
}

// Until waits until a condition holds; false if it does not within that time, or
// ctx ends.
func Until(ctx context.Context, within time.Duration, holds func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	again := time.NewTicker(pollEvery)
	defer again.Stop()
	for !holds() {
		select {
		case <-again.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// Pause waits; false if ctx has ended before.
func Pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
