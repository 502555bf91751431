package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/candordb/candor/load/process"
)

// stopWithin is how long a server process has to end in order before it is killed.
const stopWithin = 20 * time.Second

// Group is the server processes of a Peer. They end with this program, however that
// ends (on Linux). The zero value has none.
type Group struct {
	launcher *process.Launcher
	nodes    []*process.Node
}

// Launch starts a process, whose output goes to dir/name.log.
func (g *Group) Launch(dir, name string, cmd *exec.Cmd) (*process.Node, error) {
	if g.launcher == nil {
		g.launcher = process.NewLauncher()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	n := &process.Node{Name: name, Log: filepath.Join(dir, name+".log")}
	if err := n.Start(g.launcher, cmd); err != nil {
		return nil, err
	}
	g.nodes = append(g.nodes, n)
	return n, nil
}

// Await waits until a condition holds. It gives up when a process has ended or ctx
// has, and says then how the logs end.
func (g *Group) Await(ctx context.Context, within time.Duration, what string, holds func() bool) error {
	var fallen *process.Node
	arrived := process.Until(ctx, within, func() bool {
		i := slices.IndexFunc(g.nodes, func(n *process.Node) bool { return !n.Running() })
		if i >= 0 {
			fallen = g.nodes[i]
		}
		return fallen != nil || holds()
	})
	switch {
	case fallen != nil:
		return fmt.Errorf("%s has ended; its log ends with\n%s", fallen.Name, fallen.LastWords())
	case !arrived && len(g.nodes) > 0:
		return fmt.Errorf("%s: not within %v; the log of %s ends with\n%s", what, within, g.nodes[0].Name, g.nodes[0].LastWords())
	case !arrived:
		return fmt.Errorf("%s: not within %v", what, within)
	}
	return nil
}

// PIDs are those of the processes that run.
func (g *Group) PIDs() (ids []int) {
	for _, n := range g.nodes {
		if n.Running() {
			ids = append(ids, n.PID())
		}
	}
	return ids
}

// Stop asks all processes to end, kills those that do not, and waits for them. How
// a server ends is not what is measured: only one that had to be killed is an error.
func (g *Group) Stop() error {
	errs := make([]error, len(g.nodes))
	var all sync.WaitGroup
	for i, n := range g.nodes {
		all.Go(func() {
			if err := n.Stop(stopWithin); err != nil && errors.Unwrap(err) == nil {
				errs[i] = err
			}
		})
	}
	all.Wait()
	g.nodes = nil
	if g.launcher != nil {
		g.launcher.Close()
		g.launcher = nil
	}
	return errors.Join(errs...)
}

// FindProgram says where a program is, or in one line how to get it.
func FindProgram(name, how string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s is not installed: %s", name, how)
	}
	return path, nil
}

// Answers says whether somebody listens at a TCP address.
func Answers(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	return err == nil && nc.Close() == nil
}
