package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/candordb/candor/contract"
)

// option is one thing that a swarm may switch on. Most are on in one run of two:
// a run with everything on finds less than many runs with a few.
type option struct {
	name   string
	chance float64
	draw   func(dice, *Plan)
}

const half = 0.5

// swarm lists the options in the order in which they are drawn.
var swarm = slices.Concat(networkOptions, faultOptions, clockOptions, limitOptions, loadOptions, healingOptions, wreckOptions, rotOptions, bugOptions())

var networkOptions = []option{
	{"delay", half, func(d dice, p *Plan) {
		p.Net.Least = d.between(0, 30*time.Millisecond)
		p.Net.Mean = d.between(5*time.Millisecond, 100*time.Millisecond)
	}},
	{"reorder", half, func(_ dice, p *Plan) { p.Net.Reorder = true }},
	{"loss", half, func(d dice, p *Plan) { x := d.Float64(); p.Net.Loss = 0.3 * x * x }},
	{"double", half, func(d dice, p *Plan) { p.Net.Double = d.fraction(0, 0.5) }},
	{"clog", half, func(d dice, p *Plan) {
		p.Net.Clog, p.Net.ClogMean = d.fraction(0, 0.02), d.between(0, 5*time.Second)
	}},
	{"straggler", half, func(d dice, p *Plan) {
		p.Net.Straggle, p.Net.StraggleFor = d.fraction(0, 0.01), time.Hour
	}},
	{"narrow", half, func(d dice, p *Plan) { p.Net.LinkBytes = d.up(2, 20) << 8 }},
	{"cut", half, func(d dice, p *Plan) {
		p.Faults.Cut, p.Faults.CutFor = d.between(time.Second, 10*time.Second), d.between(time.Second, 10*time.Second)
		p.Faults.Shapes = shapeNames()
		p.Net.AnswersDropped = d.fraction(0, 0.6)
	}},
	{"unnoticed", half, func(d dice, p *Plan) {
		p.Net.Unnoticed, p.Net.Notice = d.fraction(0, 1), d.between(200*time.Millisecond, 8*time.Second)
	}},
	{"suspect", half, func(d dice, p *Plan) { p.Net.Suspect = d.between(500*time.Millisecond, 5*time.Second) }},
	{"swizzle", half, func(d dice, p *Plan) { p.Faults.Swizzle = d.between(2*time.Second, 10*time.Second) }},
	{"resets", half, func(d dice, p *Plan) { p.Load.Resets = d.between(200*time.Millisecond, 3*time.Second) }},
}

var faultOptions = []option{
	{"crash", half, func(d dice, p *Plan) {
		p.Faults.Crash, p.Faults.CrashFor = d.between(time.Second, 8*time.Second), d.between(0, 5*time.Second)
		p.Faults.PowerCut, p.Faults.Graceful = d.fraction(0, 1), d.fraction(0, 0.5)
	}},
	{"pause", half, func(d dice, p *Plan) {
		p.Faults.Pause, p.Faults.PauseFor = d.between(time.Second, 8*time.Second), d.between(0, 4*time.Second)
	}},
	{"slow disk", half, func(d dice, p *Plan) {
		p.Disk.Write, p.Disk.Sync = d.between(0, 20*time.Millisecond), d.between(0, 50*time.Millisecond)
	}},
	{"stall", half, func(d dice, p *Plan) {
		p.Disk.Stall, p.Disk.StallFor = d.between(time.Second, 8*time.Second), d.between(0, 4*time.Second)
	}},
	{"full disk", half, func(d dice, p *Plan) {
		p.Disk.Full, p.Disk.FullFor = d.between(time.Second, 8*time.Second), d.between(0, 3*time.Second)
	}},
	{"sync error", half, func(d dice, p *Plan) { p.Disk.SyncError = d.fraction(0, 0.01) }},
	{"torn tail", half, func(d dice, p *Plan) { p.Disk.Keep = d.fraction(0, 0.2) }},
	{"damage", half, func(d dice, p *Plan) { p.Disk.Damage = d.between(500*time.Millisecond, 5*time.Second) }},
	{"cut after send", half, func(d dice, p *Plan) {
		p.Faults.CutAfterSend = d.fraction(0, 0.02)
		p.Faults.CutFor = max(p.Faults.CutFor, d.between(0, 3*time.Second))
	}},
	{"kill before repair", half, func(d dice, p *Plan) {
		p.Faults.KillBeforeRepair = d.fraction(0, 0.1)
		p.Faults.CrashFor = max(p.Faults.CrashFor, d.between(0, 2*time.Second))
	}},
	{"epochs", half, func(d dice, p *Plan) { p.Faults.Epoch = d.between(time.Second, 10*time.Second) }},
	// Rare, as the nodes' talk about epochs makes a run several times as long.
	{"agreed epochs", 0.1, func(d dice, p *Plan) {
		p.Agreed, p.Faults.Epoch, p.Faults.KillAtSave = true, d.between(500*time.Millisecond, 4*time.Second), d.fraction(0, 0.05)
	}},
}

// A clock that is far off makes most requests fail, so that little else is
// tested in such a run: these options are rarer.
var clockOptions = []option{
	{"offset", 0.4, func(d dice, p *Plan) {
		p.Clocks.Offset, p.Clocks.Quantum = pick(d, 400*time.Millisecond, 5*time.Second, 50*time.Second), pick[time.Duration](d, 0, time.Second, 30*time.Second)
	}},
	{"drift", half, func(d dice, p *Plan) { p.Clocks.Drift = int64(d.up(20, 500)) }},
	{"jump", 0.3, func(d dice, p *Plan) {
		p.Clocks.Jump = d.between(time.Second, 10*time.Second)
		p.Clocks.JumpUpTo = pick(d, 300*time.Millisecond, 30*time.Second, time.Hour, 10*365*24*time.Hour)
	}},
	{"strobe", 0.25, func(d dice, p *Plan) { p.Clocks.Strobe = d.between(0, 10*time.Second) }},
	{"fence", half, func(_ dice, p *Plan) { p.Clocks.Fenced = true }},
	{"short age", half, func(d dice, p *Plan) { p.AgeLimit = d.between(300*time.Millisecond, 5*time.Second) }},
}

var limitOptions = []option{
	{"limits", half, func(d dice, p *Plan) {
		share := func(limit int) int { return max(1, limit*d.up(1, 100)/100) }
		l := &p.Limits
		l.InFlight, l.BatchOps = uint64(share(1024)), uint64(share(64))
		l.QueueBytes, l.BatchBytes = share(l.QueueBytes), share(l.BatchBytes)
		l.ValueBytes, l.KeyBytes = uint64(share(1<<20)), uint64(share(4096))
		// A frame has to hold the largest key and value.
		l.FrameBytes = max(uint64(share(2<<20)), l.ValueBytes+l.KeyBytes+4096)
		p.Net.LinkBytes = share(p.Net.LinkBytes)
	}},
	{"few slots", half, func(d dice, p *Plan) { p.Slots = d.up(2, 8) }}, // a SCAN needs one beside its own for a key that differs
	{"small queue", half, func(d dice, p *Plan) { p.Limits.QueueBytes, p.Limits.BatchBytes = d.up(256, 2048), d.up(128, 1024) }},
}

var loadOptions = []option{
	{"regions", half, func(d dice, p *Plan) { p.Regions = d.up(2, regionsMax) }},
	{"namespaces", half, func(d dice, p *Plan) {
		for i := range d.up(1, 3) {
			sp := Space{Name: fmt.Sprintf("ns-%d", i)}
			if d.chance(half) {
				levels := pick(d, [2]contract.Level{contract.One, contract.All}, [2]contract.Level{contract.All, contract.One}, [2]contract.Level{contract.One, contract.Quorum})
				sp.Read, sp.Write = levels[0], levels[1]
			}
			if d.chance(half) {
				sp.TTL = uint64(d.up(50, 5000))
			}
			if d.chance(half) {
				sp.ValueBytes = uint64(d.up(16, 256))
			}
			p.Spaces = append(p.Spaces, sp)
		}
	}},
	{"hot keys", half, func(_ dice, p *Plan) { p.Load.Skewed, p.Load.Keys = true, max(p.Load.Keys, 20) }},
	{"many keys", half, func(d dice, p *Plan) { p.Load.Keys = d.up(60, 200) }},
	{"large values", half, func(d dice, p *Plan) { p.Load.ValueBytes = 1 << d.up(8, 14) }},
	{"delete", half, func(d dice, p *Plan) { p.Load.Delete = d.fraction(0, 0.3) }},
	{"ttl", half, func(d dice, p *Plan) { p.Load.TTL = d.fraction(0, 0.3) }},
	{"levels", half, func(d dice, p *Plan) {
		p.Load.One, p.Load.Two, p.Load.All = d.fraction(0, 0.3), d.fraction(0, 0.15), d.fraction(0, 0.15)
	}},
	{"local levels", half, func(d dice, p *Plan) {
		p.Load.LocalOne, p.Load.LocalQuorum, p.Load.EachQuorum = d.fraction(0, 0.15), d.fraction(0, 0.25), d.fraction(0, 0.15)
	}},
	{"batch", half, func(d dice, p *Plan) { p.Load.Batch = d.fraction(0, 0.1) }},
	{"scan", half, func(d dice, p *Plan) {
		p.Load.Scan, p.Load.ScanHigh, p.Load.KeysOnly = d.fraction(0, 0.03), d.fraction(0.3, 1), d.fraction(0, 0.3)
	}},
	{"bogus", half, func(d dice, p *Plan) { p.Load.Bogus = d.fraction(0, 0.05) }},
	{"node stamps", half, func(d dice, p *Plan) { p.Load.NodeStamp = d.fraction(0, 1) }},
	{"ordered", half, func(d dice, p *Plan) {
		p.Load.NodeStamp, p.Load.Ordered = max(p.Load.NodeStamp, d.fraction(0.2, 1)), d.fraction(0, 1)
	}},
	{"retry", half, func(d dice, p *Plan) { p.Load.Retry, p.Load.Again = d.fraction(0, 1), d.fraction(0, 0.2) }},
	{"outcome", half, func(d dice, p *Plan) { p.Load.Ask, p.Load.Settle = d.fraction(0, 1), d.fraction(0, 0.05) }},
	{"explain", half, func(d dice, p *Plan) { p.Load.Explain = d.fraction(0, 0.05) }},
	{"rows", half, func(d dice, p *Plan) { p.Load.Rows = d.fraction(0, 1) }},
	{"trace", half, func(d dice, p *Plan) { p.Load.Trace = d.fraction(0, 0.3) }},
	{"after", half, func(d dice, p *Plan) { p.Load.After = d.fraction(0, 0.5) }},
	{"seen", half, func(d dice, p *Plan) { p.Load.Seen = d.fraction(0, 1) }},
	{"sessions", half, func(d dice, p *Plan) { p.Load.Sessions = d.fraction(0.2, 1) }},
	{"weaken", half, func(d dice, p *Plan) { p.Load.Weaken = d.fraction(0, 0.6) }},
	{"hedge", half, func(d dice, p *Plan) { p.Hedge = d.up(0, 100) }},
	{"sloppy", half, func(d dice, p *Plan) { p.Load.Sloppy, p.Load.Any = d.fraction(0, 0.6), d.fraction(0, 0.1) }},
	{"deadlines", half, func(d dice, p *Plan) {
		p.Load.Deadlines = []time.Duration{d.between(5*time.Millisecond, 300*time.Millisecond), time.Second, 3 * time.Second}
	}},
}

var healingOptions = []option{
	{"quick repair", half, func(d dice, p *Plan) {
		p.Healing.Interval = d.between(200*time.Millisecond, time.Second)
		p.AgeLimit = min(p.AgeLimit, d.between(300*time.Millisecond, 3*time.Second))
	}},
	{"few hints", half, func(d dice, p *Plan) {
		p.Healing.HintBytes, p.Healing.HintAge = int64(d.up(0, 4096)), d.between(500*time.Millisecond, 10*time.Second)
	}},
	{"slow hints", half, func(d dice, p *Plan) {
		p.Healing.HintRate, p.Healing.Retry = int64(max(d.up(200, 20_000), 10*p.Load.ValueBytes)), d.between(100*time.Millisecond, 5*time.Second)
	}},
	{"slow repair", half, func(d dice, p *Plan) { p.Healing.Rate = int64(max(d.up(2_000, 200_000), 50*p.Load.ValueBytes)) }},
	{"wiped hints", 0.2, func(d dice, p *Plan) {
		// Of a write that only hints keep it could not be said that it is not lost.
		p.Healing.Wipe, p.Load.Sloppy, p.Load.Any = d.fraction(0, 1), 0, 0
	}},
	{"kill in replay", half, func(d dice, p *Plan) {
		p.Healing.KillInReplay = d.fraction(0, 0.1)
		p.Faults.CrashFor = max(p.Faults.CrashFor, d.between(0, 2*time.Second))
	}},
	{"repair paused", half, func(d dice, p *Plan) {
		p.Healing.Pause, p.Healing.PauseFor = d.between(2*time.Second, 20*time.Second), d.between(0, 10*time.Second)
	}},
	{"repair wanted", half, func(d dice, p *Plan) { p.Healing.Pass = d.between(time.Second, 10*time.Second) }},
}

// Of these each has its chance in a run, and the next comes when the last is rebuilt.
var wreckOptions = []option{
	{"lost disks", wreckChance, func(d dice, p *Plan) { wrecking(d, p, loseAll) }},
	{"old disks", wreckChance, func(d dice, p *Plan) {
		wrecking(d, p, restoreOld)
		p.Disk.Copy, p.Disk.OldClock = d.between(200*time.Millisecond, 2*time.Second), d.chance(half)
	}},
	{"broken disks", wreckChance, func(d dice, p *Plan) { wrecking(d, p, breakParts) }},
}

// Rare, as what rots silently hides for a while what else happens to its copy.
var rotOptions = []option{
	{"silent rot", 0.1, func(d dice, p *Plan) {
		p.Disk.Silent, p.Disk.Copy = d.between(500*time.Millisecond, 5*time.Second), d.between(200*time.Millisecond, 2*time.Second)
	}},
}

// wreckChance makes every second run one in which some node comes back wrong.
const wreckChance = 0.2

func wrecking(d dice, p *Plan, how string) {
	p.Disk.Wrecks = append(p.Disk.Wrecks, how)
	p.Disk.Wreck = d.between(2*time.Second, 12*time.Second)
	p.Faults.CrashFor = max(p.Faults.CrashFor, d.between(0, time.Second))
}

// drawPlan draws the plan of a seed. Each option has a stream of its own, so
// that leaving one out (without) changes nothing about the others.
func drawPlan(seed uint64, without []string) *Plan {
	p := calmPlan(newDice(seed, "plan"))
	for _, o := range swarm {
		d := newDice(seed, "plan/"+o.name)
		if on := d.chance(o.chance); on && !slices.Contains(without, o.name) {
			o.draw(d, p)
			p.On = append(p.On, o.name)
		}
	}
	return p
}
