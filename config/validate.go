package config

import (
	"errors"
	"math/bits"
	"slices"
	"time"
)

// Bounds that the format of what is stored or sent sets, or beyond which a value
// can only be a slip.
const (
	nameBytesMax     = 64
	valueMax         = 8 * MiB
	preauthFrameMin  = 512 * Byte
	preauthFrameMax  = 64 * KiB
	recordOverhead   = 4 * KiB // of a record in a frame, besides key and value
	writeBufferMin   = 1 * MiB
	writeBufferMax   = 1 * GiB
	valuesPerBuffer  = 4 // a larger share of the write buffer would stall the database
	blockCacheMin    = 1 * MiB
	blockSizeMin     = 1 * KiB
	blockSizeMax     = 1 * MiB
	commitBytesMin   = 1 * KiB
	openFilesMin     = 16
	reserveMax       = Percent(50)
	scrubCycleMin    = time.Second
	syncIntervalMin  = 10 * time.Millisecond
	syncIntervalMax  = time.Minute
	bloomBitsMax     = 32
	replicasMax      = 63
	partitionsMax    = 65536
	driftMin         = time.Millisecond
	driftMax         = time.Minute
	heartbeatMin     = 100 * time.Millisecond
	heartbeatMax     = time.Minute
	phiMax           = 100
	keyBytesMax      = 64 * KiB
	driftsPerRequest = 2 // a client's stamp may be off by two drifts and still be fresh
)

// check gathers violations.
type check struct{ problems []error }

// want notes a violation unless ok.
func (k *check) want(ok bool, format string, args ...any) {
	if !ok {
		k.problems = append(k.problems, invalidf(format, args...))
	}
}

// Validate checks what no single value shows: bounds, and values that contradict
// each other. It names every violation with its value and says what to do; each
// wraps ErrInvalid. It looks at nothing but the Config: no file, no name lookup.
func (c *Config) Validate() error { return errors.Join(c.violations()...) }

// violations are what Validate finds.
func (c *Config) violations() []error {
	var k check
	c.checkCluster(&k)
	c.checkNamespaces(&k)
	c.checkNode(&k)
	c.checkListeners(&k)
	c.checkLimits(&k)
	c.checkTimes(&k)
	c.checkStorage(&k)
	c.checkHints(&k)
	c.checkRepair(&k)
	k.want(slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level),
		"log.level is %q: want debug, info, warn or error", c.Log.Level)
	k.want(slices.Contains([]string{"auto", "text", "json"}, c.Log.Format),
		"log.format is %q: want auto, text or json", c.Log.Format)
	return k.problems
}

func (c *Config) checkCluster(k *check) {
	cluster := &c.Cluster
	if cluster.Name == "" {
		k.want(false, "cluster.name is not set: give the cluster a name, the same on all nodes")
	} else {
		k.want(isClusterName(cluster.Name), "cluster.name is %q: want 1 to %d of a-z 0-9 _ -", cluster.Name, nameBytesMax)
	}
	k.want(cluster.Replicas >= 1 && cluster.Replicas <= replicasMax,
		"cluster.replicas is %d: want 1 to %d", cluster.Replicas, replicasMax)
	k.want(cluster.Partitions >= 1 && cluster.Partitions <= partitionsMax && bits.OnesCount(uint(cluster.Partitions)) == 1,
		"cluster.partitions is %d: want a power of two from 1 to %d", cluster.Partitions, partitionsMax)
	for _, seed := range cluster.Seeds {
		checkDialled(k, "cluster.seeds", seed)
	}
	for i, member := range cluster.Bootstrap {
		checkDialled(k, "cluster.bootstrap", member)
		k.want(!slices.Contains(cluster.Bootstrap[:i], member),
			"cluster.bootstrap names %s twice: name each of the first members once", member)
	}
	if first := len(cluster.Bootstrap); first > 0 {
		k.want(cluster.Replicas <= first,
			"cluster.replicas is %d, but cluster.bootstrap lists only %d of the first members: list more, or set cluster.replicas to %d",
			cluster.Replicas, first, first)
	}
}

// isClusterName tells whether name is 1 to 64 of a-z 0-9 _ -.
func isClusterName(name string) bool {
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return len(name) >= 1 && len(name) <= nameBytesMax
}

func (c *Config) checkNode(k *check) {
	node := &c.Node
	k.want(node.Name != "", "node.name is not set, and the host has no name: set it")
	for _, label := range []struct{ key, value string }{
		{"node.name", node.Name}, {"node.zone", node.Zone}, {"node.region", node.Region},
	} {
		k.want(len(label.value) <= nameBytesMax, "%s is %q, %d bytes: want at most %d",
			label.key, label.value, len(label.value), nameBytesMax)
		k.want(isPrintable(label.value), "%s is %q: want printable text without spaces", label.key, label.value)
	}
	k.want(node.DataDir != "", `node.data_dir is "": name a directory that this node has for itself`)
}

func (c *Config) checkLimits(k *check) {
	l := &c.Limits
	k.want(l.Key >= 1 && l.Key <= keyBytesMax, "limits.key is %v: want 1B to %v", l.Key, keyBytesMax)
	k.want(l.Value <= valueMax, "limits.value is %v: want at most %v", l.Value, valueMax)
	k.want(l.Value <= c.Storage.WriteBuffer/valuesPerBuffer,
		"limits.value is %v, above a quarter of storage.write_buffer (%v): lower it, or raise storage.write_buffer to %v",
		l.Value, c.Storage.WriteBuffer, l.Value*valuesPerBuffer)
	least := l.Value + l.Key + recordOverhead
	k.want(l.Frame >= least, "limits.frame is %v, too small for the largest record: want at least %v, or 0B for limits.value + %v",
		l.Frame, least, frameSlack)
	k.want(l.PreauthFrame >= preauthFrameMin && l.PreauthFrame <= preauthFrameMax,
		"limits.preauth_frame is %v: want %v to %v", l.PreauthFrame, preauthFrameMin, preauthFrameMax)
	for _, buffer := range []struct {
		key  string
		size Size
	}{
		{"limits.output_buffer", l.OutputBuffer}, {"limits.link_buffer", l.LinkBuffer}, {"limits.queue_bytes", l.QueueBytes},
		{"limits.bytes_in_flight", l.BytesInFlight},
	} {
		k.want(buffer.size >= l.Frame, "%s is %v, less than one frame: want at least limits.frame (%v)", buffer.key, buffer.size, l.Frame)
	}
	k.want(l.Connections >= 1, "limits.connections is %d: want at least 1", l.Connections)
	k.want(l.PerIP >= 1, "limits.per_ip is %d: want at least 1", l.PerIP)
	k.want(l.PreauthPerIP >= 1, "limits.preauth_per_ip is %d: want at least 1", l.PreauthPerIP)
	k.want(l.QueueDelay == 0 || l.QueueDelay >= time.Millisecond, "limits.queue_delay is %v: want 0s or at least 1ms", l.QueueDelay)
	k.want(l.InFlight >= 1, "limits.in_flight is %d: want at least 1", l.InFlight)
	k.want(l.Batch >= 1 && l.Batch <= l.InFlight,
		"limits.batch is %d: want 1 to limits.in_flight (%d), as each of its operations counts as one in flight",
		l.Batch, l.InFlight)
}

func (c *Config) checkTimes(k *check) {
	t := &c.Timeouts
	for _, positive := range []struct {
		key   string
		value time.Duration
	}{
		{"timeouts.default", t.Default}, {"timeouts.max", t.Max}, {"timeouts.handshake", t.Handshake},
		{"timeouts.idle", t.Idle}, {"timeouts.write_stall", t.WriteStall},
		{"gossip.probe_interval", c.Gossip.ProbeInterval}, {"gossip.probe_timeout", c.Gossip.ProbeTimeout},
		{"gossip.rejoin_interval", c.Gossip.RejoinInterval},
	} {
		k.want(positive.value >= time.Millisecond, "%s is %v: want at least 1ms", positive.key, positive.value)
	}
	k.want(t.Default <= t.Max, "timeouts.default is %v, above timeouts.max (%v): lower it, or raise timeouts.max", t.Default, t.Max)
	age := c.Repair.MaxRequestAge
	k.want(t.Max < age, "timeouts.max is %v: want less than repair.max_request_age (%v), or requests grow too old while they wait",
		t.Max, age)
	k.want(c.Clock.MaxDrift >= driftMin && c.Clock.MaxDrift <= driftMax,
		"clock.max_drift is %v: want %v to %s", c.Clock.MaxDrift, driftMin, formatDuration(driftMax))
	k.want(c.Clock.Warn > 0, "clock.warn is %v: want more than 0s", c.Clock.Warn)
	k.want(age > driftsPerRequest*c.Clock.MaxDrift,
		"repair.max_request_age is %v: want more than twice clock.max_drift (%v), or fresh writes look too old", age, c.Clock.MaxDrift)
	beat := time.Duration(c.Gossip.Heartbeat)
	k.want(beat == 0 || beat >= heartbeatMin && beat <= heartbeatMax,
		"gossip.heartbeat is %v: want auto, or %v to %s", c.Gossip.Heartbeat, heartbeatMin, formatDuration(heartbeatMax))
	k.want(c.Gossip.Phi >= 1 && c.Gossip.Phi <= phiMax, "gossip.phi is %d: want 1 to %d", c.Gossip.Phi, phiMax)
	k.want(c.Gossip.ProbeTimeout < c.Gossip.ProbeInterval,
		"gossip.probe_timeout is %v: want less than gossip.probe_interval (%v)", c.Gossip.ProbeTimeout, c.Gossip.ProbeInterval)
}

// Bounds of the settings of hints.
const (
	hintBytesMin = MiB
	hintBytesMax = 1024 * GiB
	hintAgeMin   = time.Minute
	hintAgeMax   = 30 * 24 * time.Hour
	hintRetryMin = 100 * time.Millisecond
	hintRetryMax = time.Hour
)

func (c *Config) checkHints(k *check) {
	h := &c.Hints
	k.want(h.MaxBytes >= hintBytesMin && h.MaxBytes <= hintBytesMax, "hints.max_bytes is %v: want %v to %v", h.MaxBytes, hintBytesMin, hintBytesMax)
	k.want(h.MaxAge >= hintAgeMin && h.MaxAge <= hintAgeMax, "hints.max_age is %v: want %v to %s", h.MaxAge, hintAgeMin, formatDuration(hintAgeMax))
	k.want(h.ReplayRate >= repairRateMin && h.ReplayRate <= repairRateMax, "hints.replay_rate is %v: want %v to %v", h.ReplayRate, repairRateMin, repairRateMax)
	k.want(h.Retry >= hintRetryMin && h.Retry <= hintRetryMax, "hints.retry is %v: want %v to %s", h.Retry, hintRetryMin, formatDuration(hintRetryMax))
	k.want(h.AlarmAge > 0, "hints.alarm_age is %v: want more than 0s", h.AlarmAge)
}

func (c *Config) checkRepair(k *check) {
	r := &c.Repair
	k.want(r.ExchangeInterval >= exchangeMin && r.ExchangeInterval <= exchangeMax,
		"repair.exchange_interval is %v: want %v to %s", r.ExchangeInterval, exchangeMin, formatDuration(exchangeMax))
	k.want(r.AlarmLag > r.ExchangeInterval, "repair.alarm_lag is %v: want more than repair.exchange_interval (%v)", r.AlarmLag, r.ExchangeInterval)
	k.want(r.Rate >= repairRateMin && r.Rate <= repairRateMax, "repair.rate is %v: want %v to %v", r.Rate, repairRateMin, repairRateMax)
}

// Bounds of the settings of repair.
const (
	exchangeMin   = time.Second
	exchangeMax   = time.Hour
	repairRateMin = 64 * KiB
	repairRateMax = 4 * GiB
)

func (c *Config) checkStorage(k *check) {
	s := &c.Storage
	k.want(s.WriteBuffer >= writeBufferMin && s.WriteBuffer <= writeBufferMax,
		"storage.write_buffer is %v: want %v to %v", s.WriteBuffer, writeBufferMin, writeBufferMax)
	k.want(s.BlockCache >= blockCacheMin, "storage.block_cache is %v: want at least %v", s.BlockCache, blockCacheMin)
	k.want(s.OpenFiles >= openFilesMin, "storage.open_files is %d: want at least %d", s.OpenFiles, openFilesMin)
	k.want(s.BlockSize >= blockSizeMin && s.BlockSize <= blockSizeMax,
		"storage.block_size is %v: want %v to %v", s.BlockSize, blockSizeMin, blockSizeMax)
	k.want(s.BloomBits >= 1 && s.BloomBits <= bloomBitsMax, "storage.bloom_bits is %d: want 1 to %d", s.BloomBits, bloomBitsMax)
	k.want(s.Compression == "none" || s.Compression == "snappy", "storage.compression is %q: want none or snappy", s.Compression)
	k.want(s.Durability == "sync" || s.Durability == "periodic", "storage.durability is %q: want sync or periodic", s.Durability)
	k.want(s.SyncInterval >= syncIntervalMin && s.SyncInterval <= syncIntervalMax,
		"storage.sync_interval is %v: want %v to %v", s.SyncInterval, syncIntervalMin, syncIntervalMax)
	k.want(s.CommitBytes >= commitBytesMin && s.CommitBytes <= s.WriteBuffer,
		"storage.commit_bytes is %v: want %v to storage.write_buffer (%v)", s.CommitBytes, commitBytesMin, s.WriteBuffer)
	k.want(s.Reserve <= reserveMax, "storage.reserve is %v: want at most %v", s.Reserve, reserveMax)
	k.want(s.ScrubCycle >= scrubCycleMin, "storage.scrub_cycle is %v: want at least %v", s.ScrubCycle, scrubCycleMin)
}
