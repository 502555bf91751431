package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"time"

	"github.com/candordb/candor/load/process"
)

// node is one node over all its lives. Its folder and addresses stay the same.
type node struct {
	process.Node
	data   string
	client string   // where it listens for clients
	sets   []string // its settings, KEY=VALUE
}

// start brings the node to life.
func (c *cluster) start(n *node) error {
	args := []string{"serve"}
	for _, s := range n.sets {
		args = append(args, "--set", s)
	}
	return n.Start(c.launcher, exec.Command(c.candor, args...))
}

// logged counts the lines of the node's log that have one of some texts in them.
func (n *node) logged(texts ...string) (lines int) {
	log, err := os.ReadFile(n.Log)
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(log) {
		for _, t := range texts {
			if bytes.Contains(line, []byte(t)) {
				lines++
				break
			}
		}
	}
	return lines
}

// over asks the node over HTTP; an answer that is not 200 is an error.
func (n *node) over(ctx context.Context, method, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+n.HTTP+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s of %s: %s: %s", method, path, n.Name, resp.Status, body)
	}
	return body, err
}
