package verdict

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// broken is one thing that is wrong in an otherwise healthy cluster of five nodes.
var broken = []struct {
	name   string
	clause string // that it breaks
	code   string // of its reason
	breaks mutate
}{
	{"a node is silent", "every member answered", "D101", func(s *Snapshot) { kill(s, "n3") }},
	{"an older epoch", "every member names the same epoch", "D103", onN2(func(r *Report) { r.Epoch = Known(uint64(40)) })},
	{"a newer epoch", "every member names the same epoch", "D103", onN2(func(r *Report) { r.Epoch = Known(uint64(42)) })},
	{"fenced", "every member is in good standing", "D106", onN2(func(r *Report) { r.Fenced = Known(true) })},
	{"draining", "every member is in good standing", "", onN2(func(r *Report) { r.Draining = Known(true) })},
	{"it waits", "every member is in good standing", "", onN2(func(r *Report) { r.Waiting = Known("it asks the others") })},
	{"storage stopped", "every member is in good standing", "D130", onN2(func(r *Report) { r.Stopped = Known("fsync: input/output error") })},
	{"quarantined", "every member is in good standing", "D126", onN2(func(r *Report) {
		r.Quarantine = Known(Quarantine{Partitions: PartitionsOf(3, 1, 2), Of: 4, Rebuilt: 1})
	})},
	{"a link is cut", "every member reaches every other", "D102", onN2(func(r *Report) { see(r, id(3), Down, 20000) })},
	{"a link is suspect", "every member reaches every other", "D102", onN2(func(r *Report) { see(r, id(3), Suspect, 9000) })},
	{"a partition lacks an owner", "every partition has N replicas that answered", "D113", func(s *Snapshot) {
		s.Owners.value[5] = s.Owners.value[5][:2]
	}},
	{"a timed write fails", "a timed write with fsync succeeded on every node within 1 s", "D108", onN2(func(r *Report) { r.Probe = Known(Probe{Error: "no space left"}) })},
	{"a timed write is slow", "a timed write with fsync succeeded on every node within 1 s", "D108", onN2(func(r *Report) { r.Probe = Known(Probe{TookMS: 1000}) })},
	{"a hint is old", "no hint is older than hints.alarm_age", "D104", onN2(func(r *Report) {
		r.Hints = Known([]Hints{{Target: id(3), Count: 1, Bytes: 90, OldestAgeMS: hourMS}})
	})},
	{"repair is behind", "repaired as of lags less than repair.alarm_lag in every partition", "D105", onN2(func(r *Report) { r.Repair.value.States[0].AsOf = Known(at - hourMS) })},
	{"repair is paused", "repaired as of lags less than repair.alarm_lag in every partition", "D105", onN2(func(r *Report) { r.Repair.value.Paused = true })},
	{"repair has stopped", "repaired as of lags less than repair.alarm_lag in every partition", "D105", onN2(func(r *Report) { r.Repair.value.Running = false })},
	{"a clock is ahead", "clock offsets are below clock.warn", "D106", onN2(func(r *Report) { r.OffsetMS = Known(int64(250)) })},
	{"a clock is behind", "clock offsets are below clock.warn", "D106", onN2(func(r *Report) { r.OffsetMS = Known(int64(-1 << 63)) })},
	{"a disk is nearly full", "no disk is past storage.disk_warn", "D107", onN2(func(r *Report) { r.Disk.value.FreeBytes = 15 << 30 })},
	{"a disk is full", "no disk is past storage.disk_warn", "D107", onN2(func(r *Report) { r.Disk.value.InReserve = true })},
	{"damage", "no checksum damage is open", "D126", onN2(func(r *Report) { r.Damage = Known([]Found{{What: "scrub", Count: 1}}) })},
}

func TestEveryClauseLeavesOK(t *testing.T) {
	reached := map[string]bool{}
	for _, b := range broken {
		s := healthy(5, 64)
		b.breaks(s)
		r := Verdict(clone(t, s))
		if r.Verdict != Degraded || len(r.Missing) > 0 {
			t.Errorf("%s: %v, missing %v", b.name, r, r.Missing)
		}
		if !slices.ContainsFunc(r.Reasons, func(r Reason) bool { return r.Code == b.code }) {
			t.Errorf("%s: no reason with code %q in %v", b.name, b.code, r.Reasons)
		}
		// Only the clause that it is about speaks.
		for _, c := range clauses {
			var tally tally
			c.hold(evidenceOf(s), &tally)
			if (len(tally.wrong) > 0) != (c.name == b.clause) || len(tally.lacking) > 0 {
				t.Errorf("%s: clause %q: %v", b.name, c.name, tally)
			}
		}
		reached[b.clause] = true
	}
	for _, c := range clauses {
		if !reached[c.name] {
			t.Errorf("nothing breaks %q", c.name)
		}
	}
}

// A thing that is wrong is reported by the rule that the verdict names.
func TestWhatIsWrongIsFound(t *testing.T) {
	for _, b := range broken {
		s := healthy(5, 64)
		b.breaks(s)
		if b.code == "" {
			continue
		}
		if found := findings(s, b.code); len(found) == 0 || found[0].Severity == Fine || found[0].Severity == Unchecked {
			t.Errorf("%s: %s", b.name, texts(found))
		}
	}
}

// beside are figures on which no clause rests: they are for rules and for tables.
var beside = strings.Fields(`since losses report.version report.incarnation report.uptime_ms report.epoch_age_ms report.fsync_p99_us report.syncs report.stall
	report.dirty report.refused report.scrub report.scrub.as_of report.voters report.gossip report.traffic report.process report.seeds
	report.settings report.durability report.insecure report.data_bytes report.keys report.read_p99_us report.write_p99_us
	report.bounds.clock_max_drift_ms report.repair.states.watermark
	report.peers.phi_milli report.peers.rtt_us report.peers.offset_ms report.peers.heard_age_ms`)

func TestWhatIsNotKnownIsNotOK(t *testing.T) {
	all := figures(healthy(5, 8))
	seen := map[string]bool{}
	for i := range all {
		s := healthy(5, 8)
		f := figures(s)[i]
		f.forget()
		r, path := Verdict(s), strings.TrimPrefix(f.path, "nodes.")
		seen[path] = true
		if slices.Contains(beside, path) {
			if r.Verdict != OK {
				t.Errorf("without %s: %v", f.path, r)
			}
			continue
		}
		if r.Verdict != Unknown || r.Best != OK || len(r.Missing) == 0 {
			t.Errorf("without %s: %v", f.path, r)
		}
	}
	for _, path := range beside {
		if !seen[path] {
			t.Errorf("there is no figure %s", path)
		}
	}
	if len(seen) < 40 {
		t.Errorf("only %d figures were found: the search is broken", len(seen))
	}
}

// "Does not answer me" is evidence; "was not asked", "snapshot too old" and "never
// reported" are not (operations, the verdict).
func TestSilenceIsEvidence(t *testing.T) {
	for name, tc := range map[string]struct {
		change mutate
		want   Word
		says   string
	}{
		"silent":          {func(s *Snapshot) { kill(s, "n3") }, Degraded, "n3 does not answer"},
		"not asked":       {func(s *Snapshot) { member(s, "n3").Answer = NotAsked }, Unknown, "n3 was not asked"},
		"a word of later": {func(s *Snapshot) { member(s, "n3").Answer = "dreaming" }, Unknown, "n3 was not asked"},
		"no word":         {func(s *Snapshot) { member(s, "n3").Answer = "" }, Unknown, "n3 was not asked"},
		"too old":         {func(s *Snapshot) { member(s, "n3").Answer = TooOld }, Unknown, "what n3 has reported is 400ms old"},
		"10 s old":        {func(s *Snapshot) { member(s, "n3").AgeMS = Known(int64(10_000)) }, Unknown, "what n3 has reported is 10s old"},
		"9.999 s old":     {func(s *Snapshot) { member(s, "n3").AgeMS, report(s, "n3").Probe.value.AgeMS = Known(int64(9_999)), 0 }, OK, "possible in all 64"},
		"no age":          {func(s *Snapshot) { member(s, "n3").AgeMS = Opt[int64]{} }, Unknown, "it is not known how old the report of n3 is"},
		"a negative age":  {func(s *Snapshot) { member(s, "n3").AgeMS = Known(int64(-1)) }, Unknown, "it is not known how old the report of n3 is"},
		"no report":       {func(s *Snapshot) { member(s, "n3").Report = nil }, Unknown, "n3 has reported nothing"},
		"silence of old": {func(s *Snapshot) {
			m := member(s, "n3")
			m.Answer, m.Report, m.AgeMS = Silent, nil, Known(int64(14_000))
		}, Unknown, "that n3 does not answer was found 14s ago"},
		"a write of old":    {func(s *Snapshot) { report(s, "n3").Probe.value.AgeMS = 9_600 }, Unknown, "the last timed write of n3 is 10s old"},
		"kept for a while":  {func(s *Snapshot) { *s = *s.Aged(12_000) }, Unknown, "what n1 has reported is 12s old"},
		"no proof yet":      {func(s *Snapshot) { report(s, "n3").Repair.value.States[0].AsOf = Opt[Time]{} }, Unknown, "n3 has no proof yet for 39 partitions"},
		"a peer left out":   {func(s *Snapshot) { report(s, "n3").Peers.value = report(s, "n3").Peers.value[1:] }, Unknown, "n3 has not reported whether it reaches n1"},
		"no metadata":       {func(s *Snapshot) { s.Cluster.Epoch = 0 }, Unknown, "the node that was asked is not part of a cluster yet"},
		"owners of others":  {func(s *Snapshot) { s.Owners.value[7][1] = 5 }, Unknown, "the owner table does not fit the members"},
		"a level of later":  {func(s *Snapshot) { s.Namespaces.value[0].ReadLevel = "most" }, Unknown, "the level most of namespace default is not known here"},
		"nothing":           {func(s *Snapshot) { *s = Snapshot{} }, Unknown, "not part of a cluster yet"},
		"nothing, it waits": {func(s *Snapshot) { *s = Snapshot{Waiting: "waits for 10.0.0.2:7401"} }, Unknown, "waits for 10.0.0.2:7401"},
	} {
		s := healthy(5, 64)
		tc.change(s)
		r := Verdict(s)
		if screen := r.Screen(); r.Verdict != tc.want || !strings.Contains(screen, tc.says) {
			t.Errorf("%s: want %s with %q:\n%s", name, tc.want, tc.says, screen)
		}
	}
}

// rank orders verdicts from good to bad.
func rank(w Word) int { return slices.Index([]Word{OK, Degraded, Failing}, w) }

// anySnapshot is a cluster in which some things are wrong, and some evidence may be
// gone already.
func anySnapshot(t *rapid.T) *Snapshot {
	s := healthy(rapid.IntRange(1, 5).Draw(t, "nodes"), 8)
	s.Namespaces.value[0].ReadLevel = rapid.SampledFrom([]string{"one", "quorum", "all", "serial", "local_quorum", "each_quorum", "any", "4"}).Draw(t, "level")
	for range rapid.IntRange(0, 3).Draw(t, "faults") {
		b := rapid.SampledFrom(broken).Draw(t, "fault")
		name := rapid.SampledFrom([]string{"n2", "n3", "n4"}).Draw(t, "node")
		if len(s.Members) < 5 || report(s, "n2") == nil {
			continue
		}
		b.breaks(s)
		if rapid.Bool().Draw(t, "another") && report(s, name) != nil && name != "n3" {
			kill(s, name)
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "gone") {
		takeAway(t, s)
	}
	return s
}

// takeAway removes one piece of evidence: a figure, a report, its freshness.
func takeAway(t *rapid.T, s *Snapshot) {
	m := &s.Members[rapid.IntRange(0, len(s.Members)-1).Draw(t, "member")]
	switch rapid.IntRange(0, 6).Draw(t, "how") {
	case 0:
		m.Answer, m.Report = NotAsked, nil
	case 1:
		m.Answer = TooOld
	case 2:
		m.AgeMS = Known(int64(10_000))
	case 3:
		*s = *s.Aged(10_000)
	case 4:
		if m.Report != nil && len(m.Report.Peers.value) > 0 {
			m.Report.Peers = Known(m.Report.Peers.value[1:])
		}
	default:
		if all := figures(s); len(all) > 0 {
			all[rapid.IntRange(0, len(all)-1).Draw(t, "figure")].forget()
		}
	}
}

// What is taken away of the evidence makes the verdict less certain, never better.
func TestLessEvidenceIsNeverOK(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySnapshot(t)
		before, doctor := Verdict(s), Check(s)
		takeAway(t, s)
		after := Verdict(s)
		if after.Verdict == OK && before.Verdict != OK {
			t.Fatalf("%v became OK", before)
		}
		if rank(after.Best) > rank(before.Best) || rank(after.Worst) < rank(before.Worst) {
			t.Fatalf("%v (%s to %s) became %v (%s to %s)", before, before.Best, before.Worst, after, after.Best, after.Worst)
		}
		if (after.Verdict == Unknown) != (after.Best != after.Worst) || after.Verdict == Unknown && len(after.Missing) == 0 {
			t.Fatalf("UNKNOWN without a reason: %+v", after)
		}
		well := map[string]bool{}
		for _, f := range doctor {
			well[f.Code] = f.Severity == Fine
		}
		for _, f := range Check(s) {
			if f.Severity == Fine && !well[f.Code] {
				t.Fatalf("%s became well: %s", f.Code, f.Title)
			}
		}
	})
}

// Whatever the verdict holds against the cluster, a rule says more about. But for
// epochs, which rules let spread for a while.
func TestReasonsHaveFindings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySnapshot(t)
		found := map[string]bool{}
		for _, f := range Check(s) {
			found[f.Code] = found[f.Code] || f.Severity == Critical || f.Severity == Warning
		}
		r := Verdict(s)
		for _, reason := range r.Reasons {
			if reason.Code != "" && reason.Code != "D103" && !found[reason.Code] {
				t.Fatalf("%s has no finding: %s", reason.Code, reason.Sentence)
			}
		}
		if (r.Verdict == OK) != (len(r.Reasons)+len(r.Missing) == 0) {
			t.Fatalf("%v with %v and %v", r, r.Reasons, r.Missing)
		}
		if r.Verdict.Passes() != (r.Verdict == OK || r.Verdict == Degraded) {
			t.Fatal(r)
		}
	})
}
