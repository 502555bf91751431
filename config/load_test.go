package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func mustLoad(t *testing.T, s Sources) *Config {
	t.Helper()
	c, err := Load(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// loadText loads one file's content.
func loadText(content string) (*Config, error) {
	return Load(Sources{File: "candor.yaml", FileBytes: []byte(content), HostName: "h"})
}

// wantProblem asserts that err is about what was written and holds the text.
func wantProblem(t *testing.T, err error, text string) {
	t.Helper()
	if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v\nwant one with %q", err, text)
	}
}

func TestEmptyFileKeepsDefaults(t *testing.T) {
	want := mustLoad(t, Sources{HostName: "h"})
	for _, content := range []string{"", "\n", "# only a comment\n", "---\n", "cluster:\n  # name: x\nlimits:\n", "~"} {
		got, err := loadText(content)
		if err != nil {
			t.Errorf("%q: %v", content, err)
			continue
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Config{})); diff != "" {
			t.Errorf("%q changed the defaults:\n%s", content, diff)
		}
	}
	if want.Limits.Frame != MiB+64*KiB || want.Node.Name != "h" {
		t.Errorf("frame %v, name %q", want.Limits.Frame, want.Node.Name)
	}
}

func TestSecondDocumentRefused(t *testing.T) {
	for _, content := range []string{
		"insecure: true\n---\ninsecure: false\n", "insecure: true\n---\n", "---\n---\n", "# x\n---\n# y\n---\ninsecure: true\n",
		"insecure: true\n...\ninsecure: false\n", "insecure: true\n...\n---\n", "%YAML 1.2\n---\ninsecure: true\n",
	} {
		_, err := loadText(content)
		wantProblem(t, err, "second document")
	}
	for _, content := range []string{"---\ninsecure: true\n", "# x\n--- # y\ninsecure: true\n...\n# z\n"} {
		if c, err := loadText(content); err != nil || !c.Insecure {
			t.Errorf("one document in %q: %v", content, err)
		}
	}
}

func TestLeadingZeros(t *testing.T) {
	for key, texts := range map[string][]string{
		"cluster.replicas": {"03", "0755", "1.5", "3.0", "0x3", "1_0", "+3", "-3", "1e1", "", "three", "99999999999", "99999999999999999999", " 3"},
		"limits.value":     {"01MiB", "1.5MiB", "1", "1MB", "1mib", "1K", "-1MiB", "MiB", "", "1 MiB", "9999999TiB", "0x1B"},
		"timeouts.max":     {"5", "05s", "5x", "-5s", "+5s", "", "s", "5 s", "9999999999h", "0"},
		"gossip.heartbeat": {"5", "0s", "Auto", "", "none"},
		"insecure":         {"yes", "on", "1", "True", "TRUE", "no", ""},
	} {
		for _, text := range texts {
			_, err := Load(Sources{Sets: []string{key + "=" + text}})
			wantProblem(t, err, key+" is ")
		}
	}
	for _, line := range []string{"replicas: 03", "replicas: 1.5", "replicas: 0x3", "replicas: 1_0", `replicas: "03"`, "replicas: true"} {
		_, err := loadText("cluster:\n  " + line + "\n")
		wantProblem(t, err, "candor.yaml:2:13: cluster.replicas is ")
	}
	c, err := loadText("node:\n  name: 0123\n  zone: 1e3\n  region: yes\n")
	if err != nil || c.Node.Name != "0123" || c.Node.Zone != "1e3" || c.Node.Region != "yes" {
		t.Errorf("names that look like numbers: %q %q %q %v", c.Node.Name, c.Node.Zone, c.Node.Region, err)
	}
}

func TestValuesAreRead(t *testing.T) {
	c, err := loadText(`
cluster:
  name: 'shop'
  seeds: ["a:1", b:2]
  bootstrap:
    - c:3   # a comment
    - d:4
  replicas: 5
insecure: true
limits: {value: 2MiB, batch: 10}
timeouts:
  default: 1500ms
  idle: 1h30m
storage:
  block_cache: 0B
`)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"cluster.name": "shop", "cluster.seeds": "a:1,b:2", "cluster.bootstrap": "c:3,d:4", "cluster.replicas": "5",
		"insecure": "true", "limits.value": "2MiB", "limits.frame": "2112KiB", "limits.batch": "10",
		"timeouts.default": "1.5s", "timeouts.idle": "1h30m", "timeouts.max": "5s", "drain.timeout": "1m", "storage.block_cache": "0B",
		"no.such.key": "",
	} {
		if got := c.Value(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if c.Timeouts.Default != 1500*time.Millisecond || c.Limits.Value != 2<<20 || !slices.Equal(c.Cluster.Seeds, []string{"a:1", "b:2"}) {
		t.Errorf("%+v", c)
	}
}

func TestOrigins(t *testing.T) {
	c := mustLoad(t, Sources{
		File: "candor.yaml",
		FileBytes: []byte("cluster:\n  name: file\n  replicas: 1\n  partitions: 2\n" +
			"limits:\n  value: 2MiB\n"),
		Env:      []string{"CANDOR_CLUSTER_REPLICAS=2", "PATH=/bin", "CANDOR_CLUSTER_PARTITIONS=4", "CANDOR_CLUSTER_SEEDS= a:1 , b:2", "CANDOR_ADDR=x"},
		Sets:     []string{"cluster.partitions=8", "cluster.partitions=16", "cluster.bootstrap="},
		HostName: "h",
	})
	for key, want := range map[string][2]string{
		"cluster.name":       {"file", "file candor.yaml:2"},
		"cluster.replicas":   {"2", "environment CANDOR_CLUSTER_REPLICAS"},
		"cluster.partitions": {"16", "--set"},
		"cluster.seeds":      {"a:1,b:2", "environment CANDOR_CLUSTER_SEEDS"},
		"cluster.bootstrap":  {"", "--set"},
		"node.name":          {"h", "host name"},
		"limits.frame":       {"2112KiB", "limits.value + 64KiB"},
		"limits.key":         {"4KiB", "default"},
	} {
		if got := [2]string{c.Value(key), c.Origin(key)}; got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	for _, c := range []struct{ content, want string }{
		{"limits:\n  vlaue: 1MiB\n", `candor.yaml:2:3: unknown setting "limits.vlaue"; did you mean limits.value?`},
		{"storag:\n  block_size: 4KiB\n", `candor.yaml:1:1: unknown setting "storag"; did you mean storage?`},
		{"data_dir: /tmp\n", `did you mean node.data_dir?`},
		{"xylophone: 1\n", `candor.yaml:1:1: unknown setting "xylophone"`},
	} {
		_, err := loadText(c.content)
		wantProblem(t, err, c.want)
	}
	_, err := loadText("xylophone: 1\n")
	if strings.Contains(err.Error(), "did you mean") {
		t.Errorf("a far-fetched suggestion: %v", err)
	}
	_, err = Load(Sources{
		Env:  []string{"CANDOR_CLUSTER_NMAE=x", "CANDOR_=x", "CANDOR_ADDR=x", "CANDOR_CONTEXT=x", "CANDOR_TOKEN_FILE=x", "CANDORX=1"},
		Sets: []string{"listen.pear=x", "insecure"},
	})
	wantProblem(t, err, "CANDOR_CLUSTER_NMAE is no setting; did you mean CANDOR_CLUSTER_NAME?")
	wantProblem(t, err, "CANDOR_ is no setting")
	wantProblem(t, err, `unknown setting "listen.pear"; did you mean listen.peer?`)
	wantProblem(t, err, "--set insecure: want KEY=VALUE")
	if lines := strings.Count(err.Error(), "\n") + 1; lines != 4 {
		t.Errorf("%d problems, want 4:\n%v", lines, err)
	}
}

func TestFileIsStrict(t *testing.T) {
	for _, c := range []struct{ content, want string }{
		{"insecure: true\ninsecure: true\n", "candor.yaml:2:1: mapping key"},
		{"limits:\n  key: 1KiB\n\nlimits:\n  key: 2KiB\n", "candor.yaml:4:1: mapping key"},
		{"limits.key: 1KiB\n", "nested, not dotted"},
		{"limits: 5\n", "candor.yaml:1:9: limits holds settings"},
		{"- a\n", "the file holds settings"},
		{"text\n", "the file holds settings"},
		{"limits:\n  key: {a: b}\n", "limits.key takes a plain value"},
		{"limits:\n  key: [1KiB]\n", "limits.key takes a plain value"},
		{"limits:\n  key:\n", `limits.key has no value`},
		{"limits:\n  key: ~\n", `limits.key has no value`},
		{"limits:\n  key: !!str 1KiB\n", "limits.key takes a plain value"},
		{"limits:\n  key: &x 1KiB\n  value: *x\n", "limits.key takes a plain value"},
		{"limits:\n  <<: {key: 1KiB}\n", "no name of a setting"},
		{"1: 2\n", "no name of a setting"},
		{"cluster:\n  seeds: a:1\n", "cluster.seeds is a list"},
		{"cluster:\n  seeds: [[a]]\n", "cluster.seeds takes a plain value"},
		{"cluster: {\n", "candor.yaml:1:10: "},
		{"cluster:\n\tname: x\n", "candor.yaml:2:1: "},
		{"# " + strings.Repeat("x", fileBytesMax), "larger than 256KiB"},
	} {
		_, err := loadText(c.content)
		wantProblem(t, err, c.want)
	}
}

func TestEveryProblemIsReportedAtOnce(t *testing.T) {
	_, err := Load(Sources{
		File:      "candor.yaml",
		FileBytes: []byte("limits:\n  key: 5\n  valu: 1MiB\n"),
		Env:       []string{"CANDOR_INSECURE=maybe"},
		Sets:      []string{"timeouts.max=5"},
	})
	for _, want := range []string{"candor.yaml:2:8: limits.key", "candor.yaml:3:3:", "environment CANDOR_INSECURE: insecure is", "--set: timeouts.max is"} {
		wantProblem(t, err, want)
	}
}

func TestFileIsReadFromDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "candor.yaml")
	_, err := Load(Sources{File: path})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "there is no file "+path) {
		t.Errorf("a missing file: %v", err)
	}
	if err := os.WriteFile(path, []byte("insecure: true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c := mustLoad(t, Sources{File: path}); !c.Insecure || c.Origin("insecure") != "file "+path+":1" {
		t.Errorf("insecure %v from %s", c.Insecure, c.Origin("insecure"))
	}
	if err := os.WriteFile(path, make([]byte, fileBytesMax+1), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Load(Sources{File: path})
	wantProblem(t, err, "larger than 256KiB")
}

func TestNoTwoKeysShareAnEnvironmentName(t *testing.T) {
	owner := map[string]string{}
	for _, key := range Keys() {
		name := environmentName(key)
		if other, taken := owner[name]; taken {
			t.Errorf("%s and %s are both %s", key, other, name)
		}
		if slices.Contains(foreignVariables, name) {
			t.Errorf("%s is %s, which the command line reads", key, name)
		}
		owner[name] = key
	}
	if owner["CANDOR_STORAGE_BLOCK_CACHE"] != "storage.block_cache" {
		t.Error("storage.block_cache has another name")
	}
}

func TestEveryDefaultReadsBack(t *testing.T) {
	for _, s := range mustLoad(t, Sources{HostName: "h"}).settings() {
		before := s.String()
		if err := s.set(before); err != nil || s.String() != before {
			t.Errorf("%s: %q reads back as %q, %v", s.key, before, s.String(), err)
		}
	}
}

func TestSizeText(t *testing.T) {
	for size, want := range map[Size]string{
		0: "0B", 1: "1B", 1023: "1023B", KiB: "1KiB", 1536: "1536B", 64 * MiB: "64MiB", 3 * GiB: "3GiB", 2 * TiB: "2TiB", 1088 * KiB: "1088KiB",
	} {
		if got := size.String(); got != want {
			t.Errorf("%d is %q, want %q", int64(size), got, want)
		}
		if back, err := parseSize(want); back != size || err != nil {
			t.Errorf("%q reads as %d, %v", want, int64(back), err)
		}
	}
}

// Whatever the file holds: no panic, no silent damage. What loads reads back
// from its own values.
func FuzzConfig(f *testing.F) {
	for _, seed := range []string{
		"", "cluster:\n  name: x\n  seeds: [a:1]\ninsecure: true\n", "---\n---\n", "a: [", "limits: {key: 1KiB}", "cluster:\n  seeds: [a, b]\n", "<<: *x", "? a\n: b", "%YAML 1.2\n---\n",
		"limits:\n  key: &x 1KiB\n", "\xff\xfe", "a: |\n  b\n", "insecure: true\n...\n", "\t", "- - - -", "{{{{",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > 4<<10 { // the parser is slow on deep nesting
			return
		}
		c, err := Load(Sources{File: "f", FileBytes: content, HostName: "h"})
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		for _, s := range c.settings() {
			if _, isList := s.field.(*[]string); isList {
				continue // an item of the file may hold a comma
			}
			before := s.String()
			if err := s.set(before); err != nil || s.String() != before {
				t.Fatalf("%s: %q reads back as %q, %v", s.key, before, s.String(), err)
			}
		}
		if err := c.Validate(); err != nil && !errors.Is(err, ErrInvalid) {
			t.Fatalf("an error of another kind: %v", err)
		}
	})
}

// What cannot be read hides no violation that is certain: one that names no other
// setting than such as were given, and could be read.
func TestWhatIsWrongIsToldAtOnce(t *testing.T) {
	_, err := loadText(`
cluster:
  name: Shop
  nmae: x
  replicas: three
  bootstrap: [a:1]
limits: {value: 1MB, output_buffer: 1KiB, frame: 0B}
storage:
  durability: sometimes
  write_buffer: 1B
log:
  level: loud
`)
	for _, want := range []string{
		`unknown setting "cluster.nmae"`, `cluster.replicas is "three"`, `limits.value is "1MB"`,
		`cluster.name is "Shop"`, `storage.durability is "sometimes": want sync or periodic`, `log.level is "loud"`, `storage.write_buffer is 1B`,
	} {
		wantProblem(t, err, want)
	}
	// These may follow from what could not be read, or was not given.
	for _, not := range []string{"cluster.bootstrap lists only", "limits.frame is", "limits.output_buffer is", "limits.value is 0B", "listen."} {
		if strings.Contains(err.Error(), not) {
			t.Errorf("%q is told, and not certain:\n%v", not, err)
		}
	}
	_, err = Load(Sources{FileBytes: []byte("log: {level: loud}\n"), Sets: []string{"log.level=debug", "cluster.replicas=x"}})
	if strings.Contains(err.Error(), "log.level") {
		t.Errorf("a value that another layer has replaced is told: %v", err)
	}
	if _, err = Load(Sources{FileBytes: []byte("cluster: [\n")}); strings.Contains(err.Error(), "cluster.name") {
		t.Errorf("what a file has that cannot be read is told to be missing: %v", err)
	}
}
