package main

import (
	"context"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/config"
)

func configReferenceLeaf(e *env) leaf {
	return leaf{
		name: "reference", about: "print a file of settings that sets each to its default, with what it means",
		examples: []string{
			"candor config reference",
			"candor config reference > candor.yaml        a file to begin with",
		},
		flags: []cli.Flag{outputFlag()},
		run: func(context.Context, *cli.Context) error {
			_, err := io.WriteString(e.stdout, config.Reference())
			return err
		},
	}
}
