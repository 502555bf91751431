package storage

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	ldstorage "github.com/syndtr/goleveldb/leveldb/storage"
)

// files is the database's directory as goleveldb sees it: its file seam over
// our FS, with the rules that the library leaves out.
//
//   - A journal is synced before the next one is made. The library rotates without.
//   - Until then it has zeros at its end, see writeAhead.
//   - The directory is synced when a journal was created, and with the first
//     sync of any other file. The library does so for the MANIFEST only.
//   - The first failed write or sync freezes the directory. The library would
//     try again, and remove the journal that holds what the failed file lost.
//
// File names are the library's own: 000001.log (journal), 000002.ldb (table),
// MANIFEST-000003, and CURRENT, which names the MANIFEST.
type files struct {
	fs      FS
	dir     string
	log     *slog.Logger
	onAlarm func(line string)
	failed  *failure
	ahead   int // how many zeros are written at once; 0: none are

	syncs  syncClock
	space  gauge
	waits  waits
	alarms atomic.Uint64
	noted  atomic.Bool // that damage was met

	// syncing is held while a journal is synced, and while it is left. The kernel tells
	// of lost pages once: were there two syncs of a file at once, one would succeed that
	// has not. A channel, because it is held while the disk is waited for.
	syncing chan struct{}

	mu      sync.Mutex // guards what follows
	held    bool       // by a database
	journal journalPosition
	current *writer // the newest journal, until it is closed
	frozen  int64   // bytes of older journals that are not written out as tables yet
}

// journalPosition is how far the newest journal is written and synced.
type journalPosition struct {
	number  int64
	written int64
	synced  int64 // synced <= written
}

func newFiles(dir string, o Options, failed *failure) *files {
	s := &files{
		syncing: make(chan struct{}, 1),
		fs:      o.FS, dir: dir, log: o.Log, onAlarm: o.Alarm, failed: failed,
		ahead: min(aheadBytes, o.WriteBuffer/2), // a journal is about as long as the memory table is large
		space: gauge{fs: o.FS, dir: dir, percent: max(o.Reserve, 0), failed: failed},
	}
	if o.noAhead {
		s.ahead = 0
	}
	return s
}

const currentName = "CURRENT"

func (s *files) path(fd ldstorage.FileDesc) string { return join(s.dir, fd.String()) }

// position returns how far the journal is.
func (s *files) position() journalPosition {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.journal
}

// unflushed returns how many bytes of journals will still become tables.
func (s *files) unflushed() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return uint64(s.frozen + s.journal.written)
}

// mark returns what is known to be synced now.
func (s *files) mark() mark {
	p := s.position()
	return mark{journal: p.number, offset: p.synced}
}

// Lock keeps a second database of this process off this files value. Other
// processes are kept off by the LOCK file.
func (s *files) Lock() (ldstorage.Locker, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held {
		return nil, ldstorage.ErrLocked
	}
	s.held = true
	return filesLock{s}, nil
}

type filesLock struct{ s *files }

func (l filesLock) Unlock() {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	l.s.held = false
}

// SetMeta makes CURRENT name the MANIFEST fd.
func (s *files) SetMeta(fd ldstorage.FileDesc) error {
	if err := s.failed.get(); err != nil {
		return err
	}
	return s.fatal("set "+currentName, replaceFile(s.fs, s.dir, currentName, []byte(fd.String()+"\n")))
}

// GetMeta returns the MANIFEST that CURRENT names, or os.ErrNotExist.
func (s *files) GetMeta() (ldstorage.FileDesc, error) {
	content, err := readFile(s.fs, join(s.dir, currentName))
	if errors.Is(err, os.ErrNotExist) {
		return ldstorage.FileDesc{}, os.ErrNotExist // bare: the library does not unwrap
	}
	if err != nil {
		return ldstorage.FileDesc{}, err
	}
	name, whole := strings.CutSuffix(string(content), "\n")
	fd, ok := parseFileName(name)
	if !whole || !ok || fd.Type != ldstorage.TypeManifest {
		return ldstorage.FileDesc{}, fmt.Errorf("%s holds %q, which names no MANIFEST: %w", currentName, content, ErrCorrupt)
	}
	return fd, nil
}

// List returns the files of these types.
func (s *files) List(types ldstorage.FileType) ([]ldstorage.FileDesc, error) {
	names, err := s.fs.List(s.dir)
	if err != nil {
		return nil, err
	}
	var fds []ldstorage.FileDesc
	for _, name := range names {
		if fd, ok := parseFileName(name); ok && fd.Type&types != 0 {
			fds = append(fds, fd)
		}
	}
	return fds, nil
}

// Open opens a file for reading.
func (s *files) Open(fd ldstorage.FileDesc) (ldstorage.Reader, error) {
	f, err := s.fs.Open(s.path(fd))
	if fd.Type == ldstorage.TypeTable && errors.Is(err, os.ErrNotExist) {
		// To the library that is an error like any other, and worth a retry.
		err = &ldstorage.ErrCorrupted{Fd: fd, Err: err}
	}
	return f, err
}

// Create creates or empties a file.
func (s *files) Create(fd ldstorage.FileDesc) (ldstorage.Writer, error) {
	if err := s.failed.get(); err != nil {
		return nil, err
	}
	if fd.Type == ldstorage.TypeJournal {
		if err := s.leaveJournal(); err != nil {
			return nil, err
		}
	}
	f, err := s.fs.Create(s.path(fd))
	if err != nil {
		return nil, err
	}
	w := &writer{File: f, s: s, fd: fd}
	if fd.Type != ldstorage.TypeJournal {
		return w, nil
	}
	// The MANIFEST may name this journal before anything was written to it, so
	// its name has to be durable now.
	if err := s.syncDir(); err != nil {
		f.Close()
		return nil, err
	}
	w.inDir = true
	s.mu.Lock()
	s.frozen += s.journal.written
	s.journal = journalPosition{number: fd.Num}
	s.current = w
	s.mu.Unlock()
	return w, nil
}

// leaveJournal syncs the journal that is written, as the next one is about to be made.
// Else a batch in that one could survive a power cut that takes an older one in this.
// Who makes journals is who writes them, so nothing is being written meanwhile.
func (s *files) leaveJournal() error {
	s.mu.Lock()
	w := s.current
	s.mu.Unlock()
	if w == nil || w.synced == w.written {
		return nil
	}
	w.plain = true
	return w.Sync()
}

// Remove removes a file. After a failure nothing is removed any more: it may
// hold what the failed file should have held. The library is not told so: when
// it cannot remove the table of a compaction that has failed it goes on with that
// table, which is closed, and the process dies of a nil pointer.
func (s *files) Remove(fd ldstorage.FileDesc) error {
	if s.failed.get() != nil {
		return nil
	}
	if fd.Type == ldstorage.TypeJournal { // its table is written, and so are those of older ones
		s.mu.Lock()
		s.frozen = 0
		s.mu.Unlock()
	}
	return s.fs.Remove(s.path(fd))
}

// syncDir makes the names in the directory durable, or ends all writing.
func (s *files) syncDir() error {
	defer s.waits.end(s.waits.begin())
	return s.fatal("sync directory", s.fs.SyncDir(s.dir))
}

// Rename is used by the library's salvage only, which we do not call.
func (s *files) Rename(from, to ldstorage.FileDesc) error {
	if err := s.failed.get(); err != nil {
		return err
	}
	return s.fs.Rename(s.path(from), s.path(to))
}

// Close has nothing to do: every file was closed by who opened it.
func (s *files) Close() error { return nil }

// fatal makes err, if it is one, the end of all writing, and passes it on.
func (s *files) fatal(what string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: %w", what, err)
	s.failed.set(err)
	return err
}

// writer is a file that is being written.
type writer struct {
	File
	s       *files
	fd      ldstorage.FileDesc
	inDir   bool // its name is durable
	written int64
	synced  int64
	end     int64 // of the file: in a journal there may be zeros behind what was written
	filled  bool  // there were zeros, or an attempt to write some
	plain   bool  // no more zeros are written
}

func (w *writer) Write(p []byte) (int, error) {
	if err := w.s.failed.get(); err != nil {
		return 0, err
	}
	slot := w.s.waits.begin()
	n, err := w.File.Write(p)
	w.s.waits.end(slot)
	w.written += int64(n)
	w.grow(w.written)
	if w.fd.Type == ldstorage.TypeTable {
		w.s.space.begun.Add(uint64(n))
	}
	w.note()
	if err == nil && w.fd.Type == ldstorage.TypeTable && w.written-w.synced >= tablePiece {
		err = w.syncPiece()
	}
	return n, w.s.fatal("write "+w.fd.String(), err)
}

// tablePiece is how much of a table is written between two syncs. Left to its end, tens of
// megabytes would go to the disk at once, and all that clients wait for behind them.
const tablePiece = 1 << 20

func (w *writer) syncPiece() error {
	defer w.s.waits.end(w.s.waits.begin())
	err := w.File.Sync()
	if err == nil {
		w.synced = w.written
	}
	return err
}

func (w *writer) Sync() error {
	if w.fd.Type == ldstorage.TypeJournal {
		defer w.s.alone()()
	}
	if err := w.s.failed.get(); err != nil {
		return err
	}
	start := time.Now()
	slot := w.s.waits.begin()
	w.writeAhead()
	err := w.File.Sync()
	w.s.waits.end(slot)
	if w.fd.Type == ldstorage.TypeJournal {
		w.s.syncs.add(time.Since(start))
	}
	if err != nil {
		return w.s.fatal("sync "+w.fd.String(), err)
	}
	if !w.inDir {
		if err := w.s.syncDir(); err != nil {
			return err
		}
		w.inDir = true
	}
	w.synced = w.written
	w.note()
	if w.fd.Type == ldstorage.TypeManifest {
		w.s.space.begun.Store(0)
	}
	return nil
}

// note publishes a journal's position. The library creates a journal a second
// time if the memory table before the last is still being flushed; then the
// first is never written, and its number is not the newest.
func (w *writer) note() {
	if w.fd.Type != ldstorage.TypeJournal {
		return
	}
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if w.s.journal.number == w.fd.Num {
		w.s.journal.written, w.s.journal.synced = w.written, max(w.s.journal.synced, w.synced)
	}
}

// alone takes syncing, and returns what gives it back.
func (s *files) alone() func() {
	s.syncing <- struct{}{}
	return s.release
}

func (s *files) release() { <-s.syncing }

// syncJournal syncs what was written to the journal so far, beside whoever writes on.
// The writer's own idea of what is synced is not touched: it may sync once more.
func (s *files) syncJournal() error {
	defer s.alone()()
	if err := s.failed.get(); err != nil {
		return err
	}
	s.mu.Lock()
	w, upTo := s.current, s.journal
	s.mu.Unlock()
	if w == nil || upTo.synced == upTo.written {
		return nil
	}
	start := time.Now()
	slot := s.waits.begin()
	err := w.File.Sync()
	s.waits.end(slot)
	s.syncs.add(time.Since(start))
	if err != nil {
		return s.fatal("sync "+w.fd.String(), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.journal.number == upTo.number {
		s.journal.synced = max(s.journal.synced, upTo.written)
	}
	return nil
}

// Close closes the file. A journal is synced first if it has to be, and ends
// where its last record does: marks in the next one vouch for all of it.
func (w *writer) Close() error {
	var err error
	if w.fd.Type == ldstorage.TypeJournal && w.s.failed.get() == nil {
		w.plain = true
		if w.synced < w.written {
			err = w.Sync()
		}
		if err == nil {
			err = w.cutAhead()
		}
	}
	if w.fd.Type == ldstorage.TypeJournal {
		w.left()
	}
	return errors.Join(err, w.File.Close())
}

// left notes that nothing more is written to this journal, before it is closed.
func (w *writer) left() {
	defer w.s.alone()()
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if w.s.current == w {
		w.s.current = nil
	}
}

// parseFileName is the inverse of the library's FileDesc.String.
func parseFileName(name string) (ldstorage.FileDesc, bool) {
	var fd ldstorage.FileDesc
	digits, isManifest := strings.CutPrefix(name, "MANIFEST-")
	if isManifest {
		fd.Type = ldstorage.TypeManifest
	} else {
		var suffix string
		digits, suffix, _ = strings.Cut(name, ".")
		switch suffix {
		case "log":
			fd.Type = ldstorage.TypeJournal
		case "ldb":
			fd.Type = ldstorage.TypeTable
		case "tmp":
			fd.Type = ldstorage.TypeTemp
		default:
			return fd, false
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	fd.Num = n
	return fd, err == nil && n >= 0
}
