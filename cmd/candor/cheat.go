package main

import (
	"context"
	"embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// The pages. Their first line names what they are about, a line that begins with
// a command is one that works, with what is to know about it behind three
// spaces; a test runs them.
//
//go:embed cheat
var cheatPages embed.FS

// cheatTopics are the pages, in the order in which one needs them.
var cheatTopics = []string{"start", "data", "scan", "outcomes", "why", "move", "output", "cluster", "config", "shell"}

func cheatLeaf(e *env) leaf {
	return leaf{
		name: "cheat", args: "[TOPIC]", about: "print a page of examples, each of which works: " + strings.Join(cheatTopics, ", "), most: 1,
		examples: []string{
			"candor cheat                                 the topics",
			"candor cheat outcomes",
		},
		flags: []cli.Flag{outputFlag()},
		run: func(_ context.Context, c *cli.Context) error {
			return cheat(e.stdout, c.Args().Get(0))
		},
	}
}

func cheat(w io.Writer, topic string) error {
	if topic == "" {
		var rows [][]string
		for _, name := range cheatTopics {
			rows = append(rows, []string{"candor cheat " + name, cheatAbout(name)})
		}
		_, err := io.WriteString(w, columns(rows))
		return err
	}
	if !slices.Contains(cheatTopics, topic) {
		return usagef("candor cheat", "candor cheat: there is no page %q%s", topic, didYouMean(topic, cheatTopics))
	}
	_, err := io.WriteString(w, cheatPage(topic))
	return err
}

// cheatPage is the page of a topic.
func cheatPage(topic string) string {
	page, err := cheatPages.ReadFile("cheat/" + topic + ".txt")
	if err != nil {
		panic(fmt.Sprintf("the page %s is not in this binary: %v", topic, err))
	}
	return string(page)
}

// cheatAbout is what a page is about: its first line says so.
func cheatAbout(topic string) string {
	first, _, _ := strings.Cut(cheatPage(topic), "\n")
	return strings.TrimPrefix(first, "# "+topic+": ")
}

func cheatCandidates() (list []candidate) {
	for _, topic := range cheatTopics {
		list = append(list, candidate{topic, cheatAbout(topic)})
	}
	return list
}
