package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// fileBytesMax bounds the file: the parser's time grows with the square of its
// nesting.
const fileBytesMax = 256 << 10

// file applies one YAML document to a Config. YAML says what is nested in what;
// every value is taken as the text that stands there.
type file struct {
	name     string
	config   *Config
	settings []setting
	seen     map[string]int // line by key
	problems []error
}

// applyFile takes over what the file sets. A file without a document (empty, or
// comments only) sets nothing.
func (c *Config) applyFile(name string, content []byte) []error {
	f := &file{name: name, config: c, settings: c.settings(), seen: map[string]int{}}
	if len(content) > fileBytesMax {
		return []error{invalidf("%s: larger than %v; is it a configuration file?", name, Size(fileBytesMax))}
	}
	tokens := lexer.Tokenize(string(content))
	if second := secondDocument(tokens); second != nil {
		f.refuse(second, "a second document begins here; put all settings into one")
		return f.problems
	}
	parsed, err := parser.Parse(tokens, 0)
	if err != nil {
		f.refuseSyntax(err)
		return f.problems
	}
	for _, document := range parsed.Docs {
		if document.Body != nil {
			f.section("", document.Body)
		}
	}
	return f.problems
}

// secondDocument is the token at which a document after the first begins, or nil.
// The parser is not asked: it drops what follows an empty document in silence.
func secondDocument(tokens token.Tokens) *token.Token {
	begun, ended := false, false
	for _, tk := range tokens {
		switch {
		case tk.Type == token.CommentType:
			continue
		case ended, begun && tk.Type == token.DocumentHeaderType:
			return tk
		}
		begun = true
		ended = tk.Type == token.DocumentEndType
	}
	return nil
}

// refuse notes what is wrong at a token: name:line:column: sentence.
func (f *file) refuse(at *token.Token, format string, args ...any) {
	where := f.name
	if at != nil && at.Position != nil {
		where = fmt.Sprintf("%s:%d:%d", f.name, at.Position.Line, at.Position.Column)
	}
	f.problems = append(f.problems, invalidf("%s: %s", where, fmt.Sprintf(format, args...)))
}

// refuseSyntax notes what the parser says, without its excerpt of the file.
func (f *file) refuseSyntax(err error) {
	var placed yaml.Error
	if errors.As(err, &placed) {
		f.refuse(placed.GetToken(), "%s", placed.GetMessage())
		return
	}
	f.refuse(nil, "%v", err)
}

// section applies a mapping whose keys begin with prefix ("" or "storage.").
func (f *file) section(prefix string, node ast.Node) {
	switch node := node.(type) {
	case *ast.MappingNode:
		for _, entry := range node.Values {
			f.entry(prefix, entry)
		}
	case *ast.MappingValueNode:
		f.entry(prefix, node)
	case *ast.NullNode: // all its settings are commented out
	default:
		name := "the file"
		if prefix != "" {
			name = strings.TrimSuffix(prefix, ".")
		}
		f.refuse(node.GetToken(), "%s holds settings; write them as lines of `name: value`", name)
	}
}

// entry applies one line of a section: a nested section or a setting.
func (f *file) entry(prefix string, entry *ast.MappingValueNode) {
	at := entry.Key.GetToken()
	if _, plain := entry.Key.(*ast.StringNode); !plain || strings.Contains(at.Value, ".") {
		f.refuse(at, "%q is no name of a setting or section; sections are nested, not dotted", at.Value)
		return
	}
	key := prefix + at.Value
	if f.isSection(key) {
		f.section(key+".", entry.Value)
		return
	}
	index := slices.IndexFunc(f.settings, func(s setting) bool { return s.key == key })
	if index < 0 {
		f.refuse(at, "unknown setting %q%s", key, didYouMean(key, f.names()))
		return
	}
	if first, twice := f.seen[key]; twice {
		f.refuse(at, "%s is set a second time; it is set in line %d already", key, first)
		return
	}
	f.seen[key] = at.Position.Line
	if f.assign(f.settings[index], entry.Value) {
		f.config.origins[key] = fmt.Sprintf("file %s:%d", f.name, at.Position.Line)
	}
}

// assign parses a value into a setting. It reports whether it could.
func (f *file) assign(s setting, value ast.Node) bool {
	if list, isList := s.field.(*[]string); isList {
		items, ok := f.items(s.key, value)
		if ok {
			*list = items
		}
		return ok
	}
	text, ok := f.text(s.key, value)
	if !ok {
		return false
	}
	if err := s.set(text); err != nil {
		f.refuse(value.GetToken(), "%v", err)
		return false
	}
	return true
}

// items is a YAML list of texts.
func (f *file) items(key string, node ast.Node) ([]string, bool) {
	sequence, isList := node.(*ast.SequenceNode)
	if !isList {
		f.refuse(node.GetToken(), "%s is a list; write [a, b], or [] for none", key)
		return nil, false
	}
	var items []string
	for _, value := range sequence.Values {
		text, ok := f.text(key, value)
		if !ok {
			return nil, false
		}
		items = append(items, text)
	}
	return items, true
}

// text is a scalar as it stands in the file, quotes removed. Anchors, tags and
// block texts have no use here and are refused.
func (f *file) text(key string, node ast.Node) (string, bool) {
	switch node := node.(type) {
	case *ast.StringNode:
		return node.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return node.GetToken().Value, true
	case *ast.NullNode:
		f.refuse(node.GetToken(), `%s has no value; write one ("" for empty text), or remove the line`, key)
	default:
		f.refuse(node.GetToken(), "%s takes a plain value here", key)
	}
	return "", false
}

func (f *file) isSection(key string) bool {
	return slices.ContainsFunc(f.settings, func(s setting) bool { return strings.HasPrefix(s.key, key+".") })
}

// names are all keys, and all sections.
func (f *file) names() []string {
	var names []string
	for _, s := range f.settings {
		section, _, nested := strings.Cut(s.key, ".")
		if nested && !slices.Contains(names, section) {
			names = append(names, section)
		}
		names = append(names, s.key)
	}
	return names
}
