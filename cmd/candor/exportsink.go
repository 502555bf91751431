package main

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"strings"
)

// sink is where an export goes: the bytes are hashed before they are compressed.
// A file has another name until it is complete.
type sink struct {
	w      io.Writer
	sum    hash.Hash
	bytes  int64
	finish func() error // all that was written is where it should be
	part   string       // its name for now; empty: it is no file
	name   string       // the name that it gets
}

func (s *sink) Write(b []byte) (int, error) {
	s.sum.Write(b)
	s.bytes += int64(len(b))
	return s.w.Write(b)
}

// close ends an export that is complete.
func (s *sink) close() error {
	if err := s.finish(); err != nil || s.part == "" {
		return err
	}
	return os.Rename(s.part, s.name)
}

// sink opens it.
func (o exportOptions) sink(e *env) (*sink, error) {
	if o.file == "" {
		out := bufio.NewWriter(e.stdout)
		return &sink{w: out, sum: sha256.New(), finish: out.Flush}, nil
	}
	if strings.HasSuffix(o.file, ".zst") {
		return nil, noZstd("export to a .jsonl, and compress that with zstd")
	}
	if _, err := os.Stat(o.file); !errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("", "there is a file %s already: remove it, or choose another name", o.file)
	}
	f, err := os.OpenFile(o.file+".part", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, usagef("", "the file cannot be written: %v", err)
	}
	out := bufio.NewWriterSize(f, 1<<20)
	s := &sink{w: out, sum: sha256.New(), part: f.Name(), name: o.file}
	flush := out.Flush
	if strings.HasSuffix(o.file, ".gz") {
		z := gzip.NewWriter(out)
		s.w = z
		flush = func() error { return errors.Join(z.Close(), out.Flush()) }
	}
	s.finish = func() error { return errors.Join(flush(), f.Sync(), f.Close()) }
	return s, nil
}

func noZstd(instead string) error {
	return usagef(instead, "this build reads and writes .gz, not .zst")
}
