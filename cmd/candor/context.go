package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

func contextLeaves(e *env) []*cli.Command {
	return []*cli.Command{
		contextAddLeaf(e).command("context"), contextListLeaf(e).command("context"),
		contextUseLeaf(e).command("context"), contextRemoveLeaf(e).command("context"),
	}
}

// localFlags are those of commands that ask no cluster.
func localFlags(more ...cli.Flag) []cli.Flag {
	return append(more, outputFlag(), noHeadersFlag(), quietFlag())
}

func contextAddLeaf(e *env) leaf {
	return leaf{
		name: "add", args: "NAME ADDRESSES", about: "keep the addresses host:port of a cluster under a name, which may be any but " + noContext, least: 2, most: 2, views: true,
		examples: []string{
			"candor context add shop 10.0.0.1:7400,10.0.0.2:7400",
			"candor context add shop 10.0.0.1:7400 --ns orders --timeout 2s",
			"candor context use shop                      all commands that follow talk to it",
			"candor get k --context shop                  only this one does",
		},
		flags: localFlags(
			&cli.StringFlag{Name: "ns", Usage: "its `NAMESPACE`; default if not given"},
			&cli.DurationFlag{Name: "timeout", Usage: "how long commands wait for it"},
			&cli.StringFlag{Name: "ca-file", Usage: "`FILE` with the certificates to trust"},
			&cli.StringFlag{Name: "token-file", Usage: "`FILE` that holds a token; never the token itself"}),
		run: func(_ context.Context, c *cli.Context) error {
			saved := savedContext{
				Name: c.Args().Get(0), Addr: c.Args().Get(1), Namespace: c.String("ns"), CAFile: c.String("ca-file"), TokenFile: c.String("token-file"),
			}
			if c.IsSet("timeout") {
				saved.Timeout = c.Duration("timeout").String()
			}
			err := saved.check()
			if err == nil {
				err = checkPorts(saved.Addr)
			}
			if err != nil {
				return usagef("", "candor context add: %v", err)
			}
			f, err := formatOf(c)
			if err != nil {
				return err
			}
			return contextAdd(e, f, saved)
		},
	}
}

func contextListLeaf(e *env) leaf {
	return leaf{
		name: "ls", about: "print the names that clusters have here", views: true,
		examples: []string{"candor context ls", "candor context ls -o name"},
		flags:    localFlags(),
		run: func(_ context.Context, c *cli.Context) error {
			f, err := formatOf(c)
			if err != nil {
				return err
			}
			file, err := loadContexts()
			if err != nil {
				return err
			}
			return f.print(e.stdout, contextsOf(file))
		},
	}
}

func contextUseLeaf(e *env) leaf {
	return leaf{
		name: "use", args: "NAME|" + noContext, about: "choose the cluster that commands talk to; " + noContext + ": no context, so " + addrDefault, least: 1, most: 1, views: true,
		examples: []string{"candor context use shop", "candor context use none                      talk to " + addrDefault + " again"},
		flags:    localFlags(),
		run: func(_ context.Context, c *cli.Context) error {
			f, err := formatOf(c)
			if err != nil {
				return err
			}
			return contextUse(e, f, c.Args().Get(0))
		},
	}
}

func contextRemoveLeaf(e *env) leaf {
	return leaf{
		name: "rm", args: "NAME", about: "forget a name; the cluster stays as it is", least: 1, most: 1, views: true,
		examples: []string{"candor context rm shop"},
		flags:    localFlags(),
		run: func(_ context.Context, c *cli.Context) error {
			f, err := formatOf(c)
			if err != nil {
				return err
			}
			return contextRemove(e, f, c.Args().Get(0))
		},
	}
}

// contextsView is what the context commands print: all that there is.
type contextsView struct {
	APIVersion string        `json:"apiVersion"`
	Kind       string        `json:"kind"`
	Current    string        `json:"current"`
	Contexts   []contextView `json:"contexts"`
	path       string
}

type contextView struct {
	Name      string `json:"name"`
	Current   bool   `json:"current"`
	Addr      string `json:"addr"`
	Namespace string `json:"ns"`
	TimeoutMS int64  `json:"timeout_ms"`
	CAFile    string `json:"ca_file,omitempty"`
	TokenFile string `json:"token_file,omitempty"`
}

func contextsOf(file *contextFile) *contextsView {
	v := &contextsView{APIVersion: apiVersion, Kind: "ContextList", Current: file.Current, Contexts: []contextView{}, path: file.path}
	for i := range file.Contexts {
		c := &file.Contexts[i]
		timeout, _ := c.timeout() // it was checked when it was read
		if timeout == 0 {
			timeout = timeoutDefault
		}
		namespace := c.Namespace
		if namespace == "" {
			namespace = namespaceDefault
		}
		v.Contexts = append(v.Contexts, contextView{c.Name, c.Name == file.Current, c.Addr, namespace, timeout.Milliseconds(), c.CAFile, c.TokenFile})
	}
	return v
}

func (v *contextsView) screen(wide bool) screen {
	if len(v.Contexts) == 0 {
		return screen{above: "no contexts; commands talk to " + addrDefault + "\n"}
	}
	rows := [][]string{{"CURRENT", "NAME", "ADDRESSES", "NAMESPACE", "TIMEOUT"}}
	if wide {
		rows[0] = append(rows[0], "CA FILE", "TOKEN FILE")
	}
	for _, c := range v.Contexts {
		mark := ""
		if c.Current {
			mark = "*"
		}
		row := []string{mark, c.Name, c.Addr, c.Namespace, (time.Duration(c.TimeoutMS) * time.Millisecond).String()}
		if wide {
			row = append(row, orDash(c.CAFile), orDash(c.TokenFile))
		}
		rows = append(rows, row)
	}
	s := screen{rows: rows}
	if wide {
		s.below = "file  " + v.path + "\n"
	}
	return s
}

func (v *contextsView) names() (names []string) {
	for _, c := range v.Contexts {
		names = append(names, c.Name)
	}
	return names
}

// changed prints a file that has been changed: a sentence for people, else all
// that is there now.
func (e *env) changed(f format, file *contextFile, sentence string) error {
	if !f.forPeople() {
		return f.print(e.stdout, contextsOf(file))
	}
	_, err := fmt.Fprintln(e.stdout, sentence)
	return err
}

func contextAdd(e *env, f format, saved savedContext) error {
	file, err := loadContexts()
	if err != nil {
		return err
	}
	if file.find(saved.Name) != nil {
		return failf(exitFailed, "candor context rm "+saved.Name, "there is a context %s already; nothing was changed", saved.Name)
	}
	file.Contexts = append(file.Contexts, saved)
	slices.SortFunc(file.Contexts, func(a, b savedContext) int { return strings.Compare(a.Name, b.Name) })
	if err := file.save(); err != nil {
		return err
	}
	err = e.changed(f, file, fmt.Sprintf("added     %s   %s", saved.Name, saved.Addr))
	e.next(f, "candor context use "+saved.Name)
	return err
}

func contextUse(e *env, f format, name string) error {
	file, err := loadContexts()
	if err != nil {
		return err
	}
	sentence := "using     none: commands talk to " + addrDefault
	if file.Current = ""; name != noContext {
		c, err := file.named(name)
		if err != nil {
			return err
		}
		file.Current, sentence = name, fmt.Sprintf("using     %s   %s", name, c.Addr)
	}
	if err := file.save(); err != nil {
		return err
	}
	return e.changed(f, file, sentence)
}

func contextRemove(e *env, f format, name string) error {
	file, err := loadContexts()
	if err != nil {
		return err
	}
	if _, err := file.named(name); err != nil {
		return err
	}
	sentence := "removed   " + name
	if file.Current == name {
		file.Current = ""
		sentence += "   it was in use: commands talk to " + addrDefault + " now"
	}
	file.Contexts = slices.DeleteFunc(file.Contexts, func(c savedContext) bool { return c.Name == name })
	if err := file.save(); err != nil {
		return err
	}
	return e.changed(f, file, sentence)
}
