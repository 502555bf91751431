package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/candordb/candor/load/process"
)

// Only one node at a time loses what it has stored, and has to have it back, rebuilt
// from the others, before the next one does: two would be more than was promised to
// survive. Nemeses of that kind are marked whole in the table, and whole.go holds it.

// strikeLostDatabase takes the database of a node away and leaves its identity.
func strikeLostDatabase(ctx context.Context, a *arena, rng *rand.Rand) error {
	n := a.one(rng)
	a.tell("%s loses its database", n.Name)
	n.kill()
	if err := os.RemoveAll(filepath.Join(n.data, "db")); err != nil {
		return err
	}
	return a.restored(ctx, n)
}

// strikeOldCopy puts a copy of a node's data folder back that is some seconds old.
func strikeOldCopy(ctx context.Context, a *arena, rng *rand.Rand) error {
	n, old := a.one(rng), ""
	n.kill()
	old = filepath.Join(n.dir, "old")
	if err := errors.Join(os.RemoveAll(old), os.CopyFS(old, os.DirFS(n.data))); err != nil {
		return err
	}
	if err := a.restored(ctx, n); err != nil {
		return err
	}
	age := between(rng, 2*time.Second, 15*time.Second)
	process.Pause(ctx, age)
	a.tell("%s gets its data folder of %v ago", n.Name, age)
	n.kill()
	// The folder itself stays: it may be where a file system is mounted.
	if err := empty(n.data); err != nil {
		return err
	}
	if err := os.CopyFS(n.data, os.DirFS(old)); err != nil {
		return err
	}
	return errors.Join(a.restored(ctx, n), os.RemoveAll(old))
}

func empty(dir string) (err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}

// restored starts a node that has lost something, and waits until it serves again.
func (a *arena) restored(ctx context.Context, n *node) error {
	n.restore++
	if err := a.start(n); err != nil || ctx.Err() != nil {
		return err
	}
	if err := n.AwaitReady(ctx, restoreWithin); err != nil && ctx.Err() == nil {
		a.stuck("what %s has lost is not restored: %v", n.Name, err)
	}
	return nil
}

// restoreWithin is how long a rebuild may take.
const restoreWithin = 3 * time.Minute

// strikeSwapped has two nodes start with each other's data folder, and puts them
// back. What they do meanwhile is their affair: serve as whom they are, or end.
func strikeSwapped(ctx context.Context, a *arena, rng *rand.Rand) error {
	order := rng.Perm(len(a.nodes))
	one, two := a.nodes[order[0]], a.nodes[order[1]]
	a.tell("%s and %s find each other's data folder", one.Name, two.Name)
	swap := func() error {
		one.kill()
		two.kill()
		aside := one.data + ".aside"
		return errors.Join(os.Rename(one.data, aside), os.Rename(two.data, one.data), os.Rename(aside, two.data), a.start(one), a.start(two))
	}
	if err := swap(); err != nil {
		return err
	}
	one.Doom()
	two.Doom()
	process.Pause(ctx, between(rng, 3*time.Second, 10*time.Second))
	return swap()
}

// fileSystemBytes is the size of the file systems of nodes whose disk will be full.
const fileSystemBytes = 512 << 20

// mountDisks gives each node a small file system of its own.
func (a *arena) mountDisks() error {
	for _, n := range a.nodes {
		image := n.dir + ".image"
		f, err := os.Create(image)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Truncate(fileSystemBytes), f.Close(), os.MkdirAll(n.dir, 0o755)); err != nil {
			return err
		}
		mount := filepath.Join(n.dir, "disk")
		if err := errors.Join(os.MkdirAll(mount, 0o755), command(nil, "mkfs.ext4", "-q", "-F", image), command(nil, "mount", "-o", "loop", image, mount)); err != nil {
			return err
		}
		if err := errors.Join(os.Mkdir(filepath.Join(mount, "data"), 0o755), os.Symlink(filepath.Join("disk", "data"), n.data)); err != nil {
			return err
		}
		a.mounts = append(a.mounts, mount)
	}
	return nil
}

func (a *arena) unmountDisks() (err error) {
	for _, at := range a.mounts {
		err = errors.Join(err, command(nil, "umount", at))
	}
	a.mounts = nil
	return err
}

func lacksLoop(a *arena) string {
	switch _, err := os.Stat("/dev/loop-control"); {
	case a.o.rootless:
		return "it needs file systems of its own, and root for that"
	case err != nil:
		return "the kernel has no loop devices"
	}
	return ""
}

// A node looks once a second how much room its disk has, and refuses writes before
// there is none. A write that meets the very end stops its storage until an operator
// looks, which is promised, and not what this nemesis is about. So the last part of the
// disk is filled slowly enough to be seen.
const (
	fillFast = 400 << 20
	fillRest = 6 << 20 // bytes per second
)

// strikeDiskFull fills the file system of a node to the last byte.
func strikeDiskFull(ctx context.Context, a *arena, rng *rand.Rand) (err error) {
	n := a.one(rng)
	d := between(rng, 3*time.Second, 12*time.Second)
	a.tell("the disk of %s is full, for %v", n.Name, d)
	filler := filepath.Join(n.dir, "disk", "filler")
	f, err := os.Create(filler)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(filler)) }()
	filled := 0
	for block := make([]byte, 1<<20); len(block) > 0; {
		n, err := f.Write(block)
		if filled += n; errors.Is(err, syscall.ENOSPC) {
			block = block[:len(block)/2]
		} else if err != nil {
			return err
		}
		if filled > fillFast && len(block) == cap(block) && !process.Pause(ctx, time.Second*(1<<20)/fillRest) {
			return nil
		}
	}
	process.Pause(ctx, d)
	return nil
}

// lacksFaultStorage looks for the build tag in the binary.
func lacksFaultStorage(a *arena) string {
	if slices.Contains(builtFrom(a.o.candor).tags, "chaos") {
		return ""
	}
	return "the binary was not built with -tags chaos"
}

// strikePowerCut has nodes lose what they have not synced. The page cache survives
// any signal, so the binary has to keep unsynced bytes to itself; then SIGKILL is a
// power cut.
func strikePowerCut(ctx context.Context, a *arena, rng *rand.Rand) error {
	some := []*node{a.one(rng)}
	if rng.IntN(3) == 0 {
		some = a.nodes
	}
	a.tell("power cut of %s", names(some))
	return a.killAndStart(ctx, some, rng)
}
