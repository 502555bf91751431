package config

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var rewrite = flag.Bool("rewrite", false, "write reference.yaml anew")

// The reference is the comments of config.go and the values of Default, nothing
// else: whoever adds a setting without a comment, or forgets -rewrite, is told here.
func TestReferenceIsCurrent(t *testing.T) {
	w := &referenceWriter{t: t, structs: structsOf(t)}
	w.out.WriteString("# Every setting of a node with its default. Units are written: 500ms, 64MiB.\n" +
		"# The environment (CANDOR_STORAGE_BLOCK_CACHE) and --set (storage.block_cache=128MiB)\n" +
		"# override this file.\n")
	w.section("Config", reflect.ValueOf(Default()).Elem(), "")
	if *rewrite {
		if err := os.WriteFile("reference.yaml", []byte(w.out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(w.out.String(), Reference()); diff != "" {
		t.Errorf("reference.yaml is not current, run this test with -rewrite:\n%s", diff)
	}
}

// settings is the source of the settings.
func settings(t *testing.T) *ast.File {
	parsed, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// structsOf finds the sections of the settings by the names of their types.
func structsOf(t *testing.T) map[string]*ast.StructType {
	structs := map[string]*ast.StructType{}
	ast.Inspect(settings(t), func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok {
			if s, ok := spec.Type.(*ast.StructType); ok {
				structs[spec.Name.Name] = s
			}
		}
		return true
	})
	return structs
}

// sectionDocs are the comments of those types.
func sectionDocs(t *testing.T) map[string]string {
	docs := map[string]string{}
	for _, d := range settings(t).Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE && len(g.Specs) == 1 {
			docs[g.Specs[0].(*ast.TypeSpec).Name.Name] = g.Doc.Text()
		}
	}
	return docs
}

type referenceWriter struct {
	t       *testing.T
	structs map[string]*ast.StructType
	out     strings.Builder
}

func (w *referenceWriter) section(typeName string, value reflect.Value, indent string) {
	for i, field := range w.structs[typeName].Fields.List {
		name, tagged := value.Type().Field(i).Tag.Lookup("key")
		if !tagged {
			continue
		}
		if value.Field(i).Kind() == reflect.Struct {
			w.out.WriteString("\n" + indent + name + ":\n")
			w.section(value.Field(i).Type().Name(), value.Field(i), indent+"  ")
			continue
		}
		goName := field.Names[0].Name
		doc, starts := strings.CutPrefix(field.Doc.Text(), goName+" ")
		if !starts {
			w.t.Fatalf("the comment of %s.%s does not begin with its name", typeName, goName)
		}
		if indent == "" {
			w.out.WriteString("\n")
		}
		for _, line := range strings.Split(strings.TrimSpace(name+" "+doc), "\n") {
			w.out.WriteString(indent + "# " + line + "\n")
		}
		w.out.WriteString(indent + name + ": " + yamlText(value.Field(i)) + "\n")
	}
}

var plainText = regexp.MustCompile(`^[A-Za-z0-9/._:]+$`)

func yamlText(v reflect.Value) string {
	s := setting{field: v.Addr().Interface()}
	if v.Kind() == reflect.Slice {
		return "[]"
	}
	if plainText.MatchString(s.String()) {
		return s.String()
	}
	return strconv.Quote(s.String())
}

func TestReferenceIsTheDefaults(t *testing.T) {
	c, err := Load(Sources{File: "reference.yaml", HostName: "h"})
	if err != nil {
		t.Fatal(err)
	}
	want := mustLoad(t, Sources{HostName: "h"})
	if diff := cmp.Diff(want, c, cmpopts.IgnoreUnexported(Config{})); diff != "" {
		t.Error(diff)
	}
	for _, key := range Keys() {
		derived := key == "node.name" || key == "limits.frame"
		if origin := c.Origin(key); !strings.HasPrefix(origin, "file reference.yaml:") && !derived {
			t.Errorf("%s is not in the reference: its origin is %s", key, origin)
		}
	}
}
