package config

import "time"

// Config is every setting that a node reads. The key of a field is made of the
// tags on the way to it, joined by dots. Make one with Load or Default.
type Config struct {
	Cluster   Cluster   `key:"cluster"`
	Node      Node      `key:"node"`
	Listen    Listen    `key:"listen"`
	Advertise Advertise `key:"advertise"`

	// Insecure allows listeners beyond loopback although nothing on the wire is
	// encrypted or authenticated: who reaches a port can read and change all
	// data. Set it only on a network that you trust.
	Insecure bool `key:"insecure"`

	Limits   Limits   `key:"limits"`
	Timeouts Timeouts `key:"timeouts"`
	Read     Read     `key:"read"`
	Drain    Drain    `key:"drain"`
	Storage  Storage  `key:"storage"`
	Gossip   Gossip   `key:"gossip"`
	Hints    Hints    `key:"hints"`
	Repair   Repair   `key:"repair"`
	Clock    Clock    `key:"clock"`
	HTTP     HTTP     `key:"http"`
	Log      Log      `key:"log"`

	origins map[string]string // by key, where not the default
}

// Cluster says which cluster this node belongs to, and how it is made.
type Cluster struct {
	// Name is checked in every handshake, so that two clusters never mix. Required:
	// 1 to 64 of a-z 0-9 _ -, the same on all nodes.
	Name string `key:"name"`

	// Seeds are gossip addresses (host:port) of members that this node introduces
	// itself to when it starts. Empty: only the members it already knows.
	Seeds []string `key:"seeds"`

	// Bootstrap lists the peer addresses (host:port) of the first members, the same
	// list in the same order on all of them. The first-listed makes the cluster once
	// all of them answer and none belongs to one. Empty: this node waits to be
	// added to a cluster. It has no effect once the cluster is made.
	Bootstrap []string `key:"bootstrap"`

	// Replicas is the number of copies of each key, 1 to 63. More survive more
	// failures and cost as much more disk and traffic. Read when the cluster is
	// made; afterwards its metadata holds.
	Replicas int `key:"replicas"`

	// Namespaces are those that the cluster is founded with, beside default. Each
	// entry is a name and what requests get that do not say otherwise, for example
	// "sessions ttl=30m read=one write=quorum max_value=64KiB allow_stale". Read when
	// the cluster is made; afterwards its metadata holds.
	Namespaces []string `key:"namespaces"`

	// Partitions is the number of slices of the key space, a power of two from 1 to
	// 65536, fixed for the life of the cluster. More spread data more evenly over
	// many nodes (choose more than 1024 above 200 nodes) and cost more metadata.
	Partitions int `key:"partitions"`
}

// Node says who this node is.
type Node struct {
	// Name is what people call this node in status and logs, up to 64 bytes. Empty:
	// the host name. The identity is not this but a random id in the data directory.
	Name string `key:"name"`

	// Zone is the failure domain (rack, availability zone), up to 64 bytes. Replicas
	// are spread over zones. Empty: one zone, shared by all nodes that have none.
	Zone string `key:"zone"`

	// Region groups nodes that are near each other, up to 64 bytes. Empty: one
	// region, shared by all nodes that have none.
	Region string `key:"region"`

	// DataDir is the directory that holds everything this node stores, its identity
	// too. It is locked while the node runs, and belongs to one node only.
	DataDir string `key:"data_dir"`
}

// Listen says where this node listens, each host:port. Port 0 lets the system
// choose; an empty host or 0.0.0.0 is every interface and needs advertise.host.
type Listen struct {
	// Client is where clients connect.
	Client string `key:"client"`

	// Peer is where other nodes connect.
	Peer string `key:"peer"`

	// Gossip is where liveness is gossiped, over both TCP and UDP.
	Gossip string `key:"gossip"`

	// HTTP is where the admin API, health and metrics are served.
	HTTP string `key:"http"`
}

// Advertise says how others reach this node.
type Advertise struct {
	// Host is the name or address that other nodes and clients dial, without a port.
	// Empty: the host of each listener.
	Host string `key:"host"`
}

// Limits bound what a node holds at once. At a limit the answer is an error at
// once, never a longer queue.
type Limits struct {
	// Key is the largest key, in bytes, at least 1B. It must be the same on all nodes.
	Key Size `key:"key"`

	// Value is the largest value, in bytes: at most 8MiB and a quarter of
	// storage.write_buffer. 0B allows empty values only. It must be the same on all
	// nodes. Large values make every other request on the same connection wait.
	Value Size `key:"value"`

	// Batch is the most operations in one BATCH request, at least 1 and at most
	// limits.in_flight.
	Batch int `key:"batch"`

	// Frame is the largest frame on the wire, in bytes. 0B: limits.value + 64KiB.
	// It must have room for the largest record.
	Frame Size `key:"frame"`

	// PreauthFrame is the largest frame before a connection has introduced itself,
	// 512B to 64KiB. Lower bounds what strangers can make a node hold.
	PreauthFrame Size `key:"preauth_frame"`

	// Connections is the most client connections at once, at least 1. More are closed
	// as they come.
	Connections int `key:"connections"`

	// PerIP is the most client connections at once from one address (of IPv6, from
	// one /64 network), at least 1; it holds for connections of nodes and for those
	// of HTTP too, each by itself.
	// Raise it where many clients share an address.
	PerIP int `key:"per_ip"`

	// PreauthPerIP is how many of them may not have introduced themselves yet, at
	// least 1. Lower leaves less to those who only connect.
	PreauthPerIP int `key:"preauth_per_ip"`

	// InFlight is the most requests in flight on one connection, at least 1; the
	// surplus is OVERLOADED. More allow deeper pipelines and cost memory per request.
	InFlight int `key:"in_flight"`

	// BytesInFlight is how many bytes of requests that are being worked on, and of
	// answers that wait for their clients, a node holds, at least one frame; beyond it
	// requests are OVERLOADED.
	BytesInFlight Size `key:"bytes_in_flight"`

	// QueueDelay is how long requests may wait for processor and disk; when they wait
	// longer, as many are refused as OVERLOADED as it takes. 0s: none are. Higher
	// refuses fewer in a burst and makes all of them wait; it should be well below
	// the deadlines of clients.
	QueueDelay time.Duration `key:"queue_delay"`

	// Memory is the share of the machine's or the container's memory that this
	// process may use. Towards it the garbage collector works harder; when what is
	// alive on the heap exceeds it, requests are OVERLOADED. 0%: no limit.
	Memory Percent `key:"memory"`

	// OutputBuffer is how many bytes of answers may wait on one connection before no
	// more of its requests are read, at least one frame. What was read before is still
	// answered; at 32 times as much the connection is closed as too slow.
	OutputBuffer Size `key:"output_buffer"`

	// LinkBuffer is how many bytes may wait for one peer, at least one frame. A peer
	// whose buffer is full counts as unreachable for new requests. More rides out
	// longer stalls and costs that memory per peer.
	LinkBuffer Size `key:"link_buffer"`

	// QueueBytes is how many bytes of writes may wait for the disk, at least one
	// frame; beyond it writes are OVERLOADED. More absorbs longer stalls of the
	// disk and lets latency grow.
	QueueBytes Size `key:"queue_bytes"`
}

// Timeouts bound how long things may take.
type Timeouts struct {
	// Default is the deadline of a request that names none; above 0s, at most
	// timeouts.max.
	Default time.Duration `key:"default"`

	// Max is what longer deadlines are cut to; above 0s, below repair.max_request_age.
	Max time.Duration `key:"max"`

	// Handshake is how long a new connection may take to introduce itself; above 0s.
	Handshake time.Duration `key:"handshake"`

	// Idle is how long a connection may be silent before it is closed; above 0s.
	Idle time.Duration `key:"idle"`

	// WriteStall is how long a connection may take nothing of what waits for it
	// before it is closed; above 0s. Lower frees memory sooner, higher forgives
	// slower receivers.
	WriteStall time.Duration `key:"write_stall"`
}

// Read tunes how reads ask replicas.
type Read struct {
	// HedgePercentile is when a replica is late: after the time within which it gave
	// so many of a hundred of its last answers to reads, p1 to p99. A read that it is
	// late for asks another replica too. Lower asks sooner, and uses read.hedge_max up
	// for less.
	HedgePercentile Percentile `key:"hedge_percentile"`

	// HedgeMax is how many extra messages to replicas reads may send so, as a share
	// of those that they send anyway. 0%: none.
	HedgeMax Percent `key:"hedge_max"`
}

// Drain is how a node stops.
type Drain struct {
	// Timeout is how long a stopping node waits for requests in flight. 0s: it does
	// not wait, and clients see them as in doubt.
	Timeout time.Duration `key:"timeout"`
}

// Storage tunes the database of this node.
type Storage struct {
	// WriteBuffer is how much is gathered in memory before it is written out as a
	// table, 1MiB to 1GiB; up to three of them are held. Higher writes fewer and
	// larger tables, and takes longer to replay at start.
	WriteBuffer Size `key:"write_buffer"`

	// BlockCache is the memory for blocks read from tables, at least 1MiB. Indexes
	// and filters live in it too: too small a cache reads them again and again.
	BlockCache Size `key:"block_cache"`

	// OpenFiles is how many tables are kept open, at least 16. A table that is not
	// open costs several reads more. Mind the limit of the process.
	OpenFiles int `key:"open_files"`

	// BlockSize is the unit in which tables are read, 1KiB to 1MiB. Larger suits
	// scans, smaller suits single keys.
	BlockSize Size `key:"block_size"`

	// RecordCache is the memory for the records that were read or written last. It
	// spares most of what a read costs, and a write, which reads what it replaces. 0B
	// holds none.
	RecordCache Size `key:"record_cache"`

	// BloomBits is how many bits of filter are kept per key, 1 to 32. More spare more
	// reads for keys that are not there: 10 leave about 1 in 100.
	BloomBits int `key:"bloom_bits"`

	// Compression of tables: none or snappy.
	Compression string `key:"compression"`

	// Durability is when this node says that it has a write: sync, once that is synced
	// to its disk; or periodic, once the operating system has it, and then a power cut
	// takes what was written since the last sync. Receipts count the replicas that
	// answer so under acked, and not under durable.
	Durability string `key:"durability"`

	// SyncInterval is how long after it was written everything is synced where
	// storage.durability is periodic, 10ms to 1m. Longer loses more to a power cut.
	SyncInterval time.Duration `key:"sync_interval"`

	// CommitBytes is how much one batch gathers at most, at least 1KiB and at
	// most storage.write_buffer; a single larger record goes alone. Higher shares a
	// sync among more writes, lower answers the first of them sooner.
	CommitBytes Size `key:"commit_bytes"`

	// Reserve is the share of the disk that values may not use, besides what the
	// database needs to compact itself, up to 50%. When no more is free, writes of
	// values are refused (DISK_FULL); reads and deletes go on, and writes do again
	// by themselves when there is room. Higher refuses earlier. 0%: no reserve; a
	// full disk then stops this node's storage until it is restarted.
	Reserve Percent `key:"reserve"`

	// DiskWarn is the share of the disk in use from which on status says DEGRADED.
	// 100%: never.
	DiskWarn Percent `key:"disk_warn"`

	// ScrubCycle is the time within which everything that is stored is re-read and
	// compared with its checksums; at least 1s. Lower finds damage sooner and reads
	// more.
	ScrubCycle time.Duration `key:"scrub_cycle"`
}

// Gossip tunes how members watch each other.
type Gossip struct {
	// ProbeInterval is how often this node probes a random member; above 0s. Lower
	// notices failures sooner and sends more packets.
	ProbeInterval time.Duration `key:"probe_interval"`

	// ProbeTimeout is how long a probe waits for its answer; above 0s, below
	// gossip.probe_interval. Lower suspects slow networks wrongly.
	ProbeTimeout time.Duration `key:"probe_timeout"`

	// RejoinInterval is how often known members that are not alive are dialled again;
	// above 0s. Lower heals a partition sooner.
	RejoinInterval time.Duration `key:"rejoin_interval"`

	// Heartbeat is how often a node that has nothing else to say lets each peer hear of
	// it, 100ms to 1m, or auto: 0.5 s, and from 100 nodes on 5 ms for each node, up to
	// 5 s. A peer that is silent for about two and a half times as long is asked last.
	// It must be the same on all nodes.
	Heartbeat AutoDuration `key:"heartbeat"`

	// Phi is how surprising the silence of a peer has to be before that peer is asked
	// last, 1 to 100: 8 is a silence as one heartbeat in 10^8 would leave. 12 suits
	// networks in which packets are never lost and rarely late. Higher errs more rarely
	// and notices later.
	Phi int `key:"phi"`
}

// Hints bounds the writes that are kept for nodes that may lack them.
type Hints struct {
	// MaxBytes is how many bytes of hints are kept here for one node, 1MiB to 1TiB;
	// beyond it the partition is marked, and repair brings that node up to date.
	// More lets a node stay away longer before it has to be repaired.
	MaxBytes Size `key:"max_bytes"`
	// MaxAge is the age at which hints that counted for no acknowledgement are left
	// to repair, 1m to 720h. Longer lets a node stay away longer.
	MaxAge time.Duration `key:"max_age"`
	// ReplayRate bounds the hints that are sent, in bytes per second, 64KiB to 4GiB, to
	// all nodes together; while clients have to wait none are. Higher brings a node
	// that was away up to date sooner.
	ReplayRate Size `key:"replay_rate"`
	// Retry is the longest pause after a node that can be reached was not able to take
	// its hints, 100ms to 1h. Shorter asks it more often.
	Retry time.Duration `key:"retry"`
	// AlarmAge is the age of the oldest hint from which on status stops saying OK;
	// above 0s.
	AlarmAge time.Duration `key:"alarm_age"`
}

// Repair says how replicas are compared, and how old what is written may be.
type Repair struct {
	// ExchangeInterval is how often each pair of nodes compares what it holds, 1s to
	// 1h. Shorter finds sooner what differs, and lets deleted keys be purged sooner;
	// it costs a message of some KiB each time.
	ExchangeInterval time.Duration `key:"exchange_interval"`
	// AlarmLag is how long ago all replicas may have been proved to agree before
	// status stops saying OK; above repair.exchange_interval.
	AlarmLag time.Duration `key:"alarm_lag"`
	// Rate bounds what repair reads and sends, in bytes per second, 64KiB to 4GiB; an
	// eighth of it while clients have to wait.
	Rate Size `key:"rate"`
	// MaxRequestAge is the age at which a fresh write is refused (CLOCK); above
	// timeouts.max, and above twice clock.max_drift. Higher lets clients retry the
	// same write for longer and delays the purge of deleted keys. It must be the
	// same on all nodes.
	MaxRequestAge time.Duration `key:"max_request_age"`
}

// Clock bounds how far clocks may be apart.
type Clock struct {
	// Warn is how far this node's clock may be off the median of all members' before
	// status says DEGRADED; above 0s. Above clock.max_drift it is as that.
	Warn time.Duration `key:"warn"`
	// MaxDrift is how far a clock may be ahead of this node's before it is not
	// followed, 1ms to 1m. Lower fences nodes with bad clocks sooner, and healthy
	// ones wrongly. It must be the same on all nodes.
	MaxDrift time.Duration `key:"max_drift"`
}

// HTTP is what the admin API serves, and to whom.
type HTTP struct {
	// Hosts are further names, without a port, by which this node is asked over
	// HTTP: what stands in Host must be one of them, a loopback name, the address
	// that the connection came to, or a host of listen.http or advertise.host. It
	// keeps pages out whose name was made to point here.
	Hosts []string `key:"hosts"`

	// Data says whether keys can be read and written over HTTP. False leaves state,
	// probes and metrics.
	Data bool `key:"data"`
}

// Log says what is logged, and how.
type Log struct {
	// Level is the least level that is logged: debug, info, warn or error.
	Level string `key:"level"`

	// Format is text, json, or auto: text on a terminal, else json.
	Format string `key:"format"`
}
