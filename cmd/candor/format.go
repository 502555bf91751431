package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"text/template"

	"github.com/urfave/cli/v2"
)

// view is a result. Every form of output is made of the one struct that
// implements it: its JSON is the struct, encoded; YAML is that JSON in other
// clothes; a template sees the names of the JSON.
type view interface {
	// screen is the result for people; wide has more columns or lines.
	screen(wide bool) screen
	// names are what -o name prints, one on a line: what a script loops over.
	names() []string
}

// inMarkdown is a view that -o markdown prints too.
type inMarkdown interface{ markdown() string }

// screen is text for people: lines, a table, lines.
type screen struct {
	above string
	rows  [][]string // the first row has the names of the columns
	below string
}

// String is the whole screen.
func (s screen) String() string { return s.above + columns(s.rows) + s.below }

// format is how results are printed.
type format struct {
	form      string // table, wide, json, yaml, name or template; of some views markdown
	template  *template.Template
	noHeaders bool
	quiet     bool // no hints
}

// forms is what -o takes, for sentences.
const forms = "table, wide, json, yaml, name or template=TEXT"

func (f format) isJSON() bool { return f.form == "json" }

// forPeople says whether the result is read by a person.
func (f format) forPeople() bool { return f.form == "table" || f.form == "wide" }

func (f format) reporting() reporting { return reporting{f.isJSON(), f.quiet} }

// formatOf reads the flags. A template is parsed before anything is sent.
func formatOf(c *cli.Context) (format, error) {
	f := format{form: c.String("output"), noHeaders: c.Bool("no-headers"), quiet: c.Bool("quiet")}
	text, isTemplate := strings.CutPrefix(f.form, "template=")
	switch {
	case isTemplate:
		t, err := template.New("-o").Option("missingkey=error").Parse(text)
		if err != nil {
			return f, usagef("", "--output: %s", strings.TrimPrefix(err.Error(), "template: "))
		}
		f.form, f.template = "template", t
	case f.form == "":
		f.form = "table"
	case f.form != "table" && f.form != "wide" && f.form != "json" && f.form != "yaml" && f.form != "name" && f.form != "markdown":
		return f, usagef("", "--output is %q: want %s", f.form, forms)
	}
	return f, nil
}

// print prints one result.
func (f format) print(w io.Writer, v view) error {
	switch f.form {
	case "json":
		return writeJSON(w, v)
	case "yaml":
		return writeYAML(w, v)
	case "name":
		for _, name := range v.names() {
			if _, err := fmt.Fprintln(w, name); err != nil {
				return err
			}
		}
		return nil
	case "template":
		return f.fill(w, v)
	case "markdown":
		_, err := io.WriteString(w, v.(inMarkdown).markdown()) // checkForm has seen to it
		return err
	}
	s := v.screen(f.form == "wide")
	if f.noHeaders && len(s.rows) > 0 {
		s = screen{rows: s.rows[1:]}
	}
	_, err := io.WriteString(w, s.String())
	return err
}

// fill carries out the template, and ends what it printed with a newline.
func (f format) fill(w io.Writer, v view) error {
	data, err := templateData(v)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := f.template.Execute(&out, data); err != nil {
		return usagef("what -o json prints has the names", "--output: %s", strings.TrimPrefix(err.Error(), "template: "))
	}
	if !bytes.HasSuffix(out.Bytes(), []byte("\n")) {
		out.WriteByte('\n')
	}
	_, err = w.Write(out.Bytes())
	return err
}

// templateData is a view with the names of its JSON. What JSON leaves out
// because it is empty is "" here, so that only a name that does not exist is an
// error.
func templateData(v any) (any, error) {
	encoded, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(encoded))
	d.UseNumber()
	var data any
	if err := d.Decode(&data); err != nil {
		return nil, err
	}
	fillAbsent(data, reflect.TypeOf(v))
	return data, nil
}

// fillAbsent gives every object the names that its type has and its JSON lacks.
func fillAbsent(data any, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch at := data.(type) {
	case []any:
		if t.Kind() == reflect.Slice {
			for _, element := range at {
				fillAbsent(element, t.Elem())
			}
		}
	case map[string]any:
		if t.Kind() != reflect.Struct {
			return
		}
		for _, field := range reflect.VisibleFields(t) {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name == "" || name == "-" {
				continue
			}
			if below, ok := at[name]; ok {
				fillAbsent(below, field.Type)
			} else {
				at[name] = ""
			}
		}
	}
}

// checkForm refuses a form of output that the command does not have, before
// anything is sent.
func (l leaf) checkForm(c *cli.Context) error {
	if !l.views {
		if o := c.String("output"); o != "" && o != "table" && o != "json" {
			return usagef("", "--output is %q: want table or json", o)
		}
		return nil
	}
	if f := c.String("output"); f == "markdown" && !l.markdown {
		return usagef("", "--output is %q: want %s", f, forms)
	}
	_, err := formatOf(c)
	return err
}
