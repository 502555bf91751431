package cassandra

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"github.com/candordb/candor/bench/peer"
)

// heap is how much memory Java gives to the objects of a node. Three nodes and the
// load share the machine.
const heap = "1g"

// place is where a node is to be found.
type place struct {
	host          string
	native, inner string // ports, for clients and for other nodes
}

func (p place) clients() string { return net.JoinHostPort(p.host, p.native) }

// The commit log, by class. How it is written belongs to it. Mapped into memory, a
// write is in the page cache when it is answered, and in direct mode it is still in
// the process until the next sync: periodic and direct would be less than D1. For
// batches both are D2, as the direct file is opened with O_DSYNC, and auto takes direct
// where the file system has it: on two cores that has carried twice the writes that
// msync of a mapped file has.
const (
	logPeriodic = "commitlog_sync: periodic\ncommitlog_sync_period: 10000ms\ncommitlog_disk_access_mode: mmap"
	logBatch    = "commitlog_sync: batch\ncommitlog_disk_access_mode: auto"
)

// settings is the cassandra.yaml of a node. All that is not in it is as Cassandra
// has it by default.
func settings(class peer.Class, at, seed place) string {
	log := logPeriodic
	if class == peer.D2 {
		log = logBatch
	}
	return fmt.Sprintf(`cluster_name: bench
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
num_tokens: 16
allocate_tokens_for_local_replication_factor: 3
auto_bootstrap: false
auto_snapshot: false
listen_address: %[1]s
storage_port: %[2]s
rpc_address: %[1]s
native_transport_port: %[3]s
seed_provider: [{class_name: org.apache.cassandra.locator.SimpleSeedProvider, parameters: [{seeds: "%[4]s:%[5]s"}]}]
%[6]s
storage_compatibility_mode: NONE
memtable: {configurations: {trie: {class_name: TrieMemtable}, default: {inherits: trie}}}
memtable_allocation_type: offheap_objects
sstable: {selected_format: bti}
`, at.host, at.inner, at.native, seed.host, seed.inner, log)
}

// logging is the logback.xml of all nodes. Without one, all that happens is logged.
const logging = `<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%date %level %logger{0} %msg%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="out"/></root>
</configuration>
`

// What Cassandra uses of Java's insides.
const (
	exports = "java.base/jdk.internal.misc java.base/java.lang.ref java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.registry " +
		"java.rmi/sun.rmi.server java.sql/java.sql jdk.unsupported/sun.misc jdk.compiler/com.sun.tools.javac.file jdk.attach/sun.tools.attach"
	opens = "java.base/java.lang.module java.base/jdk.internal.loader java.base/jdk.internal.ref java.base/jdk.internal.reflect " +
		"java.base/jdk.internal.math java.base/jdk.internal.module java.base/jdk.internal.util.jar jdk.management/com.sun.management.internal " +
		"java.base/sun.nio.ch java.base/java.io java.base/java.lang.reflect jdk.compiler/com.sun.tools.javac java.base/java.lang java.base/java.util"
)

// flags of the Java machine, as Cassandra's own files of settings have them.
const flags = "-Xms" + heap + " -Xmx" + heap + " -Xss256k -XX:+UseG1GC -XX:+ParallelRefProcEnabled -XX:MaxTenuringThreshold=1 -XX:G1HeapRegionSize=16m " +
	"-XX:MaxGCPauseMillis=300 -XX:+AlwaysPreTouch -XX:InitiatingHeapOccupancyPercent=70 -XX:+ExitOnOutOfMemoryError -Djdk.attach.allowAttachSelf=true " +
	"-Djava.net.preferIPv4Stack=true -Dio.netty.tryReflectionSetAccessible=true -Dio.netty.allocator.useCacheForAllThreads=true " +
	"-Dio.netty.allocator.maxOrder=11"

// shortStart is what a node need not wait for where nobody else joins.
const shortStart = "-Dcassandra.ring_delay_ms=2000 -Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.superuser_setup_delay_ms=0"

// arguments of Java for a node that lives in a directory.
func (p program) arguments(dir string) []string {
	var args []string
	for _, x := range strings.Fields(exports) {
		args = append(args, "--add-exports", x+"=ALL-UNNAMED")
	}
	for _, o := range strings.Fields(opens) {
		args = append(args, "--add-opens", o+"=ALL-UNNAMED")
	}
	args = append(args, strings.Fields(flags)...)
	args = append(args, strings.Fields(shortStart)...)
	return append(args,
		"-javaagent:"+p.agent,
		"-Dlogback.configurationFile="+filepath.Join(dir, "logback.xml"),
		"-Dcassandra.config=file://"+filepath.Join(dir, "cassandra.yaml"),
		"-Dcassandra.storagedir="+dir,
		"-Dcassandra-foreground=yes",
		"-cp", filepath.Join(p.jars, "*"), "org.apache.cassandra.service.CassandraDaemon")
}
