package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
)

// lineBytesMax is the longest line of an import: the largest value that a node
// can be set to hold, in base64, with room to spare.
const lineBytesMax = 16 << 20

// lines reads JSON lines one by one.
type lines struct {
	r      *bufio.Reader
	number int
	bytes  int64     // read so far
	sum    hash.Hash // over them

	// What an export's last line is held against.
	since     hash.Hash // over the lines since the last such line
	keys      int       // of them
	exported  bool      // one of them has a version, as those of an export have
	trailers  int
	different string // what is wrong with the first that is
}

func newLines(r io.Reader) *lines {
	return &lines{r: bufio.NewReaderSize(r, 1<<20), sum: sha256.New(), since: sha256.New()}
}

// lineError is what is wrong with one line; reading can go on behind it.
type lineError struct {
	number int
	why    string
	text   []byte
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %s", e.number, e.why) }

// position is behind the last line that was read.
func (l *lines) position() position {
	return position{l.bytes, l.number, hex.EncodeToString(l.sum.Sum(nil))}
}

// next is the next entry; empty lines, and the last lines of exports, are passed
// over. The error is io.EOF at the end, a *lineError, or that of the reader.
func (l *lines) next() (entry, error) {
	for {
		line, err := l.line()
		if err != nil {
			return entry{}, err
		}
		if bytes.Contains(line, []byte(`"kind":"`+exportKind+`"`)) {
			l.compare(line)
			continue
		}
		l.since.Write(line)
		l.since.Write([]byte("\n"))
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		l.keys++
		text := bytes.Clone(line)
		en, why := parseEntry(text)
		if why != "" {
			return entry{}, &lineError{l.number, why, text}
		}
		l.exported = l.exported || en.version
		en.number, en.text = l.number, text
		return en, nil
	}
}

// compare holds the last line of an export against the lines before it.
func (l *lines) compare(line []byte) {
	var end exportView
	err := json.Unmarshal(line, &end)
	sum := hex.EncodeToString(l.since.Sum(nil))
	why := ""
	switch {
	case err != nil:
		why = "it is no JSON"
	case end.Keys != l.keys:
		why = fmt.Sprintf("it says that %s stand before it, and %s do", counted(end.Keys, "key"), grouped(l.keys))
	case end.SHA256 != sum:
		why = fmt.Sprintf("it has the hash %s, and the lines before it have %s", end.SHA256, sum)
	case !end.Complete || end.Partial:
		why = "it says that the export was partial"
	}
	if why != "" && l.different == "" {
		l.different = fmt.Sprintf("line %d, the last of an export: %s", l.number, why)
	}
	l.trailers++
	l.since.Reset()
	l.keys, l.exported = 0, false
}

// verdict says how the file stands to the last lines of exports in it.
func (l *lines) verdict() string {
	switch {
	case l.different != "":
		return trailerDiffers
	case l.exported:
		return trailerMissing
	case l.trailers > 0:
		return trailerOK
	}
	return trailerNone
}

// The verdicts on the last line.
const (
	trailerOK      = "ok"
	trailerNone    = "none"    // no export
	trailerMissing = "missing" // lines of an export that has no end
	trailerDiffers = "differs"
)

// trailerFits says whether the file may be all that was once written. Who reads a
// backup that is cut off has to notice by the exit code.
func trailerFits(verdict string) bool { return verdict != trailerMissing && verdict != trailerDiffers }

// line is the next line, without its end. It is good until the next call.
func (l *lines) line() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	if len(line) > 0 {
		l.number++
	}
	if errors.Is(err, bufio.ErrBufferFull) {
		line, err = l.longLine(bytes.Clone(line))
	}
	l.bytes += int64(len(line))
	l.sum.Write(line)
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
