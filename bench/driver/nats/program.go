package nats

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/candordb/candor/bench/peer"
)

const (
	// programVariable names a server to be used instead of the pinned one.
	programVariable = "BENCH_NATS_SERVER"
	serverPackage   = "github.com/nats-io/nats-server/v2"
	benchModule     = "module github.com/candordb/candor/bench\n"
)

// errNoModule is returned where the pinned version cannot be looked up.
var errNoModule = errors.New("nats-server cannot be built here: run this inside the source tree, or set " + programVariable + " to a nats-server")

// program finds the server, and builds it if it has to. That takes a minute the
// first time; after that the go command finds what it has built.
func program(ctx context.Context) (string, error) {
	if path := os.Getenv(programVariable); path != "" {
		return peer.FindProgram(path, programVariable+" has to name a nats-server")
	}
	tool, err := peer.FindProgram("go", "nats-server is built with it; or set "+programVariable+" to a nats-server")
	if err != nil {
		return "", err
	}
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	module, err := moduleAbove(here)
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("nats-server needs a place: %w", err)
	}
	path := filepath.Join(cache, "candor-bench", "nats-server")
	if out, err := exec.CommandContext(ctx, tool, "build", "-C", module, "-o", path, serverPackage).CombinedOutput(); err != nil {
		return "", fmt.Errorf("nats-server cannot be built: %w: %s", err, lastLine(string(out)))
	}
	return path, nil
}

// moduleAbove finds the directory of this module, in a directory, one above it, or a
// directory bench in one of these.
func moduleAbove(dir string) (string, error) {
	for ; ; dir = filepath.Dir(dir) {
		for _, at := range []string{dir, filepath.Join(dir, "bench")} {
			text, err := os.ReadFile(filepath.Join(at, "go.mod"))
			if err == nil && strings.HasPrefix(string(text), benchModule) {
				return at, nil
			}
		}
		if filepath.Dir(dir) == dir {
			return "", errNoModule
		}
	}
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// parseVersion makes "nats-server 2.15.2" of what nats-server --version prints.
func parseVersion(text string) string {
	number, found := strings.CutPrefix(strings.TrimSpace(text), "nats-server: v")
	if !found {
		return ""
	}
	return "nats-server " + number
}
