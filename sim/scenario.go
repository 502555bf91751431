package sim

import (
	"fmt"
	"time"

	"github.com/candordb/candor/contract"
)

// Scenario is a named preset: the faults and the load of one attack, with the
// rest drawn from the seed.
type Scenario struct {
	Name  string
	Story string
	bend  func(dice, *Plan)
}

// Scenarios lists the presets.
func Scenarios() []Scenario {
	return []Scenario{
		{"A1", "8 blind writers at quorum on 200 keys; halves, isolate-one and ring cuts, 10 s on, 10 s off", blindWriters},
		{"A2", "A1 with clocks +-50 s, in steps of 30 s", func(d dice, p *Plan) {
			blindWriters(d, p)
			p.Clocks.Offset, p.Clocks.Quantum = 50*time.Second, 30*time.Second
			p.Clocks.Jump, p.Clocks.JumpUpTo = 10*time.Second, 50*time.Second
			p.Load.NodeStamp = 0.7
		}},
		{"A4", "quorum put, the coordinator cut off from the other replicas after it has sent; later reads give old or new, once new never old", func(d dice, p *Plan) {
			p.Load.Clients, p.Load.Keys, p.Load.Put, p.Load.Element = 6, 8, 0.3, 0
			p.Faults.CutAfterSend, p.Faults.CutFor = d.fraction(0.02, 0.2), 3*time.Second
			p.Net.Unnoticed = d.fraction(0, 1)
			p.Net.Mean = d.between(time.Millisecond, 20*time.Millisecond)
		}},
		{"A5", "digests differ, and the coordinator is killed before it writes back; the following reads are monotone", func(d dice, p *Plan) {
			p.Load.Clients, p.Load.Keys, p.Load.Put, p.Load.Element = 8, 6, 0.3, 0
			p.Net.Loss, p.Net.Mean = d.fraction(0.05, 0.3), d.between(time.Millisecond, 20*time.Millisecond)
			p.Load.Deadlines = []time.Duration{200 * time.Millisecond}
			p.Faults.KillBeforeRepair, p.Faults.CrashFor = d.fraction(0.05, 0.5), 500*time.Millisecond
		}},
		{"A7", "reads at one while nodes come and go: only values that were written", func(d dice, p *Plan) {
			p.Load.One, p.Load.Put, p.Load.Delete = 0.8, 0.3, 0.05
			p.Faults.Crash, p.Faults.CrashFor, p.Faults.PowerCut = 2*time.Second, 3*time.Second, 0.5
			p.Faults.Graceful = 0.3
			p.Load.Rows = 0.3
		}},
		{"A8", "messages duplicated up to 50 %, reordered, clogged: same result as without", func(d dice, p *Plan) {
			p.Net.Double, p.Net.Reorder = d.fraction(0.2, 0.5), true
			p.Net.Clog, p.Net.ClogMean = 0.02, 2*time.Second
			p.Net.Mean = d.between(time.Millisecond, 50*time.Millisecond)
			p.Load.Delete = 0.1
		}},
		{"G1", "one clock an hour or ten years ahead, for a while, over restarts: that node stops coordinating, and takes no other clock with it", func(d dice, p *Plan) {
			everything(p)
			p.Clocks.One, p.Clocks.Fenced = pick(d, time.Hour, 10*365*24*time.Hour), true
			p.Faults.Crash, p.Faults.CrashFor = time.Second, 500*time.Millisecond
		}},
		{"G2", "one clock an hour behind, for a while: versions still rise", func(d dice, p *Plan) {
			p.Clocks.One, p.Clocks.Fenced = -time.Hour, d.chance(half)
			everything(p)
			p.Load.NodeStamp, p.Load.Ordered = 0.8, 0.3
			p.Faults.Crash, p.Faults.CrashFor = 5*time.Second, time.Second
		}},
		{"G5", "one clock goes back and forth by 10 s every 100 ms: reads stay monotone", func(_ dice, p *Plan) {
			p.Clocks.Strobe = 10 * time.Second
			everything(p)
		}},
		{"H2", "one way cuts, A to B works and B to A is dropped: no false ack", func(d dice, p *Plan) {
			everything(p)
			p.Faults.Cut, p.Faults.CutFor, p.Faults.Shapes = 3*time.Second, 3*time.Second, shapeNames()
			p.Net.AnswersDropped, p.Net.Unnoticed = 1, d.fraction(0, 1)
		}},
		{"H3", "bridge node, ring of majorities, swizzle: safe", func(_ dice, p *Plan) {
			everything(p)
			p.Nodes, p.Replicas = 7, 5
			p.Faults.Cut, p.Faults.CutFor, p.Faults.Shapes = 4*time.Second, 3*time.Second, []string{"bridge", "ring"}
			p.Faults.Swizzle = 5 * time.Second
		}},
		{"settle", "writes lost on their way, and OUTCOME of them while and after they travel: what it says stays so, however late they arrive", func(d dice, p *Plan) {
			p.Load.Keys, p.Load.Put, p.Load.Element, p.Load.Delete = 10, 0.5, 0.05, 0.05
			p.Load.Ask, p.Load.Settle, p.Load.Retry, p.Load.Again = 0.8, 0.2, 0.5, 0.3
			p.Net.Loss, p.Net.Double, p.Net.Reorder = d.fraction(0.1, 0.3), d.fraction(0, 0.3), true
			p.Net.Mean, p.Net.Straggle, p.Net.StraggleFor = d.between(time.Millisecond, 50*time.Millisecond), 0.03, time.Minute
			p.Load.Deadlines = []time.Duration{50 * time.Millisecond, 500 * time.Millisecond}
			p.Faults.Crash, p.Faults.CrashFor, p.Faults.PowerCut, p.Disk.Keep = 3*time.Second, time.Second, 0.5, 0.2
			p.Faults.CutAfterSend, p.Faults.CutFor = 0.02, time.Second
		}},
		{"A9", "messages that arrive long after the age limit, when what they bring was deleted, and the delete purged: refused", func(d dice, p *Plan) {
			deletingLoad(d, p)
			p.Net.Straggle, p.Net.StraggleFor, p.Net.Double = 0.03, 20*time.Second, d.fraction(0, 0.3)
			p.Load.Retry, p.Load.Again, p.Load.Ask = 0.3, 0.1, 0.3
		}},
		{"B1", "deletes and expiry while a replica is down, which comes back later: tombstones stay until it has them, no key returns", func(d dice, p *Plan) {
			deletingLoad(d, p)
			p.Faults.Crash, p.Faults.CrashFor, p.Faults.PowerCut = 6*time.Second, 4*time.Second, 0.5
			p.Net.Notice = time.Second
		}},
		{"B5", "one clock a year ahead, for a while, over restarts: nothing is purged that may not be, and that node fences itself", func(d dice, p *Plan) {
			deletingLoad(d, p)
			p.Clocks.One, p.Clocks.Fenced = 365*24*time.Hour, true
			p.Faults.Crash, p.Faults.CrashFor = 2*time.Second, 300*time.Millisecond
			p.Load.NodeStamp = 0.5
		}},
		{"C1", "hints replayed shuffled, twice, late, and with crashes in the middle: same result", func(d dice, p *Plan) {
			deletingLoad(d, p)
			p.Net.Double, p.Net.Reorder, p.Net.Straggle, p.Net.StraggleFor = 0.5, true, 0.15, 10*time.Second
			p.Faults.Crash, p.Faults.CrashFor, p.Healing.KillInReplay = 8*time.Second, 300*time.Millisecond, d.fraction(0, 0.05)
			p.Load.Sloppy, p.Load.Any, p.Load.Ask = d.fraction(0, 0.5), 0.1, 0.3
			p.Net.Notice, p.Net.Mean, p.Net.Loss = 500*time.Millisecond, d.between(time.Millisecond, 20*time.Millisecond), 0.05
			p.Load.Keys, p.Load.Delete, p.Load.Put, p.Load.Deadlines = 200, 0.5, 0.2, []time.Duration{200 * time.Millisecond}
		}},
		{"C3", "hints are lost again and again: nothing is lost that was acknowledged without them, and all replicas agree in the end", func(d dice, p *Plan) {
			deletingLoad(d, p)
			p.Healing.Wipe = 1
			p.Faults.Crash, p.Faults.CrashFor, p.Net.Notice = 2*time.Second, time.Second, 500*time.Millisecond
			p.Disk.Stall, p.Disk.StallFor = 3*time.Second, 2*time.Second
		}},
		{"C4", "records are damaged: found by the scrub or by an exchange, healed from the others, never served", func(d dice, p *Plan) {
			deletingLoad(d, p)
			p.Disk.Damage, p.Healing.Scrub = 300*time.Millisecond, 200*time.Millisecond
			p.Faults.Crash, p.Faults.CrashFor = 5*time.Second, time.Second
		}},
		{"C5", "nodes die between a write and the update of its tree: trees are counted anew, and show what is stored", func(d dice, p *Plan) {
			deletingLoad(d, p)
			p.Faults.Crash, p.Faults.CrashFor, p.Faults.Graceful, p.Disk.Keep = time.Second, 200*time.Millisecond, 0.3, d.fraction(0, 1)
			p.Disk.Sync = d.between(0, 20*time.Millisecond)
			p.Healing.Pass = time.Second
		}},
		{"C6", "comparisons all the time, while clients write and delete and links fail: absence deletes nothing", func(d dice, p *Plan) {
			deletingLoad(d, p)
			p.Healing.Interval, p.Healing.Pass = 200*time.Millisecond, 500*time.Millisecond
			p.Faults.Cut, p.Faults.CutFor, p.Faults.Shapes = 3*time.Second, 2*time.Second, shapeNames()
			p.Net.Loss, p.Net.AnswersDropped = d.fraction(0, 0.1), 0.3
			p.Faults.Epoch = pick(d, 0, 3*time.Second)
		}},
		{"lost", "nodes lose their disks, find an older copy, or one with damaged parts, while others die too: nothing is served before it is rebuilt from a quorum of the others; nothing is lost, nothing returns", func(d dice, p *Plan) {
			wreckingLoad(d, p)
			p.Disk.Wrecks = []string{loseAll, restoreOld, breakParts}
			p.Disk.Damage = pick(d, 0, 2*time.Second)
		}},
		{"lost-agreed", "the same, where nodes decide the epochs, and tell each other what they have heard", func(d dice, p *Plan) {
			wreckingLoad(d, p)
			p.Disk.Wrecks = []string{loseAll, restoreOld, breakParts}
			p.Agreed, p.Nodes, p.Length, p.Load.Ops = true, d.up(3, 5), 40*time.Second, 1000
			p.Faults.KillAtSave = pick(d, 0, d.fraction(0, 0.02))
		}},
		{"B2", "deletes, and the same keys made again, through nodes that were restored from an older copy, their clocks gone back as far: above the tombstone, or superseded", func(d dice, p *Plan) {
			wreckingLoad(d, p)
			p.Disk.Wrecks, p.Disk.OldClock = []string{restoreOld}, true
			p.Load.NodeStamp, p.Load.Ordered, p.Load.Keys, p.Load.Put, p.Load.Delete = 0.8, 0.2, 12, 0.4, 0.35
			p.Clocks.Fenced = d.chance(half)
		}},
		{"B3", "expiry, with clocks that are off by as much as they may be: it comes within that of its time, and no older version with it", func(d dice, p *Plan) {
			deletingLoad(d, p)
			p.Clocks.Offset, p.Clocks.Quantum, p.Load.TTL = p.MaxDrift, pick(d, 0, p.MaxDrift), 0.8
			p.Clocks.Jump, p.Clocks.JumpUpTo = 2*time.Second, p.MaxDrift
			p.Load.NodeStamp = d.fraction(0, 1)
		}},
		{"F7", "blocks that are lost, older than they were, or written to where they do not belong: the checksum or a comparison finds each, and the others make up for it", func(d dice, p *Plan) {
			deletingLoad(d, p)
			p.Disk.Damage, p.Disk.Silent, p.Disk.Copy = 500*time.Millisecond, 400*time.Millisecond, 500*time.Millisecond
			p.Healing.Pass = 2 * time.Second
			p.Faults.Crash, p.Faults.CrashFor = pick(d, 0, 5*time.Second), time.Second
		}},
		{"F5", "disks that are full for a while, for values or for all: refused with no effect, reads go on, and nothing that was decided meanwhile is gone by", func(d dice, p *Plan) {
			deletingLoad(d, p)
			p.Disk.Full, p.Disk.FullFor = d.between(300*time.Millisecond, 2*time.Second), d.between(100*time.Millisecond, 2*time.Second)
			p.Load.Sloppy, p.Load.Ask = d.fraction(0, 0.3), 0.2
			p.Faults.Crash, p.Faults.CrashFor, p.Faults.PowerCut = 4*time.Second, 500*time.Millisecond, 0.5
		}},
		{"sloppy", "writes for which stand-ins count, while replicas come and go: each survives, and OUTCOME finds it", func(d dice, p *Plan) {
			deletingLoad(d, p)
			p.Nodes, p.Load.Sloppy, p.Load.Any, p.Load.Ask, p.Load.Settle, p.Load.Retry = d.up(5, 9), 0.8, 0.2, 0.5, 0.05, 0.3
			p.Faults.Cut, p.Faults.CutFor, p.Faults.Shapes = 4*time.Second, 2*time.Second, shapeNames()
			p.Faults.Crash, p.Faults.CrashFor, p.Faults.PowerCut = 3*time.Second, time.Second, 0.5
			p.Net.Notice, p.Net.Loss, p.Net.Double = 300*time.Millisecond, d.fraction(0, 0.1), d.fraction(0, 0.3)
			p.Net.Mean = d.between(time.Millisecond, 20*time.Millisecond)
			p.Load.Deadlines = []time.Duration{300 * time.Millisecond, time.Second}
			p.Healing.HintBytes = pick[int64](d, 1<<20, 1<<20, 2048)
		}},
		{"regions", "three regions that are cut off from each other: local levels go on, and say so; sessions see no older version wherever they read", func(d dice, p *Plan) {
			everything(p)
			p.Nodes, p.Replicas, p.Regions = 9, d.up(3, 5), 3
			p.Load.LocalOne, p.Load.LocalQuorum, p.Load.EachQuorum, p.Load.Sessions = 0.2, 0.3, 0.2, 1
			p.Faults.Cut, p.Faults.CutFor, p.Faults.Shapes = 4*time.Second, 2*time.Second, []string{"uniform membership", "uniform size"}
		}},
		{"bootstrap", "nodes without metadata: kills at every step, lost, doubled and late messages, disks that lose what was not synced; one epoch 1, which nobody acts on before it is chosen, and which comes when the faults end", func(d dice, p *Plan) {
			if d.chance(0.5) {
				p.Spaces = []Space{{Name: "sessions", Read: contract.One, TTL: 300}}
			}
			p.Found, p.Nodes, p.Length = true, d.up(3, 5), d.between(2*time.Second, 20*time.Second)
			p.Faults.Epoch = pick(d, 0, 0, 3*time.Second)
			p.Replicas = d.up(1, 3)
			p.Load.Clients, p.Load.Ops, p.Load.Keys = 3, 300, 20
			p.Net.Mean, p.Net.Reorder = d.between(time.Millisecond, 30*time.Millisecond), d.chance(0.5)
			p.Net.Loss, p.Net.Double = d.fraction(0, 0.3), d.fraction(0, 0.5)
			if d.chance(0.5) {
				p.Net.Clog, p.Net.ClogMean = d.fraction(0, 0.02), d.between(0, 3*time.Second)
			}
			if d.chance(0.5) {
				p.Faults.Cut, p.Faults.CutFor, p.Faults.Shapes = d.between(time.Second, 5*time.Second), d.between(0, 2*time.Second), shapeNames()
				p.Net.AnswersDropped = 0.3
			}
			if d.chance(0.7) {
				p.Faults.Crash, p.Faults.CrashFor, p.Faults.PowerCut = d.between(200*time.Millisecond, 4*time.Second), d.between(0, time.Second), 0.3
			}
			p.Faults.CrashFor = max(p.Faults.CrashFor, d.between(0, 500*time.Millisecond))
			p.Faults.KillAtSave = d.fraction(0, 0.3)
			p.Disk.Sync, p.Disk.Keep = d.between(0, 20*time.Millisecond), d.fraction(0, 1)
			p.Clocks.Offset = pick(d, 0, 400*time.Millisecond, 10*time.Second)
		}},
		{"epochs", "several nodes change the metadata at once, with kills at every step, lost, doubled and late messages: one value for each epoch, which nobody acts on before it is chosen and saved; and who proposes is told the truth", func(d dice, p *Plan) {
			p.Agreed, p.Nodes, p.Length = true, d.up(3, 7), d.between(5*time.Second, 20*time.Second)
			p.Replicas = d.up(1, 3)
			p.Load.Clients, p.Load.Ops, p.Load.Keys = 3, 300, 20
			p.Net.Mean, p.Net.Reorder = d.between(time.Millisecond, 30*time.Millisecond), d.chance(0.5)
			p.Net.Loss, p.Net.Double = d.fraction(0, 0.3), d.fraction(0, 0.5)
			p.Faults.Epoch = d.between(200*time.Millisecond, 2*time.Second)
			if d.chance(0.5) {
				p.Faults.Cut, p.Faults.CutFor, p.Faults.Shapes = d.between(time.Second, 5*time.Second), d.between(0, 2*time.Second), shapeNames()
				p.Net.AnswersDropped = 0.3
			}
			p.Faults.Crash, p.Faults.CrashFor, p.Faults.PowerCut = d.between(time.Second, 8*time.Second), d.between(0, time.Second), 0.3
			p.Faults.KillAtSave = d.fraction(0, 0.1)
			p.Disk.Sync, p.Disk.Keep = d.between(0, 20*time.Millisecond), d.fraction(0, 1)
		}},
	}
}

// deletingLoad is a cluster that deletes much and heals quickly, so that a run sees many
// watermarks.
func deletingLoad(d dice, p *Plan) {
	l := &p.Load
	l.Clients, l.Ops, l.Keys, l.Put, l.Element, l.Delete, l.TTL, l.One = 8, 1500, 30, 0.35, 0.03, 0.25, 0.2, 0.3
	l.Explain = 0.03
	p.Length, p.Net.Mean = 25*time.Second, d.between(200*time.Microsecond, 5*time.Millisecond)
	p.AgeLimit, p.Healing.Interval, p.Partitions = d.between(400*time.Millisecond, 1500*time.Millisecond), d.between(200*time.Millisecond, 700*time.Millisecond), 8
	p.Healing.Timeout = time.Second
}

// wreckingLoad is a load that deletes much, on a cluster whose nodes come back wrong.
func wreckingLoad(d dice, p *Plan) {
	deletingLoad(d, p)
	p.Disk.Wreck, p.Disk.Copy = 3*time.Second, 500*time.Millisecond
	p.Faults.Crash, p.Faults.CrashFor, p.Faults.PowerCut = 3*time.Second, 500*time.Millisecond, 0.5
	p.Faults.Epoch = pick(d, 0, 4*time.Second)
	p.Net.Loss, p.Net.Double, p.Net.Reorder = d.fraction(0, 0.1), d.fraction(0, 0.3), d.chance(half)
	p.Net.Straggle, p.Net.StraggleFor = pick(d, 0, 0.02), 10*time.Second
	p.Load.Ask, p.Load.Settle, p.Load.Retry = 0.3, 0.05, 0.3
	p.Net.Notice = 500 * time.Millisecond
}

// everything is a load of all that clients ask, in a network with some delay.
func everything(p *Plan) {
	l := &p.Load
	l.Ops, l.Keys, l.Delete, l.TTL, l.Batch, l.Scan, l.ScanHigh, l.Explain = 1500, 20, 0.05, 0.1, 0.02, 0.02, 0.7, 0.02
	l.NodeStamp, l.Ordered, l.Weaken, l.Seen, l.Sessions, l.Ask, l.Settle = 0.4, 0.4, 0.2, 0.3, 0.5, 0.5, 0.02
	p.Net.Mean = 3 * time.Millisecond
}

func blindWriters(d dice, p *Plan) {
	p.Nodes, p.Replicas, p.Length = 5, 3, 40*time.Second
	p.Load.Clients, p.Load.Keys, p.Load.Put, p.Load.Element, p.Load.Ops = 8, 200, 0.7, 0.2, 1600
	p.Faults.Cut, p.Faults.CutFor, p.Faults.Regular = 20*time.Second, 10*time.Second, true
	p.Faults.Shapes = []string{"halves", "isolate one", "ring"}
	p.Net.Mean = d.between(500*time.Microsecond, 5*time.Millisecond)
}

// scenarioPlan is the plan of a scenario: five nodes with three copies, unless it
// says otherwise, and else a healthy cluster drawn from the seed.
func scenarioPlan(seed uint64, name string) *Plan {
	for _, sc := range Scenarios() {
		if sc.Name != name {
			continue
		}
		p := calmPlan(newDice(seed, "plan"))
		p.Nodes, p.Replicas = 5, 3
		sc.bend(newDice(seed, "scenario/"+name), p)
		return p
	}
	panic(fmt.Sprintf("sim: there is no scenario %q", name))
}
