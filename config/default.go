package config

import "time"

// frameSlack is what a frame holds besides the value, where limits.frame is 0B.
const frameSlack = 64 * KiB

// Default is the configuration before any layer. It is not valid by itself:
// cluster.name has no default.
func Default() *Config {
	return &Config{
		Cluster: Cluster{Replicas: 3, Partitions: 1024},
		Node:    Node{DataDir: "/var/lib/candor"},
		Listen: Listen{
			Client: "127.0.0.1:7400",
			Peer:   "127.0.0.1:7401",
			Gossip: "127.0.0.1:7402",
			HTTP:   "127.0.0.1:7480",
		},
		Limits: Limits{
			Key:           4 * KiB,
			Value:         1 * MiB,
			Batch:         1000,
			PreauthFrame:  4 * KiB,
			Connections:   4096,
			PerIP:         256,
			PreauthPerIP:  64,
			InFlight:      1024,
			BytesInFlight: 256 * MiB,
			QueueDelay:    200 * time.Millisecond,
			Memory:        75,
			OutputBuffer:  4 * MiB,
			LinkBuffer:    16 * MiB,
			QueueBytes:    64 * MiB,
		},
		Timeouts: Timeouts{
			Default:    2 * time.Second,
			Max:        5 * time.Second,
			Handshake:  5 * time.Second,
			Idle:       5 * time.Minute,
			WriteStall: 10 * time.Second,
		},
		Read:  Read{HedgePercentile: 95, HedgeMax: 5},
		Drain: Drain{Timeout: time.Minute},
		Storage: Storage{
			WriteBuffer: 64 * MiB,
			BlockCache:  256 * MiB,
			OpenFiles:   4096,
			BlockSize:   8 * KiB,
			RecordCache: 64 * MiB,
			BloomBits:   10,
			Compression: "none",
			Durability:  "sync", SyncInterval: time.Second,
			CommitBytes: 512 * KiB,
			Reserve:     5,
			DiskWarn:    85,
			ScrubCycle:  24 * time.Hour,
		},
		Gossip: Gossip{
			ProbeInterval:  time.Second,
			ProbeTimeout:   500 * time.Millisecond,
			RejoinInterval: 5 * time.Second,
			Phi:            8,
		},
		Hints:  Hints{MaxBytes: GiB, MaxAge: 3 * time.Hour, ReplayRate: 16 * MiB, Retry: 10 * time.Second, AlarmAge: time.Hour},
		Repair: Repair{ExchangeInterval: time.Minute, AlarmLag: time.Hour, Rate: 32 * MiB, MaxRequestAge: 30 * time.Second},
		Clock:  Clock{Warn: 250 * time.Millisecond, MaxDrift: 500 * time.Millisecond},
		HTTP:   HTTP{Data: true},
		Log:    Log{Level: "info", Format: "auto"},
	}
}

// fillDerived gives the values that follow from others where they were left open.
func (c *Config) fillDerived(hostName string) {
	if c.Node.Name == "" {
		c.Node.Name = hostName
		c.origins["node.name"] = "host name"
	}
	if c.Limits.Frame == 0 {
		c.Limits.Frame = c.Limits.Value + frameSlack
		c.origins["limits.frame"] = "limits.value + " + frameSlack.String()
	}
}
