package redis

import (
	"slices"
	"strings"
	"testing"

	"github.com/candordb/candor/bench/peer"
)

func TestTheLogSaysTheClass(t *testing.T) {
	for _, c := range []struct {
		p     Peer
		name  string
		class peer.Class
		args  string
	}{
		{Peer{Log: Off}, "redis-off", peer.D0, "--appendonly no"},
		{Peer{Log: EverySec}, "redis-everysec", peer.D1, "--appendonly yes --appendfsync everysec"},
		{Peer{Log: Always, Replicas: 2}, "redis-wait-always", peer.D2, "--appendonly yes --appendfsync always"},
	} {
		c.p.addresses = []string{"127.0.0.1:7001", "127.0.0.1:7002"}
		args := c.p.arguments(1, "x")
		if got := strings.Join(args, " "); c.p.Name() != c.name || c.p.Class() != c.class || !strings.Contains(got, c.args) {
			t.Errorf("%s, %s: %s", c.p.Name(), c.p.Class(), got)
		}
		if i := slices.Index(args, "--replicaof"); i < 0 || args[i+1] != "127.0.0.1 7001" || slices.Contains(c.p.arguments(0, "x"), "--replicaof") {
			t.Errorf("who follows whom: %q", args)
		}
	}
}

func TestINFOIsRead(t *testing.T) {
	info := "# Replication\r\nrole:master\r\nconnected_slaves:2\r\n"
	if got := field(info, "connected_slaves"); got != "2" {
		t.Errorf("got %q", got)
	}
	if got := field(info, "connected"); got != "" {
		t.Errorf("a part of a name has the value %q", got)
	}
	if got := parseVersion("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64"); got != "redis 7.0.15" {
		t.Errorf("the version is %q", got)
	}
}
