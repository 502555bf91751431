package main

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/candordb/candor/bench/report"
)

// machine says where and how this runs. What is not known is left empty.
func machine(ctx context.Context, o *options, name string) report.Machine {
	m := report.Machine{
		Name: name, Date: time.Now().UTC().Format(time.DateTime) + " UTC", Cores: runtime.NumCPU(), Go: runtime.Version(), Command: o.command,
		CPU: field("/proc/cpuinfo", "model name"), Memory: field("/proc/meminfo", "MemTotal"),
		Kernel: output(ctx, "uname", "-sr"), Commit: commit(ctx), Versions: make(map[string]string),
	}
	dir := o.dir
	if dir == "" {
		dir = os.TempDir()
	}
	if lines := strings.Split(output(ctx, "df", "--output=fstype", dir), "\n"); len(lines) == 2 {
		m.Disk = strings.TrimSpace(lines[1])
	}
	for _, c := range comparisons(o) {
		if c.Peer.Missing(ctx) == nil {
			if v := c.Peer.Version(ctx); v != "" {
				m.Versions[c.Peer.Name()] = v
			}
		}
		if _, told := m.Versions["candor"]; !told {
			m.Versions["candor"] = c.Candor.Version(ctx)
		}
	}
	return m
}

// commit is that of the source, and whether it was changed since.
func commit(ctx context.Context) string {
	id := output(ctx, "git", "rev-parse", "--short=12", "HEAD")
	if id != "" && output(ctx, "git", "status", "--porcelain", "--untracked-files=no") != "" {
		id += ", with changes"
	}
	return id
}

func output(ctx context.Context, name string, args ...string) string {
	text, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// field is what stands behind a name and a colon in a file.
func field(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.Join(strings.Fields(value), " ")
		}
	}
	return ""
}
