package admin

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/candordb/candor/hlc"
)

// kind is what every document begins with. Fields are only ever added.
type kind struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

func kindOf(name string) kind { return kind{"candor/v1", name} }

// seenBy names the viewpoint of a document, and its time.
type seenBy struct {
	Name    string `json:"name"`
	ID      string `json:"id"`
	Version string `json:"version"`
	Time    string `json:"time"`
}

func seenByOf(s *Snapshot) seenBy {
	return seenBy{s.Name, s.Self.String(), s.Version, timeText(s.Time)}
}

// textOf is bytes in JSON: as text if they are UTF-8, else in base64. One of the
// two is nil.
func textOf(b []byte) (plain, b64 *string) {
	if utf8.Valid(b) {
		s := string(b)
		return &s, nil
	}
	s := base64.StdEncoding.EncodeToString(b)
	return nil, &s
}

// timeText is RFC 3339 in UTC, to the millisecond; "" for no time.
func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// milliText is timeText of milliseconds since 1970; "" for 0.
func milliText(ms int64) string {
	if ms == 0 {
		return ""
	}
	return timeText(time.UnixMilli(ms))
}

// versionText is "" for no version.
func versionText(v hlc.Version) string {
	if v.IsZero() {
		return ""
	}
	return v.String()
}

// writeJSON answers a request that was done.
func writeJSON(w http.ResponseWriter, status int, v any) {
	writeJSONAs(w, status, "application/json", v)
}

func writeJSONAs(w http.ResponseWriter, status int, contentType string, v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // it is never sniffed to be HTML
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		panic("admin: a document of our own cannot be encoded: " + err.Error())
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the reader may be gone
}
