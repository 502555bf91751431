package clienttest

import (
	"fmt"
	"os"
	"testing"
)

// ForExample is Start for where there is no testing.TB: an Example function, or
// a program that shows something. The cluster runs until stop is called. Where
// Start would fail the test, this panics.
func ForExample(n int, opts ...Option) (c *Cluster, stop func()) {
	dir, err := os.MkdirTemp("", "candor-example-")
	if err != nil {
		panic(err)
	}
	t := &noTest{dir: dir}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			panic(err)
		}
	})
	return Start(t, n, opts...), t.stop
}

// noTest is of a testing.TB what this package uses.
type noTest struct {
	testing.TB
	dir      string
	cleanups []func()
}

func (t *noTest) Helper()                           {}
func (t *noTest) Failed() bool                      { return false }
func (t *noTest) TempDir() string                   { return t.dir }
func (t *noTest) Cleanup(f func())                  { t.cleanups = append(t.cleanups, f) }
func (t *noTest) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (t *noTest) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// stop cleans up, the last thing first.
func (t *noTest) stop() {
	for len(t.cleanups) > 0 {
		last := t.cleanups[len(t.cleanups)-1]
		t.cleanups = t.cleanups[:len(t.cleanups)-1]
		last()
	}
}
