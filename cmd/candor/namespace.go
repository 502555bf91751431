package main

import (
	"context"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

func namespaceLeaves(e *env) []*cli.Command {
	return []*cli.Command{namespaceListLeaf(e).command("namespace"), namespaceShowLeaf(e).command("namespace")}
}

func namespaceListLeaf(e *env) leaf {
	return leaf{
		name: "ls", about: "print one line per namespace, with what requests to it get by default", views: true,
		examples: []string{"candor namespace ls", "candor namespace ls -o name"},
		flags:    adminFlags(),
		run: func(ctx context.Context, c *cli.Context) error {
			o, err := adminOptionsOf(c)
			if err != nil {
				return err
			}
			return namespaceList(ctx, e, o)
		},
	}
}

func namespaceShowLeaf(e *env) leaf {
	return leaf{
		name: "show", args: "NAME", about: "print the settings of a namespace", views: true, least: 1, most: 1,
		examples: []string{"candor namespace show default", "candor namespace show sessions -o 'template={{.ttl_ms}}'"},
		flags:    adminFlags(),
		run: func(ctx context.Context, c *cli.Context) error {
			o, err := adminOptionsOf(c)
			if err != nil {
				return err
			}
			return namespaceShow(ctx, e, o, c.Args().Get(0))
		},
	}
}

// namespaceListView is the namespaces, as a node answers to GET /v1/namespaces.
type namespaceListView struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Namespaces []namespaceView `json:"namespaces"`
}

// namespaceView is one of them. The levels are those of requests that name none.
type namespaceView struct {
	Name       string `json:"name"`
	Number     uint32 `json:"number"`
	Mode       string `json:"mode"`
	ReadLevel  string `json:"read_level"`
	WriteLevel string `json:"write_level"`
	TTLMS      int64  `json:"ttl_ms"` // 0: never expires
	ValueBytes int64  `json:"max_value_bytes"`
	AllowStale bool   `json:"allow_stale"` // the levels need not overlap
}

func (n *namespaceView) ttlText() string {
	if n.TTLMS == 0 {
		return "-"
	}
	text := (time.Duration(n.TTLMS) * time.Millisecond).String()
	if short, ok := strings.CutSuffix(text, "m0s"); ok {
		text = short + "m"
	}
	if short, ok := strings.CutSuffix(text, "h0m"); ok {
		text = short + "h"
	}
	return text
}

func (n *namespaceView) staleText() string {
	if n.AllowStale {
		return "allowed"
	}
	return "-"
}

func (v *namespaceListView) screen(bool) screen {
	s := screen{rows: [][]string{{"NAMESPACE", "MODE", "READ", "WRITE", "TTL", "LARGEST VALUE", "STALE READS"}}}
	for i := range v.Namespaces {
		n := &v.Namespaces[i]
		s.rows = append(s.rows, []string{n.Name, n.Mode, n.ReadLevel, n.WriteLevel, n.ttlText(), sized(n.ValueBytes), n.staleText()})
	}
	return s
}

func (v *namespaceListView) names() (names []string) {
	for _, n := range v.Namespaces {
		names = append(names, n.Name)
	}
	return names
}

// oneNamespaceView is a namespace by itself.
type oneNamespaceView struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	namespaceView
}

func (v *oneNamespaceView) screen(bool) screen {
	return screen{above: columns([][]string{
		{"namespace", v.Name}, {"mode", v.Mode}, {"read level", v.ReadLevel}, {"write level", v.WriteLevel},
		{"ttl", v.ttlText()}, {"largest value", sized(v.ValueBytes)}, {"stale reads", v.staleText()},
	})}
}

func (v *oneNamespaceView) names() []string { return []string{v.Name} }

func (o adminOptions) namespaces(ctx context.Context) (*namespaceListView, error) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	v := new(namespaceListView)
	return v, o.ask(ctx, "/v1/namespaces", v)
}

func namespaceList(ctx context.Context, e *env, o adminOptions) error {
	v, err := o.namespaces(ctx)
	if err != nil {
		return err
	}
	return o.format.print(e.stdout, v)
}

func namespaceShow(ctx context.Context, e *env, o adminOptions, name string) error {
	v, err := o.namespaces(ctx)
	if err != nil {
		return err
	}
	for _, n := range v.Namespaces {
		if n.Name == name {
			return o.format.print(e.stdout, &oneNamespaceView{apiVersion, "Namespace", n})
		}
	}
	return usagef("candor namespace ls", "there is no namespace %q%s", name, didYouMean(name, v.names()))
}
