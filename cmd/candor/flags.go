package main

import (
	"context"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
)

// Flags that several commands have. They stand on the commands, not on the app:
// the same flag on both would shadow.

const (
	addrDefault    = "127.0.0.1:7400"
	timeoutDefault = 5 * time.Second
)

func outputFlag() cli.Flag {
	return &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "table", Usage: "`FORM` of results and errors: table or json"}
}

func quietFlag() cli.Flag {
	return &cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "no hints on stderr"}
}

func timeoutFlag() cli.Flag {
	return &cli.DurationFlag{Name: "timeout", Value: timeoutDefault, Usage: "how long to wait"}
}

func addrFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "addr", Value: addrDefault, EnvVars: []string{"CANDOR_ADDR"},
		Usage: "client `ADDRESSES` host:port of nodes, separated by commas; all are tried",
	}
}

// clusterFlags are those of every command that talks to a cluster.
func clusterFlags(more ...cli.Flag) []cli.Flag {
	return append(more, addrFlag(), timeoutFlag(), outputFlag(), quietFlag())
}

// dataFlags are those of every command that reads or writes keys.
func dataFlags(more ...cli.Flag) []cli.Flag {
	return clusterFlags(append(more,
		&cli.StringFlag{Name: "consistency", Aliases: []string{"c"}, Usage: "`LEVEL`: one, two, three, quorum, all or a number; the namespace's default if not given"},
		&cli.StringFlag{Name: "ns", Usage: "`NAMESPACE`; default if not given"})...)
}

func receiptFlag() cli.Flag {
	return &cli.BoolFlag{Name: "receipt", Usage: "print what each replica did"}
}

// target is what the flags say of the cluster to talk to.
type target struct {
	addr, namespace string
	level           client.Level
	timeout         time.Duration
}

func targetOf(c *cli.Context) (target, error) {
	t := target{addr: c.String("addr"), namespace: c.String("ns"), timeout: c.Duration("timeout")}
	if t.addr == "" {
		t.addr = addrDefault // CANDOR_ADDR is there, and empty
	}
	if strings.ContainsAny(t.addr, "/?") {
		return t, usagef("", "--addr is %q: want host:port, several separated by commas", t.addr)
	}
	if t.timeout < time.Millisecond {
		return t, usagef("", "--timeout is %v: want at least 1ms", t.timeout)
	}
	if text := c.String("consistency"); text != "" {
		level, ok := client.ParseLevel(text)
		if !ok {
			return t, usagef("", "--consistency is %q: want one, two, three, quorum, all or a number up to 63", text)
		}
		t.level = level
	}
	return t, nil
}

// open connects. Where nobody answers, it says what may be wrong.
func (t target) open(ctx context.Context) (*client.Client, error) {
	c, err := client.Open(ctx, "candor://"+t.addr+"/"+t.namespace+"?timeout="+t.timeout.String(), client.WithName("candor-cli"))
	if err == nil {
		return c, nil
	}
	return nil, openFailure(t, err)
}

// call is the options of a request that the flags ask for.
func (t target) call(more ...client.CallOption) []client.CallOption {
	if t.level != 0 {
		more = append(more, client.At(t.level))
	}
	return more
}
