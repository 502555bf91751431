package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"
)

func configCheckLeaf(e *env) leaf {
	return leaf{
		name: "check", args: "FILE", about: "validate a file of settings, as serve would read it; exit 2 names all that is wrong", least: 1, most: 1,
		examples: []string{
			"candor config check /etc/candor.yaml",
			"candor config check candor.yaml --set node.name=n1",
		},
		flags: []cli.Flag{setFlag(), outputFlag()},
		run: func(_ context.Context, c *cli.Context) error {
			return configCheck(e, serveOptions{config: c.Args().Get(0), sets: c.StringSlice("set")}, asJSON(c))
		},
	}
}

func configCheck(e *env, o serveOptions, inJSON bool) error {
	c, err := o.load(e)
	if err != nil {
		return err
	}
	if inJSON {
		return writeJSON(e.stdout, struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
			File       string `json:"file"`
			Valid      bool   `json:"valid"`
			Cluster    string `json:"cluster"`
			Node       string `json:"node"`
		}{apiVersion, "ConfigCheck", o.config, true, c.Cluster.Name, c.Node.Name})
	}
	name := o.config
	if name == "" {
		name = "the configuration"
	}
	_, err = fmt.Fprintf(e.stdout, "%s is valid: cluster %s, node %s, clients at %s\n", name, c.Cluster.Name, c.Node.Name, c.PublicAddr(c.Listen.Client))
	return err
}
