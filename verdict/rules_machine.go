package verdict

import "fmt"

// clockIsOff is D106.
func clockIsOff(e *evidence, c *check) string {
	most := int64(0)
	e.everyone(c, func(n *node) {
		offset, known := told(c, n, n.OffsetMS, itsClock)
		fenced, stands := told(c, n, n.Fenced, whetherFenced)
		warn, bounded := told(c, n, n.Bounds.ClockWarnMS, "clock.warn")
		drift, fences := told(c, n, n.Bounds.ClockMaxDriftMS, "clock.max_drift")
		off := distance(offset)
		most = max(most, off)
		if !known && n.isNew() {
			return // which is missing; it compares its clock when it has found the others
		}
		f := Finding{
			Severity: Warning, Short: "the clock of " + n.name + " is off", Title: "the clock of " + n.name + " is " + offsetWords(offset), Nodes: []string{n.name},
			Evidence: []Evidence{n.said("against the median of all members")},
			Effect:   "At clock.max_drift it stops coordinating; until then nothing is wrong but times that people read.",
			Action:   "look at its time service (NTP). It comes out of the fence by itself.",
		}
		if e.isFenced(&f, known, stands && fenced, fences && off >= drift) || known && bounded && off >= warn {
			c.find(f)
		}
	})
	return "clocks within " + span(most)
}

// isFenced makes a finding about a clock one about a node that does not coordinate, or
// whose clock was set so far off that it will not when it starts again.
func (e *evidence) isFenced(f *Finding, known, fenced, off bool) bool {
	if !fenced && !(known && off) {
		return false
	}
	name := f.Nodes[0]
	f.Severity = Critical
	if !known {
		f.Title = "the clock of " + name + " was not compared with the others"
	}
	f.Effect = "A clock that is set is not followed: the node goes on by the time that has passed, and does not coordinate from its next start on."
	if fenced {
		f.Short = name + " is fenced"
		f.Title += ": it does not coordinate"
		f.Effect = "It refuses requests of clients; as a replica it goes on. Safety does not depend on it."
	}
	return true
}

// diskIsFull is D107.
func diskIsFull(e *evidence, c *check) string {
	fullest := int64(0)
	e.everyone(c, func(n *node) {
		d, known := told(c, n, n.Disk, itsDisk)
		warn, bounded := told(c, n, n.Bounds.DiskWarnPercent, "storage.disk_warn")
		if !known || !bounded {
			return
		}
		fullest = max(fullest, d.percent())
		f := Finding{
			Severity: Warning, Short: fmt.Sprintf("the disk of %s is %d%% full", n.name, d.percent()), Nodes: []string{n.name},
			Evidence: []Evidence{n.said(fmt.Sprintf("%s free of %s; the last %s are kept in reserve", Sized(d.FreeBytes), Sized(d.TotalBytes), Sized(d.ReserveBytes)))},
			Effect:   "In the reserve writes are refused with DISK_FULL; reads and deletes go on.", Action: "make room, or a larger disk.",
		}
		f.Title = f.Short
		if d.InReserve {
			f.Severity, f.Short = Critical, "the disk of "+n.name+" is full"
			f.Title, f.Effect = f.Short+": it takes no writes", "Writes to it are refused with DISK_FULL; reads and deletes go on. It recovers by itself when there is room."
		}
		if d.InReserve || d.percent() >= warn {
			c.find(f)
		}
	})
	return fmt.Sprintf("disks below %d%%", fullest+1)
}

// level0Slow is at how many tables that wait for compaction the engine slows writes.
const level0Slow = 8

// writesStall is D108.
func writesStall(e *evidence, c *check) string {
	e.everyone(c, func(n *node) {
		f := Finding{
			Severity: Warning, Nodes: []string{n.name}, Effect: "Writes that need it are acknowledged late, or end in doubt.",
			Action: "look at its disk: what else uses it, and whether it is failing.",
		}
		p, ok := n.probe(c)
		stall, known := told(c, n, n.Stall, "how its storage holds writes up")
		switch {
		case ok && p.Error != "":
			f.Severity, f.Short, f.Title = Critical, "writes fail on "+n.name, "a timed write did not succeed on "+n.name
			f.Evidence = []Evidence{{p.Error, p.AgeMS}}
		case ok && (p.TookMS < 0 || p.TookMS >= probeMaxMS):
			f.Short, f.Title = "writes are slow on "+n.name, fmt.Sprintf("a timed write took %s on %s", span(p.TookMS), n.name)
			f.Evidence = []Evidence{{"write with fsync", p.AgeMS}}
		case known && (stall.Paused || stall.Level0 >= level0Slow || stall.DelayedMS > 0):
			f.Short, f.Title = "writes stall on "+n.name, "writes stall on "+n.name+": compaction is behind"
			f.Evidence = []Evidence{n.said(fmt.Sprintf("%d tables of level 0; held up for %s in the last minute", stall.Level0, span(stall.DelayedMS)))}
		default:
			return
		}
		c.find(f)
	})
	return "no stalls"
}

const (
	// syncSlowUS is what the 99th percentile of syncs should be below, microseconds.
	syncSlowUS = 100_000
	// syncsLeast is how many syncs there have to be in the last minutes to judge by them:
	// of fewer, the slowest two or three would be the percentile.
	syncsLeast = 200
)

// between is where the 99th percentile lies, in words.
func (s *Syncs) between() string {
	if s.ToUS == 0 {
		return "is " + span(s.FromUS/1000) + " or more"
	}
	return fmt.Sprintf("is between %s and %s", span(s.FromUS/1000), span(s.ToUS/1000))
}

// syncsAreSlow is D110, for all nodes in one: they often share what makes them slow.
func syncsAreSlow(e *evidence, c *check) string {
	most, worst, judged := int64(0), Syncs{}, 0
	f := Finding{
		Severity: Warning, Effect: "No write is acknowledged before its sync.", Action: "look at the disk; disks without power-loss protection sync slowly.",
	}
	e.everyone(c, func(n *node) {
		_, ok := told(c, n, n.FsyncP99US, "how long its syncs take")
		syncs, counted := n.Syncs.Get()
		if !ok || !counted || syncs.Count < syncsLeast {
			return
		}
		judged++
		to := max(syncs.FromUS, syncs.ToUS)
		most = max(most, to)
		if to < syncSlowUS {
			return
		}
		if syncs.FromUS >= worst.FromUS {
			worst = syncs
		}
		f.Nodes = append(f.Nodes, n.name)
		f.Evidence = append(f.Evidence, n.said(fmt.Sprintf("of %s of the journal of %s the 99th percentile %s", Counted(int(syncs.Count), "sync"), n.name, syncs.between())))
	})
	if len(f.Nodes) > 0 {
		f.Short = "fsync is slow on " + e.whom(f.Nodes)
		f.Title = f.Short + ": the 99th percentile " + worst.between()
		if len(f.Nodes) > 1 {
			f.Title += " where it is highest"
		}
		c.find(f)
	}
	if judged == 0 {
		return "too few syncs to judge by"
	}
	within := "fsync p99 within " + span(most/1000+1)
	if rest := len(e.Members) - judged; rest > 0 {
		return fmt.Sprintf("%s on %d of %d nodes; too few syncs to judge the others by", within, judged, len(e.Members))
	}
	return within
}

// The shares of a limit, in percent, at which a process is at it.
const (
	filesPercent  = 80
	memoryPercent = 90
)

// processIsAtItsLimit is D117.
func processIsAtItsLimit(e *evidence, c *check) string {
	e.everyone(c, func(n *node) {
		p, ok := told(c, n, n.Process, "its files and memory")
		if !ok {
			return
		}
		if at := share(p.Files, p.FilesMax); at >= filesPercent {
			c.find(Finding{
				Severity: Warning, Short: n.name + " runs out of files", Title: fmt.Sprintf("%s has %d%% of its files open", n.name, at), Nodes: []string{n.name},
				Evidence: []Evidence{n.said(fmt.Sprintf("%d of %d", p.Files, p.FilesMax))},
				Effect:   "At the limit it takes no connection and opens no table.", Action: "raise the limit of open files (LimitNOFILE, ulimit -n).",
			})
		}
		if at := share(p.HeapBytes, p.MemoryMax); at >= memoryPercent {
			c.find(Finding{
				Severity: Warning, Short: n.name + " runs out of memory", Title: fmt.Sprintf("%s uses %d%% of its memory", n.name, at), Nodes: []string{n.name},
				Evidence: []Evidence{n.said(fmt.Sprintf("%s alive of %s", Sized(int64(p.HeapBytes)), Sized(int64(p.MemoryMax))))},
				Effect:   "Beyond the limit requests are refused as OVERLOADED.", Action: "give it more memory, or fewer connections.",
			})
		}
	})
	return "files and memory below their limits"
}

// share is a share of a maximum in percent, rounded down; 0 if there is none.
func share(of, maximum uint64) int {
	if maximum == 0 {
		return 0
	}
	return int(min(float64(of)/float64(maximum)*100, 999))
}

// storageHasStopped is D130.
func storageHasStopped(e *evidence, c *check) string {
	e.everyone(c, func(n *node) {
		if why, ok := told(c, n, n.Stopped, whetherStopped); ok && why != "" {
			c.find(Finding{
				Severity: Critical, Short: "the storage of " + n.name + " has stopped", Title: "the storage of " + n.name + " has stopped after a failed write or sync", Nodes: []string{n.name},
				Evidence: []Evidence{n.said(why)}, Effect: "It acknowledges nothing until it is started again and what it has stored is verified.",
				Action: "look at its disk, then start it again.",
			})
		}
	})
	return "storage runs"
}

// syncsArePeriodic is D131.
func syncsArePeriodic(e *evidence, c *check) string {
	f := Finding{
		Severity: Warning, Effect: "Acknowledgements there are not durable: a power cut takes what was written since the last sync. Receipts say so.",
		Action: "set storage.durability to sync, unless that was meant.",
	}
	e.everyone(c, func(n *node) {
		if how, ok := told(c, n, n.Durability, "its durability"); ok && how != "sync" {
			f.Nodes = append(f.Nodes, n.name)
			f.Evidence = append(f.Evidence, n.said(n.name+" runs with durability "+how))
		}
	})
	if len(f.Nodes) > 0 {
		f.Short = e.whom(f.Nodes) + " " + verb(len(f.Nodes), "does", "do") + " not sync"
		f.Title = f.Short + " what is acknowledged"
		c.find(f)
	}
	return "every acknowledgement is synced"
}

// doubtPerMille is the share of writes that may end in doubt, in thousandths, and
// doubtLeast how many do at least before a share means anything.
const (
	doubtPerMille = 1
	doubtLeast    = 3
)

// writesEndInDoubt is D129.
func writesEndInDoubt(e *evidence, c *check) string {
	action := "look for slow or silent replicas (D101, D102, D108, D110), or give requests more time."
	var rebuild []string
	e.each(func(n *node) {
		if q, ok := n.Quarantine.Get(); ok && len(q.Partitions) > 0 {
			rebuild = append(rebuild, n.name)
		}
	})
	if len(rebuild) > 0 {
		action = fmt.Sprintf("wait until %s %s rebuilt (D126): writes that need a node which rebuilds end in doubt. If they go on after that, look for slow or silent replicas (D101, D102, D108, D110).",
			listed(rebuild), verb(len(rebuild), "is", "are"))
	}
	e.everyone(c, func(n *node) {
		t, ok := told(c, n, n.Traffic, "what became of its writes")
		if !ok || t.InDoubt < doubtLeast || float64(t.InDoubt)*1000 <= float64(t.Writes)*doubtPerMille {
			return
		}
		c.find(Finding{
			Severity: Warning, Short: "writes end in doubt", Title: fmt.Sprintf("%d of %d attempts to write at %s ended in doubt", t.InDoubt, t.Writes, n.name), Nodes: []string{n.name},
			Evidence: []Evidence{n.said("in the last " + span(t.OverMS) + "; a client that repeats a write makes another attempt of the same write")},
			Effect:   "They may be seen now, later or never, until somebody asks for their outcome.",
			Action:   action,
		})
	})
	return "writes in doubt are rare"
}
