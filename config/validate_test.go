package config

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// The smallest configuration: a name. Everything else has a default that is valid.
func TestDefaultsAreValid(t *testing.T) {
	c := mustLoad(t, Sources{Sets: []string{"cluster.name=shop"}, HostName: "h"})
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidateNamesEachViolation(t *testing.T) {
	for _, c := range []struct {
		sets string // separated by spaces
		want string // "" if it is valid
	}{
		{"cluster.name=", "cluster.name is not set"},
		{"cluster.name=Shop", `cluster.name is "Shop": want 1 to 64 of a-z 0-9 _ -`},
		{"cluster.name=" + strings.Repeat("x", 65), "want 1 to 64"},
		{"cluster.name=a-z_09", ""},
		{"cluster.replicas=0", "cluster.replicas is 0: want 1 to 63"},
		{"cluster.replicas=64", "cluster.replicas is 64"},
		{"cluster.partitions=1000", "cluster.partitions is 1000: want a power of two"},
		{"cluster.partitions=0", "cluster.partitions is 0"},
		{"cluster.partitions=131072", "cluster.partitions is 131072"},
		{"cluster.partitions=1", ""},
		{"cluster.partitions=65536", ""},
		{"cluster.seeds=a", `cluster.seeds names "a": want host:port`},
		{"cluster.seeds=a:1,,b:2", `cluster.seeds names "": want host:port`},
		{"cluster.seeds=:1", `cluster.seeds names ":1"`},
		{"cluster.bootstrap=a:1,b:1,c:0", `cluster.bootstrap names "c:0"`},
		{"cluster.bootstrap=a:1,b:1,a:1", "cluster.bootstrap names a:1 twice"},
		{"cluster.bootstrap=a:1,b:1", "cluster.replicas is 3, but cluster.bootstrap lists only 2"},
		{"cluster.bootstrap=a:1,b:1 cluster.replicas=2", ""},
		{"cluster.bootstrap=a:1,b:1,[::1]:1,d:1", ""},
		{"node.name=a\tb", `node.name is "a\tb": want printable`},
		{"node.zone=" + strings.Repeat("z", 65), "65 bytes: want at most 64"},
		{"node.region=\xff", "node.region is"},
		{"node.data_dir=", `node.data_dir is ""`},
		{"listen.client=127.0.0.1", `listen.client is "127.0.0.1": want host:port`},
		{"listen.client=127.0.0.1:70000", `listen.client is "127.0.0.1:70000"`},
		{"listen.peer=127.0.0.1:7400", "listen.peer is 127.0.0.1:7400, and so is listen.client"},
		{"listen.peer=127.0.0.1:0 listen.client=127.0.0.1:0", ""},
		{"listen.peer=10.0.0.1:7401", "listen.peer is 10.0.0.1:7401, beyond loopback"},
		{"listen.peer=n1.example:7401", "beyond loopback"},
		{"listen.peer=10.0.0.1:7401 insecure=true", ""},
		{"listen.peer=localhost:7401 listen.http=[::1]:7480 listen.gossip=127.9.9.9:7402", ""},
		{"listen.peer=:7401 insecure=true", "listen.peer is :7401, which is every interface"},
		{"listen.peer=[::]:7401 insecure=true", "set advertise.host"},
		{"listen.peer=:7401", "insecure: true"},
		{"listen.peer=0.0.0.0:7401 insecure=true advertise.host=n1", ""},
		{"gossip.heartbeat=50ms", "gossip.heartbeat is 50ms: want auto, or 100ms to 1m"},
		{"gossip.heartbeat=2m", "gossip.heartbeat is 2m: want auto"},
		{"gossip.heartbeat=250ms gossip.phi=12", ""},
		{"gossip.heartbeat=auto", ""},
		{"gossip.phi=0", "gossip.phi is 0: want 1 to 100"},
		{"gossip.phi=101", "gossip.phi is 101"},
		{"advertise.host=n1:7400", `advertise.host is "n1:7400": want a name or address without a port`},
		{"advertise.host=0.0.0.0", "advertise.host is 0.0.0.0"},
		{"http.hosts=admin.example,[::1],::1,10.0.0.1", ""},
		{"http.hosts=admin.example:7480", `http.hosts names "admin.example:7480": want a name or address without`},
		{"http.hosts=http://a", `http.hosts names "http://a"`},
		{"http.hosts=a,,b", `http.hosts names ""`},
		{"http.hosts=*", `http.hosts names "*"`},
		{"http.data=false", ""},
		{"limits.key=0B", "limits.key is 0B"},
		{"limits.key=65KiB limits.frame=2MiB", "limits.key is 65KiB"},
		{"limits.value=9MiB", "limits.value is 9MiB: want at most 8MiB"},
		{"limits.value=8MiB limits.output_buffer=16MiB", ""},
		{"limits.value=2MiB storage.write_buffer=4MiB", "above a quarter of storage.write_buffer (4MiB): lower it, or raise storage.write_buffer to 8MiB"},
		{"limits.value=0B", ""},
		{"limits.frame=1MiB", "limits.frame is 1MiB, too small"},
		{"limits.key=63KiB", "limits.frame is 1088KiB, too small"},
		{"limits.preauth_frame=511B", "limits.preauth_frame is 511B"},
		{"limits.preauth_frame=1MiB", "limits.preauth_frame is 1MiB"},
		{"limits.output_buffer=1MiB", "limits.output_buffer is 1MiB, less than one frame"},
		{"limits.link_buffer=1MiB", "limits.link_buffer is 1MiB, less than one frame"},
		{"limits.queue_bytes=1MiB", "limits.queue_bytes is 1MiB, less than one frame"},
		{"limits.connections=0", "limits.connections is 0"},
		{"limits.in_flight=0", "limits.in_flight is 0"},
		{"limits.per_ip=0", "limits.per_ip is 0: want at least 1"},
		{"limits.preauth_per_ip=0", "limits.preauth_per_ip is 0: want at least 1"},
		{"limits.bytes_in_flight=1MiB", "limits.bytes_in_flight is 1MiB, less than one frame"},
		{"limits.queue_delay=1us", "limits.queue_delay is 1µs: want 0s or at least 1ms"},
		{"limits.queue_delay=0s limits.memory=0%", ""},
		{"limits.batch=0", "limits.batch is 0"},
		{"limits.batch=1025", "limits.batch is 1025: want 1 to limits.in_flight (1024)"},
		{"timeouts.default=0s", "timeouts.default is 0s: want at least 1ms"},
		{"timeouts.default=6s", "timeouts.default is 6s, above timeouts.max (5s)"},
		{"hints.max_bytes=1KiB", "hints.max_bytes is 1KiB: want 1MiB to 1TiB"},
		{"hints.max_age=1s", "hints.max_age is 1s: want 1m0s to 720h"},
		{"hints.replay_rate=1KiB", "hints.replay_rate is 1KiB: want 64KiB to 4GiB"},
		{"hints.retry=1ms", "hints.retry is 1ms: want 100ms to 1h"},
		{"clock.warn=0s", "clock.warn is 0s: want more than 0s"},
		{"hints.alarm_age=0s", "hints.alarm_age is 0s: want more than 0s"},
		{"repair.exchange_interval=10ms", "repair.exchange_interval is 10ms: want 1s to 1h"},
		{"repair.alarm_lag=30s", "repair.alarm_lag is 30s: want more than repair.exchange_interval (1m0s)"},
		{"repair.rate=1KiB", "repair.rate is 1KiB: want 64KiB to 4GiB"},
		{"timeouts.max=30s", "timeouts.max is 30s: want less than repair.max_request_age (30s)"},
		{"timeouts.handshake=0s", "timeouts.handshake is 0s"},
		{"timeouts.idle=0s", "timeouts.idle is 0s"},
		{"timeouts.write_stall=1us", "timeouts.write_stall is 1µs"},
		{"drain.timeout=0s", ""},
		{"clock.max_drift=0s", "clock.max_drift is 0s: want 1ms to 1m"},
		{"clock.max_drift=15s", "repair.max_request_age is 30s: want more than twice clock.max_drift"},
		{"gossip.probe_timeout=1s", "gossip.probe_timeout is 1s: want less than gossip.probe_interval (1s)"},
		{"gossip.rejoin_interval=0s", "gossip.rejoin_interval is 0s"},
		{"storage.write_buffer=2GiB", "storage.write_buffer is 2GiB"},
		{"storage.block_cache=0B", "storage.block_cache is 0B"},
		{"storage.open_files=1", "storage.open_files is 1"},
		{"storage.block_size=512B", "storage.block_size is 512B"},
		{"storage.bloom_bits=0", "storage.bloom_bits is 0"},
		{"storage.compression=zstd", `storage.compression is "zstd": want none or snappy`},
		{"storage.compression=snappy", ""},
		{"storage.durability=never", `storage.durability is "never": want sync or periodic`},
		{"storage.durability=periodic storage.sync_interval=10s", ""},
		{"storage.sync_interval=1ms", "storage.sync_interval is 1ms: want 10ms to 1m"},
		{"storage.sync_interval=2m", "storage.sync_interval is 2m0s"},
		{"storage.commit_bytes=65MiB", "storage.commit_bytes is 65MiB"},
		{"storage.reserve=51%", "storage.reserve is 51%"},
		{"storage.reserve=0%", ""},
		{"storage.scrub_cycle=500ms", "storage.scrub_cycle is 500ms"},
		{"log.level=loud", `log.level is "loud"`},
		{"log.format=xml", `log.format is "xml"`},
	} {
		sets := append([]string{"cluster.name=shop"}, strings.Split(c.sets, " ")...)
		err := mustLoad(t, Sources{Sets: sets, HostName: "h"}).Validate()
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.sets, err)
		case c.want != "" && err == nil:
			t.Errorf("%s: passes, want %q", c.sets, c.want)
		case c.want != "":
			wantProblem(t, err, c.want)
		}
	}
}

func TestValidateNamesAllViolationsAtOnce(t *testing.T) {
	c := mustLoad(t, Sources{Sets: []string{"cluster.replicas=0", "log.level=loud"}})
	err := c.Validate()
	for _, want := range []string{"cluster.name", "cluster.replicas", "node.name", "log.level"} {
		wantProblem(t, err, want)
	}
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) || len(joined.Unwrap()) != 4 {
		t.Errorf("want 4 violations: %v", err)
	}
}

func TestPublicAddr(t *testing.T) {
	for _, c := range []struct{ host, listen, want string }{
		{"", "127.0.0.1:7400", "127.0.0.1:7400"},
		{"n1", "0.0.0.0:7400", "n1:7400"},
		{"n1", ":7400", "n1:7400"},
		{"fe80::1", "[::]:7400", "[fe80::1]:7400"},
		{"[fe80::1]", "[::]:7400", "[fe80::1]:7400"},
	} {
		config := &Config{Advertise: Advertise{Host: c.host}}
		if got := config.PublicAddr(c.listen); got != c.want {
			t.Errorf("%s listening at %s: %s, want %s", c.host, c.listen, got, c.want)
		}
	}
}

func TestKeysAreOrderedAndUnique(t *testing.T) {
	keys := Keys()
	if len(keys) < 40 || keys[0] != "cluster.name" {
		t.Fatalf("%d keys, the first %q", len(keys), keys[0])
	}
	sorted := slices.Clone(keys)
	slices.Sort(sorted)
	if len(slices.Compact(sorted)) != len(keys) {
		t.Error("a key occurs twice")
	}
}
