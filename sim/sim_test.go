package sim_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/candordb/candor/sim"
)

var (
	seedsFlag    = flag.Uint64("sim.seeds", 200, "how many seeds TestSeeds runs")
	firstFlag    = flag.Uint64("sim.first", 1, "the first of them")
	seedFlag     = flag.Uint64("sim.seed", 0, "the seed that TestSeed runs")
	scenarioFlag = flag.String("sim.scenario", "", "the scenario that TestSeed runs; empty: a swarm")
	withoutFlag  = flag.String("sim.without", "", "swarm options to leave out, separated by commas")
	shortenFlag  = flag.Float64("sim.shorten", 0, "share of the drawn length to run")
)

// A run makes much garbage and keeps little: collecting it less often is a
// quarter of the time.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

// runSeeds runs seeds in as many parallel subtests as there are processors;
// each run is in one goroutine. A failure is shrunk before it is shown.
func runSeeds(t *testing.T, o sim.Options, first, seeds uint64) *sim.Figures {
	t.Helper()
	workers := uint64(runtime.GOMAXPROCS(0))
	results := make([]*sim.Result, seeds)
	t.Run("runs", func(t *testing.T) {
		for w := range workers {
			t.Run(fmt.Sprint(w), func(t *testing.T) {
				t.Parallel()
				for i := w; i < seeds; i += workers {
					one := o
					one.Seed = first + i
					results[i] = sim.Run(one)
					if results[i].Failure != nil {
						t.Errorf("%s\n%s\nshrunk: %s", runtime.Version(), results[i].Report(), sim.Shrink(results[i]).Report())
					}
				}
			})
		}
	})
	var total sim.Figures
	for _, r := range results {
		if r != nil {
			total.Add(&r.Figures)
		}
	}
	return &total
}

// marksLeast is how many of the marks 200 seeds have to reach, in per cent.
const marksLeast = 95

// Every promise that is checked holds on every seed, and the rare states are
// reached.
func TestSeeds(t *testing.T) {
	started := time.Now()
	total := runSeeds(t, sim.Options{}, *firstFlag, *seedsFlag)
	fmt.Printf("sim: %s; %v\n", total.Line(), time.Since(started).Round(time.Millisecond))
	if hit, all := total.Reach(); 100*hit < marksLeast*all && *seedsFlag >= 200 {
		t.Errorf("%d of %d marks were reached; no seed has reached %q", hit, all, total.Missed())
	}
}

// TestSeed repeats the run that a failure names.
func TestSeed(t *testing.T) {
	if *seedFlag == 0 {
		t.Skip("repeats one run, and no seed was named: -sim.seed=N")
	}
	o := sim.Options{Seed: *seedFlag, Scenario: *scenarioFlag, Shorten: *shortenFlag}
	if *withoutFlag != "" {
		o.Without = strings.Split(*withoutFlag, ",")
	}
	if testing.Verbose() {
		o.Trace = os.Stdout
	}
	r := sim.Run(o)
	t.Log(r.Line())
	if r.Failure != nil {
		t.Error(r.Report())
	}
}

// The runs in testdata/seeds.txt, which once showed something that was wrong, in
// the code or in a checker, show it no more.
func TestRegressionSeeds(t *testing.T) {
	text, err := os.ReadFile("testdata/seeds.txt")
	if err != nil {
		t.Fatal(err)
	}
	runs := 0
	for line := range strings.Lines(string(text)) {
		command, story, _ := strings.Cut(strings.TrimSpace(line), "#")
		if command == "" {
			continue
		}
		runs++
		t.Run(strings.TrimSpace(command), func(t *testing.T) {
			o, err := runOf(command)
			if err != nil {
				t.Fatal(err)
			}
			if r := sim.Run(o); r.Failure != nil {
				t.Errorf("%s\n%s", strings.TrimSpace(story), r.Report())
			}
		})
	}
	if runs == 0 {
		t.Error("no runs")
	}
}

// runOf reads the flags with which a failure says how to repeat it.
func runOf(command string) (o sim.Options, err error) {
	var words []string
	for i, part := range strings.Split(command, `"`) {
		if i%2 == 1 && len(words) > 0 { // within quotes: the end of the word before
			words[len(words)-1] += part
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	f := flag.NewFlagSet("run", flag.ContinueOnError)
	f.Uint64Var(&o.Seed, "sim.seed", 0, "")
	f.StringVar(&o.Scenario, "sim.scenario", "", "")
	without := f.String("sim.without", "", "")
	f.Float64Var(&o.Shorten, "sim.shorten", 0, "")
	if err := f.Parse(words); err != nil {
		return o, err
	}
	if *without != "" {
		o.Without = strings.Split(*without, ",")
	}
	if o.Seed == 0 || f.NArg() > 0 {
		return o, fmt.Errorf("%q names no run", command)
	}
	return o, nil
}

// What a failure prints can be put into testdata/seeds.txt as it is.
func TestCommandOfAFailureIsReadBack(t *testing.T) {
	want := sim.Options{Seed: 17, Scenario: "A4", Without: []string{"slow disk", "buggify tiny batch"}, Shorten: 0.25}
	command := (&sim.Result{Options: want}).Command()
	_, flags, _ := strings.Cut(command, "TestSeed ")
	if got, err := runOf(flags); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s is read as %+v, %v", command, got, err)
	}
}

// The scenarios hold, and each reaches the state that it is about.
func TestScenarios(t *testing.T) {
	reaches := map[string][]string{
		"A1":     {"refused as too few are reachable"},
		"A2":     {"answer superseded"},
		"A4":     {"coordinator cut off after it had sent a write", "in doubt with one replica that has it"},
		"A5":     {"coordinator killed before it wrote back", "read written back before its answer"},
		"A7":     {"late ack after the answer"},
		"A8":     {"late ack after the answer"},
		"G1":     {"clock fence entered", "clock fence left"},
		"G2":     {"ordered write stamped above the tick"},
		"G5":     {"answer superseded"},
		"H2":     {"write in doubt"},
		"H3":     {"refused as too few are reachable", "weakened at once"},
		"settle": {"write in doubt settled by OUTCOME: not applied", "late write refused by a void", "OUTCOME of a write that is still in flight", "message of long ago delivered"},
		"A9":     {"message of long ago delivered", "tombstone purged", "write refused at or below the floor or the age limit"},
		"B1":     {"tombstone purged", "expired value purged", "watermark blocked by a dead member", "hint replayed"},
		"B5":     {"tombstone purged", "clock fence entered"},
		"C1":     {"hint replayed", "killed as hints are replayed", "hint refused below the fence", "sloppy write met by a stand-in"},
		"C3":     {"hints wiped", "proof made"},
		"C4":     {"damaged record healed from a quorum of the others"},
		"C5":     {"tree recounted after a crash", "trees kept at a stop", "repair wanted by an operator"},
		"lost": {
			"database lost", "older copy of a disk restored", "disk with damaged parts renewed", "node quarantined", "partition rebuilt",
			"node rebuilt", "rebuild interrupted by a crash", "tombstone purged",
		},
		"lost-agreed": {"database lost", "older copy of a disk restored", "disk with damaged parts renewed", "node rebuilt", "epoch decided by a majority of the voters"},
		"B2":          {"older copy of a disk restored", "node rebuilt", "answer superseded", "tombstone purged"},
		"B3":          {"expired value read as absent", "expired value purged"},
		"F7":          {"record of another key found in a place", "record lost without a trace", "older record found in a place", "lost or older record found by a comparison", "damaged record healed from a quorum of the others"},
		"C6":          {"tombstone purged", "proof made"},
		"sloppy":      {"sloppy write met by a stand-in", "hint replayed", "write in doubt settled by OUTCOME: committed"},
		"regions":     {"local level met by a part of the replicas", "a quorum of each of several regions", "session read sent to another replica"},
		"bootstrap":   {"epoch 1 installed", "killed while a vote is being synced", "killed between a vote's sync and its answer"},
		"epochs":      {"epoch decided by a majority of the voters", "change outrun by another", "stale epoch refused"},
	}
	for _, sc := range sim.Scenarios() {
		t.Run(sc.Name, func(t *testing.T) {
			t.Log(sc.Story)
			total := runSeeds(t, sim.Options{Scenario: sc.Name}, 1, 12)
			t.Log(total.Line())
			for _, mark := range reaches[sc.Name] {
				if !total.Marks.Reached(mark) {
					t.Errorf("no seed has reached %q", mark)
				}
			}
		})
	}
}

// replaySeeds are run again and again by TestOneSeedIsOneRun.
const replaySeeds = 12

// fingerprints runs some seeds and scenarios.
func fingerprints() string {
	var b strings.Builder
	for seed := range uint64(replaySeeds) {
		fmt.Fprintf(&b, "%d:%016x ", seed+1, sim.Run(sim.Options{Seed: seed + 1}).Fingerprint)
	}
	for _, sc := range sim.Scenarios() {
		fmt.Fprintf(&b, "%s:%016x ", sc.Name, sim.Run(sim.Options{Seed: 1, Scenario: sc.Name}).Fingerprint)
	}
	return b.String()
}

// replayVariable asks a process of this test for its fingerprints.
const replayVariable = "CANDOR_SIM_REPLAY"

// One seed is one run, to the bit: twice in one process, and in processes with
// different numbers of processors.
func TestOneSeedIsOneRun(t *testing.T) {
	want := fingerprints()
	if os.Getenv(replayVariable) != "" {
		fmt.Printf("fingerprints %s\n", want)
		return
	}
	if again := fingerprints(); again != want {
		t.Fatalf("twice in one process:\n%s\n%s", want, again)
	}
	for _, procs := range []string{"1", "4"} {
		c := exec.Command(os.Args[0], "-test.run=^TestOneSeedIsOneRun$")
		c.Env = append(os.Environ(), replayVariable+"=1", "GOMAXPROCS="+procs)
		out, err := c.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "fingerprints "+want+"\n") {
			t.Fatalf("with GOMAXPROCS=%s: %v\nwant %s\ngot  %s", procs, err, want, out)
		}
	}
}

// A swarm option that is left out changes none of the others, so that a failure
// can be shrunk.
func TestOptionsAreDrawnApart(t *testing.T) {
	whole := sim.Run(sim.Options{Seed: 7}).Plan
	left := sim.Run(sim.Options{Seed: 7, Without: whole.On[:1]}).Plan
	if got, want := strings.Join(left.On, ","), strings.Join(whole.On[1:], ","); got != want {
		t.Errorf("without %s: %s, want %s", whole.On[0], got, want)
	}
	if left.Load.Clients != whole.Load.Clients || left.Nodes != whole.Nodes {
		t.Error("the cluster changed too")
	}
}
