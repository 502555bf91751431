// Command jsonl makes the input of `candor import` from what a machine has:
// one JSON object per line, {"key":...,"value":...}, on stdout.
//
//	jsonl stanzas       a Debian package index on stdin: blocks of lines, parted by
//	                    an empty line; the key is the Package field, the value the block
//	jsonl words         a word list on stdin: the key is the word, the value its number
//	jsonl files DIR     the files under DIR: the key is the path, the value the content
//
// Of equal keys the first one counts. What is not UTF-8 is written in base64, as
// key_b64 or value_b64. What no node takes by its default limits (a key above
// 4 KiB, a value above 1 MiB) is left out. The last line on stderr counts all that.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"unicode/utf8"
)

// The default limits of a node.
const (
	keyBytesMax   = 4 << 10
	valueBytesMax = 1 << 20
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	w := newWriter(out)
	err := convert(w, os.Args[1:])
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "jsonl:", err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, w.summary())
}

func convert(w *writer, args []string) error {
	switch {
	case len(args) == 1 && args[0] == "stanzas":
		return stanzas(os.Stdin, w)
	case len(args) == 1 && args[0] == "words":
		return words(os.Stdin, w)
	case len(args) == 2 && args[0] == "files":
		return files(args[1], w)
	}
	return fmt.Errorf("usage: jsonl stanzas | jsonl words | jsonl files DIR")
}

// record is one line. A field that is not UTF-8 goes into its base64 sibling,
// which is what encoding/json makes of a byte slice.
type record struct {
	Key      *string `json:"key,omitempty"`
	KeyB64   []byte  `json:"key_b64,omitempty"`
	Value    *string `json:"value,omitempty"`
	ValueB64 []byte  `json:"value_b64,omitempty"`
}

// writer writes records and counts them.
type writer struct {
	lines                 *json.Encoder
	seen                  map[string]bool
	records, again, large int
	valueBytes, widest    int
}

func newWriter(out io.Writer) *writer {
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	return &writer{lines: lines, seen: map[string]bool{}}
}

// put writes one record, unless its key was seen or it is too large.
func (w *writer) put(key, value []byte) error {
	switch {
	case len(key) > keyBytesMax || len(value) > valueBytesMax:
		w.large++
		return nil
	case w.seen[string(key)]:
		w.again++
		return nil
	}
	w.seen[string(key)] = true
	w.records++
	w.valueBytes += len(value)
	w.widest = max(w.widest, len(value))
	var r record
	r.Key, r.KeyB64 = field(key)
	r.Value, r.ValueB64 = field(value)
	return w.lines.Encode(r)
}

func field(b []byte) (*string, []byte) {
	if utf8.Valid(b) {
		s := string(b)
		return &s, nil
	}
	return nil, b
}

func (w *writer) summary() string {
	return fmt.Sprintf("%d records: %.1f MB of values, the largest %.1f kB; left out: %d of a key seen before, %d too large",
		w.records, float64(w.valueBytes)/1e6, float64(w.widest)/1e3, w.again, w.large)
}

// stanzas reads blocks of lines. A line may be of any length, so nothing that
// bounds it (bufio.Scanner) is used.
func stanzas(in io.Reader, w *writer) error {
	r := bufio.NewReaderSize(in, 1<<20)
	var block []byte
	var name []byte
	end := func() error {
		defer func() { block, name = block[:0], nil }()
		if len(name) == 0 {
			return nil
		}
		return w.put(name, bytes.TrimRight(block, "\n"))
	}
	for {
		line, err := r.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			if err := end(); err != nil {
				return err
			}
		} else {
			block = append(block, line...)
			if v, ok := bytes.CutPrefix(line, []byte("Package:")); ok && name == nil {
				name = bytes.TrimSpace(v)
			}
		}
		if err == io.EOF {
			return end()
		}
	}
}

// words takes each line as a word.
func words(in io.Reader, w *writer) error {
	r := bufio.NewReader(in)
	for number := 1; ; number++ {
		line, err := r.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return err
		}
		if word := bytes.TrimSpace(line); len(word) > 0 {
			if err := w.put(word, strconv.AppendInt([]byte("word "), int64(number), 10)); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// files takes each regular file under a folder.
func files(dir string, w *writer) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return w.put([]byte(filepath.ToSlash(name)), content)
	})
}
