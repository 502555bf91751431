package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/config"
	"github.com/candordb/candor/node"
)

func configFlag() cli.Flag {
	return &cli.StringFlag{Name: "config", Usage: "`FILE` of settings"}
}

func setFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "set", Usage: "`KEY=VALUE` of a setting, stronger than file and environment; may be given several times"}
}

func serveLeaf(e *env) leaf {
	return leaf{
		name: "serve", about: "run a node until it is told to stop",
		examples: []string{
			"candor serve --config /etc/candor.yaml",
			"candor serve --config n1.yaml --set log.level=debug",
			"candor serve --config n1.yaml --check        validate the settings and exit",
		},
		flags: []cli.Flag{configFlag(), setFlag(), &cli.BoolFlag{Name: "check", Usage: "validate the settings and exit"}, outputFlag()},
		run: func(ctx context.Context, c *cli.Context) error {
			o := serveOptions{config: c.String("config"), sets: c.StringSlice("set")}
			if c.Bool("check") {
				return configCheck(e, o, asJSON(c))
			}
			return serve(ctx, e, o)
		},
	}
}

type serveOptions struct {
	config string
	sets   []string
}

// load makes the configuration from all layers, and validates it.
func (o serveOptions) load(e *env) (*config.Config, error) {
	c, err := o.read(e)
	if err != nil {
		return nil, err
	}
	if err := c.Validate(); err != nil {
		return nil, configFailure(err)
	}
	return c, nil
}

// read is load without looking at what the values mean together.
func (o serveOptions) read(e *env) (*config.Config, error) {
	host, _ := os.Hostname() // without one node.name has to be set, which Validate says
	c, err := config.Load(config.Sources{File: o.config, Env: e.environ, Sets: o.sets, HostName: host})
	if err != nil {
		return nil, configFailure(err)
	}
	return c, nil
}

// configFailure is an error of the configuration: nothing was started.
func configFailure(err error) error {
	return &failure{exit: exitUsage, code: "CONFIG", err: err}
}

func serve(ctx context.Context, e *env, o serveOptions) error {
	c, err := o.load(e)
	if err != nil {
		return err
	}
	err = node.Run(ctx, c, node.Options{Log: newLog(e, c.Log), Version: version})
	if err != nil && !errors.Is(err, context.Canceled) {
		return &failure{exit: exitFailed, code: "FAILED", err: fmt.Errorf("%s: %w", c.Node.Name, err)}
	}
	return nil
}

// newLog is the log of a node, on stderr.
func newLog(e *env, o config.Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(o.Level)) // Validate has seen it
	options := &slog.HandlerOptions{Level: level}
	if o.Format == "text" || o.Format == "auto" && e.width() > 0 {
		return slog.New(slog.NewTextHandler(e.stderr, options))
	}
	return slog.New(slog.NewJSONHandler(e.stderr, options))
}
