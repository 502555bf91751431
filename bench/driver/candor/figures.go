package candor

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// httpTimeout bounds one question to a node's HTTP address.
const httpTimeout = 5 * time.Second

// Figures are what nodes count themselves, over all of them, since they started.
type Figures struct {
	Allocations float64 // objects
	GCShare     float64 // of CPU time that goes into collections, 0 to 1; the worst node's
}

// Figures asks all nodes.
func (p *Peer) Figures(ctx context.Context) (f Figures, err error) {
	for _, n := range p.nodes {
		m, err := n.metrics(ctx)
		if err != nil {
			return f, err
		}
		f.Allocations += sum(m, "go_memstats_mallocs_total")
		log, err := os.ReadFile(n.process.Log)
		if err != nil {
			return f, err
		}
		f.GCShare = max(f.GCShare, gcShare(log))
	}
	return f, nil
}

func (n *node) metrics(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, httpTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.http()+"/metrics", nil)
	if err != nil {
		return "", err
	}
	req.Close = true // nothing is left open between two questions
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("candor: /metrics: %s", resp.Status)
	}
	return string(text), err
}

// sum adds up a metric over its labels: lines of name{labels} value, or name value.
func sum(metrics, name string) (total float64) {
	for line := range strings.Lines(metrics) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest == "" || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		if v, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, ' ')+1:]), 64); err == nil {
			total += v
		}
	}
	return total
}

// gcShare reads the last line of a log that Go's collector has written, as
// "gc 7 @1.234s 3%: 0.02+...": the share since the process started, in whole
// percent.
func gcShare(log []byte) (share float64) {
	for line := range bytes.Lines(log) {
		rest, ok := bytes.CutPrefix(line, []byte("gc "))
		if !ok {
			continue
		}
		words := strings.Fields(string(rest))
		if len(words) < 3 || words[1][0] != '@' {
			continue
		}
		if v, err := strconv.ParseFloat(strings.TrimSuffix(words[2], "%:"), 64); err == nil {
			share = v / 100
		}
	}
	return share
}
