package cassandra

import (
	"slices"
	"strings"
	"testing"

	"github.com/candordb/candor/bench/peer"
)

// The class is the commit log's: batches that are synced, without a period, which
// Cassandra refuses beside them; or a period, and no write that is only in the process.
func TestTheClassIsThatOfTheCommitLog(t *testing.T) {
	at, seed := place{"127.0.0.2", "9042", "7000"}, place{"127.0.0.1", "9041", "7001"}
	d1, d2 := settings(peer.D1, at, seed), settings(peer.D2, at, seed)
	if !strings.Contains(d1, "\ncommitlog_sync: periodic\ncommitlog_sync_period: 10000ms\ncommitlog_disk_access_mode: mmap\n") {
		t.Errorf("D1 is\n%s", d1)
	}
	if !strings.Contains(d2, "\ncommitlog_sync: batch\ncommitlog_disk_access_mode: auto\n") || strings.Contains(d2, "period") {
		t.Errorf("D2 is\n%s", d2)
	}
	for _, want := range []string{"listen_address: 127.0.0.2\nstorage_port: 7000\nrpc_address: 127.0.0.2\nnative_transport_port: 9042\n", `{seeds: "127.0.0.1:7001"}`} {
		if !strings.Contains(d2, want) {
			t.Errorf("%q is missing in\n%s", want, d2)
		}
	}
}

func TestAllOfANodeIsInItsDirectory(t *testing.T) {
	args := program{java: "/java", jars: "/jars", agent: "/jars/jamm-1.jar"}.arguments("/dir/n1")
	for _, want := range []string{
		"-javaagent:/jars/jamm-1.jar", "-Dcassandra.config=file:///dir/n1/cassandra.yaml", "-Dcassandra.storagedir=/dir/n1",
		"-Dlogback.configurationFile=/dir/n1/logback.xml", "/jars/*", "java.base/java.util=ALL-UNNAMED",
	} {
		if !slices.Contains(args, want) {
			t.Errorf("%s is missing in %v", want, args)
		}
	}
}

func TestTheVersionOfJavaIsRead(t *testing.T) {
	for text, want := range map[string]int{ // each by itself
		"openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime": 17,
		"openjdk version \"21\" 2023-09-19":                       21,
		"java version \"1.8.0_292\"":                              1,
		"bash: java: command not found":                           0,
		"openjdk version \"":                                      0,
	} {
		if got := major(parseJava(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
