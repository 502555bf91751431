package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/verdict"
)

// apiVersion stands in every JSON object.
const apiVersion = "candor/v1"

func asJSON(c *cli.Context) bool { return c.String("output") == "json" }

// reporting is how errors are told.
type reporting struct {
	json  bool
	quiet bool // no hints
}

// reportingIn looks for -o json and -q in a command line that may be wrong.
func reportingIn(words []string) (r reporting) {
	for i, word := range words {
		name, value, given := strings.Cut(strings.TrimLeft(word, "-"), "=")
		if !given && i+1 < len(words) {
			value = words[i+1]
		}
		switch {
		case word == "--":
			return r
		case !strings.HasPrefix(word, "-"):
		case name == "o" || name == "output":
			r.json = value == "json"
		case name == "q" || name == "quiet":
			r.quiet = true
		}
	}
	return r
}

// next names the command that comes next, unless that was not wanted.
func (e *env) next(f format, command string) {
	if !f.quiet {
		fmt.Fprintln(e.stderr, "  next: "+command)
	}
}

// writeJSON writes one object on one line.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// columns is a table of plain text, columns two spaces apart.
func columns(rows [][]string) string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell)
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// grouped, counted and sized are numbers as verdicts have them, so that all of candor's
// texts look alike.
func grouped(n int) string { return verdict.Grouped(n) }

func counted(n int, thing string) string { return verdict.Counted(n, thing) }

func sized(n int64) string { return verdict.Sized(n) }

// text is bytes for JSON: a string if it is UTF-8, else base64.
type text struct {
	plain *string
	b64   *string
}

func textOf(b []byte) text {
	if utf8.Valid(b) {
		s := string(b)
		return text{plain: &s}
	}
	s := base64.StdEncoding.EncodeToString(b)
	return text{b64: &s}
}

// keyNames is a key on one line: as it is if that can be read back, else
// quoted, or in base64 with a word before it.
func keyNames(plain, b64 *string) []string {
	if plain == nil {
		return []string{"b64:" + *b64}
	}
	return []string{oneLined([]byte(*plain))}
}

// quotedKey is a key in a sentence.
func quotedKey(plain, b64 *string) string {
	if plain == nil {
		return "b64:" + *b64
	}
	return strconv.Quote(*plain)
}

// receiptView is a receipt.
type receiptView struct {
	Level    string `json:"level"`
	Need     int    `json:"need"`
	Asked    int    `json:"asked"`
	Acked    int    `json:"acked"`
	Durable  int    `json:"durable"`
	Hinted   int    `json:"hinted"`
	Repaired int    `json:"repaired"`
	Epoch    uint64 `json:"epoch"`
	// RepairedAsOf is empty where it is not known.
	RepairedAsOf string       `json:"repaired_as_of,omitempty"`
	Replicas     []replicaRow `json:"replicas,omitempty"`
}

type replicaRow struct {
	Node    string `json:"node"`
	ID      string `json:"id"`
	State   string `json:"state"`
	Version string `json:"version,omitempty"`
}

func receiptOf(r *client.Receipt) receiptView {
	out := receiptView{
		Level: r.Level.String(), Need: r.Need, Asked: r.Asked, Acked: r.Acked, Durable: r.Durable, Hinted: r.Hinted,
		Repaired: r.Repaired, Epoch: r.Epoch, RepairedAsOf: timeText(r.RepairedAsOf),
	}
	for _, row := range r.Replicas {
		out.Replicas = append(out.Replicas, replicaRow{row.Node, row.ID, row.State.String(), versionText(row.Version)})
	}
	return out
}

// versionText is "" for no version.
func versionText(v client.Version) string {
	if v.IsZero() {
		return ""
	}
	return v.String()
}

// receiptRows is one indented line for each replica.
func receiptRows(r *client.Receipt) string {
	var rows [][]string
	for _, row := range r.Replicas {
		state := row.State.String()
		if row.State == contract.Silent { // which sounds as if something were wrong with it
			state = "had not answered yet"
		}
		rows = append(rows, []string{"  " + row.Node, state, versionText(row.Version)})
	}
	return columns(rows)
}

// timeText is RFC 3339 in UTC, to the millisecond; "" for no time.
func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
