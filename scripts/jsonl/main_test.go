package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryRecordIsOneLine(t *testing.T) {
	large := strings.Repeat("x", valueBytesMax)
	for name, c := range map[string]struct {
		in   string
		want string
	}{
		"no input":           {"", ""},
		"one block":          {"Package: a\nSize: 1\n", `{"key":"a","value":"Package: a\nSize: 1"}` + "\n"},
		"two, no newline":    {"Package: a\n\n\n\nPackage: b", `{"key":"a","value":"Package: a"}` + "\n" + `{"key":"b","value":"Package: b"}` + "\n"},
		"the first counts":   {"Package: a\nX: 1\n\nPackage: a\nX: 2\n", `{"key":"a","value":"Package: a\nX: 1"}` + "\n"},
		"no name":            {"Size: 1\n\n", ""},
		"the first name":     {"X: 1\nPackage: a\nPackage: b\n", `{"key":"a","value":"X: 1\nPackage: a\nPackage: b"}` + "\n"},
		"not UTF-8":          {"Package: a\nX: \xff\n", `{"key":"a","value_b64":"UGFja2FnZTogYQpYOiD/"}` + "\n"},
		"signs stay signs":   {"Package: a\nX: <é&\u2028>\n", `{"key":"a","value":"Package: a\nX: <é&\u2028>"}` + "\n"},
		"too large a record": {"Package: a\nX: " + large + "\n\nPackage: b\n", `{"key":"b","value":"Package: b"}` + "\n"},
		"too large a key":    {"Package: " + large[:keyBytesMax+1] + "\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := stanzas(strings.NewReader(c.in), newWriter(&out)); err != nil {
				t.Fatal(err)
			}
			if out.String() != c.want {
				t.Errorf("wrote %.200q, want %.200q", out.String(), c.want)
			}
		})
	}
}

func TestWordsAreNumbered(t *testing.T) {
	var out bytes.Buffer
	if err := words(strings.NewReader("ape\n\ncat\nape"), newWriter(&out)); err != nil {
		t.Fatal(err)
	}
	if want := `{"key":"ape","value":"word 1"}` + "\n" + `{"key":"cat","value":"word 3"}` + "\n"; out.String() != want {
		t.Errorf("wrote %q, want %q", out.String(), want)
	}
}

func TestFilesAreNamedFromTheFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sub", "f"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := files(dir, newWriter(&out)); err != nil {
		t.Fatal(err)
	}
	if want := `{"key":"sub/f","value":""}` + "\n"; out.String() != want {
		t.Errorf("wrote %q, want %q", out.String(), want)
	}
}
