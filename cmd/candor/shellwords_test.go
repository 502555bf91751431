package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestSplitWords(t *testing.T) {
	for line, want := range map[string][]string{
		"":                             nil,
		"  \t ":                        nil,
		"put  k\tv":                    {"put", "k", "v"},
		`put k '{"name":"Ada"}'`:       {"put", "k", `{"name":"Ada"}`},
		`put k "a \"b\" \\ \$ \n\x00"`: {"put", "k", "a \"b\" \\ $ \n\x00"},
		`put k ''`:                     {"put", "k", ""},
		`a"b c"d'e f'`:                 {"ab cde f"},
		`a\ b \\ \'`:                   {"a b", `\`, "'"},
		`it'\''s`:                      nil, // not closed
		`'it'\''s'`:                    {"it's"},
		`"a\qb"`:                       nil,
		`"\x4"`:                        nil,
		`"\xzz"`:                       nil,
		`a\`:                           nil,
		`"a\`:                          nil,
		`"open`:                        nil,
		"get k\r":                      {"get", "k"},
		"é ü":                          {"é", "ü"},
	} {
		got, err := splitWords(line)
		if wrong := want == nil && strings.TrimSpace(line) != ""; wrong != (err != nil) {
			t.Errorf("%q: error %v", line, err)
		} else if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q: %s", line, diff)
		}
	}
}

func TestSplitPartial(t *testing.T) {
	for line, want := range map[string]struct {
		words []string
		last  string
		start int
	}{
		"":               {nil, "", 0},
		"ge":             {nil, "ge", 0},
		"get ":           {[]string{"get"}, "", 4},
		"get us":         {[]string{"get"}, "us", 4},
		`get "a b`:       {[]string{"get"}, "a b", 4},
		`get 'it`:        {[]string{"get"}, "it", 4},
		`put k -c=qu`:    {[]string{"put", "k"}, "-c=qu", 6},
		`put "\q" -c=qu`: {nil, "", 14},
	} {
		words, last, start := splitPartial(line)
		if !slices.Equal(words, want.words) || last != want.last || start != want.start {
			t.Errorf("%q: %q %q %d", line, words, last, start)
		}
	}
}

// What a hint prints can be pasted into the shell: quoting and splitting undo
// each other.
func FuzzWordsComeBack(f *testing.F) {
	for _, seed := range []string{"get\x00user:42", "put\x00it's\x00", "a b\x00\\\x00\"\x00$x`", "\x00\x00", "\xff\n\x00\r"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words := strings.Split(text, "\x00")
		line := quoteWords(words)
		got, err := splitWords(line)
		if err != nil || !slices.Equal(got, words) {
			t.Fatalf("%q is written %s and read as %q, %v", words, line, got, err)
		}
		// Whatever prefix of it is typed, completion has something to go by.
		for at := range line {
			if _, _, start := splitPartial(line[:at]); start > at {
				t.Fatalf("%q begins at %d of %d", line[:at], start, at)
			}
		}
	})
}
