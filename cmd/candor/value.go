package main

import (
	"encoding/base64"
	"encoding/hex"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
)

// form is how the bytes of a value are written.
type form uint8

const (
	plain form = iota // as they are, with a newline behind them
	raw               // exactly as they are
	b64
	hexadecimal
)

func formFlags(usageRaw string) []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "raw", Usage: usageRaw},
		&cli.BoolFlag{Name: "b64", Usage: "the value is written in base64"},
		&cli.BoolFlag{Name: "hex", Usage: "the value is written in hex digits"},
	}
}

func formOf(c *cli.Context) (form, error) {
	chosen, count := plain, 0
	for name, f := range map[string]form{"raw": raw, "b64": b64, "hex": hexadecimal} { // at most one counts
		if c.Bool(name) {
			chosen, count = f, count+1
		}
	}
	if count > 1 {
		return plain, usagef("", "--raw, --b64 and --hex exclude each other")
	}
	return chosen, nil
}

// readValue is the value that an argument of put stands for: itself, stdin for
// "-", a file for "@FILE". Under raw it is always itself.
func (e *env) readValue(arg string, f form) ([]byte, error) {
	value, err := []byte(arg), error(nil)
	switch {
	case f == raw:
		return value, nil
	case arg == "-":
		value, err = io.ReadAll(e.stdin)
	case strings.HasPrefix(arg, "@"):
		value, err = os.ReadFile(arg[1:])
	}
	if err != nil {
		return nil, failf(exitUsage, "", "the value cannot be read: %w; to write %q itself, say --raw", err, arg)
	}
	return f.decode(value)
}

// decode reads a value that is written in the form. White space around digits
// is not part of them.
func (f form) decode(written []byte) ([]byte, error) {
	var value []byte
	var err error
	switch digits := strings.TrimSpace(string(written)); f {
	case b64:
		value, err = base64.StdEncoding.DecodeString(digits)
	case hexadecimal:
		value, err = hex.DecodeString(digits)
	default:
		return written, nil
	}
	if err != nil {
		return nil, usagef("", "the value is not what --b64 or --hex says: %v", err)
	}
	return value, nil
}

// encode writes a value in the form.
func (f form) encode(value []byte) []byte {
	switch f {
	case raw:
		return value
	case b64:
		return append(base64.StdEncoding.AppendEncode(nil, value), '\n')
	case hexadecimal:
		return append(hex.AppendEncode(nil, value), '\n')
	}
	return append(value[:len(value):len(value)], '\n')
}
