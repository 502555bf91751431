package verdict

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the files of testdata anew")

// shop is the cluster of the examples: 5 nodes, 1,024 partitions.
func shop() *Snapshot { return healthy(5, 1024) }

// scenes are clusters whose texts are kept word by word, each in a file of testdata.
var scenes = map[string]mutate{
	"ok": func(*Snapshot) {},
	"degraded": func(s *Snapshot) {
		kill(s, "n3")
		for _, n := range []string{"n1", "n2"} {
			report(s, n).Hints = Known([]Hints{{Target: id(3), Count: 40602, Bytes: 106 << 20, BoundBytes: 1 << 30, OldestAgeMS: 240 * secondMS}})
		}
		for _, n := range []string{"n1", "n2", "n4", "n5"} {
			r := report(s, n)
			for i := range r.Repair.value.States {
				r.Repair.value.States[i].AsOf, r.Repair.value.States[i].HeldBy = Known(at-254*secondMS), []string{id(1), id(3)}
			}
		}
	},
	"failing": func(s *Snapshot) { kill(s, "n3", "n4") },
	"failing-for-writes": func(s *Snapshot) {
		kill(s, "n3")
		report(s, "n4").Disk.value.InReserve = true
		report(s, "n2").Quarantine = Known(Quarantine{Partitions: PartitionsOf(1, 2), Why: "db/ was gone", Of: 614, Rebuilt: 612})
	},
	"unknown": func(s *Snapshot) { report(s, "n2").OffsetMS.forget() },
	"unknown-or-failing": func(s *Snapshot) {
		kill(s, "n3")
		m := member(s, "n4")
		m.Answer, m.Report = NotAsked, nil
	},
	"much-unknown": func(s *Snapshot) {
		r := report(s, "n2")
		r.OffsetMS.forget()
		r.Disk.forget()
		r.Hints.forget()
		r.Epoch.forget()
	},
	"one-way": func(s *Snapshot) {
		see(report(s, "n2"), id(3), Down, 18234)
		report(s, "n5").Epoch = Known(uint64(40))
		member(s, "n2").AgeMS = Known(int64(3200))
	},
	"draining":   func(s *Snapshot) { report(s, "n2").Draining = Known(true) },
	"no-cluster": func(s *Snapshot) { *s = Snapshot{Waiting: "waits for 10.0.0.2:7401, which does not answer"} },
	"one-node-of-three": func(s *Snapshot) {
		*s = *healthy(1, 1024)
	},
}

// Everything that is printed of a snapshot: all programs print these very words.
func TestTexts(t *testing.T) {
	for name, change := range scenes {
		s := shop()
		change(s)
		var b strings.Builder
		r, found := Verdict(s), Check(s)
		b.WriteString("# " + r.String() + "\n\n$ status\n" + r.Line() + "\n")
		if why := Why(r, found); why != "" {
			b.WriteString(why + "\n")
		}
		b.WriteString("\n$ status --check\n" + r.Screen() + "\n$ doctor\n" + Text(found, false))
		if all := Disagreements(s); len(all) > 0 {
			b.WriteString("\n$ status --all-views\n")
			for i := range all {
				b.WriteString(all[i].Text() + "\n")
			}
		}
		golden(t, name+".txt", b.String())
	}
	golden(t, "doctor-v.txt", Text(Check(shop()), true))
}

// Every kind of document is as it was: fields are only ever added.
func TestDocuments(t *testing.T) {
	s := healthy(3, 4)
	kill(s, "n3")
	report(s, "n1").OffsetMS.forget()
	for name, v := range map[string]any{"snapshot": s, "result": Verdict(s), "findings": Check(s), "disagreements": Disagreements(func() *Snapshot {
		s := healthy(3, 4)
		see(report(s, "n2"), id(3), Down, 18234)
		return s
	}())} {
		b, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".json", string(b)+"\n")
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not as it was (-rewrite writes it anew):\n%s", path, got)
	}
}
