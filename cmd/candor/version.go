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
		name: "version", about: "print the version of this binary", views: true,
		examples: []string{"candor version", "candor version -o json"},
		flags:    []cli.Flag{outputFlag()},
		run: func(_ context.Context, c *cli.Context) error {
			f, err := formatOf(c)
			if err != nil {
				return err
			}
			return f.print(e.stdout, &versionView{apiVersion, "Version", version, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH})
		},
	}
}

// versionView is what this binary is.
type versionView struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Version    string `json:"version"`
	Go         string `json:"go"`
	Platform   string `json:"platform"`
}

func (v *versionView) screen(bool) screen {
	return screen{above: fmt.Sprintf("candor %s   %s %s\n", v.Version, v.Go, v.Platform)}
}

func (v *versionView) names() []string { return []string{v.Version} }
