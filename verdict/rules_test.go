package verdict

import (
	"slices"
	"strings"
	"testing"
)

// ill is, for each rule, what it fires on, what it has to say, and without which
// evidence it cannot check (on node n2, or of the cluster).
var ill = []struct {
	code     string
	severity Severity
	breaks   mutate
	says     string
	needs    mutate
}{
	{"D101", Critical, func(s *Snapshot) { kill(s, "n3") }, "n3 is down", func(s *Snapshot) { member(s, "n2").Answer = NotAsked }},
	{"D102", Warning, onN2(func(r *Report) { see(r, id(3), Down, 20000) }), "n2 does not reach n3, but n1 does", onN2(func(r *Report) { r.Peers.forget() })},
	{"D102", Warning, onN2(func(r *Report) { see(r, id(3), Suspect, 9000) }), "n2 suspects n3, but it answers n1", nil},
	{"D102", Warning, onN2(func(r *Report) { cools(r, id(3)) }), "n2 does not trust n3 yet: it is back, and was not heard for long enough", nil},
	{"D102", Warning, func(s *Snapshot) { kill(s, "n3"); see(report(s, "n2"), id(3), Up, 300) }, "n2 hears n3, but n1 does not", nil},
	{"D102", Critical, onN2(func(r *Report) {
		for _, n := range []int{3, 4, 5} {
			see(r, id(n), Down, 20000)
		}
	}), "Through n2 quorum is not possible in 39 of 64 partitions.", nil},
	{"D103", Warning, onN2(func(r *Report) { r.Epoch = Known(uint64(40)) }), "n2 acts on epoch 40", onN2(func(r *Report) { r.Epoch.forget() })},
	{"D104", Warning, onN2(func(r *Report) { r.Hints = Known([]Hints{{Target: id(3), Count: 1, Bytes: 90, OldestAgeMS: hourMS}}) }),
		"hints for n3 pile up at n2: the oldest is 1h old", onN2(func(r *Report) { r.Hints.forget() })},
	{"D104", Warning, onN2(func(r *Report) { r.Hints = Known([]Hints{{Target: id(3), Count: 9, Bytes: 600, BoundBytes: 1000}}) }),
		"they fill 600B of 1000B", onN2(func(r *Report) { r.Bounds.HintsAlarmAgeMS.forget() })},
	{"D104", Warning, onN2(func(r *Report) {
		r.Hints, r.Dirty = Known([]Hints{{Target: id(3), Overflowed: 5}}), Known([]Dirty{{id(3), 12}})
	}), "5 had no room or came too late and 0 were too old, so 12 partitions are due for repair", onN2(func(r *Report) { r.Dirty.forget() })},
	{"D105", Warning, onN2(func(r *Report) { r.Repair.value.States[0].AsOf = Known(at - 2*hourMS) }),
		"38 partitions are repaired as of 10:05:45Z (2h ago); purging waits for the comparison of n1 with n2", onN2(func(r *Report) { r.Repair.forget() })},
	{"D105", Warning, func(s *Snapshot) { kill(s, "n1"); s.SeenBy = SeenBy{"n2", id(2)} }, "purging waits for n1", func(s *Snapshot) { s.Time.forget() }},
	{"D105", Warning, onN2(func(r *Report) { r.Repair.value.Paused = true }), "repair is paused at n2", onN2(func(r *Report) { r.Bounds.RepairLagMS.forget() })},
	{"D105", Warning, onN2(func(r *Report) { r.Repair.value.Running = false }), "repair does not run at n2", func(s *Snapshot) { s.Owners.forget() }},
	{"D106", Warning, onN2(func(r *Report) { r.OffsetMS = Known(int64(-312)) }), "the clock of n2 is 312ms behind", onN2(func(r *Report) { r.OffsetMS.forget() })},
	{"D106", Critical, onN2(func(r *Report) { r.OffsetMS, r.Fenced = Known(int64(1000)), Known(true) }),
		"the clock of n2 is 1s ahead: it does not coordinate", onN2(func(r *Report) { r.Bounds.ClockMaxDriftMS.forget() })},
	{"D106", Critical, onN2(func(r *Report) { r.OffsetMS, r.Fenced = Opt[int64]{}, Known(true) }),
		"the clock of n2 was not compared with the others: it does not coordinate", onN2(func(r *Report) { r.Fenced.forget() })},
	{"D107", Warning, onN2(func(r *Report) { r.Disk.value.FreeBytes = 15 << 30 }), "the disk of n2 is 85% full", onN2(func(r *Report) { r.Disk.forget() })},
	{"D107", Critical, onN2(func(r *Report) { r.Disk.value.InReserve = true }), "the disk of n2 is full: it takes no writes", onN2(func(r *Report) { r.Bounds.DiskWarnPercent.forget() })},
	{"D108", Critical, onN2(func(r *Report) { r.Probe = Known(Probe{Error: "no space left"}) }), "a timed write did not succeed on n2", onN2(func(r *Report) { r.Probe.forget() })},
	{"D108", Warning, onN2(func(r *Report) { r.Probe = Known(Probe{TookMS: 1400}) }), "a timed write took 1.4s on n2", onN2(func(r *Report) { r.Probe.value.AgeMS = 20_000 })},
	{"D108", Warning, onN2(func(r *Report) { r.Stall = Known(Stall{Level0: 9, DelayedMS: 3100}) }), "9 tables of level 0; held up for 3.1s", onN2(func(r *Report) { r.Stall.forget() })},
	{"D110", Warning, onN2(func(r *Report) { r.Syncs = Known(Syncs{200, 65_536, 131_072}) }), "fsync is slow on n2: the 99th percentile is between 65ms and 131ms", onN2(func(r *Report) { r.FsyncP99US.forget() })},
	{"D110", Warning, onN2(func(r *Report) { r.Syncs = Known(Syncs{1024, 4_194_304, 0}) }), "of 1,024 syncs of the journal of n2 the 99th percentile is 4.1s or more", nil},
	{"D112", Warning, func(s *Snapshot) { s.Members[2].Zone = "b" }, "replicas of 26 partitions share a zone, though there are 4", func(s *Snapshot) { s.Owners.forget() }},
	{"D113", Critical, func(s *Snapshot) { kill(s, "n3", "n4") }, "Quorum: not possible in 26 of 64 partitions (n3, n4 do not answer): 1-2, 6-7, 11-12 and 20 more",
		onN2(func(r *Report) { r.Stopped.forget() })},
	{"D113", Warning, func(s *Snapshot) { kill(s, "n3", "n4", "n5") }, "each key should have 3 copies, and 2 nodes serve", nil},
	{"D113", Warning, func(s *Snapshot) { s.Owners.value[5] = s.Owners.value[5][:2] }, "1 partition has fewer than 3 replicas", nil},
	{"D114", Warning, onN2(func(r *Report) { r.Version = Known("1.5.0") }), "2 versions have run side by side for 24h", onN2(func(r *Report) { r.Version.forget() })},
	{"D115", Warning, onN2(func(r *Report) { r.Insecure = Known(true) }), "n2 listens without authentication", onN2(func(r *Report) { r.Insecure.forget() })},
	{"D117", Warning, onN2(func(r *Report) { r.Process.value.Files = 900 }), "n2 has 87% of its files open", onN2(func(r *Report) { r.Process.forget() })},
	{"D117", Warning, onN2(func(r *Report) { r.Process.value.HeapBytes = 4 << 30 }), "n2 uses 100% of its memory", nil},
	{"D120", Warning, onN2(func(r *Report) { r.Shared = Known([]Value{{"limits.key", "8KiB"}, {"clock.max_drift", "500ms"}}) }),
		"limits.key is not the same on all nodes", onN2(func(r *Report) { r.Shared.forget() })},
	{"D120", Warning, onN2(func(r *Report) { r.Shared.value[0].Value = "8KiB" }), "n2 has 8KiB", onN2(func(r *Report) { r.Shared.value = r.Shared.value[1:] })},
	{"D120", Warning, func(s *Snapshot) {
		for i := range s.Members {
			s.Members[i].Report.Shared.value = append(s.Members[i].Report.Shared.value, Value{durabilityKey, []string{"periodic", "sync"}[min(i, 1)]})
		}
	}, "How much of an acknowledged write a power cut can take", nil},
	{"D121", Warning, onN2(func(r *Report) { r.Seeds = Known(Seeds{Listed: 2, OnlySelf: true}) }), "all of them are this node itself", onN2(func(r *Report) { r.Seeds.forget() })},
	{"D121", Warning, onN2(func(r *Report) { r.Seeds = Known(Seeds{Listed: 2, Unresolved: []string{"nowhere:7402"}}) }), "nowhere:7402 cannot be resolved", nil},
	{"D123", Warning, onN2(func(r *Report) { r.Gossip = Known(Health{2, 6 * minuteMS}) }), "n2 itself has been slow for 6m", onN2(func(r *Report) { r.Gossip.forget() })},
	{"D124", Warning, func(s *Snapshot) { s.Namespaces.value[0].ReadLevel = "one" }, "read one, write quorum, 3 replicas", func(s *Snapshot) { s.Namespaces.forget() }},
	{"D125", Critical, onN2(func(r *Report) { r.Arrived = Known([]Found{{"hint", 2, []string{"user:42 of 12:00:01Z"}}}) }), "Do: keep all data directories", onN2(func(r *Report) { r.Arrived.forget() })},
	{"D126", Warning, onN2(func(r *Report) { r.Damage = Known([]Found{{"scrub", 3, []string{"table 000123.ldb"}}}) }), "records at n2 are damaged: 3 by scrub", onN2(func(r *Report) { r.Damage.forget() })},
	{"D126", Warning, onN2(func(r *Report) {
		r.Quarantine = Known(Quarantine{Partitions: PartitionsOf(7, 8, 9), Of: 5, Rebuilt: 2})
	}),
		"n2 is rebuilding 3 partitions: 2 of 5 done", onN2(func(r *Report) { r.Quarantine.forget() })},
	{"D126", Critical, onN2(func(r *Report) {
		r.Quarantine = Known(Quarantine{Partitions: PartitionsOf(7), Of: 1, Waiting: "a quorum of the others"})
	}),
		"Do: give it what it waits for: a quorum of the others.", nil},
	{"D127", Warning, onN2(func(r *Report) { r.Voters = Known(Voters{2, 5}) }), "n2 reaches 2 of 5 voters", onN2(func(r *Report) { r.Voters.forget() })},
	{"D129", Warning, onN2(func(r *Report) { r.Traffic = Known(Traffic{5 * minuteMS, 10_000, 11}) }), "11 of 10000 attempts to write at n2 ended in doubt", onN2(func(r *Report) { r.Traffic.forget() })},
	{"D129", Warning, func(s *Snapshot) {
		report(s, "n2").Traffic = Known(Traffic{5 * minuteMS, 10_000, 11})
		report(s, "n3").Quarantine = Known(Quarantine{Partitions: PartitionsOf(7), Of: 1})
	}, "Do: wait until n3 is rebuilt (D126)", nil},
	{"D130", Critical, onN2(func(r *Report) { r.Stopped = Known("fsync: input/output error") }), "the storage of n2 has stopped", onN2(func(r *Report) { r.Stopped.forget() })},
	{"D131", Warning, onN2(func(r *Report) { r.Durability = Known("periodic") }), "n2 runs with durability periodic", onN2(func(r *Report) { r.Durability.forget() })},
	{"D132", Warning, func(s *Snapshot) {
		s.Losses = Known([]Loss{{Node: id(2), Partitions: Partitions{1, 2}, Votes: true, Epoch: 7, Time: at - 2*dayMS}, {Node: id(4), Partitions: Partitions{2}, Epoch: 7, Time: at - 2*dayMS, Open: true}, {Node: id(3), Partitions: Partitions{9}, Epoch: 9, Time: at}})
	}, "epoch 7 gave up copies of 2 partitions", func(s *Snapshot) { s.Losses.forget() }},
	{"D132", Warning, func(s *Snapshot) {
		s.Losses = Known([]Loss{{Node: id(2), Partitions: Partitions{1}, Epoch: 7, Time: at - hourMS}, {Node: id(4), Partitions: Partitions{1}, Epoch: 7, Time: at - hourMS, Open: true}})
	}, "those of n2 and n4; n4 not rebuilt yet", nil},
}

// With more copies lost than the others make up for the doctor names the way out at once:
// to bring back what there is, or to give them up. Once they are given up it goes on by
// itself, and with nobody away there is nobody to start.
func TestTheWayOutOfALossIsNamed(t *testing.T) {
	lose := func(s *Snapshot, names ...string) {
		for _, name := range names {
			report(s, name).Quarantine = Known(Quarantine{Partitions: PartitionsOf(0), Of: 1})
		}
	}
	given := func(names ...int) func(*Snapshot) {
		return func(s *Snapshot) {
			lose(s, "n2", "n3")
			for _, n := range names {
				s.Losses.value = append(s.Losses.value, Loss{Node: id(n), Partitions: Partitions{0}, Epoch: 7, Time: at, Open: true})
			}
		}
	}
	for name, tc := range map[string]struct {
		change   mutate
		severity Severity // of D126
		says     []string // D113 and D126
		never    string
	}{
		"two lost":      {func(s *Snapshot) { lose(s, "n2", "n3") }, Critical, []string{"n2 and n3 have lost copies", "--accept-loss n2,n3", "it cannot go on by itself"}, "Do: nothing"},
		"one, one away": {func(s *Snapshot) { lose(s, "n2"); kill(s, "n3") }, Critical, []string{"has its way out in D126", "Do: start n3, or bring back", "--accept-loss n2,n3"}, "Do: nothing"},
		"given up":      {given(2, 3), Warning, []string{"Do: nothing: they are rebuilt", "Do: nothing: it goes on by itself."}, "accept-loss"},
		"one given up":  {given(2), Critical, []string{"--accept-loss n2,n3"}, "start"},
		"one lost":      {func(s *Snapshot) { lose(s, "n2") }, Warning, []string{"Do: nothing: it goes on by itself."}, "accept-loss"},
	} {
		s := healthy(3, 4)
		tc.change(s)
		found := append(findings(s, "D113"), findings(s, "D126")...)
		text := texts(found)
		for _, want := range tc.says {
			if !strings.Contains(text, want) {
				t.Errorf("%s: want %q:\n%s", name, want, text)
			}
		}
		if strings.Contains(text, tc.never) || strings.Contains(text, "missing nodes") != (name == "one, one away") || Worst(findings(s, "D126")) != tc.severity {
			t.Errorf("%s: D126 shall be %s, and nothing says %q:\n%s", name, tc.severity, tc.never, text)
		}
	}
}

func TestEachRuleFires(t *testing.T) {
	for _, rule := range ill {
		s := healthy(5, 64)
		rule.breaks(s)
		found := findings(s, rule.code)
		text := texts(found)
		if !slices.ContainsFunc(found, func(f Finding) bool { return f.Severity == rule.severity }) || !strings.Contains(text, rule.says) {
			t.Errorf("%s: want %s with %q:\n%s", rule.code, rule.severity, rule.says, text)
		}
		for _, f := range found {
			if (f.Severity == Critical || f.Severity == Warning) && (f.Title == "" || f.Short == "" || f.Effect == "" || f.Action == "") {
				t.Errorf("%s: incomplete: %+v", rule.code, f)
			}
		}
	}
}

// A rule that lacks evidence reports "could not check", which is never OK (operations,
// the doctor), also beside what it has found.
func TestEachRuleNeedsItsEvidence(t *testing.T) {
	for i, rule := range ill {
		if rule.needs == nil {
			continue
		}
		s := healthy(5, 64)
		rule.needs(s)
		if found := findings(s, rule.code); len(found) != 1 || found[0].Severity != Unchecked || len(found[0].Evidence) == 0 {
			t.Errorf("%d: %s without its evidence: %s", i, rule.code, texts(found))
		}
	}
	// Of a node that does not answer no rule says that it is well, but for those that
	// need nothing of it.
	s := healthy(5, 64)
	kill(s, "n3")
	fine := []string{"D105", "D112", "D113", "D124", "D132"}
	for _, f := range Check(s) {
		if f.Severity == Fine && !slices.Contains(fine, f.Code) {
			t.Errorf("n3 is silent, and %s", f.Text())
		}
	}
}

func TestEachRuleIsTried(t *testing.T) {
	tried, missed := map[string]bool{}, map[string]bool{}
	for _, rule := range ill {
		tried[rule.code] = true
		missed[rule.code] = missed[rule.code] || rule.needs != nil
	}
	seen := map[string]bool{}
	for _, r := range rules {
		if !tried[r.code] || !missed[r.code] || seen[r.code] {
			t.Errorf("%s: fired %v, without evidence %v, twice in the table %v", r.code, tried[r.code], missed[r.code], seen[r.code])
		}
		seen[r.code] = true
	}
}

func TestRulesHaveLimits(t *testing.T) {
	for name, tc := range map[string]struct {
		code   string
		change mutate
	}{
		"an epoch that spreads": {"D103", func(s *Snapshot) {
			for i := range s.Members {
				s.Members[i].Report.EpochAgeMS = Known(int64(9_000))
			}
			report(s, "n2").Epoch = Known(uint64(40))
		}},
		"an upgrade under way":       {"D114", onN2(func(r *Report) { r.Version, r.UptimeMS = Known("1.5.0"), Known(int64(hourMS)) })},
		"hints given up, and healed": {"D104", onN2(func(r *Report) { r.Hints = Known([]Hints{{Target: id(3), Overflowed: 5}}) })},
		"none kept while rebuilt": {"D104", onN2(func(r *Report) {
			r.Hints, r.Dirty = Known([]Hints{{Target: id(3), Withheld: 8}}), Known([]Dirty{{id(3), 8}})
		})},
		"few syncs":             {"D110", onN2(func(r *Report) { r.Syncs = Known(Syncs{199, 262_144, 524_288}) })},
		"half the room":         {"D104", onN2(func(r *Report) { r.Hints = Known([]Hints{{Target: id(3), Count: 9, Bytes: 500, BoundBytes: 1000}}) })},
		"no limits":             {"D117", onN2(func(r *Report) { r.Process = Known(Process{Files: 9000, HeapBytes: 9 << 30}) })},
		"two of a few in doubt": {"D129", onN2(func(r *Report) { r.Traffic = Known(Traffic{minuteMS, 10, 2}) })},
		"one zone":              {"D112", func(s *Snapshot) { eachMember(s, func(m *Member) { m.Zone = "" }) }},
		"slow for a minute":     {"D123", onN2(func(r *Report) { r.Gossip = Known(Health{2, minuteMS}) })},
		"no seeds":              {"D121", onN2(func(r *Report) { r.Seeds = Known(Seeds{}) })},
		"serial": {"D124", func(s *Snapshot) {
			s.Namespaces.value[0].ReadLevel, s.Namespaces.value[0].WriteLevel = "serial", "serial"
		}},
		"one and all":          {"D124", func(s *Snapshot) { s.Namespaces.value[0].ReadLevel, s.Namespaces.value[0].WriteLevel = "one", "all" }},
		"local, in one region": {"D124", func(s *Snapshot) { s.Namespaces.value[0].ReadLevel = "local_quorum" }},
	} {
		s := healthy(5, 64)
		tc.change(s)
		if found := findings(s, tc.code); len(found) != 1 || found[0].Severity != Fine {
			t.Errorf("%s: %s", name, texts(found))
		}
	}
}

func eachMember(s *Snapshot, f func(*Member)) {
	for i := range s.Members {
		f(&s.Members[i])
	}
}

// With several regions, local levels of two coordinators need not meet.
func TestLocalLevelsOverlapInOneRegionOnly(t *testing.T) {
	for levels, meets := range map[string]bool{
		"local_quorum local_quorum": false, "local_quorum each_quorum": true, "each_quorum local_quorum": true, "local_one each_quorum": false,
		"local_one all": true, "quorum quorum": true, "local_quorum quorum": false, "one any": false, "all any": false, "quorum serial": false,
	} {
		s := healthy(5, 8)
		s.Members[4].Region = "eu"
		s.Namespaces.value[0].ReadLevel, s.Namespaces.value[0].WriteLevel, _ = strings.Cut(levels, " ")
		if found := findings(s, "D124"); (found[0].Severity == Fine) != meets {
			t.Errorf("%s: %s", levels, texts(found))
		}
	}
}

func TestWorst(t *testing.T) {
	for want, all := range map[Severity][]Severity{
		Fine: {Fine, Fine}, Unchecked: {Fine, Unchecked}, Warning: {Warning, Unchecked}, Critical: {Fine, Warning, Critical},
	} {
		var list []Finding
		for _, s := range all {
			list = append(list, Finding{Severity: s})
		}
		if got := Worst(list); got != want {
			t.Errorf("%v: %s", all, got)
		}
	}
	if Worst(nil) != Fine {
		t.Error("of nothing")
	}
}
