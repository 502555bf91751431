package storage

import ldstorage "github.com/syndtr/goleveldb/leveldb/storage"

// A sync that follows a write at the end of a file has two things to make durable:
// the bytes, and that the file is longer. The second costs more than the first.
// Therefore a journal is filled with zeros ahead of what is written, and the
// records go over them. The sync that finds no zeros left makes the file longer
// anyway; it takes the next ones along:
//
//	| records, synced | written | zeros ...          |
//	                            ^ written            ^ end
//
// The zeros are no part of the journal. Whatever speaks of its length means what
// was written. They are cut off, durably, when it is closed, and by the check
// before open where it never was: so a journal with another one behind it has
// none, and zeros at its end are a loss.

const (
	// aheadBytes is how many zeros are written at once: about a millisecond of
	// waiting for one sync, once in so many bytes.
	aheadBytes = 256 << 10
	// aheadBatches is how many batches like the last one the zeros must have room for.
	// With fewer they are not worth being written.
	aheadBatches = 4
)

var zeros [aheadBytes]byte // only read

// writeAhead puts zeros behind what was written, if there are none left and they
// are worth it. It is part of a sync. Zeros that cannot be written are no failed
// write: the journal goes on without. If they are on the disk in part, so be it.
func (w *writer) writeAhead() {
	if w.fd.Type != ldstorage.TypeJournal || w.written < w.end || w.plain ||
		(w.written-w.synced)*aheadBatches > int64(w.s.ahead) || !w.s.space.spare(uint64(w.s.ahead)) {
		return
	}
	w.filled = true
	n, err := w.File.WriteAt(zeros[:w.s.ahead], w.written)
	w.grow(w.written + int64(n))
	if err != nil {
		w.plain = true
		w.s.log.Debug("the journal is not filled ahead", "file", w.fd.String(), "error", err)
	}
}

// grow notes that the file reaches to end, and that the disk has as much less.
func (w *writer) grow(end int64) {
	if end > w.end {
		w.s.space.written.Add(uint64(end - w.end))
		w.end = end
	}
}

// cutAhead takes the zeros away again; also where none could be written: a write
// that failed may have made the file longer than it said.
func (w *writer) cutAhead() error {
	if !w.filled {
		return nil
	}
	defer w.s.waits.end(w.s.waits.begin())
	return w.s.fatal("cut "+w.fd.String(), w.s.fs.Truncate(w.s.path(w.fd), w.written))
}
