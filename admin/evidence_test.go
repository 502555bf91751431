package admin

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/verdict"
)

// Evidence is as the snapshot has it: who can be reached has answered, and is well; of
// whom is suspect the answer is too old.
func (f *fake) Evidence() *verdict.Snapshot {
	seen := f.Snapshot()
	now := verdict.Time(seen.Time.UnixMilli())
	e := &verdict.Snapshot{
		Time: verdict.Known(now), Cluster: clusterOf(seen), SeenBy: verdict.SeenBy{Name: seen.Name, ID: seen.Self.String()}, Waiting: seen.Waiting,
	}
	if seen.View == nil {
		return e
	}
	owners := make([][]uint16, seen.View.Q())
	for p := range owners {
		owners[p] = slices.DeleteFunc(slices.Clone(seen.View.Owners(p)), func(o uint16) bool { return o == ring.NoOwner })
	}
	e.Owners = verdict.Known(owners)
	namespaces := []verdict.Namespace{}
	for _, ns := range f.Namespaces() {
		namespaces = append(namespaces, verdict.Namespace{Name: ns.Name, Mode: ns.Mode, ReadLevel: ns.Read.String(), WriteLevel: ns.Write.String(), AllowStale: ns.AllowStale})
	}
	e.Namespaces, e.Losses = verdict.Known(namespaces), verdict.Known([]verdict.Loss{})
	for i := range seen.Members {
		m := &seen.Members[i]
		row := verdict.Member{
			Name: m.Name, ID: m.ID.String(), Zone: m.Zone, Region: m.Region, State: m.State.String(),
			Client: m.Client, Peer: m.Peer, GossipAddr: m.Member.Gossip, HTTP: m.HTTP, Answer: verdict.Answered, AgeMS: verdict.Known(int64(400)), Since: verdict.Known(now - 400),
		}
		switch {
		case !m.Reachable:
			row.Answer, row.Error, row.Since = verdict.Silent, m.Why, verdict.Known(now-252_000)
		case m.Suspect:
			row.Answer = verdict.TooOld
		default:
			row.Report = wellReport(seen, i, owners, now)
		}
		e.Members = append(e.Members, row)
	}
	return e
}

func clusterOf(seen *Snapshot) verdict.Cluster {
	if seen.View == nil {
		return verdict.Cluster{Name: seen.Cluster}
	}
	return verdict.Cluster{Name: seen.Cluster, ID: hex.EncodeToString(seen.ClusterID[:]), Replicas: seen.View.N(), Partitions: seen.View.Q(), Epoch: seen.epoch()}
}

// Began is a minute ago, whatever it is.
func (f *fake) Began(*verdict.Finding) time.Time { return testTime.Add(-time.Minute) }

// wellReport is what a node says of itself that is well.
func wellReport(seen *Snapshot, at int, owners [][]uint16, now verdict.Time) *verdict.Report {
	r := &verdict.Report{
		Version: verdict.Known("1.2.3"), Incarnation: verdict.Known(uint64(5)), UptimeMS: verdict.Known(int64(86_400_000)), Epoch: verdict.Known(uint64(7)), EpochAgeMS: verdict.Known(int64(3_600_000)),
		Fenced: verdict.Known(false), Draining: verdict.Known(false), Stopped: verdict.Known(""), Waiting: verdict.Known(""), Quarantine: verdict.Known(verdict.Quarantine{}),
		OffsetMS: verdict.Known(int64(1)), Disk: verdict.Known(verdict.Disk{TotalBytes: 100 << 30, FreeBytes: 60 << 30, ReserveBytes: 5 << 30}),
		Probe: verdict.Known(verdict.Probe{TookMS: 4, AgeMS: 900}), FsyncP99US: verdict.Known(int64(3100)), Stall: verdict.Known(verdict.Stall{}),
		Hints: verdict.Known([]verdict.Hints{}), Dirty: verdict.Known([]verdict.Dirty{}), Damage: verdict.Known([]verdict.Found{}), Arrived: verdict.Known([]verdict.Found{}),
		Voters: verdict.Known(verdict.Voters{Reachable: 3, Of: 3}), Gossip: verdict.Known(verdict.Health{}), Traffic: verdict.Known(verdict.Traffic{OverMS: 300_000, Writes: 1000}),
		Process: verdict.Known(verdict.Process{Files: 120, FilesMax: 1024, HeapBytes: 1 << 30, MemoryMax: 4 << 30}), Seeds: verdict.Known(verdict.Seeds{Listed: 2}),
		Bounds: verdict.Bounds{
			HintsAlarmAgeMS: verdict.Known(int64(3_600_000)), RepairLagMS: verdict.Known(int64(3_600_000)), ClockWarnMS: verdict.Known(int64(250)),
			ClockMaxDriftMS: verdict.Known(int64(500)), DiskWarnPercent: verdict.Known(int64(85)),
		},
		Shared: verdict.Known([]verdict.Value{{Key: "clock.max_drift", Value: "500ms"}}), Durability: verdict.Known("sync"), Insecure: verdict.Known(false),
		DataBytes: verdict.Known(int64(44_239_801_548)),
	}
	all := verdict.Repair{Running: true}
	for p, row := range owners {
		if slices.Contains(row, uint16(at)) {
			all.Add(p, verdict.Repaired{AsOf: verdict.Known(now - 94_000), Watermark: verdict.Known(now - 300_000), Tree: "ready", HeldBy: []string{nodeID(1).String(), nodeID(2).String()}})
		}
	}
	r.Repair = verdict.Known(all)
	peers := []verdict.Peer{}
	for i := range seen.Members {
		state := verdict.Up
		if !seen.Members[i].Reachable {
			state = verdict.Down
		}
		if i != at {
			peers = append(peers, verdict.Peer{ID: seen.Members[i].ID.String(), State: state, Phi: verdict.Known(uint64(213)), RTTUS: verdict.Known(int64(210)), OffsetMS: verdict.Known(int64(1)), HeardAgeMS: verdict.Known(int64(120))})
		}
	}
	r.Peers = verdict.Known(peers)
	return r
}

// OK needs evidence for all of it: with a node that is down, and with one that has not
// told, the verdict is another one, in status and in health.
func TestTheVerdictIsThatOfTheEvidence(t *testing.T) {
	for _, c := range []struct {
		word   string
		change func(*Snapshot)
		health int
	}{
		{"OK", func(s *Snapshot) { s.Members[2].Reachable = true }, http.StatusOK},
		{"DEGRADED", func(*Snapshot) {}, http.StatusOK},
		{"FAILING", func(s *Snapshot) { s.Members[0].Reachable = false }, http.StatusServiceUnavailable},
		{"UNKNOWN", func(s *Snapshot) { s.Members[2].Reachable, s.Members[0].Suspect = true, true }, http.StatusOK},
		{"UNKNOWN", func(s *Snapshot) { s.Members[0].Suspect = true }, http.StatusServiceUnavailable},
		{"UNKNOWN", func(s *Snapshot) { s.View, s.Members = nil, nil }, http.StatusServiceUnavailable},
	} {
		f := newFake(t)
		f.namespaces = f.namespaces[:1] // the other one writes at all
		f.change(c.change)
		s := newServer(f)
		if w := do(s, "GET", "/v1/cluster/status", ""); !strings.Contains(w.Body.String(), `"verdict": "`+c.word+`"`) {
			t.Errorf("want %s: %s", c.word, w.Body)
		}
		if w := do(s, "GET", "/v1/cluster/health", ""); w.Code != c.health {
			t.Errorf("%s: %d %s", c.word, w.Code, w.Body)
		}
	}
}

// The doctor answers always: without a cluster nothing could be checked, and that is
// not ok.
func TestTheDoctorCouldNotCheck(t *testing.T) {
	f := newFake(t)
	f.change(func(s *Snapshot) { s.View, s.Members, s.Waiting = nil, nil, "waiting for 10.0.0.2:7401" })
	w := do(newServer(f), "GET", "/v1/doctor", "")
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"worst": "unchecked"`) || strings.Contains(w.Body.String(), `"code": "D101",
      "severity": "ok"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
