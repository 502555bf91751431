package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// errNotPlain is what the encoder of YAML cannot be given.
var errNotPlain = errors.New("the result is no JSON")

// writeYAML writes a document with the names, values and order of the JSON. A
// document begins with ---, so that several can follow each other.
func writeYAML(w io.Writer, v any) error {
	var encoded, out bytes.Buffer
	if err := writeJSON(&encoded, v); err != nil {
		return err
	}
	d := json.NewDecoder(&encoded)
	d.UseNumber()
	out.WriteString("---\n")
	if err := yamlValue(&out, d, 0, false); err != nil {
		return err
	}
	_, err := w.Write(out.Bytes())
	return err
}

// yamlValue writes the next value of d. inList says that it stands behind a
// dash, so that its first name stays on that line.
func yamlValue(out *bytes.Buffer, d *json.Decoder, depth int, inList bool) error {
	token, err := d.Token()
	if err != nil {
		return fmt.Errorf("%w: %w", errNotPlain, err)
	}
	switch token {
	case json.Delim('{'):
		return yamlObject(out, d, depth, inList)
	case json.Delim('['):
		return yamlList(out, d, depth)
	}
	fmt.Fprintf(out, " %s\n", yamlScalar(token))
	return nil
}

func yamlObject(out *bytes.Buffer, d *json.Decoder, depth int, inList bool) error {
	if !d.More() {
		out.WriteString(" {}\n")
		_, err := d.Token()
		return err
	}
	for first := true; d.More(); first = false {
		name, err := d.Token()
		if err != nil {
			return fmt.Errorf("%w: %w", errNotPlain, err)
		}
		switch {
		case first && inList:
			out.WriteByte(' ')
		case first && depth > 0:
			out.WriteByte('\n')
			fallthrough
		default:
			out.WriteString(strings.Repeat("  ", depth))
		}
		out.WriteString(yamlScalar(name) + ":")
		if err := yamlValue(out, d, depth+1, false); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

func yamlList(out *bytes.Buffer, d *json.Decoder, depth int) error {
	if !d.More() {
		out.WriteString(" []\n")
		_, err := d.Token()
		return err
	}
	out.WriteByte('\n')
	for d.More() {
		out.WriteString(strings.Repeat("  ", depth) + "-")
		if err := yamlValue(out, d, depth+1, true); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// yamlWords are the texts that some reader of YAML takes for something else.
const yamlWords = " true false yes no on off y n null nan inf "

// yamlScalar is a value as YAML and JSON both read it, or a text without quotes
// if it is certain to stay one.
func yamlScalar(token json.Token) string {
	text, ok := token.(string)
	if !ok {
		if token == nil {
			return "null"
		}
		return fmt.Sprint(token)
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	plain := text != "" && strings.Contains(letters, text[:1]) && strings.Trim(text, letters+"0123456789_./-") == "" &&
		!strings.Contains(yamlWords, " "+strings.ToLower(text)+" ")
	if plain {
		return text
	}
	var quoted bytes.Buffer
	_ = writeJSON(&quoted, text) // a text can always be encoded
	return strings.TrimSuffix(quoted.String(), "\n")
}
