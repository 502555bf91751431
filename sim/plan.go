package sim

import (
	"slices"
	"time"
)

// Plan is what a run is made of: drawn from the seed, then bent by a scenario.
// What the run's random streams decide on the way is not in it.
type Plan struct {
	On []string // the swarm options that the draw switched on

	Found                              bool // the nodes begin without metadata
	Nodes, Replicas, Partitions, Zones int
	Shards, Slots                      int           // of each router
	Tick                               time.Duration // how often deadlines are swept
	AgeLimit, MaxDrift                 time.Duration
	Length                             time.Duration // of the phase with load and faults

	Load   Load
	Net    Net
	Disk   Disk
	Clocks Clocks
	Faults Faults
	Limits Limits
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
	// Shares of the levels; what is left is quorum.
	One, Two, All float64

	TTL       float64 // share of PUTs that expire
	NodeStamp float64 // share of writes that the node stamps
	Rows      float64 // share that asks for rows
	After     float64 // share of GETs that name a version seen before
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
}

// Disk is each node's disk.
type Disk struct {
	Write, Sync time.Duration // means
	Stall       time.Duration // mean interval of stalls; 0: none
	StallFor    time.Duration // mean
	SyncError   float64       // per sync; ends the process
	Keep        float64       // chance that a crash keeps an unsynced batch
	Damage      time.Duration // mean interval at which a synced record is damaged; 0: never
}

// Clocks are those of the nodes.
type Clocks struct {
	Offset    time.Duration // largest, either way
	Quantum   time.Duration // offsets are multiples of it; 0: any
	Drift     int64         // largest, parts per million
	Jump      time.Duration // mean interval of jumps; 0: none
	JumpUpTo  time.Duration // largest, either way
	Strobe    time.Duration // amplitude of a strobe every 100 ms; 0: none
	Fenced    bool          // a node that is off by more than MaxDrift stops coordinating
	Persisted time.Duration // how often the bound is renewed
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

	// CutAfterSend cuts a coordinator off from the other replicas after it has
	// sent a write, with this chance (scenario A4).
	CutAfterSend float64
	// KillBeforeRepair kills a coordinator that is about to write a read's winner
	// back, with this chance (scenario A5).
	KillBeforeRepair float64
	// KillAtSave kills a node while it saves a vote or the metadata, or right
	// after, with this chance (runs that begin without metadata).
	KillAtSave float64
}

// Limits are those of the nodes.
type Limits struct {
	QueueBytes, BatchBytes int
	InFlight, BatchOps     uint64
	FrameBytes, ValueBytes uint64
}

// calmPlan is the plan before options are drawn: a healthy cluster.
func calmPlan(d dice) *Plan {
	p := &Plan{
		Nodes: min(d.up(3, 9), d.up(3, 9)), Partitions: 1 << d.up(3, 6), Zones: d.up(1, 3), Shards: 1 << d.up(0, 2), Slots: 1 << 16,
		Tick: 10 * time.Millisecond, AgeLimit: 30 * time.Second, MaxDrift: 500 * time.Millisecond,
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
	p.Limits = Limits{QueueBytes: 8 << 20, BatchBytes: 512 << 10, InFlight: 1024, BatchOps: 64, FrameBytes: 2 << 20, ValueBytes: 1 << 20}
	return p
}

// option is one thing that a swarm may switch on.
type option struct {
	name string
	draw func(dice, *Plan)
}

// swarm lists the options in the order in which they are drawn.
var swarm = []option{
	{"delay", func(d dice, p *Plan) {
		p.Net.Least = d.between(0, 30*time.Millisecond)
		p.Net.Mean = d.between(5*time.Millisecond, 100*time.Millisecond)
	}},
	{"reorder", func(_ dice, p *Plan) { p.Net.Reorder = true }},
	{"loss", func(d dice, p *Plan) { x := d.Float64(); p.Net.Loss = 0.3 * x * x }},
	{"double", func(d dice, p *Plan) { p.Net.Double = d.fraction(0, 0.5) }},
	{"clog", func(d dice, p *Plan) {
		p.Net.Clog, p.Net.ClogMean = d.fraction(0, 0.02), d.between(0, 5*time.Second)
	}},
	{"narrow", func(d dice, p *Plan) { p.Net.LinkBytes = d.up(2, 20) << 8 }},
	{"cut", func(d dice, p *Plan) {
		p.Faults.Cut, p.Faults.CutFor = d.between(time.Second, 10*time.Second), d.between(time.Second, 10*time.Second)
		p.Faults.Shapes = shapeNames()
		p.Net.AnswersDropped = d.fraction(0, 0.6)
	}},
	{"unnoticed", func(d dice, p *Plan) {
		p.Net.Unnoticed, p.Net.Notice = d.fraction(0, 1), d.between(200*time.Millisecond, 8*time.Second)
	}},
	{"suspect", func(d dice, p *Plan) { p.Net.Suspect = d.between(500*time.Millisecond, 5*time.Second) }},
	{"swizzle", func(d dice, p *Plan) { p.Faults.Swizzle = d.between(2*time.Second, 10*time.Second) }},
	{"crash", func(d dice, p *Plan) {
		p.Faults.Crash, p.Faults.CrashFor = d.between(time.Second, 8*time.Second), d.between(0, 5*time.Second)
		p.Faults.PowerCut, p.Faults.Graceful = d.fraction(0, 1), d.fraction(0, 0.5)
	}},
	{"pause", func(d dice, p *Plan) {
		p.Faults.Pause, p.Faults.PauseFor = d.between(time.Second, 8*time.Second), d.between(0, 4*time.Second)
	}},
	{"slow disk", func(d dice, p *Plan) {
		p.Disk.Write, p.Disk.Sync = d.between(0, 20*time.Millisecond), d.between(0, 50*time.Millisecond)
	}},
	{"stall", func(d dice, p *Plan) {
		p.Disk.Stall, p.Disk.StallFor = d.between(time.Second, 8*time.Second), d.between(0, 4*time.Second)
	}},
	{"sync error", func(d dice, p *Plan) { p.Disk.SyncError = d.fraction(0, 0.01) }},
	{"torn tail", func(d dice, p *Plan) { p.Disk.Keep = d.fraction(0, 0.2) }},
	{"damage", func(d dice, p *Plan) { p.Disk.Damage = d.between(500*time.Millisecond, 5*time.Second) }},
	{"offset", func(d dice, p *Plan) {
		p.Clocks.Offset, p.Clocks.Quantum = pick(d, 400*time.Millisecond, 5*time.Second, 50*time.Second), pick[time.Duration](d, 0, time.Second, 30*time.Second)
	}},
	{"drift", func(d dice, p *Plan) { p.Clocks.Drift = int64(d.up(20, 500)) }},
	{"jump", func(d dice, p *Plan) {
		p.Clocks.Jump = d.between(time.Second, 10*time.Second)
		p.Clocks.JumpUpTo = pick(d, 300*time.Millisecond, 30*time.Second, time.Hour, 10*365*24*time.Hour)
	}},
	{"strobe", func(d dice, p *Plan) { p.Clocks.Strobe = d.between(0, 10*time.Second) }},
	{"fence", func(_ dice, p *Plan) { p.Clocks.Fenced = true }},
	{"short age", func(d dice, p *Plan) { p.AgeLimit = d.between(300*time.Millisecond, 5*time.Second) }},
	{"few slots", func(d dice, p *Plan) { p.Slots = d.up(1, 8) }},
	{"small queue", func(d dice, p *Plan) { p.Limits.QueueBytes, p.Limits.BatchBytes = d.up(256, 2048), d.up(128, 1024) }},
	{"hot keys", func(_ dice, p *Plan) { p.Load.Skewed, p.Load.Keys = true, max(p.Load.Keys, 20) }},
	{"many keys", func(d dice, p *Plan) { p.Load.Keys = d.up(60, 200) }},
	{"large values", func(d dice, p *Plan) { p.Load.ValueBytes = 1 << d.up(8, 14) }},
	{"delete", func(d dice, p *Plan) { p.Load.Delete = d.fraction(0, 0.3) }},
	{"ttl", func(d dice, p *Plan) { p.Load.TTL = d.fraction(0, 0.3) }},
	{"levels", func(d dice, p *Plan) {
		p.Load.One, p.Load.Two, p.Load.All = d.fraction(0, 0.4), d.fraction(0, 0.2), d.fraction(0, 0.2)
	}},
	{"batch", func(d dice, p *Plan) { p.Load.Batch = d.fraction(0, 0.1) }},
	{"scan", func(d dice, p *Plan) { p.Load.Scan = d.fraction(0, 0.03) }},
	{"bogus", func(d dice, p *Plan) { p.Load.Bogus = d.fraction(0, 0.05) }},
	{"node stamps", func(d dice, p *Plan) { p.Load.NodeStamp = d.fraction(0, 1) }},
	{"retry", func(d dice, p *Plan) { p.Load.Retry, p.Load.Again = d.fraction(0, 1), d.fraction(0, 0.2) }},
	{"outcome", func(d dice, p *Plan) { p.Load.Ask = d.fraction(0, 1) }},
	{"rows", func(d dice, p *Plan) { p.Load.Rows = d.fraction(0, 1) }},
	{"after", func(d dice, p *Plan) { p.Load.After = d.fraction(0, 0.5) }},
	{"deadlines", func(d dice, p *Plan) {
		p.Load.Deadlines = []time.Duration{d.between(5*time.Millisecond, 300*time.Millisecond), time.Second, 3 * time.Second}
	}},
	{"cut after send", func(d dice, p *Plan) {
		p.Faults.CutAfterSend = d.fraction(0, 0.02)
		p.Faults.CutFor = max(p.Faults.CutFor, d.between(0, 3*time.Second))
	}},
	{"kill before repair", func(d dice, p *Plan) {
		p.Faults.KillBeforeRepair = d.fraction(0, 0.1)
		p.Faults.CrashFor = max(p.Faults.CrashFor, d.between(0, 2*time.Second))
	}},
	{"resets", func(d dice, p *Plan) { p.Load.Resets = d.between(200*time.Millisecond, 3*time.Second) }},
}

// drawPlan draws the plan of a seed. Each option has a stream of its own, so
// that leaving one out (without) changes nothing about the others.
func drawPlan(seed uint64, without []string) *Plan {
	p := calmPlan(newDice(seed, "plan"))
	for _, o := range swarm {
		d := newDice(seed, "plan/"+o.name)
		if on := d.chance(0.5); on && !slices.Contains(without, o.name) {
			o.draw(d, p)
			p.On = append(p.On, o.name)
		}
	}
	return p
}
