package cassandra

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/candordb/candor/bench/peer"
)

// release is what is measured, and javaWanted what its flags are for.
const (
	release    = "5.0.6"
	javaWanted = 17
)

// pom asks Maven for the release and all that it needs.
const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>candor</groupId>
  <artifactId>bench</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.cassandra</groupId>
      <artifactId>cassandra-all</artifactId>
      <version>` + release + `</version>
    </dependency>
  </dependencies>
</project>
`

// program is what a node is started from.
type program struct {
	java  string
	jars  string // directory
	agent string // the jar that has to be told to Java by name
}

// find looks for Java and the jars, and fetches those with Maven if they are not
// there. Its error says in one line which of it is missing.
func find(ctx context.Context) (program, error) {
	java, err := peer.FindProgram("java", "apt-get install openjdk-17-jre-headless")
	if err != nil {
		return program{}, err
	}
	text, err := exec.CommandContext(ctx, java, "-version").CombinedOutput()
	if version := parseJava(string(text)); err != nil || major(version) != javaWanted {
		return program{}, fmt.Errorf("java is version %q, and has to be %d: apt-get install openjdk-17-jre-headless", version, javaWanted)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return program{}, fmt.Errorf("cassandra's jars need a place: %w", err)
	}
	dir := filepath.Join(cache, "candor-bench", "cassandra-"+release)
	jars := filepath.Join(dir, "lib")
	if _, err := os.Stat(jars); errors.Is(err, os.ErrNotExist) {
		if err := fetch(ctx, dir, jars); err != nil {
			return program{}, err
		}
	}
	agents, err := filepath.Glob(filepath.Join(jars, "jamm-*.jar"))
	if err != nil || len(agents) == 0 {
		return program{}, fmt.Errorf("%s is not complete: it has no jamm-*.jar: remove it, so that it is fetched again", jars)
	}
	return program{java, jars, agents[0]}, nil
}

// fetch lets Maven fetch all jars. They get their directory when all are there, so
// that what was broken off is not taken for whole.
func fetch(ctx context.Context, dir, jars string) error {
	mvn, err := peer.FindProgram("mvn", "cassandra's jars come with it: apt-get install maven")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cassandra's jars: %w", err)
	}
	file := filepath.Join(dir, "pom.xml")
	if err := os.WriteFile(file, []byte(pom), 0o644); err != nil {
		return fmt.Errorf("cassandra's jars: %w", err)
	}
	part, err := os.MkdirTemp(dir, "part-")
	if err != nil {
		return fmt.Errorf("cassandra's jars: %w", err)
	}
	defer os.RemoveAll(part) // not there any more if all went well
	cmd := exec.CommandContext(ctx, mvn, "-B", "-q", "-f", file, "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+part)
	if out, err := cmd.CombinedOutput(); err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("cassandra's jars cannot be fetched by mvn: %w: %s", err, first)
	}
	return os.Rename(part, jars)
}

// parseJava makes "17.0.15" of what java -version prints.
func parseJava(text string) string {
	_, rest, _ := strings.Cut(text, ` version "`)
	version, _, found := strings.Cut(rest, `"`)
	if !found {
		return ""
	}
	return version
}

// major is the first number of a version; 0 if it has none.
func major(version string) int {
	first, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(first)
	if err != nil {
		return 0
	}
	return n
}
