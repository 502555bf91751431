package main

import (
	"context"
	"embed"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/urfave/cli/v2"
)

// The scripts are the same for every version: they hand the line that is being
// typed to `candor __complete`, which answers from the tree of commands that the
// parser has too.
//
//go:embed completion
var completionScripts embed.FS

// completionFiles has the script of each shell.
var completionFiles = map[string]string{
	"bash": "candor.bash", "zsh": "candor.zsh", "fish": "candor.fish", "powershell": "candor.ps1",
}

func completionLeaf(e *env) leaf {
	return leaf{
		name: "completion", args: "bash|zsh|fish|powershell", about: "print a script that teaches a shell to complete candor's words", least: 1, most: 1,
		examples: []string{
			"source <(candor completion bash)             in ~/.bashrc",
			"candor completion zsh > ~/.zfunc/_candor     a folder of $fpath",
			"candor completion fish | source              in ~/.config/fish/config.fish",
		},
		flags: []cli.Flag{outputFlag()},
		run: func(_ context.Context, c *cli.Context) error {
			return completion(e.stdout, c.Args().Get(0))
		},
	}
}

func completion(w io.Writer, shell string) error {
	file, ok := completionFiles[shell]
	if !ok {
		shells := slices.Sorted(maps.Keys(completionFiles))
		return usagef("", "candor completion: %q is no shell that has a script%s: want one of %v", shell, didYouMean(shell, shells), shells)
	}
	script, err := completionScripts.ReadFile("completion/" + file)
	if err != nil {
		return err
	}
	_, err = w.Write(script)
	return err
}

// completeCommand is what the scripts call. It is no command of the tree: nobody
// is to see it, and its argument is a line that may be anything.
const completeCommand = "__complete"

// printCandidates answers a script: a word and what it is about on each line, and
// a last line :files where the names of files fit too.
func (e *env) printCandidates(line string) {
	words, last, _ := splitPartial(line)
	if len(words) == 0 {
		return // the line is not even a command yet
	}
	list, files := candidates(newApp(e).Commands, words[1:], last, e.dynamic())
	for _, c := range list {
		fmt.Fprintf(e.stdout, "%s\t%s\n", c.word, c.about)
	}
	if files {
		fmt.Fprintln(e.stdout, ":files")
	}
}
