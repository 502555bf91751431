package main

import (
	"context"
	"fmt"
	"runtime"

	"github.com/urfave/cli/v2"
)

// version is that of this build; the release job sets it.
var version = "0.1.0-dev"

func versionLeaf(e *env) leaf {
	return leaf{
		name: "version", about: "print the version of this binary",
		examples: []string{"candor version", "candor version -o json"},
		flags:    []cli.Flag{outputFlag()},
		run: func(_ context.Context, c *cli.Context) error {
			platform := runtime.GOOS + "/" + runtime.GOARCH
			if asJSON(c) {
				return writeJSON(e.stdout, struct {
					APIVersion string `json:"apiVersion"`
					Kind       string `json:"kind"`
					Version    string `json:"version"`
					Go         string `json:"go"`
					Platform   string `json:"platform"`
				}{apiVersion, "Version", version, runtime.Version(), platform})
			}
			_, err := fmt.Fprintf(e.stdout, "candor %s   %s %s\n", version, runtime.Version(), platform)
			return err
		},
	}
}
