package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// lineBytesMax is the longest line of an import: the largest value that a node
// can be set to hold, in base64, with room to spare.
const lineBytesMax = 16 << 20

// entry is one line of an import.
type entry struct {
	number int // of the line, from 1
	key    []byte
	value  []byte
	ttlMS  *uint64
}

// lines reads JSON lines one by one.
type lines struct {
	r      *bufio.Reader
	number int
	bytes  int64 // read so far
}

func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReaderSize(r, 1<<20)} }

// lineError is what is wrong with one line; reading can go on behind it.
type lineError struct {
	number int
	why    string
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %s", e.number, e.why) }

// next is the next entry; empty lines are passed over. The error is io.EOF at
// the end, a *lineError, or that of the reader.
func (l *lines) next() (entry, error) {
	for {
		line, err := l.line()
		if err != nil {
			return entry{}, err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		en, why := parseEntry(line)
		if why != "" {
			return entry{}, &lineError{l.number, why}
		}
		en.number = l.number
		return en, nil
	}
}

// line is the next line, without its end. It is good until the next call.
func (l *lines) line() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	l.number++
	if errors.Is(err, bufio.ErrBufferFull) {
		line, err = l.longLine(bytes.Clone(line))
	}
	l.bytes += int64(len(line))
	if err == io.EOF && len(line) > 0 {
		err = nil // the last line may lack its end
	}
	if err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(line, []byte("\n")), nil
}

// longLine reads the rest of a line that is longer than the buffer.
func (l *lines) longLine(line []byte) ([]byte, error) {
	for {
		more, err := l.r.ReadSlice('\n')
		if len(line)+len(more) > lineBytesMax {
			return nil, fmt.Errorf("line %d is longer than %d bytes: a file of JSON lines is needed", l.number, lineBytesMax)
		}
		line = append(line, more...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// parseEntry reads a line. Whatever cannot be taken exactly as it is written is
// refused: why says so.
func parseEntry(line []byte) (e entry, why string) {
	var j struct {
		Key      *string `json:"key"`
		KeyB64   []byte  `json:"key_b64"`
		Value    *string `json:"value"`
		ValueB64 []byte  `json:"value_b64"`
		TTL      *uint64 `json:"ttl_ms"`
	}
	if !utf8.Valid(line) {
		return e, "not UTF-8; write other bytes as key_b64 and value_b64"
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&j); err != nil {
		return e, "want one JSON object with key, value (or key_b64, value_b64) and perhaps ttl_ms: " + strings.TrimPrefix(err.Error(), "json: ")
	}
	if rest, err := d.Token(); err != io.EOF {
		return e, fmt.Sprintf("want one JSON object, and something follows it: %v", rest)
	}
	switch {
	case (j.Key == nil) == (j.KeyB64 == nil):
		return e, "want exactly one of key and key_b64"
	case (j.Value == nil) == (j.ValueB64 == nil):
		return e, "want exactly one of value and value_b64"
	}
	e.key, e.value, e.ttlMS = j.KeyB64, j.ValueB64, j.TTL
	if j.Key != nil {
		e.key = []byte(*j.Key)
	}
	if j.Value != nil {
		e.value = []byte(*j.Value)
	}
	if len(e.key) == 0 {
		return e, "the key is empty"
	}
	if !exact(line, e.key, j.Key != nil) || !exact(line, e.value, j.Value != nil) {
		return e, `half of a surrogate pair (\ud800 to \udfff) is no text; write the bytes as key_b64 or value_b64`
	}
	return e, ""
}

// exact says whether the decoder took a text as it is written: half a surrogate
// pair becomes U+FFFD in silence.
func exact(line, decoded []byte, isText bool) bool {
	const replacement = "�"
	if !isText || !bytes.Contains(decoded, []byte(replacement)) {
		return true
	}
	return bytes.Contains(line, []byte(replacement)) || bytes.Contains(bytes.ToLower(line), []byte(`\ufffd`))
}
