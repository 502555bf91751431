package verdict

// Report is what a node says of itself. Ages in it are as of when it was made;
// Member.AgeMS is to be added. Names of nodes are ids.
type Report struct {
	Version     Opt[string] `json:"version"`     // of the build
	Incarnation Opt[uint64] `json:"incarnation"` // number of its starts
	UptimeMS    Opt[int64]  `json:"uptime_ms"`
	Epoch       Opt[uint64] `json:"epoch"`        // that it acts on; 0: it has none
	EpochAgeMS  Opt[int64]  `json:"epoch_age_ms"` // for how long

	// Fenced: its clock may not be used, so it does not coordinate.
	Fenced   Opt[bool] `json:"fenced"`
	Draining Opt[bool] `json:"draining"` // it shuts down
	// Stopped is why the storage has stopped; "": it runs.
	Stopped    Opt[string]     `json:"stopped"`
	Quarantine Opt[Quarantine] `json:"quarantine"`
	// Waiting is why it serves nothing yet, as a replica either; "": it serves.
	Waiting Opt[string] `json:"waiting"`

	// OffsetMS is how far its clock is ahead of the median of all members' clocks, its
	// own included; so of a node that is alone it is 0.
	OffsetMS Opt[int64] `json:"clock_offset_ms"`
	Disk     Opt[Disk]  `json:"disk"`
	Probe    Opt[Probe] `json:"probe"`
	// FsyncP99US is what the 99th percentile of the last syncs of its journal is below,
	// microseconds. Syncs says more of it.
	FsyncP99US Opt[int64] `json:"fsync_p99_us"`
	Syncs      Opt[Syncs] `json:"syncs"`
	Stall      Opt[Stall] `json:"stall"`

	Hints   Opt[[]Hints] `json:"hints"` // of each target that it has or had any for
	Dirty   Opt[[]Dirty] `json:"dirty"`
	Repair  Opt[Repair]  `json:"repair"`
	Damage  Opt[[]Found] `json:"damage"`   // that is open; empty: none
	Arrived Opt[[]Found] `json:"refused"`  // at or below a watermark, which cannot be; by what it was
	Scrub   Opt[Scrub]   `json:"scrub"`    // how far stored records were read anew
	Peers   Opt[[]Peer]  `json:"peers"`    // every other member, as this node sees it
	Voters  Opt[Voters]  `json:"voters"`   // of the metadata
	Gossip  Opt[Health]  `json:"gossip"`   // of its part in the gossip
	Traffic Opt[Traffic] `json:"traffic"`  // of the last minutes
	Process Opt[Process] `json:"process"`  // what it may use, and uses
	Seeds   Opt[Seeds]   `json:"seeds"`    // of its configuration
	Bounds  Bounds       `json:"bounds"`   // of its configuration
	Shared  Opt[[]Value] `json:"settings"` // that have to be the same on all nodes

	Durability Opt[string] `json:"durability"` // sync, periodic
	Insecure   Opt[bool]   `json:"insecure"`   // it lets anybody in beyond loopback

	DataBytes  Opt[int64]  `json:"data_bytes"`
	Keys       Opt[uint64] `json:"keys"`
	ReadP99US  Opt[int64]  `json:"read_p99_us"`
	WriteP99US Opt[int64]  `json:"write_p99_us"`
}

// Quarantine is the partitions that a node neither serves nor votes for, until they
// are rebuilt; none: all is well.
type Quarantine struct {
	Partitions Partitions `json:"partitions"`
	Why        string     `json:"why"`
	Rebuilt    int        `json:"rebuilt"` // partitions of this rebuild that are done
	Of         int        `json:"of"`      // partitions that it began with
	Waiting    string     `json:"waiting"` // what a rebuild that does not go on waits for; "": it goes on
}

// Disk is the file system with the data.
type Disk struct {
	TotalBytes   int64 `json:"total_bytes"`
	FreeBytes    int64 `json:"free_bytes"`
	ReserveBytes int64 `json:"reserve_bytes"`
	InReserve    bool  `json:"in_reserve"` // writes are refused
}

// Probe is the last timed write with fsync. While one is under way that has taken
// less than a second, it is the one before.
type Probe struct {
	TookMS int64  `json:"took_ms"` // or takes, so far
	AgeMS  int64  `json:"age_ms"`  // since it ended; 0 while it is under way
	Error  string `json:"error"`   // why it failed, or that it has not ended; "": it succeeded
}

// Stall is how the storage holds writes up.
type Stall struct {
	Paused    bool  `json:"paused"`     // a write waits now because compaction is behind
	DelayedMS int64 `json:"delayed_ms"` // time that writes were held up in the last minute
	Level0    int   `json:"level0"`     // tables that wait for compaction
}

// Syncs are those of the journal in the last minutes. They are counted in buckets, so that
// the 99th percentile is known to lie between two times, microseconds.
type Syncs struct {
	Count  uint64 `json:"count"`
	FromUS int64  `json:"p99_from_us"`
	ToUS   int64  `json:"p99_to_us"` // 0: it may be anything from there on
}

// Hints are those that a node keeps for another one.
type Hints struct {
	Target      string `json:"target"`
	Count       int    `json:"count"`
	Bytes       int64  `json:"bytes"`
	BoundBytes  int64  `json:"bound_bytes"`   // 0: none
	OldestAgeMS int64  `json:"oldest_age_ms"` // 0 if there is none
	Overflowed  uint64 `json:"overflowed"`    // not stored for lack of room or time, since no partition was marked for it
	Expired     uint64 `json:"expired"`       // too old to deliver, since then
	Withheld    uint64 `json:"withheld"`      // not stored, as a node that is to be rebuilt keeps none, since then
	Refused     uint64 `json:"refused"`       // by the target, since the start
}

// Dirty is how many partitions are marked as due for repair at a target.
type Dirty struct {
	Target     string `json:"target"`
	Partitions int    `json:"partitions"`
}

// Repair is how far replicas have been compared.
type Repair struct {
	Running bool       `json:"running"` // its loop turns
	Paused  bool       `json:"paused"`  // on purpose
	States  []Repaired `json:"states"`
}

// Repaired is the state that some partitions share, at this node. Every partition that
// it owns is in one of them.
type Repaired struct {
	Partitions Partitions `json:"partitions"`
	// AsOf is up to when all replicas have proven that they hold everything, as far as
	// this node knows; not known before the first proof.
	AsOf Opt[Time] `json:"repaired_as_of"`
	// HeldBy is the pair of replicas whose proof is the oldest; empty: none holds it back.
	HeldBy    []string  `json:"held_by"`
	Watermark Opt[Time] `json:"watermark"` // up to which deletes were purged
	Tree      string    `json:"tree"`      // ready, building
}

// Found is how often something was found: damage by who found it (read, scrub,
// repair, stream, start), or what arrived that must not.
type Found struct {
	What  string   `json:"what"`
	Count uint64   `json:"count"`
	Where []string `json:"where"` // keys or files, the first few, in words
}

// Scrub is the reading of stored records anew.
type Scrub struct {
	AsOf Opt[Time] `json:"as_of"` // all records were read since then; not known before the first round
}

// Peer is how a node sees another one.
type Peer struct {
	ID         string      `json:"id"`
	State      string      `json:"state"`     // up, suspect, down
	Phi        Opt[uint64] `json:"phi_milli"` // how surprising its silence is, in thousandths
	RTTUS      Opt[int64]  `json:"rtt_us"`
	OffsetMS   Opt[int64]  `json:"offset_ms"`    // how far its clock is ahead of this node's
	HeardAgeMS Opt[int64]  `json:"heard_age_ms"` // since it was last heard
	// Cooling: it is suspect only because it is back for too short a time to be trusted.
	Cooling bool `json:"cooling"`
}

// The states of a peer. Any other word is not known.
const (
	Up      = "up"
	Suspect = "suspect"
	Down    = "down"
)

// Voters are those of the metadata that this node reaches, itself included.
type Voters struct {
	Reachable int `json:"reachable"`
	Of        int `json:"of"`
}

// Health is how well a node keeps up with the gossip: 0 is well.
type Health struct {
	Score   int   `json:"score"`
	SinceMS int64 `json:"since_ms"` // for how long it has been above 0
}

// Traffic is what became of the writes that a node coordinated in the last minutes.
type Traffic struct {
	OverMS  int64  `json:"over_ms"`
	Writes  uint64 `json:"writes"`
	InDoubt uint64 `json:"in_doubt"`
}

// Process is what a node may use of its machine. A maximum of 0: there is none.
type Process struct {
	Files     uint64 `json:"files"` // open
	FilesMax  uint64 `json:"files_max"`
	HeapBytes uint64 `json:"heap_bytes"` // alive
	MemoryMax uint64 `json:"memory_max_bytes"`
}

// Seeds are the gossip addresses that a node introduces itself to.
type Seeds struct {
	Listed     int      `json:"listed"`
	Unresolved []string `json:"unresolved"`
	OnlySelf   bool     `json:"only_self"` // all of them are this node
}

// Bounds are the settings that the verdict measures by.
type Bounds struct {
	HintsAlarmAgeMS Opt[int64] `json:"hints_alarm_age_ms"`
	RepairLagMS     Opt[int64] `json:"repair_alarm_lag_ms"`
	ClockWarnMS     Opt[int64] `json:"clock_warn_ms"`
	ClockMaxDriftMS Opt[int64] `json:"clock_max_drift_ms"`
	DiskWarnPercent Opt[int64] `json:"disk_warn_percent"`
}

// Value is a setting as text.
type Value struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Add puts a partition to the others that are in the same state. Partitions come in
// ascending order.
func (r *Repair) Add(partition int, state Repaired) {
	for i := len(r.States) - 1; i >= 0 && i >= len(r.States)-sharedStates; i-- {
		if at := &r.States[i]; at.sameAs(&state) {
			at.Partitions = append(at.Partitions, partition)
			return
		}
	}
	state.Partitions = Partitions{partition}
	r.States = append(r.States, state)
}

// sharedStates is how far back Add looks: partitions of the same owners share a state.
const sharedStates = 64

func (r *Repaired) sameAs(o *Repaired) bool {
	if len(r.HeldBy) != len(o.HeldBy) {
		return false
	}
	for i := range r.HeldBy {
		if r.HeldBy[i] != o.HeldBy[i] {
			return false
		}
	}
	return r.AsOf == o.AsOf && r.Watermark == o.Watermark && r.Tree == o.Tree
}
