package verdict

import (
	"slices"
	"strings"
	"testing"
)

// restarted makes a member one that was started so long ago, in milliseconds, as its
// own report says, which is 400 ms old; the others reported at that time too.
func restarted(s *Snapshot, name string, ago int64) { report(s, name).UptimeMS = Known(ago - 400) }

// A report that is older than the process which answers now, or than the silence that
// has begun since, is no evidence about it: no finding, no reason, and not OK either.
func TestAViewFromBeforeTheChangeIsNoEvidence(t *testing.T) {
	downBefore := func(s *Snapshot) {
		for _, n := range []string{"n1", "n2", "n3"} {
			see(report(s, n), id(4), Down, 300_000)
			see(report(s, n), id(5), Down, 300_000)
			report(s, n).Voters = Known(Voters{2, 5})
			member(s, n).AgeMS = Known(int64(2600))
		}
	}
	for name, tc := range map[string]struct {
		change  mutate
		missing string
	}{
		"two are started again": {func(s *Snapshot) {
			downBefore(s)
			restarted(s, "n4", 1500)
			restarted(s, "n5", 1500)
		}, "n1 has not looked at n4 since that was started"},
		"one is suspected since its start": {func(s *Snapshot) {
			see(report(s, "n2"), id(4), Suspect, 100)
			restarted(s, "n4", 3000)
		}, "n2 has not looked at n4 since that was started"},
		"one that is new has found nobody": {func(s *Snapshot) {
			for _, n := range []int{1, 2, 3, 5} {
				see(report(s, "n4"), id(n), Down, 0)
			}
			report(s, "n4").Voters = Known(Voters{1, 5})
			restarted(s, "n4", 1000)
		}, "n4, just started, has not found n1 yet"},
		"one was seen down, and has not answered again": {func(s *Snapshot) {
			for _, n := range []string{"n1", "n2", "n3", "n5"} {
				see(report(s, n), id(4), Down, 300_000)
			}
			*member(s, "n4") = Member{Name: "n4", ID: id(4), Zone: "d", State: "normal", Answer: NotAsked}
		}, "n4 was not asked"},
		"one that is new has counted its voters before it found the others": {func(s *Snapshot) {
			report(s, "n4").Voters, report(s, "n4").Waiting = Known(Voters{1, 5}), Known("it asks the others")
			restarted(s, "n4", 1000)
		}, "n4, just started, serves nothing yet"},
		"one that is new has no epoch yet": {func(s *Snapshot) {
			report(s, "n4").Epoch = Known(uint64(0))
			restarted(s, "n4", 1000)
		}, "n4, just started, was not part of the cluster yet"},
		"one that is new has not compared its clock": {func(s *Snapshot) {
			report(s, "n4").Fenced, report(s, "n4").OffsetMS = Known(true), Opt[int64]{}
			restarted(s, "n4", 1000)
		}, "n4 has not reported its clock"},
	} {
		s := healthy(5, 64)
		tc.change(s)
		for _, f := range Check(s) {
			if f.Severity == Critical || f.Severity == Warning {
				t.Errorf("%s: %s", name, f.Text())
			}
		}
		if r := Verdict(s); r.Verdict == OK || !slices.Contains(r.Missing, tc.missing) {
			t.Errorf("%s: %v, missing %q", name, r, r.Missing)
		}
		if d := Disagreements(s); len(d) > 0 {
			t.Errorf("%s: %v", name, d)
		}
	}
}

// What goes on after the time that nodes need to find each other is told.
func TestAViewThatLastsIsEvidence(t *testing.T) {
	for name, change := range map[string]mutate{
		"not reached":   func(s *Snapshot) { see(report(s, "n2"), id(4), Down, 300_000) },
		"suspected":     func(s *Snapshot) { see(report(s, "n2"), id(4), Suspect, 9000) },
		"no start told": func(s *Snapshot) { see(report(s, "n2"), id(4), Down, 300_000); report(s, "n4").UptimeMS.forget() },
	} {
		s := healthy(5, 64)
		restarted(s, "n4", settleMS+400)
		change(s)
		if found := findings(s, "D102"); found[0].Severity != Warning && found[0].Severity != Critical {
			t.Errorf("%s: %s", name, texts(found))
		}
		if r := Verdict(s); r.Verdict != Degraded {
			t.Errorf("%s: %v", name, r)
		}
	}
}

// A node that has just died is still up in the reports that were made before: they do
// not contradict it. One that some node goes on hearing is told.
func TestAReportFromBeforeADeathDoesNotDenyIt(t *testing.T) {
	s := healthy(5, 64)
	kill(s, "n5")
	see(report(s, "n2"), id(5), Up, 500)
	member(s, "n2").AgeMS = Known(int64(1900))
	member(s, "n5").Since = Known(at - 700)
	found := findings(s, "D102")
	if text := texts(found); len(found) != 1 || found[0].Severity != Unchecked || strings.Contains(texts(findings(s, "D101")), "still") {
		t.Errorf("%s%s", text, texts(findings(s, "D101")))
	}
	member(s, "n5").Since = Known(at - 8000)
	if text := texts(findings(s, "D102")); !strings.Contains(text, "n2 hears n5, but n1 does not") || !strings.Contains(texts(findings(s, "D101")), "n2 hears it still") {
		t.Errorf("%s", text)
	}
}

// What several nodes have in common is one finding, which names them.
func TestEqualFindingsAreOne(t *testing.T) {
	s := healthy(5, 64)
	for i, n := range []string{"n1", "n2", "n3", "n4", "n5"} {
		report(s, n).Syncs = Known(Syncs{1024, 65_000 + int64(1000*i), 131_000 + int64(1000*i)})
		report(s, n).Repair.value.Paused = i > 2
	}
	r := Verdict(s)
	if why := Why(r, Check(s)); why != "why   D105 repair is paused at n4 and n5 (warning)   D110 fsync is slow on all 5 nodes (warning)" {
		t.Error(why)
	}
	text := texts(findings(s, "D110"))
	if !strings.Contains(text, "fsync is slow on all 5 nodes: the 99th percentile is between 69ms and 135ms where it is highest\n") || strings.Count(text, "of 1,024 syncs of the journal of n") != 5 {
		t.Error(text)
	}
}

// A node that is back and not trusted yet is no fault: it is reached, and no level is
// lost. So it costs nobody OK, and nobody is sent to look at the network.
func TestANodeThatIsBackIsNoFault(t *testing.T) {
	s := healthy(5, 64)
	cools(report(s, "n2"), id(3))
	if r := Verdict(s); r.Verdict != OK {
		t.Error(r.Screen())
	}
	if text := texts(findings(s, "D102")); strings.Contains(text, "network") || !strings.Contains(text, "ends by itself") {
		t.Error(text)
	}
	see(report(s, "n2"), id(4), Suspect, 9000)
	if r := Verdict(s); r.Verdict != Degraded || len(r.Reasons) != 1 {
		t.Error(r.Screen())
	}
}

// A node that serves nothing is not counted for a level, whether it is new or not.
func TestANodeThatServesNothingIsNotCounted(t *testing.T) {
	s := healthy(3, 8)
	report(s, "n2").Waiting = Known("it asks the others")
	if r := Verdict(s); r.Verdict != Degraded || !strings.Contains(r.Sentence, "all: not possible in 8 (n2 serves nothing yet)") {
		t.Error(r.Screen())
	}
	restarted(s, "n2", 1500)
	if r := Verdict(s); r.Verdict == OK || !strings.Contains(r.Screen(), "not known: n2, just started, serves nothing yet") && r.Verdict != Unknown {
		t.Error(r.Screen())
	}
}

// Whatever keeps a verdict from OK is told on the line of the reasons, also where no
// rule reports it yet; what never ends is not, and the same words are told once.
func TestWhyHasEveryReasonOnce(t *testing.T) {
	s := healthy(5, 64)
	restarted(s, "n4", 1500)
	report(s, "n4").Fenced, report(s, "n4").OffsetMS = Known(true), Opt[int64]{}
	s.Losses = Known([]Loss{{Node: id(2), Partitions: Partitions{1}, Epoch: 7, Time: at}})
	if why := Why(Verdict(s), Check(s)); why != "why   n4 does not coordinate, its clock was not compared with the others yet" {
		t.Error(why)
	}
	s = healthy(5, 64)
	for _, n := range []string{"n1", "n4"} {
		report(s, n).Traffic = Known(Traffic{5 * minuteMS, 100, 90})
		report(s, n).Hints = Known([]Hints{{Target: id(2), Count: 1, OldestAgeMS: hourMS}, {Target: id(3), Count: 1, OldestAgeMS: hourMS}})
	}
	if why := Why(Verdict(s), Check(s)); why != "why   D104 hints for n2 and n3 pile up (warning, 4 times)   D129 writes end in doubt (warning, 2 times)" {
		t.Error(why)
	}
}

// That a replica is away is known before a write is sent; that one rebuilds is not, so a
// write may end in doubt there.
func TestWhatBecomesOfWritesWhereReplicasRebuild(t *testing.T) {
	s := healthy(3, 8)
	for _, n := range []string{"n2", "n3"} {
		report(s, n).Quarantine = Known(Quarantine{Partitions: PartitionsOf(1, 2), Of: 2})
	}
	for name, text := range map[string]string{"doctor": texts(findings(s, "D113")), "status": Verdict(s).Screen()} {
		if !strings.Contains(text, "end in doubt") || strings.Contains(text, "Requests at quorum in them are refused") {
			t.Errorf("%s: %s", name, text)
		}
	}
	s = healthy(3, 8)
	kill(s, "n2", "n3")
	if text := texts(findings(s, "D113")); !strings.Contains(text, "Requests at quorum in them are refused with no effect.") {
		t.Error(text)
	}
}

// The header of a screen names the age of the oldest evidence that counts.
func TestOldestEvidence(t *testing.T) {
	s := healthy(5, 8)
	member(s, "n2").AgeMS, member(s, "n4").AgeMS = Known(int64(2600)), Known(int64(10_000))
	kill(s, "n3")
	member(s, "n5").Answer = NotAsked
	if age, ok := s.OldestMS().Get(); !ok || age != 2600 {
		t.Error(age, ok)
	}
	if age, ok := s.Aged(300).OldestMS().Get(); !ok || age != 2900 {
		t.Error(age, ok)
	}
	if _, ok := new(Snapshot).OldestMS().Get(); ok {
		t.Error("of nothing")
	}
}

// A node that runs under another identity is not to be started again: its folder has to
// come back.
func TestAnotherNodeAtAMembersAddress(t *testing.T) {
	s := healthy(5, 64)
	kill(s, "n3")
	if text := texts(findings(s, "D101")); !strings.Contains(text, "start it again.") || strings.Contains(text, "node.json that names") {
		t.Error(text)
	}
	member(s, "n3").AnswersAs, member(s, "n3").Peer = id(77), "10.0.0.3:7401"
	text := texts(findings(s, "D101"))
	for _, want := range []string{"n3 is down: another node answers at its address", "stop what runs at 10.0.0.3:7401", "bring back the folder with the node.json that names " + id(3)} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %s", want, text)
		}
	}
	// A healthy member that has its last address is not to be stopped.
	member(s, "n3").AnswersAs = id(4)
	if text := texts(findings(s, "D101")); !strings.Contains(text, "n3 is down: n4 answers at its address") || strings.Contains(text, "stop what runs") {
		t.Error(text)
	}
}

// In how many partitions quorum does not work is said, and that it is all only if it is.
func TestWhereQuorumDoesNotWorkIsCounted(t *testing.T) {
	s := healthy(5, 64)
	kill(s, "n3", "n4")
	if text := texts(findings(s, "D101")); !strings.Contains(text, "1 of 3 replicas. In 26 of them, quorum does not work.") {
		t.Error(text)
	}
	s = healthy(3, 64)
	kill(s, "n2", "n3")
	if text := texts(findings(s, "D101")); !strings.Contains(text, "64 of 64 partitions have, at worst, 1 of 3 replicas. In all of them, quorum does not work.") {
		t.Error(text)
	}
}

// What is held back by a dead node is counted by partition, and it is said which of those
// with a replica there are not counted, and why.
func TestWhichPartitionsAreHeldBackIsSaid(t *testing.T) {
	s := healthy(3, 64)
	kill(s, "n3")
	for _, n := range []string{"n1", "n2"} {
		var r Repair
		r.Running = true
		for p := range 64 {
			held := []string{id(1), id(3)}
			if p >= 40 {
				held = []string{id(1), id(2)}
			}
			r.Add(p, Repaired{AsOf: Known(at - 94*secondMS), Tree: "ready", HeldBy: held})
		}
		report(s, n).Repair = Known(r)
	}
	text := texts(findings(s, "D105"))
	if !strings.Contains(text, "40 partitions are repaired as of") || !strings.Contains(text, "no comparison is older than the last one with n3; in 24 more with a replica there another one is older still, or not known") {
		t.Error(text)
	}
}

// That repair is paused needs no clock to be seen.
func TestPausedRepairIsFoundWithoutTheTime(t *testing.T) {
	s := healthy(5, 64)
	report(s, "n2").Repair.value.Paused = true
	s.Time.forget()
	if text := texts(findings(s, "D105")); !strings.Contains(text, "repair is paused at n2") || !strings.Contains(text, "the time is not known") {
		t.Error(text)
	}
}
