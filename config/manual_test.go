package config

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const manualFile = "../docs/CONFIGURATION.md"

const manualHead = `# Configuration

A node reads one YAML file, ` + "`candor serve --config FILE`" + `. An unknown or repeated key is an error with its line, column and what
was probably meant. What is set where wins in this order: ` + "`--set KEY=VALUE`" + `, environment, file, default. The variable of
` + "`storage.block_cache`" + ` is ` + "`CANDOR_STORAGE_BLOCK_CACHE`" + `; an unknown ` + "`CANDOR_`" + ` variable is an error too. Units are written: ` + "`500ms`" + `,
` + "`64MiB`" + `, ` + "`75%`" + `; lists are separated by commas in the environment and in ` + "`--set`" + `.

    candor config check candor.yaml                     # validates, and says what is wrong
    candor config show --origin --config candor.yaml    # every value, with where it came from
    candor config diff n1 n2                            # where two running nodes differ
    candor config reference                             # a commented file with all defaults

All settings are read at start. Of those that say so, the value with which the cluster was made counts for ever. This page and
[reference.yaml](../config/reference.yaml) are made from the comments and defaults in the source (` + "`go test ./config -run 'Reference|Manual' -rewrite`" + `).
`

// The manual is made of the same comments and defaults as the reference.
func TestManualIsCurrent(t *testing.T) {
	w := &manualWriter{referenceWriter: referenceWriter{t: t, structs: structsOf(t)}}
	w.out.WriteString(manualHead)
	w.section("Config", reflect.ValueOf(Default()).Elem(), "")
	got := w.out.String()
	if *rewrite {
		if err := os.WriteFile(manualFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(manualFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, string(have)); diff != "" {
		t.Errorf("%s is not current, run this test with -rewrite:\n%s", manualFile, diff)
	}
}

type manualWriter struct{ referenceWriter }

// section writes a table of settings. What stands in no section comes first.
func (w *manualWriter) section(typeName string, value reflect.Value, prefix string) {
	w.out.WriteString("\n| key | default | meaning |\n|---|---|---|\n")
	var inner []func()
	for i, field := range w.structs[typeName].Fields.List {
		name, tagged := value.Type().Field(i).Tag.Lookup("key")
		if !tagged {
			continue
		}
		v := value.Field(i)
		if v.Kind() == reflect.Struct {
			doc := w.structDocs()[v.Type().Name()]
			inner = append(inner, func() {
				w.out.WriteString("\n## " + name + "\n\n" + doc + "\n")
				w.section(v.Type().Name(), v, prefix+name+".")
			})
			continue
		}
		meaning := sentence(strings.TrimPrefix(field.Doc.Text(), field.Names[0].Name+" "))
		w.out.WriteString("| `" + prefix + name + "` | `" + yamlText(v) + "` | " + meaning + " |\n")
	}
	for _, write := range inner {
		write()
	}
}

// structDocs are the comments of the sections, without their names.
func (w *manualWriter) structDocs() map[string]string {
	docs := make(map[string]string)
	for name, doc := range sectionDocs(w.t) {
		_, rest, _ := strings.Cut(doc, " ")
		docs[name] = sentence(rest)
	}
	return docs
}

// sentence makes a cell of a table out of a comment without its subject.
func sentence(doc string) string {
	words := strings.Fields(strings.ReplaceAll(doc, "|", `\|`))
	if words[0] == "is" || words[0] == "are" {
		words = words[1:]
	}
	return strings.ToUpper(words[0][:1]) + strings.Join(words, " ")[1:]
}
