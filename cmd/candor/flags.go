package main

import (
	"context"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
)

// Flags that several commands have. They stand on the commands, not on the app:
// the same flag on both would shadow.

const (
	addrDefault    = "127.0.0.1:7400"
	timeoutDefault = 5 * time.Second
	// namespaceDefault is what a node takes no name for.
	namespaceDefault = "default"
)

func outputFlag() cli.Flag {
	return &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "table", Usage: "`FORM` of results and errors: " + forms}
}

func noHeadersFlag() cli.Flag {
	return &cli.BoolFlag{Name: "no-headers", Usage: "of a table, print only the rows"}
}

func quietFlag() cli.Flag {
	return &cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "no hints on stderr"}
}

func timeoutFlag() cli.Flag {
	return &cli.DurationFlag{Name: "timeout", Value: timeoutDefault, Usage: "how long to wait"}
}

func addrFlag() cli.Flag {
	return &cli.StringFlag{Name: "addr", Usage: "client `ADDRESSES` host:port of nodes, separated by commas; all are tried [$CANDOR_ADDR] (" + addrDefault + ")"}
}

func contextFlag() cli.Flag {
	return &cli.StringFlag{Name: "context", Usage: "`NAME` of a cluster that candor context add has kept, in place of --addr; " + noContext + ": no context [$CANDOR_CONTEXT]"}
}

func namespaceFlag() cli.Flag {
	return &cli.StringFlag{Name: "ns", Usage: "`NAMESPACE`; that of the context, or default, if not given"}
}

// clusterFlags are those of every command that talks to a cluster.
func clusterFlags(more ...cli.Flag) []cli.Flag {
	return append(more, addrFlag(), contextFlag(), timeoutFlag(), outputFlag(), noHeadersFlag(), quietFlag())
}

// dataFlags are those of every command that reads or writes keys.
func dataFlags(more ...cli.Flag) []cli.Flag {
	return clusterFlags(append(more,
		&cli.StringFlag{Name: "consistency", Aliases: []string{"c"}, Usage: "`LEVEL`: " + levels + "; the namespace's if not given"},
		namespaceFlag())...)
}

// levels is what -c takes, for sentences.
const levels = "one, two, three, quorum, all, any, local_one, local_quorum, each_quorum or a number"

func weakenFlag() cli.Flag {
	return &cli.BoolFlag{Name: "weaken", Usage: "where the level cannot be met, answer at the best that can, and tell"}
}

func receiptFlag() cli.Flag {
	return &cli.BoolFlag{Name: "receipt", Usage: "print what each replica did"}
}

// target is what the flags say of the cluster to talk to.
type target struct {
	addr, namespace string
	level           client.Level
	timeout         time.Duration
	context         string // its name; empty: none is used
	repeated        string // the flags by which a next command means the same place
	needs           string // what the context asks for that this build cannot do
}

// targetOf finds out which cluster is meant. --addr and --context on the line
// count before the environment, CANDOR_ADDR before CANDOR_CONTEXT, and either
// before the context in use. A context counts as a whole, except for what a flag
// of its own says.
func targetOf(c *cli.Context) (target, error) {
	t := target{addr: c.String("addr"), namespace: c.String("ns"), timeout: c.Duration("timeout")}
	if c.IsSet("addr") && c.IsSet("context") {
		return t, usagef("", "--addr and --context exclude each other")
	}
	for _, name := range []string{"addr", "context", "ns"} {
		if c.IsSet(name) {
			t.repeated += " --" + name + " " + quoteWords([]string{c.String(name)})
		}
	}
	if err := t.locate(c); err != nil {
		return t, err
	}
	if err := checkAddr(t.addr); err != nil {
		return t, usagef("", "--addr: %v", err)
	}
	if t.timeout < time.Millisecond {
		return t, usagef("", "--timeout is %v: want at least 1ms", t.timeout)
	}
	// An empty one is a variable that was not set: another level than was meant.
	if text := c.String("consistency"); text != "" || c.IsSet("consistency") {
		level, ok := client.ParseLevel(text)
		if !ok {
			return t, usagef("", "--consistency is %q: want %s up to 63", text, levels)
		}
		t.level = level
	}
	return t, nil
}

// locate fills in the address, from the context if there is one to use.
func (t *target) locate(c *cli.Context) error {
	name := c.String("context")
	switch fromEnv := os.Getenv("CANDOR_ADDR"); {
	case t.addr != "":
		return nil
	case c.IsSet("context"):
	case fromEnv != "":
		t.addr = fromEnv
		return nil
	default:
		name = os.Getenv("CANDOR_CONTEXT")
	}
	file, err := loadContexts()
	if err != nil {
		return err
	}
	if name == "" {
		name = file.Current
	}
	if name == "" || name == noContext {
		t.addr = addrDefault
		return nil
	}
	saved, err := file.named(name)
	if err != nil {
		return err
	}
	t.use(saved, c.IsSet("timeout"))
	return nil
}

// use takes over what a context says, except for what a flag has said.
func (t *target) use(saved *savedContext, hasTimeout bool) {
	t.context, t.addr = saved.Name, saved.Addr
	if t.namespace == "" {
		t.namespace = saved.Namespace
	}
	if timeout, _ := saved.timeout(); timeout > 0 && !hasTimeout { // it was checked when it was read
		t.timeout = timeout
	}
	switch {
	case saved.CAFile != "":
		t.needs = "a CA file"
	case saved.TokenFile != "":
		t.needs = "a token file"
	}
}

// ns is the name of the namespace, which is never empty.
func (t target) ns() string {
	if t.namespace == "" {
		return namespaceDefault
	}
	return t.namespace
}

// open connects. Where nobody answers, it says what may be wrong.
func (t target) open(ctx context.Context) (*client.Client, error) {
	if t.needs != "" {
		// To connect without it would be to talk to whoever answers, in clear text.
		return nil, usagef("candor context rm "+t.context, "context %s has %s, and this build can neither use TLS nor tokens; nothing was sent", t.context, t.needs)
	}
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
