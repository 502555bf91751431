package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/candordb/candor/client"
)

// entry is one line of an import.
type entry struct {
	number  int    // of the line, from 1
	text    []byte // the line as it was read
	ns      string // empty: the line has none
	key     []byte
	value   []byte
	ttlMS   *uint64
	expires time.Time // zero: never, or after ttlMS
	version bool      // the line has one, and so is one of an export
	part    *part     // that it is settled with; nil: nothing is kept of it
}

// id tells keys of all namespaces apart.
func (e *entry) id() string { return e.ns + "\x00" + string(e.key) }

// entryJSON is a line: what a person writes, what an export wrote, or what an
// import refused, with the refused line in it.
type entryJSON struct {
	NS       string  `json:"ns"`
	Key      *string `json:"key"`
	KeyB64   []byte  `json:"key_b64"`
	Value    *string `json:"value"`
	ValueB64 []byte  `json:"value_b64"`
	TTL      *uint64 `json:"ttl_ms"`
	Expires  string  `json:"expires"`
	Version  string  `json:"version"`

	Line    int     `json:"line"`
	Outcome string  `json:"outcome"`
	Reason  string  `json:"reason"`
	Text    *string `json:"text"`
	TextB64 []byte  `json:"text_b64"`
}

// parseEntry reads a line. Whatever cannot be taken exactly as it is written is
// refused: why says so.
func parseEntry(line []byte) (e entry, why string) {
	var j entryJSON
	if !utf8.Valid(line) {
		return e, "not UTF-8; write other bytes as key_b64 and value_b64"
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&j); err != nil {
		return e, "want one JSON object with key, value (or key_b64, value_b64) and perhaps ttl_ms: " + jsonFault(err)
	}
	if rest, err := d.Token(); err != io.EOF {
		return e, fmt.Sprintf("want one JSON object, and something follows it: %v", rest)
	}
	switch {
	case j.Text != nil:
		return refusedEntry([]byte(*j.Text))
	case j.TextB64 != nil:
		return refusedEntry(j.TextB64)
	}
	return j.entry(line)
}

// refusedEntry reads the line within one of a file of refused lines. That one is
// no export, though its lines may come from one: it has no last line.
func refusedEntry(line []byte) (e entry, why string) {
	e, why = parseEntry(line)
	e.version = false
	return e, why
}

func (j *entryJSON) entry(line []byte) (e entry, why string) {
	switch {
	case (j.Key == nil) == (j.KeyB64 == nil):
		return e, "want exactly one of key and key_b64"
	case (j.Value == nil) == (j.ValueB64 == nil):
		return e, "want exactly one of value and value_b64"
	case j.TTL != nil && j.Expires != "":
		return e, "want at most one of ttl_ms and expires"
	}
	e.ns, e.key, e.value, e.ttlMS = j.NS, j.KeyB64, j.ValueB64, j.TTL
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
	var err error
	if j.Expires != "" {
		if e.expires, err = time.Parse(time.RFC3339Nano, j.Expires); err != nil {
			return e, fmt.Sprintf("expires is %q: want a time like 2006-01-02T15:04:05.000Z", j.Expires)
		}
	}
	if j.Version != "" {
		if _, err = client.ParseVersion(j.Version); err != nil {
			return e, "version: " + err.Error()
		}
		e.version = true
	}
	return e, ""
}

// exact says whether the decoder took a text as it is written: half a surrogate
// pair becomes U+FFFD in silence.
func exact(line, decoded []byte, isText bool) bool {
	const replacement = "\uFFFD"
	if !isText || !bytes.Contains(decoded, []byte(replacement)) {
		return true
	}
	return bytes.Contains(line, []byte(replacement)) || bytes.Contains(bytes.ToLower(line), []byte(`\ufffd`))
}
