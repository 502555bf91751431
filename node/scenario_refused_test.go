package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/faulty"
)

// scarce is the descriptors of one process: while none is left, nothing can be opened,
// neither a file nor a connection. What is open stays.
type scarce struct{ none atomic.Bool }

func (s *scarce) refuse(op, name string) error {
	if s.none.Load() {
		return &fs.PathError{Op: op, Path: name, Err: syscall.EMFILE}
	}
	return nil
}

// apply takes the descriptors of a machine under control.
func (s *scarce) apply(m *Machine) {
	m.Disk = &scarceFS{m.Disk, s}
	listen, dial := m.Listen, m.Dial
	m.Listen = func(address string) (net.Listener, error) {
		if err := s.refuse("listen", address); err != nil {
			return nil, err
		}
		l, err := listen(address)
		return &scarceListener{l, s}, err
	}
	m.Dial = func(ctx context.Context, address string) (net.Conn, error) {
		if err := s.refuse("dial", address); err != nil {
			return nil, err
		}
		return dial(ctx, address)
	}
}

// scarceFS fails with all that opens something.
type scarceFS struct {
	storage.FS
	left *scarce
}

func (d *scarceFS) Create(name string) (storage.File, error) {
	if err := d.left.refuse("create", name); err != nil {
		return nil, err
	}
	return d.FS.Create(name)
}

func (d *scarceFS) Open(name string) (storage.File, error) {
	if err := d.left.refuse("open", name); err != nil {
		return nil, err
	}
	return d.FS.Open(name)
}

func (d *scarceFS) List(dir string) ([]string, error) {
	if err := d.left.refuse("list", dir); err != nil {
		return nil, err
	}
	return d.FS.List(dir)
}

func (d *scarceFS) SyncDir(dir string) error {
	if err := d.left.refuse("sync", dir); err != nil {
		return err
	}
	return d.FS.SyncDir(dir)
}

// scarceListener takes nobody in.
type scarceListener struct {
	net.Listener
	left *scarce
}

// Accept tells of the lack once per connection that comes meanwhile.
func (l *scarceListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if l.left.none.Load() {
		c.Close()
		return nil, &net.OpError{Op: "accept", Net: "memory", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return c, nil
}

// setAside are the files of databases that a node has given up.
func (m *bubbled) setAside() (files []string) {
	for _, name := range m.disk.Files() {
		if !strings.HasPrefix(name, "data/db/") && strings.HasPrefix(name, "data/db") || strings.HasSuffix(name, "DAMAGED") {
			files = append(files, name)
		}
	}
	return files
}

// stopped stops node i, which says in the end that its storage had stopped.
func (b *bubble) stopped(i int) {
	b.t.Helper()
	m := b.nodes[i]
	m.stop()
	if err := <-m.ended; !errors.Is(err, storage.ErrPoisoned) {
		b.t.Errorf("its storage has stopped, and in the end it says: %v", err)
	}
	m.ended = nil
}

// startFails starts node i, which has to give up with an error that has these words.
func (b *bubble) startFails(i int, words ...string) {
	b.t.Helper()
	b.start(i)
	m := b.nodes[i]
	select {
	case err := <-m.ended:
		m.ended = nil
		for _, w := range words {
			if err == nil || !strings.Contains(err.Error(), w) {
				b.t.Errorf("it ends with %v, want %q in it", err, w)
			}
		}
	case <-time.After(time.Minute):
		b.t.Error("it starts all the same")
		b.halt(i)
	}
}

// filled makes tables of what node i stores: a start empties the journal into one.
func (b *bubble) filled(i int, said *answers) {
	for k := range 60 {
		b.write(k%3, http.MethodPut, fmt.Sprintf("before/%d", k), fmt.Sprint("v", k), said)
	}
	b.halt(i)
	b.start(i)
	b.mustWithin(2*time.Minute, "the node is back", func() bool { return b.ready(i) && b.one() })
}

// goesOn writes and reads through the nodes 1 and 2 for some time; what happens
// meanwhile to node 3 must not matter to them.
func (b *bubble) goesOn(name string, size int, said *answers) {
	b.t.Helper()
	for k := range 60 {
		key := fmt.Sprintf("%s/%d", name, k)
		if !b.write(k%2, http.MethodPut, key, strings.Repeat("v", size), said) {
			b.t.Errorf("%s: a quorum is left, and a write fails", key)
		}
		if status, body := b.do(http.MethodGet, (k+1)%2, "/v1/keys/before/"+fmt.Sprint(k), ""); status != http.StatusOK {
			b.t.Errorf("%s: a quorum is left, and a read fails: %d %s", name, status, body)
		}
		// It may refuse, and it may not say that there is nothing.
		if status, body := b.do(http.MethodGet, 2, "/v1/keys/before/"+fmt.Sprint(k), ""); status == http.StatusNotFound {
			b.t.Errorf("%s: what is stored is told to be absent: %s", name, body)
		}
		b.pass(time.Second)
	}
}

// F10: a node that has no descriptors left is slow or silent, and no more than that:
// nothing of what it stores counts as damaged or absent, the others go on, and when
// there are some again it is well, at the latest after a restart. While there are none
// it does not start, and says what to do.
func TestANodeWithoutDescriptorsLosesNothing(t *testing.T) {
	for _, size := range []int{1, 200 << 10} { // the second makes it need a new journal
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			inBubble(t, 3, patientClients, func(b *bubble) {
				said, left := &answers{map[string]string{}, map[string]string{}}, new(scarce)
				b.nodes[2].change = left.apply
				b.filled(2, said)
				left.none.Store(true)
				b.node(2).scrub.hurry()
				b.goesOn("none", size, said)
				left.none.Store(false)
				stopped := b.node(2).engine.Err() != nil
				if stopped != (size > 1) {
					b.t.Errorf("the storage has stopped: %t, with writes of %d bytes", stopped, size)
				}
				if stopped { // it has told so, and a restart ends it
					b.stopped(2)
					left.none.Store(true)
					b.startFails(2, "open files", "raise")
					left.none.Store(false)
					b.start(2)
				}
				b.healed(said, "none")
			})
		})
	}
}

// F10: a data folder that is mounted read-only, under a running node and before a start,
// damages nothing: the node stops storing and says so, the others go on, a start is
// refused with what to do, and once the folder can be written to the node is well.
func TestAReadOnlyDataFolderLosesNothing(t *testing.T) {
	inBubble(t, 3, patientClients, func(b *bubble) {
		said := &answers{map[string]string{}, map[string]string{}}
		b.filled(2, said)
		b.nodes[2].disk.Inject(faulty.Fault{On: faulty.Change, Ever: true, Err: syscall.EROFS})
		b.mustWithin(30*time.Second, "the node says that it is not ready", func() bool { return !b.ready(2) })
		b.mustWithin(30*time.Second, "status says so", func() bool { return b.verdict(0) != "OK" })
		b.goesOn("read-only", 1, said)
		b.stopped(2)
		b.startFails(2, "read-only", "writable")
		b.nodes[2].disk.Heal()
		b.start(2)
		b.healed(said, "read-only")
	})
}

// healed wants the cluster to be well again, with all that was acknowledged, and no
// database of node 3 given up.
func (b *bubble) healed(said *answers, name string) {
	b.t.Helper()
	b.mustWithin(3*time.Minute, "all is well again", func() bool { return b.ready(2) && b.one() && b.verdict(0) == "OK" })
	b.mustWithin(5*time.Minute, "the replicas are equal", func() bool { return len(b.apart()) == 0 })
	if lost, ghosts := b.compare(said); len(lost) > 0 || len(ghosts) > 0 {
		b.t.Errorf("%s: of %d acknowledged, lost: %q; without effect, and there: %q", name, len(said.done), lost, ghosts)
	}
	if files := b.nodes[2].setAside(); len(files) > 0 {
		b.t.Errorf("%s: nothing is damaged, and a database was given up: %q", name, files)
	}
}
