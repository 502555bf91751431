package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/candordb/candor/load/process"
)

const (
	// wholeWithin is how long a strike waits until every copy is whole, and
	// wholeTries is how often it is tried before it is given up: other nemeses strike
	// in between, and what waits for quiet alone would never see any.
	wholeWithin = 20 * time.Second
	wholeTries  = 3
	// askTimeout bounds one question.
	askTimeout = 2 * time.Second
)

// wounded says which node does not hold all that it has told others that it holds, or
// cannot be asked, and why; "" if there is none. What a strike takes away then is the
// only copy that is lost, which is how many may be (W - 1, of 3).
func (a *arena) wounded(ctx context.Context) string {
	for _, n := range a.nodes {
		if !n.Running() || !process.Ready(ctx, n.HTTP) {
			return n.Name + " does not serve"
		}
		left, err := quarantined(ctx, n.HTTP)
		switch {
		case err != nil:
			return fmt.Sprintf("%s cannot be asked (%v)", n.Name, err)
		case left > 0:
			return fmt.Sprintf("%s still rebuilds %d partitions", n.Name, left)
		}
	}
	return ""
}

// awaitWhole waits, for a bounded time, until no node is wounded. Its answer is who
// still is.
func (a *arena) awaitWhole(ctx context.Context) (why string) {
	process.Until(ctx, wholeWithin, func() bool {
		why = a.wounded(ctx)
		return why == ""
	})
	return why
}

// quarantineMetric is how many partitions of a node neither serve nor vote.
const quarantineMetric = "candor_quarantined_partitions"

// quarantined asks a node at its HTTP address how many partitions it has yet to
// rebuild.
func quarantined(ctx context.Context, address string) (left int, err error) {
	known := false
	err = ask(ctx, address, "/metrics", func(body io.Reader) error {
		lines := bufio.NewScanner(body)
		for lines.Scan() && !known {
			if value, is := strings.CutPrefix(lines.Text(), quarantineMetric+" "); is {
				known = true
				left, err = strconv.Atoi(value)
			}
		}
		return errors.Join(err, lines.Err())
	})
	if err == nil && !known {
		err = fmt.Errorf("its metrics have no %s", quarantineMetric)
	}
	return left, err
}

// ask reads an answer of a node at its HTTP address, in bounded time.
func ask(ctx context.Context, address, path string, read func(io.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return err
	}
	req.Close = true // the node may be another process the next time
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return read(resp.Body)
}
