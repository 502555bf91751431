package sim

import (
	"time"

	"github.com/candordb/candor/contract"
)

// Plan is what a run is made of: drawn from the seed, then bent by a scenario.
// What the run's random streams decide on the way is not in it.
type Plan struct {
	On []string // the swarm options that the draw switched on

	Found                              bool // the nodes begin without metadata
	Agreed                             bool // the nodes have epoch 1, and decide later ones themselves
	Nodes, Replicas, Partitions, Zones int
	Regions                            int
	Spaces                             []Space       // namespaces beside the default one
	Shards, Slots                      int           // of each router
	Tick                               time.Duration // how often deadlines are swept
	Hedge                              int           // extra messages of reads, per cent
	AgeLimit, MaxDrift                 time.Duration
	Length                             time.Duration // of the phase with load and faults

	Load    Load
	Net     Net
	Disk    Disk
	Clocks  Clocks
	Faults  Faults
	Limits  Limits
	Healing Healing
	Bugs    [bugCount]bool // the points that are enabled, see buggify.go
}

// Space is a namespace, as the metadata of the cluster have it.
type Space struct {
	Name        string
	Read, Write contract.Level // of requests that name none
	TTL         uint64         // milliseconds, of writes that name none; 0: never
	ValueBytes  uint64         // of the largest value; 0: no limit of its own
}

// Load is what the clients do.
type Load struct {
	Clients    int
	Keys       int
	Skewed     bool // a few keys get most of the traffic
	Ops        int  // about how many, in the whole run
	ValueBytes int  // of the largest values
	Deadlines  []time.Duration

	// Shares of the operations; what is left are GETs.
	Put, Delete, Batch, Scan, Element, Bogus float64
	Settle                                   float64 // OUTCOME of anybody's write
	Explain                                  float64
	// Shares of the levels; what is left is quorum.
	One, Two, All, Any                float64
	LocalOne, LocalQuorum, EachQuorum float64

	TTL       float64 // share of PUTs that expire
	NodeStamp float64 // share of writes that the node stamps
	Rows      float64 // share that asks for rows
	Trace     float64 // share that asks for a trace
	After     float64 // share of GETs that name a version seen before
	Seen      float64 // share of writes that say what they have seen
	Sessions  float64 // share of clients that always do both
	Weaken    float64 // share of reads that take a lower level
	Ordered   float64 // share of node-stamped writes that are ordered
	Sloppy    float64 // share of writes for which stand-ins count
	KeysOnly  float64 // share of scans
	ScanHigh  float64 // share of scans above level one
	Retry     float64 // chance that a write in doubt is sent again, with the same version
	Again     float64 // chance that an answered write is sent again
	Ask       float64 // chance that a write in doubt is settled by OUTCOME
	Resets    time.Duration
}

// Net is the network between nodes. Clients stand beside a node each: what cuts
// that node off cuts them off.
type Net struct {
	Least, Mean    time.Duration // delay: a minimum, and an exponential tail
	Reorder        bool
	Loss, Double   float64
	Clog           float64 // per message, that its path is clogged
	ClogMean       time.Duration
	LinkBytes      int           // on their way from one node to another at a time
	Notice         time.Duration // until silence is taken for a dead link
	Unnoticed      float64       // chance that a cut is not noticed at all
	Suspect        time.Duration // mean interval of false suspicions; 0: none
	AnswersDropped float64       // of cuts: chance that only one direction is cut
	Straggle       float64       // per message: that it takes up to StraggleFor
	StraggleFor    time.Duration
}

// Disk is each node's disk.
type Disk struct {
	Write, Sync time.Duration // means
	Stall       time.Duration // mean interval of stalls; 0: none
	StallFor    time.Duration // mean
	Full        time.Duration // mean interval at which a disk has no room; 0: never
	FullFor     time.Duration // mean
	SyncError   float64       // per sync; ends the process
	Keep        float64       // chance that a crash keeps an unsynced batch
	Damage      time.Duration // mean interval at which a synced record is damaged; 0: never
	Silent      time.Duration // mean interval at which one is lost, or an older one in its place; 0: never
	Wreck       time.Duration // mean interval at which a node comes back with less than it has told; 0: never
	Wrecks      []string      // how: see wreckSomeone
	Copy        time.Duration // mean interval at which the disk of a node is copied; 0: never
	OldClock    bool          // the clock of a node whose older copy is restored goes back as far
}

// Clocks are those of the nodes.
type Clocks struct {
	Offset    time.Duration // largest, either way
	Quantum   time.Duration // offsets are multiples of it; 0: any
	Drift     int64         // largest, parts per million
	Jump      time.Duration // mean interval of jumps; 0: none
	JumpUpTo  time.Duration // largest, either way
	Strobe    time.Duration // amplitude of a strobe every 100 ms; 0: none
	One       time.Duration // jump of one node's clock, for the middle third of the run; 0: none
	Fenced    bool          // a node that is off by more than MaxDrift stops coordinating
	Persisted time.Duration // how often the bound is renewed
}

// Healing is how nodes make up for what they have missed.
type Healing struct {
	Leaves, FanOut  int           // of the trees
	Tick            time.Duration // how often it is asked what there is to do
	Interval        time.Duration // of the comparisons of a pair of nodes
	Timeout         time.Duration // of messages between them
	Rate, HintRate  int64         // bytes per second; 0: their defaults
	HintBytes       int64         // for one target
	HintAge         time.Duration // of hints that did not count
	Retry           time.Duration // the longest pause after a target refused its hints
	Wipe            float64       // chance that a crash loses all hints
	KillInReplay    float64       // chance that a node dies as it sends some hints
	Pause, PauseFor time.Duration // mean interval at which an operator stops repair on a node, and for how long; 0: never
	Pass            time.Duration // mean interval of repairs that an operator wants; 0: never
	Scrub           time.Duration // mean interval at which a node reads all of a partition
}

// Faults are those of whole nodes and of the network as a whole. Each begins
// after an interval with that mean and lasts for about that long; an interval
// of 0 switches it off.
type Faults struct {
	Cut, CutFor     time.Duration
	Shapes          []string // of cuts; see shapes
	Regular         bool     // cuts come and last exactly so long
	Crash, CrashFor time.Duration
	PowerCut        float64 // share of crashes that no peer is told of
	Graceful        float64 // share of stops that say goodbye first
	Pause, PauseFor time.Duration
	Swizzle         time.Duration
	Epoch           time.Duration // mean interval of new epochs, which nodes adopt one by one, or of proposals

	// CutAfterSend cuts a coordinator off from the other replicas after it has
	// sent a write, with this chance (scenario A4).
	CutAfterSend float64
	// KillBeforeRepair kills a coordinator that is about to write a read's winner
	// back, with this chance (scenario A5).
	KillBeforeRepair float64
	// KillAtSave kills a node while it saves a vote or the metadata, or right
	// after, with this chance (runs in which the nodes decide epochs).
	KillAtSave float64
}

// Limits are those of the nodes.
type Limits struct {
	QueueBytes, BatchBytes int
	InFlight, BatchOps     uint64
	FrameBytes, ValueBytes uint64
	KeyBytes               uint64
}

// calmPlan is the plan before options are drawn: a healthy cluster.
func calmPlan(d dice) *Plan {
	p := &Plan{
		Nodes: min(d.up(3, 9), d.up(3, 9)), Regions: 1, Partitions: 1 << d.up(3, 6), Zones: d.up(1, 3), Shards: 1 << d.up(0, 2), Slots: 1 << 16,
		Tick: 10 * time.Millisecond, Hedge: 5, AgeLimit: d.between(1500*time.Millisecond, 5*time.Second), MaxDrift: 500 * time.Millisecond,
		Length: d.between(15*time.Second, 35*time.Second),
	}
	p.Replicas = min(pick(d, 1, 2, 3, 3, 3, 3, 4, 5), p.Nodes)
	p.Load = Load{
		Clients: d.up(2, 24), Keys: d.up(1, 60), Ops: 6000, ValueBytes: 64, Deadlines: []time.Duration{500 * time.Millisecond},
		Put: 0.4, Element: 0.05,
	}
	p.Net = Net{Least: 100 * time.Microsecond, Mean: 300 * time.Microsecond, LinkBytes: 8 << 20, Notice: 3 * time.Second}
	p.Disk = Disk{Write: 50 * time.Microsecond, Sync: 100 * time.Microsecond, Keep: 0.5}
	p.Clocks = Clocks{Persisted: time.Second, Drift: 20}
	p.Healing = Healing{
		Leaves: 1 << d.up(2, 6), FanOut: 1 << d.up(1, 3), Tick: 100 * time.Millisecond, Interval: d.between(500*time.Millisecond, 2*time.Second),
		Timeout: d.between(time.Second, 5*time.Second), HintBytes: 1 << 20, HintAge: time.Hour, Retry: time.Second, Scrub: 500 * time.Millisecond,
	}
	p.Limits = Limits{QueueBytes: 8 << 20, BatchBytes: 512 << 10, InFlight: 1024, BatchOps: 64, FrameBytes: 2 << 20, ValueBytes: 1 << 20, KeyBytes: 4096}
	return p
}
