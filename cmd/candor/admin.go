package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// adminBytesMax bounds what is read of an answer of the admin API.
const adminBytesMax = 64 << 20

// adminClient is for the admin API. A proxy would only be in the way, and a command
// asks too seldom to keep connections.
var adminClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// adminGet asks one node's admin API.
func adminGet(ctx context.Context, admin, path string) (status int, body []byte, err error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+path, nil)
	if err != nil {
		return 0, nil, fmt.Errorf("%q is no admin address: want host:port", admin)
	}
	a, err := adminClient.Do(q)
	if err != nil {
		return 0, nil, fmt.Errorf("%s: %w", admin, plainError(err))
	}
	defer a.Body.Close()
	body, err = io.ReadAll(io.LimitReader(a.Body, adminBytesMax))
	return a.StatusCode, body, err
}

// firstAnswer asks all admin addresses at once and returns the first 200. If
// there is none, its error has every address's reason.
func firstAnswer(ctx context.Context, admins []string, path string) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		body []byte
		err  error
	}
	answers := make(chan answer, len(admins))
	for _, admin := range admins {
		go func() {
			status, body, err := adminGet(ctx, admin, path)
			if err == nil && status != http.StatusOK {
				err = fmt.Errorf("%s: answered with HTTP status %d", admin, status)
			}
			answers <- answer{body, err}
		}()
	}
	var reasons []error
	for range admins {
		a := <-answers
		if a.err == nil {
			return a.body, nil
		}
		reasons = append(reasons, a.err)
	}
	return nil, oneLine(reasons)
}

// plainError is the innermost reason why a connection was not made.
func plainError(err error) error {
	var number syscall.Errno
	var op *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("no answer in time")
	case errors.As(err, &number):
		return number
	case errors.As(err, &op):
		return op.Err
	}
	return err
}

// oneLine joins errors in one line.
func oneLine(errs []error) error {
	words := make([]string, len(errs))
	for i, err := range errs {
		words[i] = err.Error()
	}
	return errors.New(strings.Join(words, "; "))
}
