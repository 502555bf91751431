package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"text/template"

	"pgregory.net/rapid"
)

// thing is a view with everything that a view may have.
type thing struct {
	Kind    string   `json:"kind"`
	Empty   string   `json:"empty,omitempty"`
	Count   int      `json:"count"`
	Share   float64  `json:"share"`
	Known   *bool    `json:"known"`
	Ok      bool     `json:"ok"`
	Words   []string `json:"words"`
	Nothing []string `json:"nothing"`
	Parts   []piece  `json:"parts"`
	Inner   piece    `json:"inner"`
}

type piece struct {
	Name  string   `json:"name"`
	Error string   `json:"error,omitempty"`
	Tags  []string `json:"tags,omitempty"`
}

func (t *thing) screen(wide bool) screen {
	s := screen{above: "above\n", rows: [][]string{{"NAME", "TAGS"}}, below: "below\n"}
	for _, p := range t.Parts {
		s.rows = append(s.rows, []string{p.Name, strings.Join(p.Tags, "+")})
	}
	return s
}

func (t *thing) names() []string { return []string{"one", "two"} }

func someThing() *thing {
	return &thing{
		Kind: "Thing", Count: 1 << 53, Share: 0.25, Ok: true, Words: []string{"plain", "no", "0123", "a: b", "1e5", "", "two\nlines", "- x", "~"}, Nothing: []string{},
		Parts: []piece{{Name: "n1", Tags: []string{"x", "y"}}, {Name: "n2", Error: "gone"}}, Inner: piece{Name: "in"},
	}
}

func printed(t *testing.T, f format, v view) string {
	t.Helper()
	var out bytes.Buffer
	if err := f.print(&out, v); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// operations.md 1.1, rule 1: all forms come from one struct.
func TestAllFormsComeFromOneStruct(t *testing.T) {
	v := someThing()
	for name, tc := range map[string]struct {
		f    format
		want string
	}{
		"table":      {format{form: "table"}, "above\nNAME  TAGS\nn1    x+y\nn2\nbelow\n"},
		"no headers": {format{form: "table", noHeaders: true}, "n1  x+y\nn2\n"},
		"name":       {format{form: "name"}, "one\ntwo\n"},
		"yaml": {format{form: "yaml"}, `---
kind: Thing
count: 9007199254740992
share: 0.25
known: null
ok: true
words:
  - plain
  - "no"
  - "0123"
  - "a: b"
  - "1e5"
  - ""
  - "two\nlines"
  - "- x"
  - "~"
nothing: []
parts:
  - name: n1
    tags:
      - x
      - "y"
  - name: n2
    error: gone
inner:
  name: in
`},
		"template": {
			format{form: "template", template: template.Must(template.New("").Option("missingkey=error").Parse(
				`{{.kind}} {{.count}}{{.empty}} {{range .parts}}{{.name}}={{.error}};{{end}}{{.inner.name}}`))},
			"Thing 9007199254740992 n1=;n2=gone;in\n",
		},
	} {
		if got := printed(t, tc.f, v); got != tc.want {
			t.Errorf("%s: got\n%s", name, got)
		}
	}
	f := format{form: "template", template: template.Must(template.New("").Option("missingkey=error").Parse("{{.inner.nmae}}"))}
	if err := f.print(new(bytes.Buffer), v); err == nil || !strings.Contains(err.Error(), `no entry for key "nmae"`) {
		t.Errorf("a name that does not exist: %v", err)
	}
}

// A text stands without quotes only if no reader can take it for anything but
// that text; with quotes it is JSON, which YAML reads as JSON does.
func TestYAMLTextsStayTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z0-9:#{}\[\]&*!|>'"%@ ,.~-]{0,6}`),
			rapid.SampledFrom([]string{"true", "No", "NULL", "y", "inf", "nan", "e5", "0x1f", "---", "..."})).Draw(t, "text")
		got := yamlScalar(text)
		var back string
		if strings.HasPrefix(got, `"`) {
			if err := json.Unmarshal([]byte(got), &back); err != nil {
				t.Fatalf("%q is written %s: %v", text, got, err)
			}
		} else {
			back = got
			if strings.ContainsAny(got, " :#{}[]&*!|>'\"%@,`\n\t") || strings.ContainsAny(got[:1], "0123456789-.~?") {
				t.Fatalf("%q stands without quotes", text)
			}
			if strings.Contains(" true false null yes no on off y n nan inf ", " "+strings.ToLower(got)+" ") {
				t.Fatalf("%q is something else without quotes", text)
			}
		}
		if want := string(bytes.ToValidUTF8([]byte(text), []byte("\uFFFD"))); back != want {
			t.Fatalf("%q comes back as %q", text, back)
		}
	})
}
